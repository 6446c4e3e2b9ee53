"""From the numbers of a scenario to a whole history: first what is hidden, then what is recorded.

Every part draws from its own stream of random numbers, so that one part can change without the
others: scenarios of the same seed have the same customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa

from cs_models.data.simulation import (
    activity,
    calendar,
    contracts,
    crm,
    dirt,
    merges,
    outcomes,
    people,
    portfolio,
    support,
    truth,
    usage,
)
from cs_models.data.simulation.calendar import Floats, Ints
from cs_models.data.simulation.scenarios import WINDOW_DAYS, Scenario


@dataclass(frozen=True)
class Streams:
    """Independent random numbers for each part of one world."""

    seed: int

    def of(self, part: str) -> np.random.Generator:
        """Return the generator of a part, always from its beginning."""
        return np.random.default_rng([self.seed, crc32(part.encode("ascii"))])


@dataclass(frozen=True)
class Hidden:
    """What no company sees: the customers, their levels, the law, and the lives drawn from it."""

    scenario: Scenario
    streams: Streams
    book: portfolio.Portfolio
    seats: people.Seats
    periods: portfolio.Periods
    days: calendar.ProductCalendar
    levels: usage.Levels
    early: usage.Bouts
    ticket_rate: Floats
    causes: outcomes.Causes
    law: outcomes.Law
    lives: outcomes.Lives
    contracts: contracts.Contracts
    merges: merges.Merges

    @property
    def terms(self) -> pd.DataFrame:
        """One row a contract term; see :func:`cs_models.data.simulation.truth.terms`."""
        return truth.terms(
            self.book, self.causes, self.law, self.contracts, self.merges, self.scenario
        )


def hide(scenario: Scenario, n_accounts: int, seed: int, *, dirty: bool) -> Hidden:
    """Draw the hidden part of a world."""
    streams = Streams(seed)
    book = portfolio.draw(scenario, n_accounts, streams.of("portfolio"))
    seats = people.seats(book, scenario, streams.of("seats"))
    periods = portfolio.periods(book, scenario, seats.arrival, people.ARRIVAL_BOOST)
    # The last windows reach beyond as_of: outcomes of running terms depend on them.
    last_day = calendar.day(scenario.as_of) + WINDOW_DAYS + 1
    days = calendar.ProductCalendar(int(book.start.min()), last_day, streams.of("outages"))
    levels = usage.levels(book, periods, scenario, streams.of("levels"))
    early, counts = usage.early(book, periods, levels, scenario, days, streams.of("early"))
    ticket_rate, early_tickets = support.early_tickets(book, periods, streams.of("trouble"))
    causes = outcomes.Causes(
        key=counts[:, 0],
        gradual=counts[:, 1],
        u_shaped=counts[:, 2],
        tickets=early_tickets,
        champion_lost=people.champion_lost(seats, periods),
        sentiment=streams.of("mood").standard_normal(periods.size),
    )
    law = outcomes.law(book, periods, causes, scenario, streams.of("law"))
    lives = outcomes.live(book, periods, law.hazard, scenario, streams.of("lives"))
    signed = contracts.sign(book, periods, lives, scenario, streams.of("contracts"))
    first_day = calendar.day(scenario.data_start)
    share = dirt.MERGED_ACCOUNTS if dirty else 0.0
    merged = merges.draw(book.size, periods, lives.lived, first_day, share, streams.of("merges"))
    return Hidden(
        scenario, streams, book, seats, periods, days, levels, early, ticket_rate, causes, law,
        lives, signed, merged,
    )  # fmt: skip


def record(hidden: Hidden, *, dirty: bool) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """Play the hidden world out and write down what a company would hold.

    Returns
    -------
    tables : dict of str to pyarrow.Table
        The eight canonical tables.
    document : dict
        The content of ``truth.json``.
    """
    of, scenario, book = hidden.streams.of, hidden.scenario, hidden.book
    account_end = _account_end(hidden)
    users = people.users(book, hidden.seats, account_end, hidden.merges, scenario)
    life = activity.Life(
        book, hidden.periods, hidden.levels, hidden.lives, hidden.seats, users, hidden.merges,
        _breadth(hidden.periods, of("breadth")),
    )  # fmt: skip
    done, counts = activity.play(life, hidden.early, scenario, hidden.days, of("activity"))
    region = crm.regions(book, of("regions"))
    telemetry = crm.record(done, region, hidden.merges)
    n_records = book.size + hidden.merges.old.size
    subscriptions = contracts.table(hidden.contracts, book, hidden.merges)
    faults: dict[str, int] = {}
    if dirty:
        telemetry, on_the_way = dirt.spoil(telemetry, n_records, scenario, of("dirt"))
        subscriptions, by_hand = dirt.blot(subscriptions, hidden.contracts, of("misdate"))
        faults = {"accounts_merged": int(hidden.merges.old.size)} | on_the_way | by_hand
    tables = {
        "accounts": crm.accounts(book, region, hidden.merges, of("accounts")),
        "subscriptions": subscriptions,
        "events": crm.events(telemetry, n_records, users.account.size, dirt.STRANGER_IDS),
        "tickets": support.tickets(
            life, hidden.ticket_rate, hidden.causes.tickets, scenario, of("tickets")
        ),
        "surveys": support.surveys(life, hidden.causes.sentiment, scenario, of("surveys")),
        "touchpoints": support.touchpoints(life, scenario, of("touchpoints")),
        "milestones": support.milestones(life, account_end, scenario, of("steps")),
    }
    tables["users"] = people.table(users, people.first_seen(done.user, done.day, tables, users))
    correlations = truth.correlations(counts, book, hidden.periods, hidden.lives.lived, scenario)
    document = truth.summary(
        scenario, hidden.streams.seed, book.size, hidden.law, hidden.terms, correlations, faults
    )
    return tables, document


def _breadth(periods: portfolio.Periods, rng: np.random.Generator) -> Floats:
    """Return the share of the seats in use that is active at all, larger with vigour."""
    noise = rng.standard_normal(periods.size)
    share: Floats = 0.25 + 0.7 / (1.0 + np.exp(-0.7 * periods.vigour - 0.6 * noise))
    return share


def _account_end(hidden: Hidden) -> Ints:
    lives = hidden.lives
    end = np.full(hidden.book.size, outcomes.NEVER)
    left = lives.lived & (lives.exit != outcomes.STAYED)
    left &= lives.life_end <= calendar.day(hidden.scenario.as_of)
    end[hidden.periods.account[left]] = lives.life_end[left]
    return end
