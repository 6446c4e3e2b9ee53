"""The eight tables of a world: contract, references, point in time, dirt that is counted."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cs_models.data import contract, simulate
from cs_models.data.simulation import activity, arrow, calendar, dirt, names, scenarios

ARROW_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "category": pa.string(),
    "instant": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "money": pa.decimal128(18, 2),
    "quantity": pa.decimal128(18, 3),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


@pytest.fixture(scope="module")
def clean() -> simulate.World:
    """Return a world before dirt."""
    return simulate.customers(scenario="step", n_accounts=600, seed=9, dirty=False)


@pytest.fixture(scope="module")
def spoilt() -> simulate.World:
    """Return the same world with its dirt."""
    return simulate.customers(scenario="step", n_accounts=600, seed=9)


def test_tables_and_columns_are_those_of_the_contract(spoilt: simulate.World) -> None:
    """Contract: all tables but the CRM's scores, every column, in its type and only those."""
    assert set(spoilt.tables) == set(contract.TABLES) - {"health_scores"}
    for name, spec in contract.TABLES.items():
        if name not in spoilt.tables:
            continue
        schema = spoilt.tables[name].schema
        assert set(schema.names) == {column.name for column in spec.columns}, name
        for column in spec.columns:
            kind = schema.field(column.name).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            assert kind == ARROW_TYPES[column.kind], f"{name}.{column.name}"


def test_keys_are_unique_and_references_hold(clean: simulate.World) -> None:
    """References: before dirt every key is unique and every reference finds its row."""
    accounts = set(clean.tables["accounts"]["account_id"].to_pylist())
    users = clean.tables["users"].select(["user_id", "account_id"]).to_pandas()
    owner = users.set_index("user_id")["account_id"]
    assert owner.index.is_unique
    for name, table in clean.tables.items():
        spec = contract.TABLES[name]
        if spec.key:
            assert table.select(list(spec.key)).to_pandas().duplicated().sum() == 0, name
        assert set(pc.unique(table["account_id"].cast(pa.string())).to_pylist()) <= accounts
        if name != "users" and "user_id" in table.column_names:
            pairs = table.select(["user_id", "account_id"]).group_by(["user_id", "account_id"])
            seen = pairs.aggregate([]).to_pandas().dropna().astype(str)
            assert (owner.loc[seen["user_id"]].to_numpy() == seen["account_id"]).all(), name


def test_no_record_lies_outside_the_observed_days(clean: simulate.World) -> None:
    """Point in time: telemetry begins on data_start and nothing is known after as_of."""
    begin = datetime(2022, 7, 1, tzinfo=UTC)
    end = datetime(2026, 6, 30, tzinfo=UTC)
    events = clean.tables["events"]
    assert pc.min(events["event_ts"]).as_py() >= begin
    assert pc.max(events["known_at"]).as_py() < end
    assert pc.all(pc.greater(events["known_at"], events["event_ts"])).as_py()
    for name, column in (
        ("tickets", "opened_at"),
        ("tickets", "closed_at"),
        ("surveys", "answered_at"),
        ("touchpoints", "occurred_at"),
    ):
        assert pc.max(clean.tables[name][column]).as_py() < end


def test_nobody_acts_before_joining_or_after_leaving(clean: simulate.World) -> None:
    """People: a login's events lie between its creation and its deactivation."""
    events = clean.tables["events"].select(["user_id", "event_ts"])
    used = events.group_by("user_id").aggregate([("event_ts", "min"), ("event_ts", "max")])
    used = used.to_pandas().astype({"user_id": str})
    both = used.merge(clean.tables["users"].to_pandas(), on="user_id")
    assert len(both) == len(used)
    assert (both["event_ts_min"].dt.floor("D") >= both["created_at"].dt.floor("D")).all()
    left = both["deactivated_at"].notna()
    assert left.any()
    assert (both.loc[left, "event_ts_max"] <= both.loc[left, "deactivated_at"]).all()


