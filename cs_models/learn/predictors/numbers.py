"""How numbers enter a regression: a straight line, a bend, a mark where they are missing.

Grain: a matrix with a column a number in, a standardised matrix with one to three columns a number
out.  The bend is a restricted cubic spline with three knots (Harrell 2015, 2.4.5).  All columns are
handled together, block by block of rows, so that the work stays in the processor's cache.

Source: ``methods.md`` 3 (L3: splines, missing indicators).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cs_models.learn.predictors import columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MANY: Final = 200_000  # rows: more teach a quantile nothing that a column's use could show
_KNOTS: Final = (0.1, 0.5, 0.9)
_RANGE: Final = (0.005, 0.995)
_BEND: Final = 0.5  # bends enter at half size: a ridge then asks four times the evidence for one
_CELLS: Final = 2**18  # numbers of a block of rows


@dataclass(frozen=True)
class Number:
    """How one number enters.

    Attributes
    ----------
    name : str
        Panel column.
    logged : bool
        Whether log(1 + x), with its sign, is taken first.
    fill, low, high : float
        Median and range of the training terms on that scale.
    knots : tuple of float
        Three knots of the bend; () for a straight line only.
    gaps : bool
        Whether a column says that it is missing.
    center, scale : tuple of float
        Mean and spread of each design column: the line, the bend, the gap.
    """

    name: str
    logged: bool
    fill: float
    low: float
    high: float
    knots: tuple[float, ...]
    gaps: bool
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Columns it takes in a design."""
        return 1 + int(bool(self.knots)) + int(self.gaps)


@dataclass(frozen=True)
class Layout:
    """Where each part of each number stands in a design, as arrays over the numbers.

    Attributes
    ----------
    logged : ndarray of int
        Numbers of which the log is taken.
    fill, low, high : ndarray of float, shape (n_numbers,)
    lines : ndarray of int, shape (n_numbers,)
        Design column of each line.
    bent, gappy : ndarray of int
        Numbers with a bend, and with a mark of gaps.
    bends, marks : ndarray of int
        Their design columns.
    knots : ndarray of float, shape (3, n_bent)
    width : int
        Design columns of all numbers.
    """

    logged: Ints
    fill: Floats
    low: Floats
    high: Floats
    lines: Ints
    bent: Ints
    bends: Ints
    knots: Floats
    gappy: Ints
    marks: Ints
    width: int

    @classmethod
    def of(cls, numbers: Sequence[Number]) -> Layout:
        """Lay out numbers one after the other."""
        ends = np.cumsum([number.width for number in numbers], dtype=np.int64)
        lines = ends - np.array([number.width for number in numbers], dtype=np.int64)
        bent = _places(number.knots for number in numbers)
        gappy = _places(number.gaps for number in numbers)
        knots = np.array([numbers[at].knots for at in bent], dtype="float64").reshape(-1, 3).T
        return cls(
            logged=_places(number.logged for number in numbers),
            fill=np.array([number.fill for number in numbers], dtype="float64"),
            low=np.array([number.low for number in numbers], dtype="float64"),
            high=np.array([number.high for number in numbers], dtype="float64"),
            lines=lines,
            bent=bent,
            bends=lines[bent] + 1,
            knots=knots,
            gappy=gappy,
            marks=ends[gappy] - 1,
            width=int(ends[-1]) if len(ends) else 0,
        )

    def line(self, values: Floats) -> Floats:
        """Return each number on its scale, gaps filled, held within its range."""
        scaled = values.copy()
        scaled[:, self.logged] = logged(values[:, self.logged])
        np.copyto(scaled, self.fill, where=np.isnan(values))
        return np.asarray(np.clip(scaled, self.low, self.high, out=scaled))

    def expand(self, values: Floats, into: Floats) -> None:
        """Write lines, bends and marks of gaps, not yet standardised."""
        line = self.line(values)
        into[:, self.lines] = line
        into[:, self.bends] = _bends(line[:, self.bent], self.knots)
        into[:, self.marks] = np.isnan(values[:, self.gappy])


def blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Yield blocks of rows of a matrix that is so wide."""
    size = max(256, _CELLS // max(width, 1))
    yield from (slice(at, at + size) for at in range(0, n_rows, size))


def sample(n_rows: int) -> Any:
    """Return at most :data:`MANY` rows, evenly spread over all; all where there are no more."""
    if n_rows <= MANY:
        return slice(None)
    return np.linspace(0, n_rows - 1, MANY).astype(np.int64)


def learn(names: Sequence[str], values: Floats, gaps: npt.NDArray[np.bool_]) -> list[Number | None]:
    """Learn how numbers enter.

    Parameters
    ----------
    names : sequence of str
        Panel columns.
    values : ndarray of float, shape (n_rows, n_names)
        Of the training terms, NaN where missing; a sample of them is enough.
    gaps : ndarray of bool, shape (n_names,)
        Whether any training term lacks it.

    Returns
    -------
    list of Number or None
        None where a column never varies.
    """
    scaled = np.array(values.T, order="C")  # a row a column: each is sorted in one go
    counted = [columns.is_count(name) for name in names]
    scaled[counted] = logged(scaled[counted])
    scaled.sort(axis=1)
    n = (~np.isnan(scaled)).sum(axis=1)
    varies = (n >= 2) & (gaps | (scaled[:, 0] != _last(scaled, n)))
    low, high = (_quantile(scaled, n, share) for share in _RANGE)
    flat = low == high  # rarely anything but one value: the rare ones are the news
    low, high = np.where(flat, scaled[:, :1].T[0], low), np.where(flat, _last(scaled, n), high)
    middle = _quantile(scaled, n, 0.5)
    knots = np.array([_quantile(scaled, n, share) for share in _KNOTS]).T
    bends = (knots[:, 0] < knots[:, 1]) & (knots[:, 1] < knots[:, 2])
    places = np.flatnonzero(varies)
    drafts = [
        Number(
            names[int(at)],
            counted[int(at)],
            float(middle[at]),
            float(low[at]),
            float(high[at]),
            tuple(knots[at].tolist()) if bends[at] else (),
            bool(gaps[at]),
        )
        for at in places
    ]
    found: list[Number | None] = [None] * len(names)
    for at, number in zip(places, _standardised(drafts, values[:, places]), strict=True):
        found[at] = number
    return found


def _standardised(drafts: list[Number], values: Floats) -> list[Number | None]:
    """Learn the middle and spread of each design column."""
    layout = Layout.of(drafts)
    wide = np.empty((len(values), layout.width))
    for block in blocks(len(values), layout.width):
        layout.expand(values[block], wide[block])
    center, spread = wide.mean(axis=0), wide.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scale[layout.bends] /= _BEND
    found: list[Number | None] = []
    for start, number in zip(layout.lines, drafts, strict=True):
        mine = slice(start, start + number.width)
        middle, width = tuple(center[mine].tolist()), tuple(scale[mine].tolist())
        whole = replace(number, center=middle, scale=width)
        found.append(whole if (spread[mine] > 0).any() else None)
    return found


def logged(values: Floats) -> Floats:
    """Return log(1 + x) with the sign of x."""
    return np.asarray(np.copysign(np.log1p(np.abs(values)), values))


def _bends(x: Floats, knots: Floats) -> Floats:
    """Return the restricted cubic spline's column beyond each line (Harrell 2015, 2.4.5)."""
    first, before, last = knots
    bent = _cubed(x - first)
    bent -= _cubed(x - before) * ((last - first) / (last - before))
    bent += _cubed(x - last) * ((before - first) / (last - before))
    return np.asarray(bent / (last - first) ** 2)


def _cubed(x: Floats) -> Floats:
    above = np.maximum(x, 0.0)
    return np.asarray(above * above * above)


def _quantile(ordered: Floats, n: Ints, share: float) -> Floats:
    """Return a quantile of the first n values of each sorted row, straight between neighbours."""
    place = np.maximum(n - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    rows = np.arange(len(ordered))
    left, right = ordered[rows, below], ordered[rows, above]
    return np.asarray(left + (right - left) * (place - below))


def _last(ordered: Floats, n: Ints) -> Floats:
    found: Floats = ordered[np.arange(len(ordered)), np.maximum(n - 1, 0)]
    return found


def _places(flags: Any) -> Ints:
    return np.flatnonzero(np.array([bool(flag) for flag in flags], dtype=bool))
