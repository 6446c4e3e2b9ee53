"""What a fitted model says of one term again and again, as its numbers are moved.

Grain: one encoded row in, one chance with its band out.  :func:`reading.score` reads a model's
trees out of scikit-learn's own form at every call, a hundred refits of them; here they are read
once, and a row walks through them.  What comes out is what ``score`` says, to the last digit.

Source: ``methods.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cs_models.learn.predictors import oddity, refits, trees
from cs_models.learn.predictors.encoding import Floats
from cs_models.learn.predictors.forms import Additive, Boosted, Data, Fitted, Line, Rates
from cs_models.learn.predictors.model import Model
from cs_models.learn.predictors.reading import BAND
from cs_models.learn.predictors.trees import Split, Tree


@dataclass(frozen=True)
class Said:
    """What a model says of one row.

    Attributes
    ----------
    p_churn, p_low, p_high : float
        Chance of leaving with the band of the refits, 0 to 1; NaN ends without refits.
    out_of_distribution : bool
        Whether the row is unlike those learnt from.
    odd_columns : str
        Up to three columns, comma-separated; "" where it is not.
    """

    p_churn: float
    p_low: float
    p_high: float
    out_of_distribution: bool
    odd_columns: str


@dataclass(frozen=True)
class Reader:
    """A model whose trees were read.

    Attributes
    ----------
    model : Model
    told : tuple of (float, list of Tree), or None
        Of the model and its refits, where all of them are trees.
    """

    model: Model
    told: tuple[tuple[float, list[Tree]], ...] | None

    @classmethod
    def of(cls, model: Model) -> Reader:
        """Read a model once.

        Parameters
        ----------
        model : Model
        """
        every = (model.fitted, *model.refits)
        boosted = [one for one in every if isinstance(one, Boosted)]
        if len(boosted) < len(every):
            return cls(model, None)
        return cls(model, tuple(trees.read(one.trees) for one in boosted))

    def says(self, data: Data) -> Said:
        """Return what the model says of one encoded row.

        Parameters
        ----------
        data : Data
            One row.
        """
        logits = self._logits(data)
        p: Floats = self.model.calibrator.apply(logits)
        odd, named = oddity.judge(self.model.usual, self.model.encoder, data)
        low, high = np.quantile(p[1:], BAND) if len(p) > 1 else (np.nan, np.nan)
        own = float(p[0])
        return Said(
            own, float(np.fmin(low, own)), float(np.fmax(high, own)), bool(odd[0]), named[0]
        )

    def _logits(self, data: Data) -> Floats:
        """Return the log-odds by the model and by each refit."""
        if self.told is None:
            mine = self.model.fitted.logit(data)
            return np.concatenate([mine, refits.logits(self.model.refits, data)[0]])
        row = data.raw[0].tolist()
        found = []
        for start, grown in self.told:
            total = start
            for tree in grown:
                total += _leaf(tree, row)
            found.append(total)
        return np.array(found)


def columns(fitted: Fitted, names: list[str], design_names: list[str]) -> dict[str, int]:
    """Return the panel columns that a fitted level reads, with how often it does.

    Parameters
    ----------
    fitted : Fitted
    names, design_names : list of str
        ``Encoder.raw_names`` and ``Encoder.design_names``.

    Returns
    -------
    dict of str to int
        Splits of the trees, or terms of the regression, by column.
    """
    read: list[str] = []
    if isinstance(fitted, Boosted):
        grown = [tree for tree in trees.read(fitted.trees)[1] if isinstance(tree, Split)]
        read = [names[split.column] for tree in grown for split in tree.splits()]
    elif isinstance(fitted, Line):
        pairs = zip(fitted.places, fitted.coefficients, strict=True)
        read = [design_names[place] for place, weight in pairs if weight]
    elif isinstance(fitted, Additive):
        read = [n for n, steps in zip(names, fitted.scores, strict=True) if len(set(steps)) > 1]
    elif isinstance(fitted, Rates) and fitted.silent is not None:
        read = [names[fitted.silent]]
    return {name: read.count(name) for name in dict.fromkeys(read)}


def _leaf(tree: Tree, row: list[Any]) -> float:
    while isinstance(tree, Split):
        value = row[tree.column]
        # A gap is neither above nor below: it compares as false.
        left = not value > tree.at if tree.gaps_left else value <= tree.at
        tree = tree.left if left else tree.right
    return tree
