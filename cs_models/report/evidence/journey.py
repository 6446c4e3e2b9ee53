"""The frames behind "where are customers and users on the way, and where do journeys break".

Grain in: what is known of accounts and users on each day, and the rules of their stages.  Grain
out: one row per stay, and per stage, pair of stages, or account for what is shown of them.  Chances
are 0 to 1, times are days.  ``methods.md`` 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.adoption import Definition
from cs_models.features.daily import accounts, known, users
from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.known import Known
from cs_models.features.daily.stretches import Stretches
from cs_models.learn import journey
from cs_models.learn.journey import Breaks, Rules, Usable
from cs_models.report.evidence import journey_levels as levels

N_BOOT: Final = 200
ADOPTED: Final = journey.ADOPTED
WHOLE: Final = "all customers"
NOT_RECORDED: Final = "not recorded"
_MOST_STUCK: Final = 500
_FACTS: Final = (
    "arr", "segment", "onboarding_overdue_steps__to_date", "goals_reached__to_date",
    "days_without_use", "days_to_renewal",
)  # fmt: skip


@dataclass(frozen=True)
class Journey:
    """Where accounts, or users, were on every day.

    Attributes
    ----------
    told : Usable
        The rules as far as the records can answer them.
    stays : DataFrame, one row per stay
        As ``learn.journey.stays`` returns them.
    now : DataFrame, one row per thing
        The open stays, with ``days`` in them.
    thing : str
        "account_id" or "user_id".
    as_of, data_start : datetime.date
    n_days : int
        Days looked at, all things together; each in one stage.
    why_not : str
        Why nothing is known; "" where something is.
    adopted_day : Series of float, by account, or None
        Days since the customer began at which it first met the definition; missing: not yet.
        None where nothing is defined.
    terms : Terms or None
        The contracts, of accounts.
    """

    told: Usable
    stays: pd.DataFrame
    now: pd.DataFrame
    thing: str
    as_of: date
    data_start: date
    n_days: int
    why_not: str = ""
    adopted_day: pd.Series | None = None
    terms: Terms | None = None

    @property
    def rules(self) -> Rules:
        """Return the rules as far as they can be answered."""
        return self.told.rules

    @property
    def order(self) -> tuple[str, ...]:
        """Return the stages in the order of the page."""
        return self.rules.order


def records(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    definition: Definition | None,
    why_undefined: str,
    data_start: date | None,
    grace_days: int,
) -> Known:
    """Read what accounts and users are looked at with; see ``features.daily.known.read``."""
    return known.read(
        tables,
        as_of,
        definition=definition,
        why_undefined=why_undefined,
        data_start=data_start,
        grace_days=grace_days,
    )


def of_accounts(told: Known, rules: Rules, segment_by: str | None) -> Journey:
    """Follow every account through the stages.

    Parameters
    ----------
    told : Known
    rules : Rules
        Of accounts.
    segment_by : str or None
        Column whose values are compared.
    """
    found = accounts.stretches(told, journey.levels(rules))
    keep = (*_FACTS, *([segment_by] if segment_by and segment_by not in _FACTS else []))
    followed = _followed(found, rules, "account_id", keep)
    names = told.attributes["account_name"].reindex(followed.now["account_id"])
    stays, now = (
        frame.assign(group=_group(frame, segment_by)) for frame in (followed.stays, followed.now)
    )
    now = now.assign(account_name=names.fillna("").to_numpy())
    now = now.assign(below=levels.below(told, now["account_id"]))
    days = levels.adopted_day(told)
    return replace(followed, stays=stays, now=now, adopted_day=days, terms=told.terms)


def of_users(told: Known, rules: Rules) -> Journey:
    """Follow every user through the stages.

    Parameters
    ----------
    told : Known
    rules : Rules
        Of users.
    """
    found = users.stretches(told, journey.levels(rules))
    if found.frame.empty:
        why = next(iter(found.absent.values()), "no login was made yet")
        flags, days = ("moved", "entry_seen"), ("start", "stop", "days")
        texts = ("user_id", "account_id", "stage", "next_stage", "previous_stage", "role")
        kinds = {**dict.fromkeys(texts, object), **dict.fromkeys(flags, bool),
                 **dict.fromkeys(days, float)}  # fmt: skip
        none = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
        told_ = Usable(rules, {}, {})
        return Journey(told_, none, none, "user_id", told.as_of, told.data_start, 0, why)
    return _followed(found, rules, "user_id", ("role",))


def today(followed: Journey, lasting: pd.DataFrame) -> pd.DataFrame:
    """Count who is in each stage today.

    Parameters
    ----------
    followed : Journey
    lasting : DataFrame
        What ``lasting`` returned.

    Returns
    -------
    DataFrame, one row per stage, in order
        ``stage``, ``n`` (things), ``n_accounts``, ``share`` (of those that have not ended; NaN for
        those that have), ``arr`` (of accounts; currency a year), ``median_days`` (so far, of those
        in it), ``usual`` (days after which half have moved on; NaN where not reached), ``means``,
        ``n_below``, ``arr_below`` (accounts whose running contract did not meet the definition;
        NaN where nothing is defined), ``n_open`` (whose running contract cannot be judged yet).
    """
    now = followed.now.assign(arr=followed.now.get("arr", pd.Series(np.nan, followed.now.index)))
    grouped = now.groupby("stage")
    found = grouped.agg(
        n=("stage", "size"), n_accounts=("account_id", "nunique"), arr=("arr", "sum"),
        median_days=("days", "median"),
    )  # fmt: skip
    found = found.reindex(list(followed.order))
    counts = ["n", "n_accounts"]
    found[counts] = found[counts].fillna(0).astype("int64")
    ended = found.index.isin(followed.rules.of("ended"))
    running = float(found.loc[~ended, "n"].sum())
    found["share"] = np.where(ended, np.nan, found["n"] / max(running, 1.0))
    found["arr"] = found["arr"].fillna(0.0)
    usual = lasting.set_index("stage")["median"]
    found["usual"] = usual.reindex(found.index)
    found["means"] = [followed.rules.named(name).words for name in found.index]
    found = found.join(levels.counted(now))
    found.loc[ended, "n_open"] *= 0.0  # no contract runs that could still be judged
    return found.rename_axis("stage").reset_index()


def lasting(followed: Journey, rng: np.random.Generator) -> pd.DataFrame:
    """Say how long each stage lasts; see ``learn.journey.lasting``."""
    names = [name for name in followed.order if name not in followed.rules.of("ended")]
    n_boot = N_BOOT if followed.thing == "account_id" else 0
    return journey.lasting(followed.stays, names, n_boot=n_boot, rng=rng)


def breaks(followed: Journey, rng: np.random.Generator) -> Breaks:
    """Find where more leave the way than all stages together would let expect."""
    rules = followed.rules
    # An end that is no loss is no trouble either: nobody knows what became of who comes there.
    over = tuple(name for name in rules.of("ended") if name in rules.lost)
    trouble = (*rules.of("beside"), *over)
    return journey.breaks(followed.stays, rules.path, trouble, losing=rules.lost, rng=rng)


def stuck(followed: Journey, lasting_: pd.DataFrame) -> pd.DataFrame:
    """List the accounts that have been in an early stage for longer than three in four were.

    Parameters
    ----------
    followed : Journey
        Of accounts.
    lasting_ : DataFrame
        What `lasting` returned.

    Returns
    -------
    DataFrame, one row per account, the most money first
        ``account_id``, ``account_name``, ``group``, ``stage``, ``entered_on``, ``days``, ``usual``,
        ``long``, ``arr``, and what is known of it today.
    """
    early = followed.rules.early
    about = lasting_.set_index("stage")[["median", "long"]]
    now = followed.now[followed.now["stage"].isin(early)].join(about, on="stage")
    late = now[(now["days"] > now["long"]).fillna(False)]
    late = late.rename(columns={"median": "usual"}).sort_values(
        ["arr", "account_id"], ascending=[False, True], ignore_index=True
    )
    return late.head(_MOST_STUCK)


def after_long(followed: Journey, lasting_: pd.DataFrame) -> pd.DataFrame:
    """Say what became of those who were in an early stage for long; see `levels.after_long`."""
    rules = followed.rules
    return levels.after_long(followed.stays, followed.terms, rules, lasting_, followed.as_of)


def moves(followed: Journey) -> pd.DataFrame:
    """Count the moves between stages; see ``learn.journey.moves``."""
    return journey.moves(followed.stays, followed.order)


def counts(followed: Journey, people: Journey) -> dict[str, int]:
    """Return what the page was made from."""
    return {
        "n_accounts": len(followed.now),
        "n_account_days": followed.n_days,
        "n_stays": len(followed.stays),
        "n_moves": int(followed.stays["moved"].sum()),
        "n_seen_to_begin": int((followed.stays["start"] <= 0).sum()),
        "n_users": len(people.now),
        "n_user_days": people.n_days,
    }


def _followed(found: Stretches, rules: Rules, thing: str, keep: Sequence[str]) -> Journey:
    told = journey.usable(rules, found.absent)
    frame = found.frame
    stays = journey.stays(frame, told.rules, thing=thing, keep=keep)
    days = int(((frame["to_day"] - frame["from_day"]).dt.days + 1).sum())
    now = journey.days_in(stays, found.as_of)
    return Journey(told, stays, now, thing, found.as_of, found.data_start, days)


def _group(frame: pd.DataFrame, by: str | None) -> pd.Series:
    if by is None:
        return pd.Series(WHOLE, index=frame.index)
    return frame[by].astype(object).where(frame[by].notna(), NOT_RECORDED).astype(str)


def staged(today_: pd.DataFrame) -> pd.DataFrame:
    """Return the stages of today as ``results.json`` holds them."""
    names = ["stage", "n_accounts", "arr", "share", "median_days", "usual", "n_below", "arr_below"]
    return today_[names]


def listed(now: pd.DataFrame) -> pd.DataFrame:
    """Return accounts with their stage as a file for others: ids, stage, since, days, money."""
    facts = [
        name for name in ("usual", *_FACTS, "below") if name in now and name not in ("segment",)
    ]
    columns = ["account_id", "account_name", "group", "stage", "entered_on", "days", *facts]
    return now[columns].sort_values("account_id", ignore_index=True)
