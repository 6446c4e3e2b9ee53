"""The what-if explorer: move a customer's numbers and see what the model would say of such a one.

Grain in: a fitted model and the panel row of one term that comes up.  Grain out: display objects.
This is a question to the model, not to the world: nothing here says what would happen if the
numbers were brought about.  Numbers that go together are not moved along, and what the model has
rarely or never seen is flagged by the rule that flags today's customers.  ``methods.md`` 3 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn import health
from cs_models.learn.health import Boundaries
from cs_models.learn.predictors import columns, forms, moved, reasons
from cs_models.learn.predictors.forms import Data
from cs_models.learn.predictors.model import Model
from cs_models.learn.predictors.moved import Reader, Said
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import customer as evidence
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Learnt, Today, label
from cs_models.report.explore import asked
from cs_models.report.findings import customer as findings

Shown = Exhibit | Statement | Table
Float = NDArray[np.float64]

MOST: Final = 10  # columns that can be moved
ABOUT = (
    "Choose a customer and move its numbers, each within what past customers showed: what the "
    "model would say of a customer with these numbers, not what would happen. Segment, plan, size "
    "and money stay as they are, and so do our own contacts. Numbers that go together in life are "
    "not moved along; where that leaves what the model has seen, it says so."
)


@dataclass(frozen=True)
class Moving:
    """What a turn of the what-if explorer reads, brought together once.

    Attributes
    ----------
    reader : Reader
        The model, its trees read.
    terms : DataFrame, one row per (subscription_id, as_of_date)
        Those who come up.
    data : Data
        The same, encoded.
    limits : Boundaries
        Where health changes its colour.
    reference : ndarray of float
        Chances that past terms were given, which health is placed among.
    levels : dict of str to tuple of float
        Of each column that can be moved, the values that it can be moved to; NaN for a gap.
    said : dict of str to str
        Their words.
    """

    reader: Reader
    terms: pd.DataFrame
    data: Data
    limits: Boundaries
    reference: Float
    levels: dict[str, tuple[float, ...]]
    said: dict[str, str]

    @classmethod
    def of(cls, learnt: Learnt, coming: Due, history: pd.DataFrame, limits: Boundaries) -> Moving:
        """Bring together what notebook 03 learnt.

        Raises
        ------
        ParameterError
            When nothing was learnt.
        """
        if learnt.model is None or learnt.past is None:
            raise ParameterError("nothing was learnt, so there is no model to ask", where="learnt")
        words = movable(learnt.model, history)
        return cls(
            reader=Reader.of(learnt.model),
            terms=coming.terms.reset_index(drop=True),
            data=forms.encode(learnt.model.encoder, coming.terms),
            limits=limits,
            reference=learnt.past.predictions["p_churn"].to_numpy(dtype=np.float64),
            levels={name: asked.levels(history[name]) for name in words},
            said=words,
        )

    def own(self, subscription_id: str) -> dict[str, float]:
        """Return a term's own numbers in the columns that can be moved; NaN where missing."""
        at = self._at(subscription_id)
        names = self.reader.model.encoder.raw_names
        return {name: float(self.data.raw[at, names.index(name)]) for name in self.said}

    def ask(self, subscription_id: str, moved_to: Mapping[str, float]) -> Said:
        """Return what the model says of a term with some of its numbers moved."""
        return self.reader.says(self._moved(subscription_id, moved_to))

    def at(self, subscription_id: str, moved_to: Mapping[str, float]) -> list[Shown]:
        """Return what is shown of a term with some of its numbers moved."""
        own = self.own(subscription_id)
        changed = {n: v for n, v in moved_to.items() if not asked.same(v, own[n])}
        row = self.terms.iloc[self._at(subscription_id)]
        before, after = self.ask(subscription_id, {}), self.ask(subscription_id, changed)
        scored = [
            self._health(row, said, self._moved(subscription_id, moves))
            for said, moves in ((before, {}), (after, changed))
        ]
        name = str(row["account_name"])
        shown: list[Shown] = [
            asked.said(
                name,
                before,
                after,
                scored,
                moved=bool(changed),
                by_play=self.limits.play is not None,
            )
        ]
        if after.out_of_distribution:
            shown.append(asked.odd(after, before))
        parts = evidence.parts(scored[1])
        base = 1 - float(scored[1]["health_reference"]) / 100
        return [*shown, asked.figure(name, parts, base, after.p_churn), self._table(own, changed)]

    def _moved(self, subscription_id: str, moved_to: Mapping[str, float]) -> Data:
        at = self._at(subscription_id)
        model = self.reader.model
        raw = self.data.raw[[at]].copy()
        for name, value in moved_to.items():
            if name not in self.said:
                raise ParameterError(
                    "this column cannot be moved", where="moved_to", got=name,
                    repair=", ".join(self.said) or "the model reads none that can",
                )  # fmt: skip
            raw[0, model.encoder.raw_names.index(name)] = value
        return Data(raw, self.data.segment[[at]], model.encoder)

    def _health(self, row: pd.Series, said: Said, data: Data) -> pd.Series:
        model = self.reader.model
        parts = reasons.explain(
            model.fitted, model.calibrator, model.encoder, data, model.reference
        )
        key = str(row["subscription_id"])
        scores = pd.DataFrame(
            {"subscription_id": [key], "arr": [row["arr"]], "p_churn": [said.p_churn],
             "p_low": [said.p_low], "p_high": [said.p_high]}
        )  # fmt: skip
        parts.insert(0, "subscription_id", key)
        return health.score(scores, parts, self.reference, limits=self.limits).iloc[0]

    def _table(self, own: Mapping[str, float], changed: Mapping[str, float]) -> Table:
        frame = pd.DataFrame(
            [
                {"said": words, "own": own[name], "now": changed.get(name, own[name]),
                 "moved": "moved" if name in changed else ""}
                for name, words in self.said.items()
            ],
            columns=["said", "own", "now", "moved"],
        )  # fmt: skip
        return Table.of(
            frame, id="moved-table", title="The numbers asked about",
            columns={"said": Column("Number"), "own": Column("Its own", kind="number"),
                     "now": Column("Asked about", kind="number"), "moved": Column("Moved")},
            note="All other numbers are the customer's own.",
        )  # fmt: skip

    def _at(self, subscription_id: str) -> int:
        found = np.flatnonzero(self.terms["subscription_id"] == subscription_id)
        if not len(found):
            raise ParameterError(
                "no such contract comes up", where="subscription_id", got=subscription_id
            )
        return int(found[0])


