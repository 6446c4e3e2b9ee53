"""What earlier reports said: read back from their ``results.json``, so that it can be judged.

Grain in: a folder of reports, one folder a run.  Grain out: one row a run; one row per (run,
contract) of the warnings; one row per (run, quarter) of the forecasts; one row per (run, quarter,
contract) of the contracts that a forecast counted.

A report stands in ``<folder>/<run>/<notebook>/results.json`` beside the run's ``manifest.json``.
The link ``latest`` is no run of its own.  What cannot be read, was changed since, did not end
well, speaks of other records or looks back from today or a later day is named with its reason and
takes no part.  Of several reports of one day the one that was made last is the one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePath
from typing import Any, Final, Literal

import pandas as pd
import pydantic

from cs_models.data.mapping import Source
from cs_models.report import runs

WARNINGS, FORECASTS = "03_churn_predictors", "06_renewal_outlook"

READ = "read"
DAMAGED = "cannot be read, or was changed since"
UNFINISHED = "did not end well"
OTHER = "of another source"
LATER = "looks back from today or a later day"
REPEATED = "the same day was reported again later"
SILENT = "without warnings or forecasts"

RUN_COLUMNS: Final = ("run_id", "as_of", "started_at", "verdict", "n_said", "n_quarters")
SAID_COLUMNS: Final = (
    "run_id", "as_of", "account_id", "subscription_id", "term_end", "arr", "p_churn", "p_low",
    "p_high", "colour", "colour_raw",
)  # fmt: skip
FORECAST_COLUMNS: Final = (
    "run_id", "as_of", "quarter", "label", "due_arr", "grr_p10", "grr_p50", "grr_p90", "nrr_p10",
    "nrr_p50", "nrr_p90", "arr_at_risk", "loss_p90",
)  # fmt: skip
DUE_COLUMNS: Final = (
    "run_id", "as_of", "quarter", "account_id", "subscription_id", "term_end", "arr", "n_renewals",
)  # fmt: skip


@dataclass(frozen=True)
class Earlier:
    """What earlier reports said.

    Attributes
    ----------
    runs : pandas.DataFrame
        One row a run found, oldest first: run_id, as_of (datetime64), started_at (text), verdict
        (:data:`READ`, or why it takes no part), n_said (contracts warned of), n_quarters.
    said : pandas.DataFrame
        One row per (run, contract): run_id, as_of, account_id, subscription_id, term_end, arr,
        p_churn, p_low, p_high, colour, colour_raw (missing in reports that kept none).
    forecast : pandas.DataFrame
        One row per (run, quarter): run_id, as_of, quarter, label, due_arr, grr_p10, grr_p50,
        grr_p90, nrr_…, arr_at_risk, loss_p90.
    due : pandas.DataFrame
        One row per (run, quarter, contract) that the forecast counted: run_id, as_of, quarter,
        account_id, subscription_id, term_end, arr, n_renewals.
    """

    runs: pd.DataFrame
    said: pd.DataFrame
    forecast: pd.DataFrame
    due: pd.DataFrame

    @property
    def n_read(self) -> int:
        """Earlier reports that could be judged."""
        return int((self.runs["verdict"] == READ).sum())


Colour = Literal["green", "amber", "red"]


class _Said(runs.Strict):
    account_id: str
    subscription_id: str
    term_end: date
    arr: float | None
    p_churn: float = pydantic.Field(ge=0, le=1)
    p_low: float | None = pydantic.Field(ge=0, le=1)
    p_high: float | None = pydantic.Field(ge=0, le=1)
    colour: Colour | None = None
    colour_raw: Colour | None = None


class _Quarter(runs.Strict):
    quarter: date
    label: str
    due_arr: float = pydantic.Field(ge=0)
    grr_p10: float | None
    grr_p50: float | None
    grr_p90: float | None
    nrr_p10: float | None
    nrr_p50: float | None
    nrr_p90: float | None
    arr_at_risk: float
    loss_p90: float


class _Due(runs.Strict):
    quarter: date
    account_id: str
    subscription_id: str
    term_end: date
    arr: float = pydantic.Field(ge=0)
    n_renewals: int = pydantic.Field(ge=1)


class _Warnings(runs.Strict):
    said: list[_Said]


class _Forecasts(runs.Strict):
    forecast: list[_Quarter]
    due: list[_Due] = pydantic.Field(default_factory=list)


@dataclass
class _Run:
    """One folder, as far as it could be read."""

    name: str
    manifest: runs.Manifest | None
    verdict: str
    said: Sequence[_Said] = ()
    forecast: Sequence[_Quarter] = ()
    due: Sequence[_Due] = ()


def read(
    folder: Path | str | None,
    *,
    as_of: date,
    source: Mapping[str, Any],
    own: Path | str | None = None,
) -> Earlier:
    """Read what the reports in a folder said before today.

    Parameters
    ----------
    folder : Path, str or None
        The folder that holds the runs; None, or one that is not there, holds none.
    as_of : datetime.date
        The day from which this report looks back.
    source : mapping
        This report's ``source`` parameter: only reports of the same records are judged.
    own : Path, str or None
        Folder of this notebook in its own run (``output_dir``), whose run is left out.

    Returns
    -------
    Earlier
        Empty frames where there is nothing.  Never raises for what stands in the folder.
    """
    base = None if folder is None else Path(folder)
    if base is None or not base.is_dir():
        return _gathered([])
    mine = None if own is None else Path(own).resolve().parent
    found = [
        _run(path, as_of, source)
        for path in sorted(base.iterdir())
        if path.is_dir() and not path.is_symlink() and path.resolve() != mine
        and (path / runs.MANIFEST).is_file()
    ]  # fmt: skip
    return _gathered(_once_a_day(found))


def _run(folder: Path, as_of: date, source: Mapping[str, Any]) -> _Run:
    """Read one run's folder; whatever is wrong with it becomes its verdict."""
    try:
        manifest = runs.manifest(folder)
    except (OSError, ValueError, RecursionError):
        return _Run(folder.name, None, DAMAGED)
    found = _Run(folder.name, manifest, READ)
    if manifest.status != "complete":
        found.verdict = UNFINISHED
    elif manifest.as_of >= as_of:
        found.verdict = LATER
    elif not any(manifest.spoke(name) for name in (WARNINGS, FORECASTS)):
        found.verdict = SILENT
    elif not _same_source(manifest, source):
        found.verdict = OTHER
    else:
        _fill(found, folder, manifest)
    return found


