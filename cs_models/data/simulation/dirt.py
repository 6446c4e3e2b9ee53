"""What spoils records on their way into a company's files (`methods.md` section 7), counted.

A little of everything, and so placed that the planted truth survives: the key feature's counts
move by less than one in a hundred.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cs_models.data.simulation import arrow, calendar
from cs_models.data.simulation.activity import FEATURE_NAMES
from cs_models.data.simulation.contracts import PENDING, Contracts
from cs_models.data.simulation.crm import Telemetry
from cs_models.data.simulation.scenarios import Scenario

DUPLICATES = 0.01
STRANGERS, STRANGER_IDS = 0.005, 20
LATE, LATE_DAYS = 0.02, 10.0
WILD, WILD_QUANTITY = 0.003, 1_000_000
SHIFTED_FEATURE, SHIFT_HOURS = "mobile_session", -8
GAP_FEATURE, GAP_DAYS = "integration_synced", 9
MOVED_RENEWALS = 0.03
MISSING_SEATS = 0.04
MERGED_ACCOUNTS = 0.01
HOURS_PER_DAY = 24


def spoil(
    clean: Telemetry, n_records: int, scenario: Scenario, rng: np.random.Generator
) -> tuple[Telemetry, dict[str, int]]:
    """Lose, delay, shift, misname and repeat rows of telemetry.

    A source in another time zone stamps one feature eight hours early; another feature has nine
    days without telemetry; rows not known by `as_of` are not there yet.
    """
    counts: dict[str, int] = {}
    first = calendar.day(scenario.data_start)
    horizon = calendar.day(scenario.as_of) * HOURS_PER_DAY
    gap_from = (first + (calendar.day(scenario.as_of) - first) // 2) * HOURS_PER_DAY
    in_gap = (clean.hour >= gap_from) & (clean.hour < gap_from + GAP_DAYS * HOURS_PER_DAY)
    in_gap &= clean.feature == FEATURE_NAMES.index(GAP_FEATURE)
    counts["events_lost_in_gap"] = int(in_gap.sum())
    rows = clean.keep(~in_gap) if in_gap.any() else clean
    n = rows.hour.size

    chance = rng.random(n)
    late = (chance < LATE) & (rows.known_hour >= 0)
    delay_days = np.ceil(rng.standard_exponential(int(late.sum())) * LATE_DAYS).astype(np.int32)
    known_hour = rows.known_hour.copy()
    known_hour[late] += delay_days * HOURS_PER_DAY
    strange = (chance >= LATE) & (chance < LATE + STRANGERS)
    account = rows.account.copy()
    account[strange] = n_records + rng.integers(0, STRANGER_IDS, int(strange.sum()))
    wild = (chance >= LATE + STRANGERS) & (chance < LATE + STRANGERS + WILD)
    quantity = rows.quantity.copy()
    negative = wild & (chance < LATE + STRANGERS + WILD / 2)
    quantity[wild] = WILD_QUANTITY
    quantity[negative] = -rows.quantity[negative]
    shifted = rows.feature == FEATURE_NAMES.index(SHIFTED_FEATURE)
    hour = rows.hour + np.int32(SHIFT_HOURS) * shifted
    spoilt = Telemetry(account, rows.user, rows.feature, quantity, hour, known_hour)

    there = known_hour < horizon
    repeated = (chance > 1 - DUPLICATES) & there
    times = there.astype(np.int8) + repeated
    counts |= {
        "events_late": int((late & there).sum()),
        "events_not_yet_known": int((~there).sum()),
        "events_of_unknown_account": int((strange & there).sum()),
        "events_negative_quantity": int((negative & there).sum()),
        "events_huge_quantity": int((wild & ~negative & there).sum()),
        "events_in_another_time_zone": int((shifted & there).sum()),
        "events_duplicated": int(repeated.sum()),
    }
    return spoilt.keep(np.repeat(np.arange(n), times)), counts


def blot(
    subscriptions: pa.Table, contracts: Contracts, rng: np.random.Generator
) -> tuple[pa.Table, dict[str, int]]:
    """Return subscriptions with some renewal dates off by one month and some seats unknown.

    Only decided terms of a year or more are misdated: today's book stays as it is.
    """
    able = (contracts.months >= 12) & (contracts.outcome != PENDING)
    moved = able & (rng.random(contracts.size) < MOVED_RENEWALS)
    step = np.where(rng.random(contracts.size) < 0.5, -1, 1)
    term_end = np.where(moved, calendar.add_months(contracts.end, step), contracts.end)
    known = rng.random(contracts.size) >= MISSING_SEATS
    position = {name: i for i, name in enumerate(subscriptions.column_names)}
    spoilt = subscriptions.set_column(position["term_end"], "term_end", arrow.dates(term_end))
    seats = arrow.whole(contracts.seats, known)
    return spoilt.set_column(position["seats"], "seats", seats), {
        "subscriptions_renewal_date_off": int(moved.sum()),
        "subscriptions_seats_missing": int((~known).sum()),
    }
