"""What the leadership brief is made of: the other notebooks' results, as they stand.

Grain in: one :class:`~cs_models.report.gathered.Gathered` a notebook.  Grain out: frames and
findings picked from them.  Nothing is worked out again: what is not in a ``results.json`` is
missing here, and named as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cs_models.data.mapping import Source
from cs_models.report import gathered
from cs_models.report.evidence.plays import PLAYED
from cs_models.report.gathered import Gathered

READINESS, ADOPTION, THRESHOLDS, PREDICTORS, SURVIVAL, JOURNEY, OUTLOOK, BACKTEST = NOTEBOOKS = (
    "00_data_readiness", "01_adoption_metrics", "02_adoption_thresholds", "03_churn_predictors",
    "04_time_to_churn", "05_journey_and_personas", "06_renewal_outlook", "07_backtest",
)  # fmt: skip
SOURCES: Final = "sources-table"
MONEY: Final = "money-table"
LEVELS: Final = "levels-table"
LISTS: Final = "lists-table"
STAGES: Final = "stages-table"
LARGEST: Final = "largest-table"
BOOK: Final = "book-table"
_NAMED = 5  # customers named in a brief
_STATES: Final = {
    "fresh": "used",
    "missing": "not made",
    "stale": "out of date",
    "failed": "failed",
    "damaged": "cannot be read",
}


@dataclass(frozen=True)
class Said:
    """One finding of another notebook, with the way to where it was made.

    Attributes
    ----------
    id : str
        The finding's id.
    notebook : str
        Who said it.
    statement : str
        The sentence, as it stands there.
    href : str
        The table or figure on that page which made its numbers.
    verdict : str or None
        A verdict, where it carries one.
    value, low, high, unit, n
        As it was saved.
    """

    id: str
    notebook: str
    statement: str
    href: str
    verdict: str | None
    value: Any = None
    low: Any = None
    high: Any = None
    unit: str = ""
    n: int | None = None


@dataclass(frozen=True)
class Brief:
    """Everything the brief shows.

    Attributes
    ----------
    sources : dict of str to Gathered
        All eight, used or not.
    as_of : datetime.date
    """

    sources: Mapping[str, Gathered]
    as_of: date

    def rows(self, notebook: str, key: str) -> pd.DataFrame:
        """Return a list of a notebook's results as a frame; empty where it is not there."""
        found = self.sources[notebook].content.get(key)
        listed = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
        return pd.DataFrame(listed)

    def findings(self, notebook: str, *starts: str) -> list[Said]:
        """Return a notebook's findings whose id is one of `starts`, or begins so and with ``-``."""
        source = self.sources[notebook]
        rows = source.content.get("findings")
        return [
            _said(source, row)
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and _named(str(row.get("id", "")), starts)
        ]

    @property
    def unused(self) -> list[Gathered]:
        """Return the sources that cannot be relied on."""
        return [source for source in self.sources.values() if not source.fresh]


def gather(output_dir: str | Path | None, *, as_of: date, source: Source) -> Brief:
    """Read what every other notebook of the run said.

    Parameters
    ----------
    output_dir : str, Path or None
        Folder of the brief in its run; None in the lab.
    as_of : datetime.date
        The day from which the brief looks back.
    source : Source
        Its records, by which a run of others is told from one of these in the lab.

    Returns
    -------
    Brief
        Never raises for what stands in the folders.
    """
    read = {name: gathered.read(output_dir, name, as_of=as_of, source=source) for name in NOTEBOOKS}
    return Brief(read, as_of)


def sources(brief: Brief) -> pd.DataFrame:
    """Return one row a notebook: notebook, state (in words), why, run, n_findings."""
    return pd.DataFrame(
        {
            "notebook": words(source.name),
            "state": _STATES[source.state],
            "why": source.why,
            "run": source.run,
            "n_findings": len(source.content.get("findings") or ()) if source.fresh else None,
        }
        for source in brief.sources.values()
    )


def by_run(brief: Brief) -> dict[str, list[str]]:
    """Return the pages that are used, in words, by the run that made them."""
    found: dict[str, list[str]] = {}
    for source in brief.sources.values():
        if source.fresh:
            found.setdefault(source.run, []).append(words(source.name))
    return found


def counts(brief: Brief) -> dict[str, int]:
    """Return how many pages the brief rests on, and how many it lacks."""
    return {"n_sources": len(brief.sources), "n_unused": len(brief.unused)}


def quarters(brief: Brief) -> pd.DataFrame:
    """Return the coming quarters of the outlook: label, n_due, due_arr, kept and lost."""
    columns = ["label", "n_due", "due_arr", "grr_p10", "grr_p50", "grr_p90", "arr_at_risk",
               "loss_p90"]  # fmt: skip
    return brief.rows(OUTLOOK, "forecast").reindex(columns=columns)


def past(brief: Brief) -> pd.DataFrame:
    """Return the past quarters of the outlook: label, n_running, grr_running.

    Of the contracts that still ran when the quarter began: so the coming quarters are counted.
    """
    names = ["label", "n_running", "grr_running"]
    frame = brief.rows(OUTLOOK, "past_quarters").reindex(columns=names)
    return frame[frame["grr_running"].notna()]


