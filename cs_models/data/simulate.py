"""Invented customers with known truth: eight tables, and what was true of them.

Each account has a latent vigour, contract terms, people, and twelve features; leaving at a renewal
follows a planted law, in most scenarios a step: terms whose first 60 days hold fewer than so many
``report_shared`` actions are likelier to churn.  The process is `methods.md` section 7.

Grain: the eight canonical tables of the data contract, and one row a term of truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa

from cs_models import files
from cs_models.data.simulation import (
    activity,
    calendar,
    contracts,
    crm,
    dirt,
    merges,
    outcomes,
    parquet,
    people,
    portfolio,
    scenarios,
    support,
    truth,
    usage,
)
from cs_models.errors import ParameterError

SCENARIOS = scenarios.SCENARIOS
TABLES = (
    "accounts",
    "users",
    "subscriptions",
    "events",
    "tickets",
    "surveys",
    "touchpoints",
    "milestones",
)
MOST_ACCOUNTS = 100_000


@dataclass(frozen=True)
class World:
    """Invented customers.

    Attributes
    ----------
    scenario : Scenario
        All numbers of the process.
    tables : mapping of str to pyarrow.Table
        The eight canonical tables.  Ids of `events` are dictionary-encoded here, plain text in
        the files.
    terms : pandas.DataFrame
        One row a contract term: its x, its true hazard, its fate.  See
        :func:`cs_models.data.simulation.truth.terms`.
    truth : dict
        The document of ``truth.json``.
    """

    scenario: scenarios.Scenario
    tables: Mapping[str, pa.Table]
    terms: pd.DataFrame
    truth: dict[str, Any]


def customers(
    *,
    scenario: str = "step",
    n_accounts: int | None = None,
    seed: int = 0,
    dirty: bool = True,
    **numbers: Any,
) -> World:
    """Make a world of invented customers.

    Parameters
    ----------
    scenario : str, default "step"
        One of SCENARIOS.
    n_accounts : int, optional
        Number of accounts; by default what the scenario needs for its truth to be found.
    seed : int, default 0
        The same seed makes the same world, whatever the machine has been doing.
    dirty : bool, default True
        Whether the records are spoilt as a company's records are.
    **numbers
        Numbers of the scenario to change, such as ``beta_threshold=1.0``; see
        :class:`cs_models.data.simulation.scenarios.Scenario`.

    Returns
    -------
    World

    Raises
    ------
    ParameterError
        When there is no such scenario or number, or `n_accounts` is not in 1..100,000.
    """
    chosen = scenarios.named(scenario, **numbers)
    n = chosen.n_accounts if n_accounts is None else n_accounts
    if not 1 <= n <= MOST_ACCOUNTS:
        raise ParameterError(
            "a world cannot have that many accounts",
            where="n_accounts",
            got=str(n),
            repair=f"a whole number from 1 to {MOST_ACCOUNTS}",
        )
    return _Maker(chosen, n, seed, dirty).make()


def write(
    folder: Path | str,
    *,
    scenario: str = "step",
    n_accounts: int | None = None,
    seed: int = 0,
    dirty: bool = True,
    **numbers: Any,
) -> Path:
    """Make a world and write its tables, ``truth.json`` and ``checksums.json`` into a folder.

    The same arguments and library versions write the same bytes.  Other files of the folder stay.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        As :func:`customers`.
    """
    world = customers(scenario=scenario, n_accounts=n_accounts, seed=seed, dirty=dirty, **numbers)
    folder = Path(folder)
    listed = {}
    for name in TABLES:
        path = folder / f"{name}.parquet"
        parquet.write(world.tables[name], path)
        listed[path.name] = {
            "sha256": files.sha256_of(path),
            "rows": world.tables[name].num_rows,
        }
    files.write_text_atomic(folder / "truth.json", _compact(world.truth))
    files.write_json_atomic(folder / "checksums.json", {"files": listed})
    return folder


class _Maker:
    """Builds one world; every part draws from its own stream, so that parts can change alone."""

    def __init__(self, scenario: scenarios.Scenario, n: int, seed: int, dirty: bool) -> None:
        self.scenario, self.n, self.seed, self.dirty = scenario, n, seed, dirty

    def rng(self, part: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(part.encode("ascii"))])

    def make(self) -> World:
        scenario = self.scenario
        book = portfolio.draw(scenario, self.n, self.rng("portfolio"))
        seats = people.seats(book, scenario, self.rng("seats"))
        periods = portfolio.periods(book, scenario, seats.arrival, people.ARRIVAL_BOOST)
        days = calendar.ProductCalendar(
            int(book.start.min()),
            calendar.day(scenario.as_of) + scenarios.WINDOW_DAYS + 1,
            self.rng("outages"),
        )
        levels = usage.levels(book, periods, scenario, self.rng("levels"))
        early, counts = usage.early(book, periods, levels, scenario, days, self.rng("early"))
        ticket_rate, early_tickets = support.early_tickets(book, periods, self.rng("trouble"))
        mood = 0.5 * periods.vigour + 0.87 * self.rng("mood").standard_normal(periods.size)
        causes = outcomes.Causes(
            key=counts[:, 0],
            gradual=counts[:, 1],
            u_shaped=counts[:, 2],
            tickets=early_tickets,
            champion_lost=people.champion_lost(seats, periods),
            sentiment=mood,
        )
        law = outcomes.law(book, periods, causes, scenario, self.rng("law"))
        lives = outcomes.live(book, periods, law.hazard, scenario, self.rng("lives"))
        signed = contracts.sign(book, periods, lives, scenario, self.rng("contracts"))
        moved = self._merges(periods, lives)
        account_end = _account_end(self.n, periods, lives, calendar.day(scenario.as_of))
        users = people.users(book, seats, account_end, moved, scenario, self.rng("users"))
        noise = self.rng("breadth").standard_normal(periods.size)
        breadth = 0.25 + 0.7 / (1.0 + np.exp(-0.7 * periods.vigour - 0.6 * noise))
        life = activity.Life(book, periods, levels, lives, seats, users, moved, breadth)
        done = activity.play(life, early, scenario, days, self.rng("activity"))

        region = crm.regions(book, self.rng("regions"))
        telemetry = crm.record(done, region, moved)
        n_records = self.n + moved.old.size
        faults: dict[str, int] = {"accounts_merged": int(moved.old.size)}
        subscriptions = contracts.table(signed, book, moved)
        if self.dirty:
            spoilt = dirt.spoil(telemetry, n_records, scenario, self.rng("dirt"))
            telemetry = spoilt.telemetry
            rng = self.rng("misdate")
            term_end, misdated = dirt.misdate(signed, rng)
            subscriptions, blotted = dirt.blot(subscriptions, term_end, rng)
            faults |= spoilt.counts | misdated | blotted
        tables = {
            "accounts": crm.accounts(book, region, moved, self.rng("accounts")),
            "subscriptions": subscriptions,
            "events": crm.events(telemetry, n_records, users.account.size, dirt.STRANGER_IDS),
            "tickets": support.tickets(
                life, ticket_rate, early_tickets, scenario, self.rng("tickets")
            ),
            "surveys": support.surveys(life, mood, scenario, self.rng("surveys")),
            "touchpoints": support.touchpoints(life, scenario, self.rng("touchpoints")),
            "milestones": support.milestones(life, account_end, scenario, self.rng("steps")),
        }
        tables["users"] = people.table(users, people.first_seen(done.user, done.day, tables, users))
        frame = truth.terms(book, causes, law, signed, moved, scenario)
        document = truth.summary(scenario, self.seed, self.n, law, frame, faults)
        return World(scenario, {name: tables[name] for name in TABLES}, frame, document)

    def _merges(self, periods: portfolio.Periods, lives: outcomes.Lives) -> merges.Merges:
        if not self.dirty:
            return merges.none(self.n)
        first_day = calendar.day(self.scenario.data_start)
        rng = self.rng("merges")
        return merges.draw(self.n, periods, lives.lived, first_day, dirt.MERGED_ACCOUNTS, rng)


def _account_end(
    n_accounts: int, periods: portfolio.Periods, lives: outcomes.Lives, as_of: int
) -> calendar.Ints:
    end = np.full(n_accounts, outcomes.NEVER)
    left = lives.lived & (lives.exit != outcomes.STAYED) & (lives.life_end <= as_of)
    end[periods.account[left]] = lives.life_end[left]
    return end


def _compact(document: dict[str, Any]) -> str:
    """Return strict JSON, one line for each entry of the top level and of its own entries."""
    lines = []
    for key, value in document.items():
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if isinstance(value, dict):
            inner = ",\n".join(
                f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False, ensure_ascii=False)}"
                for k, v in value.items()
            )
            text = "{\n" + inner + "\n }" if inner else "{}"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
