"""Worlds before renewal, with what could have been known of every term on its decision date.

Grain out: one panel row per (subscription_id, as_of_date), decided on 90 days before its renewal.
Beside the columns that a company would have stand, after ``true__``, what the planted law was made
of and four chances to leave by the end of the term, given that the customer was there on that day:

* ``true__hidden``: with all that is true, also what nobody records: the account's own risk, its
  vigour, the quarter's shock, its mood;
* ``true__mood``: with what is recorded before that day, and the account's mood besides;
* ``true__recorded``: with what is recorded before that day alone; mood as far as the surveys
  answered in the term tell it.  What is not recorded is integrated out;
* ``true__shocked``: the last with the quarter's shock, to tell how much of a miss in level it is.

The law is that of ``cs_models.data.simulation.outcomes``; a test holds them together.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cs_models import files
from cs_models.data import mapping, simulate, sources
from cs_models.data.simulation import calendar, contracts, history, outcomes, people, scenarios
from cs_models.features import cohort, panel
from planted import worlds

AS_OF = date(2026, 6, 30)
DECISION_DAYS = 90
WINDOWS_DAYS = (28, 90)
FIRST_DAYS = (60,)
TRUE = "true__"
# How answers tell the mood (simulation.support.surveys): middle and spread of one answer.
ANSWERS = {"nps": (7.4, 1.5), "csat": (3.9, 0.7)}
DAYS_A_MONTH = 30.4375
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Leavers:
    """One world and where it is kept."""

    scenario: str
    seed: int
    n_accounts: int
    folder: Path

    @property
    def name(self) -> str:
        """The world's name, unique within one version of the code."""
        return f"leavers-{self.scenario}-{self.n_accounts}-{self.seed}"

    def load(self) -> pd.DataFrame:
        """Return the panel with its truth, made now unless it is kept."""
        path = self.folder / f"{self.name}.feather"
        if not path.exists():
            started = time.process_time()
            frame = self._make()
            with files.atomic_path(path) as kept:
                frame.to_feather(kept, compression="zstd")
            told = {"n_terms": len(frame), "cpu_seconds": time.process_time() - started}
            files.write_json_atomic(path.with_suffix(".json"), told)
        return pd.read_feather(path)

    def _make(self) -> pd.DataFrame:
        asked: dict[str, Any] = {
            "scenario": self.scenario,
            "n_accounts": self.n_accounts,
            "seed": self.seed,
        }
        with tempfile.TemporaryDirectory() as folder:
            simulate.write(folder, **asked)
            tables = sources.read(mapping.Source(path=folder), as_of=AS_OF)
            terms = cohort.terms(tables, AS_OF, decision="before_renewal", days=DECISION_DAYS)
            frame = panel.build(
                tables, terms, windows_days=WINDOWS_DAYS, first_days=FIRST_DAYS, relations=True
            )
            surveys = pd.read_parquet(Path(folder) / "surveys.parquet")
            document = json.loads((Path(folder) / "truth.json").read_text(encoding="utf-8"))
        scenario = scenarios.named(self.scenario)
        hidden = history.hide(scenario, self.n_accounts, self.seed, dirty=True)
        place = frame["subscription_id"].str[2:].astype(int).to_numpy()
        assert document["terms"]["subscription_id"][int(place[0])] == frame["subscription_id"][0]
        frame.attrs = {}
        return frame.assign(**_truth(hidden, frame, place, surveys))


