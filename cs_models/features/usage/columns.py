"""From counts to panel columns: ratios, and the difference between zero and not recorded.

Grain in: the rows of ``usage.counts``.  Grain out: one row per (subscription_id, as_of_date).

Zero means that usage was recorded in the whole window and there was none.  Missing means that
it was not: the window begins before the first recorded usage, or a ``first_{n}d`` window had
not ended by the decision date.  With usage recorded since 2024-09-01 and D = 2024-10-03,
``last_28d`` (from 2024-09-05) is a number and ``last_90d`` is missing.

Source: ``methods.md`` 1.1 (left truncation), 1.3 (the spike), 2.1 (missing is never zero).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from cs_models.features import catalogue
from cs_models.features.catalogue import Measure
from cs_models.features.usage.counts import ACCOUNT, Request

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEY: Final = ["subscription_id", "as_of_date"]
_ACCOUNT_KINDS: Final = {
    "events": "events",
    "active_users": "users",
    "active_days": "days",
    "distinct_features": "features",
    "seat_utilisation": "users",
}
_FEATURE_KINDS: Final = {"events": "events", "users": "users", "events_per_seat": "events"}
_USER_KINDS: Final = frozenset({"active_users", "seat_utilisation", "users"})
_FLOATS: Final = frozenset({"events", "seat_utilisation", "events_per_seat", "trend", "spike"})


@dataclass(frozen=True)
class Recorded:
    """What of the usage was recorded.

    Parameters
    ----------
    since : datetime.date
        First date with recorded usage.
    users : bool
        Whether the source names users at all.
    """

    since: date
    users: bool


def measures(request: Request) -> list[Measure]:
    """Return the panel's usage columns in order.

    Parameters
    ----------
    request : Request
        What was counted.

    Returns
    -------
    list[Measure]
        The account's first, then those of each feature.
    """
    account = [
        Measure(kind, None, w.anchor, w.days) for kind in _ACCOUNT_KINDS for w in request.windows
    ]
    compared = [
        Measure("trend", None, "last", catalogue.TREND_DAYS),
        Measure("spike", None, "last", catalogue.SPIKE_DAYS),
        Measure("days_since_last_use", None, "to_date", None),
    ]
    return [*account, *compared, *(m for f in request.features for m in _of_feature(f, request))]


def _of_feature(feature: str, request: Request) -> Iterator[Measure]:
    """Yield the columns of one feature."""
    for kind in _FEATURE_KINDS:
        for window in request.windows:
            yield Measure(kind, feature, window.anchor, window.days)
    yield Measure("days_to_first", feature, "to_date", None)


def build(
    counted: pa.Table, points: pd.DataFrame, request: Request, recorded: Recorded
) -> pd.DataFrame:
    """Turn the counts into the panel's usage columns.

    Parameters
    ----------
    counted : pyarrow.Table
        Rows of ``usage.counts.expression``.
    points : pandas.DataFrame
        One row per (subscription_id, as_of_date) with term_start and seats.
    request : Request
        What was counted.
    recorded : Recorded
        What of the usage was recorded.

    Returns
    -------
    pandas.DataFrame
        KEY and one column a measure: counts ``Int64``, quantities and ratios ``float64``.

    Raises
    ------
    pandas.errors.MergeError
        If a point is there twice.

    Notes
    -----
    ``trend`` is (x + ½) / (y + ½) for the events x of the last 28 days and y of the 28
    before; ``spike`` is 2 (x + ½) / (y + 1) for x of the last 30 days and y of the 60 before:
    half an event a month is added to either side, so that equal rates give exactly 1, nothing
    in both gives 1, and a start from nothing is large but finite.
    """
    rows = _Rows(counted, request)
    keys = rows.keys().merge(points, on=KEY, how="left", validate="1:1")
    seats = keys["seats"].to_numpy(dtype="float64", na_value=np.nan)
    seats = np.where(seats > 0, seats, np.nan)
    days = _Days.of(keys, recorded)
    columns = {name: keys[name] for name in KEY}
    for measure in measures(request):
        values = _values(measure, rows, seats)
        missing = ~_known(measure, days, recorded) | np.isnan(values)
        columns[measure.column] = _column(measure, values, missing)
    return pd.DataFrame(columns)


class _Rows:
    """The counts as arrays indexed by point, one feature at a time."""

    def __init__(self, counted: pa.Table, request: Request) -> None:
        places = counted.column("place").to_numpy()
        order = np.lexsort((counted.column("point").to_numpy(), places))
        self._counted = counted.take(pa.array(order)).combine_chunks()
        self._places = places[order]
        self._request = request
        self._points = self._counted.column("point").to_numpy()
        self.n = int((places == ACCOUNT).sum())

    def keys(self) -> pd.DataFrame:
        """Return the key of every point, in the order of the points."""
        keys: pd.DataFrame = self._counted.slice(0, self.n).select(KEY).to_pandas()
        keys["as_of_date"] = pd.to_datetime(keys["as_of_date"]).astype("datetime64[s]")
        return keys

    def values(self, feature: str | None, name: str, otherwise: float) -> Numbers:
        """Return one count of every point; ``otherwise`` where it has no row."""
        place = ACCOUNT if feature is None else self._request.places[feature]
        low, high = np.searchsorted(self._places, [place, place + 1])
        found = self._counted.column(name).slice(low, high - low).to_numpy()
        values = np.full(self.n, otherwise, dtype="float64")
        values[self._points[low:high]] = found
        return values


class _Days(NamedTuple):
    """Every point's decision date and term start, in days since the first recorded usage."""

    end: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]

    @classmethod
    def of(cls, keys: pd.DataFrame, recorded: Recorded) -> _Days:
        """Count the days of every point."""
        first = np.datetime64(recorded.since, "D")
        dates = (
            keys[name].to_numpy().astype("datetime64[D]") for name in ("as_of_date", "term_start")
        )
        return cls(*((each - first).astype("int64") for each in dates))


