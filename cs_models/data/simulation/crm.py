"""The company's own lists: `accounts`, and `events` as the telemetry recorded them.

Both are complete and clean here; :mod:`cs_models.data.simulation.dirt` spoils them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cs_models.data.simulation import arrow, contracts, names
from cs_models.data.simulation.activity import FEATURE_NAMES, LEAK, Activity
from cs_models.data.simulation.calendar import Flags, Ints, Small
from cs_models.data.simulation.merges import Merges
from cs_models.data.simulation.portfolio import Portfolio
from cs_models.data.simulation.scenarios import SEGMENTS

INDUSTRIES = (
    "Agriculture",
    "Education",
    "Energy",
    "Finance",
    "Health",
    "Hospitality",
    "Manufacturing",
    "Media",
    "Public",
    "Retail",
    "Software",
    "Transport",
)
REGIONS = ("AMER", "APAC", "EMEA")
REGION_SHARES = (0.45, 0.2, 0.35)
# Use of a day is rolled up once, at an hour that depends on the region (UTC).
ROLL_UP_HOUR = np.array([17, 3, 10], dtype=np.int32)
CHANNELS = ("partner", "inbound", "outbound", "event", "self_serve")
CHANNEL_SHARES = (0.2, 0.35, 0.25, 0.1, 0.1)
CSM_NAMES = ("tech", "pooled", "named")
ACCOUNTS_PER_CSM = 60


@dataclass(frozen=True)
class Telemetry:
    """One entry a row of `events`, as recorded.

    Attributes
    ----------
    account, user, feature, quantity : int
    hour : int, hours since 1970-01-01 UTC of `event_ts`
    known_hour : int, the same of `known_at`; -1 where the source does not say
    """

    account: Small
    user: Small
    feature: Small
    quantity: Small
    hour: Small
    known_hour: Small

    def keep(self, chosen: Ints | Flags) -> Telemetry:
        """Return the chosen rows."""
        columns = {name: getattr(self, name)[chosen] for name in Telemetry.__dataclass_fields__}
        return Telemetry(**columns)


def regions(portfolio: Portfolio, rng: np.random.Generator) -> Ints:
    """Draw each account's region."""
    return rng.choice(3, size=portfolio.size, p=REGION_SHARES)


def record(activity: Activity, region: Ints, merges: Merges) -> Telemetry:
    """Record activity as telemetry: one roll-up a day, known an hour later."""
    old = np.concatenate([np.arange(region.size), merges.old])
    hour = activity.day * 24 + ROLL_UP_HOUR[region[old[activity.account]]]
    known_hour = np.where(activity.feature == LEAK, np.int32(-1), hour + np.int32(1))
    return Telemetry(
        activity.account, activity.user, activity.feature, activity.quantity, hour, known_hour
    )


def events(telemetry: Telemetry, n_records: int, n_users: int, n_strangers: int) -> pa.Table:
    """Return the `events` table; ids stay dictionary-encoded, for there are many rows.

    Parameters
    ----------
    n_records, n_users : int
        Account records and logins that exist.
    n_strangers : int
        Account ids that exist nowhere; their numbers follow those of the records.
    """
    accounts = pa.concat_arrays(
        [
            arrow.ids("a-", np.arange(n_records)),
            arrow.ids("x-", np.arange(n_strangers)),
        ]
    )
    users = arrow.ids("u-", np.arange(n_users))
    features = pa.array(FEATURE_NAMES, pa.string())

    def coded(codes: Small, words: pa.Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes), words)

    return pa.table(
        {
            "event_ts": arrow.instants(0, hour=telemetry.hour),
            "account_id": coded(telemetry.account, accounts),
            "user_id": coded(telemetry.user, users),
            "feature": coded(telemetry.feature, features),
            "quantity": arrow.quantity(telemetry.quantity),
            "known_at": arrow.instants(
                0, hour=telemetry.known_hour, known=telemetry.known_hour >= 0
            ),
        }
    )


def accounts(
    portfolio: Portfolio,
    region: Ints,
    merges: Merges,
    rng: np.random.Generator,
) -> pa.Table:
    """Return the `accounts` table: first all first records, then the second ones of merges."""
    n = portfolio.size
    old = merges.old
    of = np.concatenate([np.arange(n), old])
    second = np.arange(of.size) >= n
    created = portfolio.start - rng.integers(3, 60, n)
    # The second record is opened the day before its first term.
    created = np.where(second, merges.day[of] - 1, created[of])
    company = names.companies(n, rng)
    label = pa.array([*company, *(f"{company[i]} Group" for i in old)], pa.string())
    employees = np.maximum(portfolio.seats * rng.uniform(1.5, 8.0, n), 3).astype(np.int64)
    csm = _csm(portfolio, rng)
    industry = rng.integers(0, len(INDUSTRIES), n)
    channel = rng.choice(len(CHANNELS), size=n, p=CHANNEL_SHARES)
    parent = np.where(second, -1, merges.number[of])
    csm_names = [f"csm-{kind}-{k:03d}" for kind in CSM_NAMES for k in range(_csm_count(n))]
    return pa.table(
        {
            "account_id": arrow.ids("a-", np.arange(of.size)),
            "account_name": label,
            "created_at": arrow.instants(created, hour=9),
            "segment": arrow.words(SEGMENTS, portfolio.segment[of]),
            "industry": arrow.words(INDUSTRIES, industry[of]),
            "region": arrow.words(REGIONS, region[of]),
            "plan": arrow.words(contracts.PLANS, contracts.plan(portfolio)[of]),
            "employees": arrow.whole(employees[of]),
            "csm_id": arrow.words(csm_names, csm[of]),
            "acquisition_channel": arrow.words(CHANNELS, channel[of]),
            "parent_account_id": arrow.ids("a-", np.maximum(parent, 0), known=parent >= 0),
        }
    )


def _csm_count(n_accounts: int) -> int:
    return max(1, n_accounts // 3 // ACCOUNTS_PER_CSM)


def _csm(portfolio: Portfolio, rng: np.random.Generator) -> Ints:
    """Give each account a member of the team of its tier: `csm_id` tells the tier."""
    team = _csm_count(portfolio.size)
    return (portfolio.tier + 1) * team + rng.integers(0, team, portfolio.size)
