"""Candidates planted in invented customers' records are on the lists that this project ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cs_models.data import simulate, sources
from cs_models.learn import lists
from cs_models.learn.lists import CustomerList
from cs_models.report.evidence import horizons
from cs_models.run import lists_file

OVER, DEEP = 6, 8  # accounts that are given more users than seats; that lose a feature
NEVER = "template_used"
FOUND, ASTRAY = 0.9, 1  # of the planted at least; beyond those listed before at most
OPTIONS = {"windows_days": (28, 90), "first_days": (60,), "min_accounts": 20,
           "export_features": None}  # fmt: skip
Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Planted:
    """Who stands on each shipped list, before and after the records were changed."""

    before: Mapping[str, pd.DataFrame]
    after: Mapping[str, pd.DataFrame]
    over: frozenset[str]
    deep: frozenset[str]

    def listed(self, name: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the accounts on a list before and after."""
        return tuple(frozenset(rows[name]["account_id"]) for rows in (self.before, self.after))


def known(tables: Tables, folder: Path, as_of: object) -> pd.DataFrame:
    """Read records as a run does, and return the frame that lists are judged on.

    Everybody has one chance of leaving, so that use alone says who is listed.
    """
    folder.mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    read = sources.read(sources.Source(path=str(folder)), as_of=as_of)
    today = horizons.standing(read, as_of=as_of, data_start=None, options=OPTIONS)
    chance = pd.DataFrame({"subscription_id": today["subscription_id"], "p_churn": 0.1})
    touched = lists.contacts.ours(read)
    return lists.accounts.frame(
        today, chance, touched=touched, play_days=90, play=None, definition=None, by=["segment"]
    )


def crowded(tables: Tables, accounts: pd.DataFrame, as_of: object) -> Tables:
    """Give accounts a third more users than seats, each there on a few of the last 20 days."""
    events, users = [], []
    for account, seats in zip(accounts["account_id"], accounts["seats"], strict=True):
        for number in range(int(np.ceil(seats * 4 / 3))):
            name = f"{account}-new-{number}"
            users.append((name, account, pd.Timestamp(as_of) - pd.Timedelta(days=40)))
            events += [
                (pd.Timestamp(as_of) - pd.Timedelta(days=back), account, name)
                for back in (3, 9, 16)
            ]  # fmt: skip
    when, account, user = zip(*events, strict=True)
    more = pd.DataFrame({"event_ts": when, "account_id": account, "user_id": user,
                         "feature": "search_run", "quantity": None, "known_at": None})  # fmt: skip
    name, of, made = zip(*users, strict=True)
    logins = pd.DataFrame({"user_id": name, "account_id": of, "person_id": None, "role": "member",
                           "created_at": made, "deactivated_at": None})  # fmt: skip
    return {**tables, "events": stacked(tables["events"], more),
            "users": stacked(tables["users"], logins)}  # fmt: skip


def stacked(table: pa.Table, more: pd.DataFrame) -> pa.Table:
    """Put rows below a table, in its columns; ids as plain text."""
    plain = pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    )
    for name in ("event_ts", "created_at"):
        if name in more:
            more[name] = more[name].dt.tz_localize("UTC")
    rows = pa.Table.from_pandas(more[plain.names], plain, preserve_index=False)
    return pa.concat_tables([table.cast(plain), rows])


def without(tables: Tables, accounts: frozenset[str], feature: str) -> Tables:
    """Drop every use of a feature by some accounts."""
    events = tables["events"]
    mine = pc.is_in(events["account_id"].cast(pa.string()), pa.array(sorted(accounts)))
    gone = pc.and_(mine, pc.equal(events["feature"].cast(pa.string()), feature))
    return {**tables, "events": events.filter(pc.invert(gone))}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Planted:
    """Return the shipped lists of a world, and of the same world with candidates planted in it.

    Planted in accounts that nobody has spoken to for three weeks, who are not in notice and have
    no severe case open: other criteria of the lists are not what is looked at here.
    """
    folder = tmp_path_factory.mktemp("lists")
    world = simulate.customers(scenario="step", n_accounts=150, seed=3, dirty=False)
    as_of = world.scenario.as_of
    before = known(world.tables, folder / "before", as_of)
    calm = before[
        (before["days_since_our_contact__to_date"].fillna(999) > 21)
        & ~before["in_notice"].astype(bool)
        & before["open_severe_tickets__to_date"].eq(0)
        & before["seats"].gt(0)
        & before["unused_features"].eq(0)
    ].drop_duplicates("account_id")
    rng = np.random.default_rng(8)
    deep = frozenset(calm[calm["depth_rank"] >= 0.75].sample(DEEP, random_state=rng)["account_id"])
    over = calm[~calm["account_id"].isin(deep)].sample(OVER, random_state=rng)
    altered = crowded(without(world.tables, deep, NEVER), over, as_of)
    after = known(altered, folder / "after", as_of)
    shipped = {one.name: one for one in lists_file.read(project_root / "parameters/lists")}
    return Planted(
        before=made(shipped, before), after=made(shipped, after),
        over=frozenset(over["account_id"]), deep=deep,
    )  # fmt: skip


def made(shipped: Mapping[str, CustomerList], frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of the lists that use alone decides."""
    names = ("over_use", "expansion", "unused_area")
    return {name: lists.make(shipped[name], frame).rows for name in names}


@pytest.mark.parametrize("name", ["over_use", "expansion"])
def test_planted_over_use_is_recovered(planted: Planted, name: str) -> None:
    """Accounts given more users than seats are on both lists that look for them; nobody new is."""
    before, after = planted.listed(name)
    assert not before & planted.over
    assert len(after & planted.over) >= FOUND * OVER
    assert len(after - planted.over - before) <= ASTRAY
    assert before - planted.over <= after


def test_planted_unused_area_is_recovered(planted: Planted) -> None:
    """Deep accounts that lost all use of one feature are listed with its name; few others are."""
    before, after = planted.listed("unused_area")
    assert not before & planted.deep
    assert len(after & planted.deep) >= FOUND * DEEP
    assert len((after ^ before) - planted.deep) <= ASTRAY
    rows = planted.after["unused_area"].set_index("account_id")["unused_names"]
    assert set(rows[rows.index.isin(planted.deep)]) == {NEVER}


def test_what_was_planted_for_one_list_is_not_on_another(planted: Planted) -> None:
    """Who lost a feature has no more users than before, and who is crowded lost no feature."""
    assert not planted.listed("over_use")[1] & planted.deep
    assert not planted.listed("unused_area")[1] & planted.over