def test_recorded_use_is_the_true_x(clean: simulate.World) -> None:
    """Truth: before dirt, the events of a term's first 60 days add up to x exactly."""
    events = clean.tables["events"]
    key = events.filter(pc.equal(events["feature"].cast(pa.string()), scenarios.KEY_FEATURE))
    frame = pd.DataFrame(
        {
            "account_id": key["account_id"].cast(pa.string()).to_pandas(),
            "day": key["event_ts"].to_pandas().dt.tz_localize(None).dt.floor("D"),
            "quantity": key["quantity"].cast(pa.float64()).to_pandas(),
        }
    )
    terms = clean.terms[clean.terms["evaluable"]]
    joined = terms.merge(frame, on="account_id")
    offset = (joined["day"] - joined["term_start"]).dt.days
    inside = joined[(offset >= 0) & (offset < 60)]
    counted = inside.groupby("subscription_id")["quantity"].sum()
    found = terms["subscription_id"].map(counted).fillna(0)
    assert (found.to_numpy() == terms["x"].to_numpy()).all()
    assert len(terms) > 300


def test_terms_follow_one_another_from_their_anchor(clean: simulate.World) -> None:
    """Terms: each begins where the last ended, and none follows one that ended in leaving."""
    rows = clean.tables["subscriptions"].to_pandas().sort_values(["account_id", "term_start"])
    next_start = rows.groupby("account_id")["term_start"].shift(-1)
    last = next_start.isna()
    assert (rows.loc[~last, "term_end"] == next_start[~last]).all()
    assert rows.loc[~last, "outcome"].isin(["renewed", "expanded", "contracted"]).all()
    assert set(rows["outcome"]) <= set(contract.OUTCOMES)


def test_pending_terms_tell_nothing_of_their_end(clean: simulate.World) -> None:
    """Terms: what was not decided by as_of is pending, without a date of decision or end."""
    rows = clean.tables["subscriptions"].to_pandas()
    pending = rows[rows["outcome"] == "pending"]
    as_of = clean.scenario.as_of
    assert pending["decided_at"].isna().all()
    assert pending["ended_at"].isna().all()
    assert rows.loc[rows["outcome"] != "pending", "decided_at"].notna().all()
    assert (rows["decided_at"].dropna() <= as_of).all()
    assert (rows["cancel_requested_at"].dropna() < as_of).all()


def test_some_running_terms_are_past_day_60_and_some_are_not(clean: simulate.World) -> None:
    """Today's book: running terms lie on both sides of their landmark."""
    rows = clean.tables["subscriptions"].to_pandas()
    running = rows[(rows["outcome"] == "pending")]
    months = pd.to_datetime(running["term_end"]) - pd.to_datetime(running["term_start"])
    running = running[months.dt.days > 120]
    age = (pd.Timestamp(clean.scenario.as_of) - pd.to_datetime(running["term_start"])).dt.days
    assert (age >= 60).sum() > 50
    assert (age < 60).sum() > 10


def test_dirt_is_counted(spoilt: simulate.World) -> None:
    """Dirt: what truth.json counts is what the tables hold."""
    counts = spoilt.truth["dirt"]
    events = spoilt.tables["events"]
    quantity = events["quantity"].cast(pa.float64())
    known = pa.array(spoilt.tables["accounts"]["account_id"].to_pylist())
    strangers = pc.invert(pc.is_in(events["account_id"].cast(pa.string()), known))
    assert pc.sum(strangers).as_py() == counts["events_of_unknown_account"] > 0
    assert pc.sum(pc.less(quantity, 0)).as_py() == counts["events_negative_quantity"] > 0
    assert pc.sum(pc.equal(quantity, 1e6)).as_py() == counts["events_huge_quantity"] > 0
    seats = spoilt.tables["subscriptions"]["seats"]
    assert seats.null_count == counts["subscriptions_seats_missing"] > 0
    parents = spoilt.tables["accounts"]["parent_account_id"]
    assert len(parents) - parents.null_count == counts["accounts_merged"] > 0
    same = events.group_by(events.column_names).aggregate([([], "count_all")])
    repeated = pc.sum(pc.subtract(same["count_all"], 1)).as_py()
    assert repeated == counts["events_duplicated"] > 0


