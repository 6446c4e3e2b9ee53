"""Worlds of invented customers, made through the public door once and kept.

A world is named by (scenario, seed, accounts) and by the code that makes and reads it: its panel
is made again when that code says something else, and is not when only words of it changed.

Grain out: one panel row per (subscription_id, as_of_date), with ``churn_probability``, the true
chance to leave by the end of the term, beside the columns that a company would have.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

import cs_models
from cs_models import files
from cs_models.data import mapping, simulate, sources
from cs_models.data.simulation import scenarios
from cs_models.errors import DataError
from cs_models.features import cohort, guards, panel

AS_OF = date(2026, 6, 30)
LANDMARK_DAYS = 60
GRACE_DAYS = 30
FIRST_DAYS = (14, 30, 60)
BEFORE_DAYS = (90,)  # for the weighted contrast only
KEY = scenarios.KEY_FEATURE
PLAIN_CUT = 20  # a middling level of the key feature where no level was planted
TRUE_CHANCE = "churn_probability"


@dataclass(frozen=True)
class World:
    """One world: its name, and where it is kept."""

    scenario: str
    seed: int
    n_accounts: int
    folder: Path

    @property
    def name(self) -> str:
        """The world's name, unique within one version of the code."""
        return f"{self.scenario}-{self.n_accounts}-{self.seed}"

    def load(self) -> tuple[pd.DataFrame | None, dict[str, Any]]:
        """Return panel and facts, made now unless they are kept; no panel of a leaking world."""
        facts_path = self.folder / f"{self.name}.json"
        panel_path = self.folder / f"{self.name}.feather"
        if not facts_path.exists():
            frame, facts = self._make()
            if frame is not None:
                with files.atomic_path(panel_path) as path:
                    frame.to_feather(path, compression="zstd")
            files.write_json_atomic(facts_path, facts)
        facts = json.loads(facts_path.read_text(encoding="utf-8"))
        return (pd.read_feather(panel_path) if panel_path.exists() else None), facts

    def _make(self) -> tuple[pd.DataFrame | None, dict[str, Any]]:
        started = time.process_time()
        asked: dict[str, Any] = {
            "scenario": self.scenario,
            "n_accounts": self.n_accounts,
            "seed": self.seed,
        }
        with tempfile.TemporaryDirectory() as folder:
            simulate.write(folder, **asked)
            tables = sources.read(mapping.Source(path=folder), as_of=AS_OF)
            terms = cohort.terms(tables, AS_OF, decision="after_start", days=LANDMARK_DAYS)
            frame = panel.build(
                tables, terms, windows_days=(), first_days=FIRST_DAYS, before_days=BEFORE_DAYS
            )
            truth = json.loads((Path(folder) / "truth.json").read_text(encoding="utf-8"))
            facts = {name: truth[name] for name in ("feature", "window_days", "cuts")}
            if self.scenario == "leak":
                facts |= _guarded(tables, terms, frame)
            if self.scenario == "immortal":
                facts |= _ever_reached(tables)
        facts |= {"n_terms": len(frame), "n_columns": frame.shape[1]}
        facts["cpu_seconds"] = time.process_time() - started
        if self.scenario == "leak":
            return None, facts
        hidden = simulate.terms(**asked).set_index("subscription_id")[TRUE_CHANCE]
        return frame.assign(**{TRUE_CHANCE: frame["subscription_id"].map(hidden)}), facts


def _guarded(tables: Any, terms: cohort.Cohort, frame: pd.DataFrame) -> dict[str, Any]:
    """Say whether the guards stop the run and name the field that was written afterwards."""
    try:
        guards.check(tables, terms, frame)
    except DataError as error:
        named = scenarios.LEAK_FEATURE in str(error.where)
        return {"aborted": 1.0, "aborted_naming": float(named), "said": str(error.where)}
    return {"aborted": 0.0, "aborted_naming": 0.0, "said": None}


def _ever_reached(tables: Any) -> dict[str, Any]:
    """Compare renewal of terms that ever reached a level before they ended: the wrong analysis.

    Same terms as a landmark analysis takes, without its landmark: who left early had no time to
    reach anything.
    """
    terms = tables["subscriptions"]
    used = tables["events"]
    used = used.filter(used.feature == KEY).select("account_id", "event_date", "quantity")
    left = terms.mutate(last=terms.ended_at.fill_null(terms.term_end))
    seen = left.join(used, "account_id")
    seen = seen.filter((seen.event_date >= seen.term_start) & (seen.event_date < seen["last"]))
    reached = seen.group_by("subscription_id").agg(n=seen.quantity.sum()).execute()
    rows = terms.select(
        "subscription_id", "term_start", "term_end", "term_months", "outcome"
    ).execute()
    start, end = pd.to_datetime(rows["term_start"]), pd.to_datetime(rows["term_end"])
    due = end + timedelta(days=GRACE_DAYS) <= pd.Timestamp(AS_OF)
    recorded = start >= pd.Timestamp(scenarios.named("immortal").data_start)
    rows = rows[due & recorded & (rows["term_months"] >= 4)]
    total = rows["subscription_id"].map(reached.set_index("subscription_id")["n"].astype(float))
    ever = total.fillna(0.0) >= PLAIN_CUT
    renewed = 1.0 - (rows["outcome"] == "churned").astype(float)
    return {
        "ever_reached_lift": float(renewed[ever].mean() - renewed[~ever].mean()),
        "ever_reached_share": float(ever.mean()),
    }


def digest(paths: Iterable[Path]) -> str:
    """Name what some sources do: the same for the same code, whatever its words and layout."""
    sha = hashlib.sha256()
    for path in sorted(paths):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if not isinstance(body, list) or not body or not isinstance(body[0], ast.Expr):
                continue
            said = body[0].value
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                said.value = ""
        sha.update(path.name.encode() + ast.dump(tree).encode())
    return sha.hexdigest()[:12]


def sources_of(*floors: str) -> list[Path]:
    """Return the source files of some floors of the package."""
    root = Path(cs_models.__file__).parent
    return [path for floor in floors for path in (root / floor).rglob("*.py")]


def worlds_digest() -> str:
    """Name what makes worlds and panels."""
    return digest([*sources_of("data", "features"), Path(__file__)])