def book(brief: Brief) -> pd.DataFrame:
    """Return this quarter's contracts by what is being done about them, as the outlook has them.

    Where it could not tell who is in a play, no row says so of anybody.
    """
    columns = ["group", "n_accounts", "arr", "loss", "loss_low", "loss_high", "known"]
    found = brief.rows(OUTLOOK, "plays").reindex(columns=columns)
    untold = found["known"].eq(False) & found["group"].isin(PLAYED)
    return found[~untold].drop(columns="known").reset_index(drop=True)


def largest(brief: Brief) -> pd.DataFrame:
    """Return the customers of the nearest quarter with most at stake: name, ARR, chance, day.

    Those who have asked to cancel or whose outcome is on record are no longer in doubt and are
    left out.
    """
    columns = ["account_name", "account_id", "term_end", "arr", "chance", "quarter", "p_from"]
    due = brief.rows(OUTLOOK, "due").reindex(columns=columns)
    open_ = due[due["p_from"].isin(["predictor"]) & (due["quarter"] == due["quarter"].min())]
    stake = open_["arr"].astype(float) * open_["chance"].astype(float)
    most = stake.sort_values(ascending=False).index[:_NAMED]
    found: pd.DataFrame = open_.loc[most].reset_index(drop=True)
    return found


def stages(brief: Brief) -> pd.DataFrame:
    """Return today's customers by stage, as the journey has them; with those below the level."""
    columns = ["stage", "n_accounts", "arr", "n_below", "arr_below", "median_days", "usual"]
    frame = brief.rows(JOURNEY, "stages").reindex(columns=columns)
    return frame.assign(stage=frame["stage"].astype("string").str.replace("_", " "))


def levels(brief: Brief) -> pd.DataFrame:
    """Return the announced levels: who, rule, rates on both sides, gap, verdict, who is below."""
    found = brief.rows(THRESHOLDS, "thresholds")
    below = brief.rows(THRESHOLDS, "register")
    if found.empty or below.empty:
        return pd.DataFrame(columns=["group", "rule", "verdict"])
    lead = found[found["role"] == "signal"].drop_duplicates("segment")
    kept = ["rule_id", "segment", "decay", "n_accounts_below", "arr_below"]
    wide = lead.merge(below.reindex(columns=kept), on=["rule_id", "segment"], how="left")
    wide = wide.assign(group=wide["segment"].fillna("all customers"))
    own = wide["segment"].notna()
    return (wide[own] if own.any() else wide).reset_index(drop=True)


def lists(brief: Brief, wanted: Sequence[str]) -> pd.DataFrame:
    """Return the lists asked for, in that order, as the outlook made them.

    Parameters
    ----------
    brief : Brief
    wanted : sequence of str
        Names of lists.
    """
    found = _made(brief)
    if found.empty:
        return pd.DataFrame(columns=["name", "title", "n"])
    place = {name: position for position, name in enumerate(wanted)}
    # A list of nobody, or one that could not be made, is named beside the table.
    mine = found[found["name"].isin(place) & (found["n"].fillna(0) > 0)]
    return mine.sort_values("name", key=lambda names: names.map(place)).reset_index(drop=True)


def absent(brief: Brief, wanted: Iterable[str]) -> list[str]:
    """Return the lists asked for that the outlook did not make."""
    names = set(_made(brief)["name"])
    return [name for name in wanted if name not in names]


def no_lists(brief: Brief) -> bool:
    """Tell whether the outlook can be relied on and was asked for no list at all."""
    return brief.sources[OUTLOOK].fresh and "name" not in brief.rows(OUTLOOK, "lists")


def idle(brief: Brief, wanted: Iterable[str]) -> list[str]:
    """Return the titles of the lists asked for on which nobody stands today."""
    found = _made(brief).reindex(columns=["name", "title", "n"]).set_index("name")
    empty = found[found["n"].fillna(0) == 0]["title"]
    return [str(empty[name]) for name in wanted if name in empty.index]


def unmade(brief: Brief) -> dict[str, str]:
    """Return, by name, why the outlook could not make a list that it was asked for."""
    asked = brief.rows(OUTLOOK, "lists").reindex(columns=["name", "skipped"]).fillna("")
    return {str(name): str(why) for name, why in asked.to_numpy() if why}


def _made(brief: Brief) -> pd.DataFrame:
    asked = brief.rows(OUTLOOK, "lists")
    if "name" not in asked:
        return pd.DataFrame(columns=["name", "title", "n"])
    return asked[~asked["name"].isin(list(unmade(brief)))]


def words(notebook: str) -> str:
    """Return a notebook's name in words: "Adoption thresholds"."""
    text = notebook.lstrip("0123456789_").replace("_", " ")
    return text[:1].upper() + text[1:]


def _said(source: Gathered, row: Mapping[str, Any]) -> Said:
    table = str(row.get("table") or "")
    href = f"{source.page}#{table}" if source.page and table else source.page
    verdict = row.get("verdict")
    return Said(
        id=str(row["id"]),
        notebook=source.name,
        statement=str(row.get("statement") or ""),
        href=href,
        verdict=str(verdict) if verdict else None,
        **{name: row[name] for name in ("value", "low", "high", "n") if name in row},
        unit=str(row.get("unit") or ""),
    )


def _named(identifier: str, starts: Sequence[str]) -> bool:
    return any(identifier == start or identifier.startswith(f"{start}-") for start in starts)
