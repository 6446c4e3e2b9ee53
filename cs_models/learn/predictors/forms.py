"""What a fitted level is: rates, a line or trees; encoded terms in, log-odds out.

Grain: one log-odds a row.

Source: ``methods.md`` 3 (ladder).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cs_models.learn.predictors import trees
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.history import Terms

_MANY_ROWS: Final = 100_000


@dataclass(frozen=True)
class Data:
    """Encoded terms.

    Attributes
    ----------
    raw : ndarray of float, shape (n_rows, n_raw)
        From :meth:`encoding.Encoder.raw`.
    segment : ndarray of object, shape (n_rows,)
        Segment in words, "" where unknown.
    encoder : Encoder
    made : ndarray of float or None
        The design where it is there already.
    cut : Binned or None
        The columns cut into bins where they are already.
    """

    raw: Floats
    segment: npt.NDArray[np.object_]
    encoder: Encoder
    made: Floats | None = None
    cut: trees.Binned | None = None

    @cached_property
    def design(self) -> Floats:
        """The regression's columns, made when they are first asked for: trees never do."""
        return self.encoder.design(self.raw) if self.made is None else self.made

    @cached_property
    def binned(self) -> trees.Binned:
        """The raw columns cut into bins, when they are first asked for: to grow trees."""
        return trees.binned(self.raw) if self.cut is None else self.cut

    @property
    def many(self) -> bool:
        """Whether its design would take more memory than its rows should."""
        return len(self.raw) > _MANY_ROWS

    def columns(self, places: tuple[int, ...], *, trial: bool = False) -> Any:
        """Return some of the regression's columns; of many rows these alone are made.

        Parameters
        ----------
        places : tuple of int
            Columns of :attr:`design`.
        trial : bool, default False
            Whether single precision will do where there are many rows.

        Returns
        -------
        ndarray of float, shape (n_rows, n_places)
        """
        if not self.many or "design" in self.__dict__ or self.made is not None:
            return columns_of(self.design, places)
        return self.encoder.some_design(self.raw, places, np.float32 if trial else np.float64)

    def take(self, rows: npt.NDArray[Any]) -> Data:
        """Return some of the rows, with what was made of them."""
        made = self.design[rows] if "design" in self.__dict__ else None
        cut = self.binned.take(rows) if "binned" in self.__dict__ else None
        return Data(self.raw[rows], self.segment[rows], self.encoder, made, cut)


@dataclass(frozen=True)
class Task:
    """Training terms with what became of them.

    Attributes
    ----------
    data : Data
    churned : ndarray of float, shape (n_rows,)
    account : ndarray of int, shape (n_rows,)
        Account codes from 0.
    """

    data: Data
    churned: Floats
    account: npt.NDArray[np.int64]


class Fitted(Protocol):
    """A fitted level."""

    @property
    def tuned(self) -> float | None:
        """Its hyper-parameter: a ridge's strength, a number of trees; None without."""
        ...

    def logit(self, data: Data) -> Floats:
        """Return the log-odds of leaving, one a row."""
        ...

    def plain(self) -> dict[str, Any]:
        """Return all of it but scikit-learn's own estimators, as lists and scalars."""
        ...

    def estimators(self) -> list[Any]:
        """Return scikit-learn's estimators that it needs."""
        ...


def encode(encoder: Encoder, frame: pd.DataFrame) -> Data:
    """Encode panel rows.

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.
    """
    return Data(encoder.raw(frame), _segment(frame), encoder)


def encode_terms(encoder: Encoder, terms: Terms) -> Data:
    """Encode terms whose predictors were read before."""
    return Data(encoder.raw_of(terms.table, terms.at), _segment(terms.rows), encoder)


