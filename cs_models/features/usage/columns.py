"""From counts to panel columns: ratios, and the difference between zero and not recorded.

Grain in: the rows of ``usage.counts``.  Grain out: one row per (subscription_id, as_of_date).

Zero means that usage was recorded in the whole window and there was none.  Missing means that
it was not: the window begins before the first recorded usage, or a ``first_{n}d`` window had
not ended by the decision date.  With usage recorded since 2024-09-01 and D = 2024-10-03,
``last_28d`` (from 2024-09-05) is a number and ``last_90d`` is missing.

A feature that the product did not have yet is missing too, by the same rule with the feature's
own first day in place of the first recorded usage: with "notes" there from 2024-09-01 on, a
term that started on 2024-08-15 has no ``events__notes__first_30d``, though the account is known.

Source: ``methods.md`` 1.1 (left truncation), 1.3 (the spike), 2.1 (missing is never zero), 2.4b
(shares).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from cs_models.features import catalogue
from cs_models.features.catalogue import Measure
from cs_models.features.usage.counts import ACCOUNT
from cs_models.features.usage.request import Request

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEY: Final = ["subscription_id", "as_of_date"]
_ACCOUNT_KINDS: Final = {
    "events": "events",
    "active_users": "users",
    "active_days": "days",
    "distinct_features": "features",
    "seat_utilisation": "users",
    "daily_active_share": "workdays",
}
_FEATURE_KINDS: Final = {
    "events": "events",
    "users": "users",
    "events_per_seat": "events",
    "share": "events",
    "events_per_user": "events",
}
_BEFORE_KINDS: Final = ("events", "active_users")
_USER_KINDS: Final = frozenset(
    {"active_users", "seat_utilisation", "users", "daily_active_share", "events_per_user"}
)
_NOT_BRIEF: Final = frozenset({"distinct_features"})
_WHOLE: Final = frozenset(
    {"active_users", "active_days", "distinct_features", "users", "days_since_last_use"}
    | {"days_to_first"}
)


@dataclass(frozen=True)
class Recorded:
    """What of the usage was recorded.

    Parameters
    ----------
    since : datetime.date
        First date with recorded usage.
    users : bool
        Whether the source names users at all.
    appeared : mapping of str to datetime.date, optional
        The first day of each feature that came later than ``since``.
    """

    since: date
    users: bool
    appeared: Mapping[str, date] = field(default_factory=dict)


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
    kinds = [kind for kind in _ACCOUNT_KINDS if not (request.brief and kind in _NOT_BRIEF)]
    account = [m for kind in kinds for m in _in_windows(kind, None, request)]
    account += [
        Measure(kind, None, w.anchor, w.days) for kind in _BEFORE_KINDS for w in request.before
    ]
    compared = [
        Measure("trend", None, "last", catalogue.TREND_DAYS),
        Measure("spike", None, "last", catalogue.SPIKE_DAYS),
        Measure("days_since_last_use", None, "to_date", None),
    ]
    features = [m for feature in request.features for m in _of_feature(feature, request)]
    return [*account, *([] if request.brief else compared), *features]


def _of_feature(feature: str, request: Request) -> Iterator[Measure]:
    """Yield the columns of one feature."""
    for kind in _FEATURE_KINDS:
        yield from _in_windows(kind, feature, request)
    yield Measure("days_to_first", feature, "to_date", None)


def _in_windows(kind: str, feature: str | None, request: Request) -> Iterator[Measure]:
    """Yield one kind of column in every window in which it exists."""
    known = catalogue.KINDS[kind]
    anchors = known.account_anchors if feature is None else known.feature_anchors
    for window in request.windows:
        if window.anchor in anchors:
            yield Measure(kind, feature, window.anchor, window.days)


def build(
    counted: pa.Table,
    points: pd.DataFrame,
    request: Request,
    recorded: Recorded,
    *,
    unfinished: bool = False,
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
    unfinished : bool, default False
        Give ``first_{n}d`` windows that are not over what they hold so far, not missing.

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
    in both gives 1, and a start from nothing is large but finite.  ``share``,
    ``events_per_user`` and ``daily_active_share`` are missing where nobody did anything.
    """
    rows = _Rows(counted, request)
    keys = rows.keys().merge(points, on=KEY, how="left", validate="1:1")
    days = _Days.of(keys, recorded)
    columns = {name: keys[name] for name in KEY}
    for measure in measures(request):
        values = _values(measure, rows, keys)
        missing = ~_known(measure, days, recorded, unfinished=unfinished) | np.isnan(values)
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