def _fill(found: _Run, folder: Path, manifest: runs.Manifest) -> None:
    """Read the two notebooks' results as far as they were made."""
    try:
        if manifest.spoke(WARNINGS):
            found.said = _Warnings.model_validate(runs.told(folder, manifest, WARNINGS)).said
        if manifest.spoke(FORECASTS):
            told = _Forecasts.model_validate(runs.told(folder, manifest, FORECASTS))
            found.forecast, found.due = told.forecast, told.due
    except (OSError, ValueError, RecursionError):
        found.verdict, found.said, found.forecast, found.due = DAMAGED, (), (), ()
        return
    if not found.said and not found.forecast:
        found.verdict = SILENT


def _same_source(manifest: runs.Manifest, source: Mapping[str, Any]) -> bool:
    """Say whether a run read the same records: the same place, mapped alike."""
    noted = [
        manifest.parameters[name].get("source")
        for name in (WARNINGS, FORECASTS)
        if name in manifest.parameters
    ]
    try:
        today = Source.model_validate(dict(source))
        then = [Source.model_validate(one) for one in noted]
    except ValueError:
        return False
    return bool(then) and all(
        _same_place(one.path, today.path) and one.model_copy(update={"path": today.path}) == today
        for one in then
    )


def _same_place(one: str, other: str) -> bool:
    """Compare two paths of which either may be told from the project's folder."""
    a, b = (PurePath(path.rstrip("/")).parts for path in (one, other))
    a, b = (parts[1:] if parts[:1] == (".",) else parts for parts in (a, b))
    if PurePath(*a).is_absolute() == PurePath(*b).is_absolute():
        return a == b
    short, long = sorted((a, b), key=len)
    return bool(short) and long[-len(short) :] == short


def _once_a_day(found: Sequence[_Run]) -> list[_Run]:
    """Let only the last of the reports of one day count."""
    last: dict[date, tuple[str, str]] = {}
    for run in found:
        if run.manifest is not None and run.verdict == READ:
            made = (run.manifest.started_at, run.name)
            last[run.manifest.as_of] = max(made, last.get(run.manifest.as_of, made))
    for run in found:
        if run.manifest is None or run.verdict != READ:
            continue
        if (run.manifest.started_at, run.name) != last[run.manifest.as_of]:
            run.verdict, run.said, run.forecast, run.due = REPEATED, (), (), ()
    return list(found)


def _gathered(found: Sequence[_Run]) -> Earlier:
    told = [
        {
            "run_id": run.name,
            "as_of": run.manifest.as_of if run.manifest else None,
            "started_at": run.manifest.started_at if run.manifest else "",
            "verdict": run.verdict,
            "n_said": len(run.said),
            "n_quarters": len(run.forecast),
        }
        for run in found
    ]
    listed = _dated(pd.DataFrame(told, columns=list(RUN_COLUMNS)), "as_of")
    return Earlier(
        runs=listed.sort_values(["as_of", "started_at", "run_id"], ignore_index=True),
        said=_rows(found, "said", SAID_COLUMNS, "term_end"),
        forecast=_rows(found, "forecast", FORECAST_COLUMNS, "quarter"),
        due=_rows(found, "due", DUE_COLUMNS, "quarter", "term_end"),
    )


def _rows(found: Sequence[_Run], name: str, columns: Sequence[str], *dates: str) -> pd.DataFrame:
    listed = [
        {"run_id": run.name, "as_of": run.manifest.as_of, **row.model_dump()}
        for run in found
        if run.manifest is not None
        for row in getattr(run, name)
    ]
    frame = _dated(pd.DataFrame(listed, columns=list(columns)), "as_of", *dates)
    text = {"run_id", "account_id", "subscription_id", "label", "colour", "colour_raw"}
    numbers = [name for name in columns if name not in {*text, "as_of", *dates}]
    return frame.assign(**{name: frame[name].astype("float64") for name in numbers})


def _dated(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    return frame.assign(
        **{name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in names}
    )