def _segment(frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    return np.asarray(frame["segment"].astype("string").fillna("").to_numpy(dtype=object))


@dataclass(frozen=True)
class Rates:
    """Churn rates of groups: by segment (L0), or by whether there was any use (L1).

    Attributes
    ----------
    rates : dict of str to float
        Churn rate by group; "" for whoever is in none.
    silent : int or None
        Place in ``raw`` of the column that is nought for those without use; None by segment.
    """

    rates: dict[str, float]
    silent: int | None = None

    @property
    def tuned(self) -> None:
        """Its hyper-parameter."""
        return None

    def groups(self, data: Data) -> npt.NDArray[np.object_]:
        """Return each row's group."""
        if self.silent is None:
            return data.segment
        used = data.raw[:, self.silent]
        grouped: npt.NDArray[np.object_] = np.select(
            [np.isnan(used), used == 0], ["", "silent"], "active"
        ).astype(object)
        return grouped

    def logit(self, data: Data) -> Floats:
        """Return the log-odds of leaving, one a row."""
        rates = [self.rates.get(name, self.rates[""]) for name in self.groups(data)]
        found: Floats = special.logit(np.array(rates, dtype="float64"))
        return found

    def plain(self) -> dict[str, Any]:
        """Return it as scalars."""
        return {"kind": "rates", "rates": self.rates, "silent": self.silent}

    def estimators(self) -> list[Any]:
        """Return none."""
        return []


@dataclass(frozen=True)
class Line:
    """A ridge logistic regression on some columns of the design.

    Attributes
    ----------
    places : tuple of int
        Columns of the design.
    coefficients : tuple of float
    intercept, penalty : float
        Log-odds, and scikit-learn's C.
    """

    places: tuple[int, ...]
    coefficients: tuple[float, ...]
    intercept: float
    penalty: float

    @property
    def tuned(self) -> float:
        """Its hyper-parameter."""
        return self.penalty

    def logit(self, data: Data) -> Floats:
        """Return the log-odds of leaving, one a row."""
        return np.asarray(data.columns(self.places) @ np.array(self.coefficients) + self.intercept)

    def part(self, design: Floats) -> Floats:
        """Return its columns of a design; the design itself where it has all of them."""
        return columns_of(design, self.places)

    def plain(self) -> dict[str, Any]:
        """Return it as lists and scalars."""
        return {
            "kind": "line",
            "places": list(self.places),
            "coefficients": list(self.coefficients),
            "intercept": self.intercept,
            "penalty": self.penalty,
        }

    def estimators(self) -> list[Any]:
        """Return none: a regression is its coefficients."""
        return []


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees on the raw columns.

    Attributes
    ----------
    trees : sklearn.ensemble.HistGradientBoostingClassifier
    n_trees : int
    """

    trees: Any
    n_trees: int

    @property
    def tuned(self) -> float:
        """Its hyper-parameter."""
        return float(self.n_trees)

    def logit(self, data: Data) -> Floats:
        """Return the log-odds of leaving, one a row."""
        return np.asarray(trees.said([self.trees], data.raw)[:, 0])

    def plain(self) -> dict[str, Any]:
        """Return what is not in the estimator."""
        return {"kind": "boosted", "n_trees": self.n_trees}

    def estimators(self) -> list[Any]:
        """Return the trees."""
        return [self.trees]


@dataclass(frozen=True)
class Additive:
    """A sum of step functions, one for each raw column.

    Attributes
    ----------
    cuts : tuple of tuple of float
        Where each column's steps are, ascending.
    scores : tuple of tuple of float
        Log-odds of each column: where it is missing, then from below the first cut upwards.
    intercept : float
    """

    cuts: tuple[tuple[float, ...], ...]
    scores: tuple[tuple[float, ...], ...]
    intercept: float

    @property
    def tuned(self) -> None:
        """Its hyper-parameter: none."""
        return None

    def logit(self, data: Data) -> Floats:
        """Return the log-odds of leaving, one a row."""
        found = np.full(len(data.raw), self.intercept)
        for values, cuts, scores in zip(data.raw.T, self.cuts, self.scores, strict=True):
            step = np.searchsorted(np.array(cuts), values, side="right") + 1
            found += np.array(scores)[np.where(np.isnan(values), 0, step)]
        return found

    def plain(self) -> dict[str, Any]:
        """Return it as lists and scalars."""
        return {
            "kind": "additive",
            "cuts": [list(each) for each in self.cuts],
            "scores": [list(each) for each in self.scores],
            "intercept": self.intercept,
        }

    def estimators(self) -> list[Any]:
        """Return none: the steps are plain numbers."""
        return []


def columns_of(design: Floats, places: tuple[int, ...]) -> Floats:
    """Return some columns of a design; the design itself, not a copy, where they are all."""
    every = places == tuple(range(design.shape[1]))
    return design if every else design[:, list(places)]


def restored(plain: dict[str, Any], estimators: list[Any]) -> Fitted:
    """Return the level that ``plain`` and ``estimators`` wrote."""
    if plain["kind"] == "rates":
        return Rates(dict(plain["rates"]), plain["silent"])
    if plain["kind"] == "line":
        return Line(
            tuple(plain["places"]),
            tuple(plain["coefficients"]),
            plain["intercept"],
            plain["penalty"],
        )
    if plain["kind"] == "additive":
        cuts, scores = (tuple(map(tuple, plain[name])) for name in ("cuts", "scores"))
        return Additive(cuts, scores, plain["intercept"])
    return Boosted(estimators[0], plain["n_trees"])