def test_dirt_leaves_the_truth_recoverable(spoilt: simulate.World) -> None:
    """Dirt: late, lost and misnamed rows move the key feature by less than two in a hundred."""
    events = spoilt.tables["events"]
    key = pc.equal(events["feature"].cast(pa.string()), scenarios.KEY_FEATURE)
    sane = pc.and_(
        pc.greater(events["quantity"].cast(pa.float64()), 0),
        pc.less(events["quantity"].cast(pa.float64()), 1e6),
    )
    kept = pc.sum(events.filter(pc.and_(key, sane))["quantity"].cast(pa.float64())).as_py()
    clean = simulate.customers(scenario="step", n_accounts=600, seed=9, dirty=False)
    rows = clean.tables["events"]
    true_rows = rows.filter(pc.equal(rows["feature"].cast(pa.string()), scenarios.KEY_FEATURE))
    true = pc.sum(true_rows["quantity"].cast(pa.float64())).as_py()
    assert abs(kept / true - 1) < 0.02


def test_survey_silence_depends_on_vigour(clean: simulate.World) -> None:
    """Surveys: those who answer use the product more than those who do not."""
    answered = set(clean.tables["surveys"]["account_id"].to_pylist())
    terms = clean.terms[clean.terms["term_months"] > 1]
    inside = terms["account_id"].isin(answered)
    assert terms.loc[inside, "x"].mean() > 1.1 * terms.loc[~inside, "x"].mean()


def test_decoys_go_with_vigour_without_an_effect(clean: simulate.World) -> None:
    """Decoys: nine features, correlated about .3 to .7 with v, said to be without an effect."""
    listed = clean.truth["features"]
    decoys = [name for name, entry in listed.items() if entry["effect"] == "none"]
    assert len(decoys) == 9
    assert all(0.25 <= listed[name]["correlation_with_vigour"] <= 0.75 for name in decoys)
    assert len(activity.FEATURE_NAMES) == 14


def test_companies_are_different_and_invented() -> None:
    """Names: every company has its own, even beyond the word lists."""
    made = names.companies(70_000, np.random.default_rng(0))
    assert len(set(made)) == 70_000
    assert all(len(name.split()) >= 3 for name in made[:100])


def test_month_steps_do_not_drift() -> None:
    """Months: n single steps from an anchor are one step of n, clamped at month ends."""
    anchor = np.array([calendar.day(datetime(2024, 1, 31).date())])
    days = [calendar.add_months(anchor, n)[0] for n in range(4)]
    text = [str(np.datetime64(int(day), "D")) for day in days]
    assert text == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


def test_earlier_sums_restart_with_each_account() -> None:
    """Running sums: the worked example of the docstring."""
    account, values = np.array([1, 1, 1, 2, 2]), np.array([5, 3, 1, 7, 2])
    assert calendar.earlier_sum(account, values).tolist() == [0, 5, 8, 0, 7]


def test_money_keeps_its_cents() -> None:
    """Money: whole cents become decimals of the same amount, negative ones too."""
    made = [str(value) for value in arrow.money(np.array([1, 123456789, -250])).to_pylist()]
    assert made == ["0.01", "1234567.89", "-2.50"]


def test_the_shift_of_a_source_never_puts_use_after_its_arrival(spoilt: simulate.World) -> None:
    """Time zones: the source in another zone stamps too early, so nothing is known beforehand."""
    events = spoilt.tables["events"]
    shifted = pc.equal(events["feature"].cast(pa.string()), dirt.SHIFTED_FEATURE)
    rows = events.filter(shifted)
    lag = pc.subtract(rows["known_at"].cast(pa.int64()), rows["event_ts"].cast(pa.int64()))
    assert pc.min(lag).as_py() == 9 * 3600 * 1_000_000