def _truth(
    hidden: history.Hidden, frame: pd.DataFrame, place: NDArray[np.int64], surveys: pd.DataFrame
) -> dict[str, Any]:
    """Return what was true of each panel row, and the chances that follow from it."""
    scenario, law = hidden.scenario, hidden.law
    period = hidden.contracts.period[place]
    account = hidden.contracts.account[place]
    segment = hidden.book.segment[account]
    decided = frame["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    parts = _parts(hidden)
    champion_leaves = hidden.seats.departure[hidden.seats.first_slot][account]
    began, ends = hidden.periods.start[period], hidden.periods.end[period]
    lost = (champion_leaves >= began) & (champion_leaves < decided)
    there = champion_leaves >= decided
    told, n_answers = _mood(frame, surveys)
    mood = hidden.causes.sentiment[period]
    known = law.intercepts[segment] + sum(part[period] for part in parts.values())
    shock = np.array([law.shocks[int(q)] for q in calendar.quarter_index(ends)])
    unknown = np.hypot(scenario.sigma_account, scenario.beta_vigour)
    with_shock = np.hypot(unknown, scenario.sigma_quarter)
    # A champion who is there may leave before the renewal.
    ahead = np.maximum(ends - decided, 0) / DAYS_A_MONTH
    leaves = np.where(there, -np.expm1(-people.CHAMPION_MONTHLY * ahead), 0.0)
    cancels = -np.expm1(-np.array(scenario.early_cancel_monthly)[segment] * ahead)

    silent = _silent(ends - decided)

    def told_by_silence(leaves: Float) -> Float:
        """Take in that no notice was given before the decision date: such terms are left out."""
        chance: Float = leaves * silent[0] / (leaves * silent[0] + (1 - leaves) * silent[1])
        return chance

    def chance(logit: Float, spread: Float | float) -> Float:
        stays_there = _averaged(logit + scenario.beta_champion * lost, spread)
        gone = _averaged(logit + scenario.beta_champion, spread)
        hazard = (1 - leaves) * stays_there + leaves * gone
        return 1 - (1 - cancels) * (1 - told_by_silence(hazard))

    blurred = abs(scenario.beta_nps) / np.sqrt(n_answers + 1.0)
    recorded = known + scenario.beta_nps * told
    chances = {
        "hidden": 1 - (1 - cancels) * (1 - told_by_silence(law.hazard[period])),
        "mood": chance(known + scenario.beta_nps * mood, with_shock),
        "recorded": chance(recorded, np.hypot(with_shock, blurred)),
        "shocked": chance(recorded + shock, np.hypot(unknown, blurred)),
    }
    causes = {name: part[period] for name, part in parts.items()}
    plain = {
        "x": hidden.causes.key[period],
        "below": law.below[period].astype(float),
        "champion_lost": lost.astype(float),
        "champion_leaves_later": ((champion_leaves < ends) & there).astype(float),
        "mood_told": told,
        "mood_itself": mood,
        "vigour": hidden.periods.vigour[period],
        "frailty": hidden.book.frailty[account],
        "shock": shock,
    }
    return {f"{TRUE}{name}": value for name, value in (plain | causes | chances).items()}


def _silent(days_ahead: NDArray[np.int64]) -> tuple[Float, Float]:
    """Return the shares of leavers and of others who have not asked to cancel by then.

    Leavers ask 20 to 120 days before the end (``contracts._asked``).
    """
    earlier = np.clip(120 - days_ahead, 0, 101) / 101
    return 1 - contracts.ASKS_TO_CANCEL * earlier, 1 - contracts.ASKS_IN_VAIN * earlier


def _parts(hidden: history.Hidden) -> dict[str, Float]:
    """Return the recorded parts of the law's logit, one entry a period.

    The standard scores are those of the law: over all periods of the segment.
    """
    scenario, causes = hidden.scenario, hidden.causes
    segment = hidden.book.segment[hidden.periods.account]
    z_u = outcomes._score(causes.u_shaped, segment)
    key = outcomes._score(causes.key, segment)
    return {
        "part_key": scenario.beta_threshold * hidden.law.below + scenario.beta_slope * key,
        "part_gradual": scenario.beta_gradual * outcomes._score(causes.gradual, segment),
        "part_u": scenario.beta_u * (np.minimum(z_u**2, 9.0) - 1.0),
        "part_tickets": scenario.beta_tickets * outcomes._score(causes.tickets, segment),
        "part_tier": scenario.beta_tier * hidden.book.tier[hidden.periods.account],
    }


def _averaged(logit: Float, spread: Float | float) -> Float:
    """Return the mean chance where the logit is normal around what is known."""
    scale = np.broadcast_to(np.asarray(spread, dtype=float), logit.shape)
    each = special.expit(logit[:, None] + scale[:, None] * _NODES)
    mean: Float = each @ _WEIGHTS / _WEIGHTS.sum()
    return mean


def _mood(frame: pd.DataFrame, surveys: pd.DataFrame) -> tuple[Float, Float]:
    """Return the mood expected from the answers of the term before the decision date, and how many.

    The mood is standard normal and each answer tells it with an error as large.
    """
    rows = frame[["subscription_id", "account_id", "term_start", "as_of_date"]]
    asked = surveys[surveys["kind"].isin(list(ANSWERS))]
    middle, spread = (asked["kind"].map({k: v[i] for k, v in ANSWERS.items()}) for i in (0, 1))
    asked = asked.assign(
        told=(asked["score"] - middle) / spread,
        day=pd.to_datetime(asked["answered_at"]).dt.tz_localize(None),
    )
    both = rows.merge(asked[["account_id", "told", "day"]], on="account_id")
    both = both[(both["day"] >= both["term_start"]) & (both["day"] < both["as_of_date"])]
    sums = both.groupby("subscription_id")["told"].agg(["sum", "size"])
    found = sums.reindex(rows["subscription_id"]).fillna(0.0)
    n = found["size"].to_numpy(dtype=float)
    return found["sum"].to_numpy(dtype=float) / (n + 1.0), n


def digest() -> str:
    """Name what makes these worlds."""
    return worlds.digest([*worlds.sources_of("data", "features"), Path(__file__)])