def movable(model: Model, history: pd.DataFrame) -> dict[str, str]:
    """Return the columns that can sensibly be moved, with their words: those the model reads most.

    Parameters
    ----------
    model : Model
    history : DataFrame
        Panel of past terms.

    Returns
    -------
    dict of str to str
        At most ten measures of use, people, support and satisfaction; not what the customer is
        (segment, plan, size, money), and not our own contacts, which follow a risk.
    """
    encoder = model.encoder
    read = moved.columns(model.fitted, encoder.raw_names, encoder.design_names)
    can = [
        name for name in read
        if catalogue.parse(name) is not None and not columns.never_protects(name)
    ]  # fmt: skip
    readable = evidence.compared(history)
    ordered = sorted(can, key=lambda name: (name not in readable, -read[name], name))[:MOST]
    return {name: readable.get(name, label(name)) for name in ordered}


def what_if(
    subscription_id: str,
    moved_to: Mapping[str, float],
    learnt: Learnt,
    coming: Due,
    history: pd.DataFrame,
    *,
    limits: Boundaries,
) -> list[Shown]:
    """Show what the model would say of a customer with some of its numbers moved.

    Parameters
    ----------
    subscription_id : str
        A term that comes up.
    moved_to : mapping of str to float
        Numbers by panel column, of those that :func:`movable` names; NaN for "not recorded".
    learnt : Learnt
        What ``evidence.predictors.learn`` returned.
    coming : Due
    history : DataFrame
        Panel of past terms.
    limits : Boundaries
        ``Today.limits``: where health changes its colour.

    Returns
    -------
    list of Exhibit, Statement or Table
        Chance, health and colour before and after, a caution where the numbers are unlike those
        learnt from, what the chance is made of, and the numbers.

    Raises
    ------
    ParameterError
        When nothing was learnt, there is no such term, or a column cannot be moved.
    """
    return Moving.of(learnt, coming, history, limits).at(subscription_id, moved_to)


def what_if_view(learnt: Learnt, today: Today | None, coming: Due, history: pd.DataFrame) -> Any:
    """Return the what-if explorer for JupyterLab.

    Parameters
    ----------
    learnt, coming, history
        As in :func:`what_if`.
    today : Today or None
        Its customers, the most at stake first, and its limits.

    Returns
    -------
    ipywidgets.VBox
        A slider for each number, from what past customers showed; the way back is "its own".
    """
    from cs_models.report.explore import knobs

    if today is None or learnt.model is None:
        return knobs.nothing("what-if", findings.NOBODY)
    told_of = Moving.of(learnt, coming, history, today.limits)
    if not told_of.said:
        return knobs.nothing("what-if", "The model reads no number that can sensibly be moved.")
    risk = today.risk
    names = [
        (f"{name} ({term})", str(term))
        for name, term in zip(risk["account_name"], risk["subscription_id"], strict=True)
    ]
    who = knobs.choice("Customer", names)
    sliders = {
        name: knobs.steps(words, [("", "nan")], long=True) for name, words in told_of.said.items()
    }

    def fit() -> None:
        own = told_of.own(who.value)
        for name, slider in sliders.items():
            options, index = asked.options(told_of.levels[name], own[name])
            slider.options = options
            slider.index = index

    def draw(who: str, **places: Any) -> Sequence[Shown]:
        return told_of.at(who, {name: float(place) for name, place in places.items()})

    fit()
    return knobs.Explorer(
        "what-if", ABOUT, {"who": who, **sliders}, draw,
        refit=lambda name: fit() if name == "who" else None,
    )  # fmt: skip