def _known(measure: Measure, at: _Days, recorded: Recorded, *, unfinished: bool) -> Flags:
    """Return for every point whether usage was recorded over the whole of a window."""
    later = 0
    if measure.feature is not None:
        since = recorded.appeared.get(measure.feature, recorded.since)
        later = (since - recorded.since).days
    end, start = at.end - later, at.start - later
    days, kind = measure.days or 0, measure.measure
    if kind in _USER_KINDS and not recorded.users:
        return np.zeros(len(end), dtype=bool)
    if kind == "days_since_last_use":
        return np.ones(len(end), dtype=bool)
    if kind == "days_to_first":
        return np.asarray(start >= 0)
    if measure.anchor == "first":
        return np.asarray((start >= 0) & (unfinished | (start + days <= end)))
    if measure.anchor == "before":
        return np.asarray(start >= days)
    before = {"trend": catalogue.TREND_DAYS, "spike": catalogue.SPIKE_BASE_DAYS}.get(kind, 0)
    return np.asarray(end >= days + before)


def _values(measure: Measure, rows: _Rows, keys: pd.DataFrame) -> Numbers:
    """Return a measure's numbers, not yet asking whether they were recorded."""
    kind, feature = measure.measure, measure.feature
    if measure.anchor == "to_date":
        return rows.values(feature, "to_date", np.nan)
    if kind == "trend":
        return _ratio(rows, catalogue.TREND_DAYS, catalogue.TREND_DAYS)
    if kind == "spike":
        return _ratio(rows, catalogue.SPIKE_DAYS, catalogue.SPIKE_BASE_DAYS)
    counted = (_ACCOUNT_KINDS if feature is None else _FEATURE_KINDS)[kind]
    window = f"{measure.anchor}_{measure.days}"
    values = rows.values(feature, f"{counted}_{window}", 0.0)
    if kind in ("seat_utilisation", "events_per_seat"):
        return _per(values, keys["seats"].to_numpy(dtype="float64", na_value=np.nan))
    if kind == "share":
        return _per(values, rows.values(None, f"events_{window}", 0.0))
    if kind == "events_per_user":
        return _per(values, rows.values(None, f"users_{window}", 0.0))
    if kind == "daily_active_share":
        users = rows.values(None, f"users_{window}", 0.0)
        return _per(values, users * _workdays(keys["term_start"], measure.days or 0))
    return values


def _per(values: Numbers, whole: Numbers) -> Numbers:
    """Divide, missing where there is nothing to divide by."""
    return values / np.where(whole > 0, whole, np.nan)


def _workdays(starts: pd.Series, days: int) -> npt.NDArray[np.int64]:
    """Return the Mondays to Fridays among the first days of every term."""
    start = starts.to_numpy().astype("datetime64[D]")
    return np.busday_count(start, start + np.timedelta64(days, "D"))


def _ratio(rows: _Rows, days: int, before_days: int) -> Numbers:
    """Return the smoothed ratio of the event rates of two neighbouring windows."""
    recent = rows.values(None, f"events_last_{days}", 0.0)
    both = rows.values(None, f"events_last_{days + before_days}", 0.0)
    before = np.round(both - recent, 3)  # quantities have three decimals; the difference too
    longer = before_days / days
    return longer * (recent + 0.5) / (before + 0.5 * longer)


def _column(measure: Measure, values: Numbers, missing: Flags) -> pd.Series:
    """Return a nullable column."""
    if measure.measure not in _WHOLE:
        return pd.Series(np.where(missing, np.nan, values))
    whole = np.where(missing, 0, values).astype("int64")
    return pd.Series(pd.arrays.IntegerArray(whole, missing))