def _known(measure: Measure, at: _Days, recorded: Recorded) -> Flags:
    """Return for every point whether usage was recorded over the whole of a window."""
    end, start = at
    days, kind = measure.days or 0, measure.measure
    if kind in _USER_KINDS and not recorded.users:
        return np.zeros(len(end), dtype=bool)
    if kind == "days_since_last_use":
        return np.ones(len(end), dtype=bool)
    if kind == "days_to_first":
        return np.asarray(start >= 0)
    if measure.anchor == "first":
        return np.asarray((start >= 0) & (start + days <= end))
    before = {"trend": catalogue.TREND_DAYS, "spike": catalogue.SPIKE_BASE_DAYS}.get(kind, 0)
    return np.asarray(end >= days + before)


def _values(measure: Measure, rows: _Rows, seats: Numbers) -> Numbers:
    """Return a measure's numbers, not yet asking whether they were recorded."""
    kind, feature = measure.measure, measure.feature
    if measure.anchor == "to_date":
        return rows.values(feature, "to_date", np.nan)
    if kind == "trend":
        return _ratio(rows, catalogue.TREND_DAYS, catalogue.TREND_DAYS)
    if kind == "spike":
        return _ratio(rows, catalogue.SPIKE_DAYS, catalogue.SPIKE_BASE_DAYS)
    counted = (_ACCOUNT_KINDS if feature is None else _FEATURE_KINDS)[kind]
    values = rows.values(feature, f"{counted}_{measure.anchor}_{measure.days}", 0.0)
    return values / seats if kind in ("seat_utilisation", "events_per_seat") else values


def _ratio(rows: _Rows, days: int, before_days: int) -> Numbers:
    """Return the smoothed ratio of the event rates of two neighbouring windows."""
    recent = rows.values(None, f"events_last_{days}", 0.0)
    both = rows.values(None, f"events_last_{days + before_days}", 0.0)
    before = np.round(both - recent, 3)  # quantities have three decimals; the difference too
    longer = before_days / days
    return longer * (recent + 0.5) / (before + 0.5 * longer)


def _column(measure: Measure, values: Numbers, missing: Flags) -> pd.Series:
    """Return a nullable column."""
    if measure.measure in _FLOATS:
        return pd.Series(np.where(missing, np.nan, values))
    whole = np.where(missing, 0, values).astype("int64")
    return pd.Series(pd.arrays.IntegerArray(whole, missing))
