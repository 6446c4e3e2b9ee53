"""Usage columns: worked by hand, against independent pandas, and blind to the future."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.config import Config

from cs_models.features import catalogue, cohort, panel
from cs_models.features.usage import counts

TERM = (date(2024, 1, 1), date(2025, 1, 1))  # D = 2024-10-03
AS_OF = date(2025, 3, 31)
LATER = date(2024, 12, 31)
slow = settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def row_of(tables: dict[str, ir.Table], **settings: object) -> pd.Series:
    """Return the only row of a panel 90 days before the renewal."""
    found = cohort.terms(tables, AS_OF, days=90, data_start=date(2023, 1, 1))
    frame = panel.build(tables, found, min_accounts=1, **settings)
    assert len(frame) == 1
    return frame.iloc[0]


def usage_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the usage columns alone, by subscription."""
    columns = [name for name in frame.columns if catalogue.parse(name)]
    return frame.set_index("subscription_id")[columns].sort_index()


def test_the_windows_of_the_dated_example(small: SimpleNamespace) -> None:
    """D = 2024-10-03: the 2nd counts, the 3rd does not; 7 days begin on 2024-09-26."""
    events = [
        small.event(date(2024, 10, 3), quantity=Decimal(1000)),
        small.event(date(2024, 10, 2), quantity=Decimal("2.5"), user_id="u2"),
        small.event(date(2024, 9, 26), quantity=None),
        small.event(date(2024, 9, 25), quantity=Decimal(10), feature="g", user_id=None),
        small.event(date(2024, 9, 5), quantity=Decimal(20)),
        small.event(date(2024, 9, 4), quantity=Decimal(40)),
        small.event(date(2024, 1, 1), quantity=Decimal(7)),
        small.event(date(2024, 2, 29), quantity=Decimal(5)),
        small.event(date(2024, 3, 1), quantity=Decimal(3)),
        small.event(date(2023, 12, 31), quantity=Decimal(9)),
    ]
    row = row_of(small.world([small.term("s1", *TERM)], events), first_days=(60,))
    expected = {
        "events__last_7d": 3.5,
        "events__last_28d": 33.5,
        "events__last_90d": 73.5,
        "events__first_60d": 12.0,
        "active_users__last_7d": 2,
        "active_users__last_28d": 2,
        "active_users__first_60d": 1,
        "active_days__last_7d": 2,
        "active_days__last_28d": 4,
        "active_days__last_90d": 5,
        "active_days__first_60d": 2,
        "distinct_features__last_7d": 1,
        "distinct_features__last_28d": 2,
        "distinct_features__first_60d": 1,
        "seat_utilisation__last_7d": 0.2,
        "days_since_last_use__to_date": 1,
        "trend__last_28d": 34.0 / 40.5,
        "spike__last_30d": 2 * 74.0 / 1.0,
        "events__f__last_7d": 3.5,
        "events__g__last_28d": 10.0,
        "users__f__last_28d": 2,
        "users__g__last_28d": 0,
        "events_per_seat__f__last_28d": 2.35,
        "events__f__first_60d": 12.0,
        "users__f__first_60d": 1,
        "days_to_first__f__to_date": 0,
        "days_to_first__g__to_date": 268,
    }
    assert {name: row[name] for name in expected} == expected


def test_a_late_event_is_seen_by_the_points_that_could_have_seen_it(
    small: SimpleNamespace,
) -> None:
    """Happened on 2024-09-01, known on D itself: it counts; known a day later: it does not."""
    on_time = small.event(date(2024, 9, 1), known_date=date(2024, 10, 3))
    too_late = small.event(date(2024, 9, 1), known_date=date(2024, 10, 4), user_id="u9")
    row = row_of(small.world([small.term("s1", *TERM)], [on_time, too_late]))
    assert row["events__last_90d"] == 1
    assert row["active_users__last_90d"] == 1
    later = [
        small.term("s1", *TERM),
        small.term("s2", date(2024, 1, 2), date(2025, 1, 2), account_id="A"),
    ]
    tables = small.world(later, [on_time, too_late])
    found = cohort.terms(tables, AS_OF, data_start=date(2023, 1, 1))
    frame = panel.build(tables, found, min_accounts=1).set_index("subscription_id")
    assert frame["events__last_90d"].to_dict() == {"s1": 1.0, "s2": 2.0}


def test_nothing_recorded_is_missing_and_nothing_used_is_zero(small: SimpleNamespace) -> None:
    """Recorded since 2024-09-01: 28 days are known, 90 and the trend's 56 are not."""
    terms = [small.term("s1", *TERM), small.term("s2", *TERM, account_id="B")]
    tables = small.world(terms, [small.event(date(2024, 9, 1))])
    found = cohort.terms(tables, AS_OF)
    frame = panel.build(tables, found, first_days=(30,), min_accounts=1)
    for name in ("events__last_90d", "active_users__last_90d", "trend__last_28d",
                 "spike__last_30d", "events__f__last_90d", "events__first_30d",
                 "users__f__first_30d", "days_to_first__f__to_date"):  # fmt: skip
        assert frame[name].isna().all(), name
    for name in ("events__last_28d", "active_users__last_28d", "users__f__last_28d"):
        assert frame[name].tolist() == [0, 0], name
    assert frame["days_since_last_use__to_date"].tolist() == [32, pd.NA]


def test_first_days_not_yet_over_are_missing(small: SimpleNamespace) -> None:
    """At D = start + 60 the first 60 days are known, the first 61 are not."""
    tables = small.world([small.term("s1", *TERM)], [small.event(date(2024, 2, 1))])
    found = cohort.terms(
        tables, AS_OF, decision="after_start", days=60, data_start=date(2023, 1, 1)
    )
    row = panel.build(tables, found, first_days=(30, 60, 61), min_accounts=1).iloc[0]
    assert row["events__first_30d"] == 0
    assert row["events__first_60d"] == 1
    assert pd.isna(row["events__first_61d"])
    assert row["days_to_first__f__to_date"] == 31


def test_rates_without_usage_or_seats_are_finite_or_missing(small: SimpleNamespace) -> None:
    """No use in both windows is a ratio of 1; no seats is no utilisation, never infinity."""
    terms = [
        small.term("none", *TERM, seats=None),
        small.term("zero", *TERM, seats=0, account_id="B"),
        small.term("ten", *TERM, seats=10, account_id="C"),
    ]
    tables = small.world(terms, [small.event(date(2024, 2, 1))])
    found = cohort.terms(tables, AS_OF, data_start=date(2023, 1, 1))
    frame = panel.build(tables, found, min_accounts=1).set_index("subscription_id")
    assert frame["trend__last_28d"].tolist() == [1.0, 1.0, 1.0]
    assert frame["spike__last_30d"].tolist() == [1.0, 1.0, 1.0]
    utilisation = frame["seat_utilisation__last_28d"]
    assert utilisation[["none", "zero"]].isna().all()
    assert utilisation["ten"] == 0.0


def test_use_before_the_term_is_nought_for_the_unborn_and_missing_for_the_unrecorded(
    small: SimpleNamespace,
) -> None:
    """The day of the start is in the term; 90 days before it are known if they were recorded."""
    events = [
        small.event(date(2024, 1, 1), user_id="u9"),
        small.event(date(2023, 12, 31), quantity=Decimal(2)),
        small.event(date(2023, 10, 3), quantity=Decimal(4), user_id="u2"),
        small.event(date(2023, 10, 2), quantity=Decimal(8), user_id="u3"),
        small.event(date(2023, 12, 1), quantity=Decimal(16), known_date=LATER),
    ]
    terms = [small.term("s1", *TERM), small.term("s2", *TERM, account_id="B")]
    tables = small.world(terms, events)
    for recorded, expected in ((date(2023, 10, 3), [6.0, 0.0]), (date(2023, 10, 4), [None] * 2)):
        found = cohort.terms(tables, AS_OF, data_start=recorded)
        frame = panel.build(tables, found, before_days=(90,), min_accounts=1, features=["f"])
        values = frame["events__before_90d"]
        assert [None if pd.isna(value) else value for value in values] == expected
        users = frame["active_users__before_90d"]
        assert users.isna().all() if expected[0] is None else users.tolist() == [2, 0]
        assert frame["events__f__last_90d"].tolist() == [0.0, 0.0]


def test_a_feature_is_missing_where_the_product_did_not_have_it(small: SimpleNamespace) -> None:
    """Released in mid-2023: terms begun before know nothing of it, and of all else as before."""
    release = date(2023, 7, 1)
    terms, events = [], []
    for k in range(25):
        for place, start in enumerate((date(2023, 2, 1), date(2024, 2, 1))):
            end = start.replace(year=start.year + 1)
            terms.append(small.term(f"A{k}-{place}", start, end, account_id=f"A{k}"))
        events.append(small.event(date(2023, 1, 1), account_id=f"A{k}"))
        events.append(small.event(release + timedelta(days=k), account_id=f"A{k}", feature="new"))
    tables = small.world(terms, events)
    found = cohort.terms(tables, AS_OF, decision="after_start", days=180)
    frame = panel.build(tables, found, windows_days=(20, 90), first_days=(60, 170), min_accounts=1)
    assert frame.attrs["recipe"]["appeared"] == ["", release.isoformat()]
    early = (frame["term_start"] < pd.Timestamp(release)).to_numpy()
    for kind in ("events", "users", "events_per_seat", "share", "events_per_user"):
        for days in (60, 170):
            assert frame.loc[early, f"{kind}__new__first_{days}d"].isna().all(), kind
    assert frame["days_to_first__new__to_date"].isna().all()
    assert frame.loc[early, "events__new__last_20d"].eq(1).sum() == 15
    assert frame.loc[early, "events__new__last_90d"].isna().all()
    assert frame.loc[~early, "events__new__first_60d"].eq(0).all()
    assert frame["events__f__first_60d"].eq(0).all()
    # What came late is no part of breadth: it would tell when a term began.
    assert frame["distinct_features__first_170d"].eq(0).all()


def number(measure: catalogue.Measure, row: Any, own: list[Any], recorded: date) -> float:
    """Compute one usage number with sets and sums, sharing no code with the library."""
    cut, begun = row.as_of_date.date(), row.term_start.date()
    seats = float(row.seats) if not pd.isna(row.seats) and row.seats > 0 else np.nan
    used = [e for e in own if measure.feature in (None, e.feature)]
    kind, days = measure.measure, timedelta(days=measure.days or 0)
    if kind == "days_since_last_use":
        return (cut - max(e.event_date for e in used)).days if used else np.nan
    if kind == "days_to_first":
        in_term = [e.event_date for e in used if e.event_date >= begun]
        return (min(in_term) - begun).days if in_term and begun >= recorded else np.nan
    low, high = (cut - days, cut) if measure.anchor == "last" else (begun, begun + days)
    if measure.anchor == "before":
        low, high = begun - days, begun
    base = low - timedelta(days={"trend": 28, "spike": 60}.get(kind, 0))
    if base < recorded or high > cut:
        return np.nan
    seen = [e for e in used if low <= e.event_date < high]
    total = sum(e.amount for e in seen)
    earlier = sum(e.amount for e in used if base <= e.event_date < low)
    users = len({e.user_id for e in seen} - {None})
    everybody = [e for e in own if low <= e.event_date < high]
    active = len({e.user_id for e in everybody} - {None})
    dates = [low + timedelta(days=k) for k in range((high - low).days)]
    workdays = {day for day in dates if day.strftime("%a") not in ("Sat", "Sun")}
    worked = {
        (e.user_id, e.event_date)
        for e in everybody
        if e.user_id is not None and e.event_date in workdays
    }
    return {
        "events": total,
        "users": users,
        "active_users": users,
        "active_days": len({e.event_date for e in seen}),
        "distinct_features": len({e.feature for e in seen}),
        "seat_utilisation": users / seats,
        "events_per_seat": total / seats,
        "share": total / (sum(e.amount for e in everybody) or np.nan),
        "events_per_user": total / (active or np.nan),
        "daily_active_share": len(worked) / (active * len(workdays) or np.nan),
        "trend": (total + 0.5) / (earlier + 0.5),
        "spike": 2 * (total + 0.5) / (earlier + 1),
    }[kind]


def by_hand(tables: dict[str, ir.Table], frame: pd.DataFrame, recorded: date) -> pd.DataFrame:
    """Compute every usage column of a panel one number at a time."""
    events = [SimpleNamespace(**row) for row in tables["events"].to_pyarrow().to_pylist()]
    for event in events:
        event.amount = 1.0 if event.quantity is None else float(event.quantity)
    measures = [m for m in map(catalogue.parse, frame.columns) if m]
    rows = {}
    for row in frame.itertuples():
        cut = row.as_of_date.date()
        own = [
            e
            for e in events
            if e.account_id == row.account_id and e.event_date < cut and e.known_date <= cut
        ]
        rows[row.subscription_id] = {m.column: number(m, row, own, recorded) for m in measures}
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()


@settings(slow, max_examples=4)
@given(
    seed=st.integers(0, 2**32 - 1),
    decision=st.sampled_from(["before_renewal", "after_start"]),
    recorded=st.sampled_from([date(2022, 1, 1), date(2022, 5, 15)]),
    first_days=st.sampled_from([(), (14, 30)]),
)
def test_every_number_equals_an_independent_computation(
    small: SimpleNamespace, seed: int, decision: str, recorded: date, first_days: tuple[int, ...]
) -> None:
    """Late events, several terms an account, unnamed users, no seats: pandas says the same."""
    tables = small.random_world(seed)
    found = cohort.terms(tables, AS_OF, decision=decision, days=30, data_start=recorded)
    frame = panel.build(tables, found, first_days=first_days, before_days=(20,), min_accounts=1)
    if frame.empty:
        return
    ours = usage_of(frame).astype("float64")
    pd.testing.assert_frame_equal(
        ours,
        by_hand(tables, frame, recorded)[ours.columns].astype("float64"),
        rtol=1e-12,
        check_names=False,
    )


@slow
@given(seed=st.integers(0, 2**32 - 1))
def test_what_happens_or_becomes_known_later_changes_no_number(
    small: SimpleNamespace, seed: int
) -> None:
    """Events after every decision date, or known after it, leave each bit as it was."""
    tables = small.random_world(seed)
    found = cohort.terms(tables, AS_OF, days=30, data_start=date(2022, 1, 1))
    frame = panel.build(tables, found, windows_days=(28,), min_accounts=1)
    last = max(found.points.as_of_date.execute()).date()
    future = [
        small.event(last + timedelta(days=k), account_id=f"A{k % 12}", feature="f")
        for k in range(30)
    ] + [
        small.event(last - timedelta(days=5 * k), known_date=last + timedelta(days=1),
                    account_id=f"A{k % 12}", feature="f", quantity=Decimal(999))
        for k in range(60)
    ]  # fmt: skip
    more = {
        **tables,
        "events": ibis.union(tables["events"], small.memory(future, small.schemas["events"])),
    }
    again = panel.make(more, found, panel.recipe_of(frame))
    pd.testing.assert_frame_equal(usage_of(frame), usage_of(again))


@slow
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_nothing(small: SimpleNamespace, seed: int) -> None:
    """Sorted backwards, every table gives the same panel, row for row."""
    tables = small.random_world(seed)
    turned = {
        name: table.order_by([ibis.desc(c) for c in table.columns[:6]])
        for name, table in tables.items()
    }
    frames = [
        panel.build(
            world,
            cohort.terms(world, AS_OF, days=30),
            windows_days=(28,),
            first_days=(30,),
            min_accounts=1,
        )
        for world in (tables, turned)
    ]
    pd.testing.assert_frame_equal(*frames)


def test_any_number_of_features_fits(small: SimpleNamespace) -> None:
    """150 features give 150 times the columns, each with its own number."""
    events = [
        small.event(date(2024, 9, 20), feature=f"f{k:03d}", quantity=Decimal(k + 1))
        for k in range(150)
    ]
    row = row_of(small.world([small.term("s1", *TERM)], events), windows_days=(28,))
    assert row["distinct_features__last_28d"] == 150
    assert [row[f"events__f{k:03d}__last_28d"] for k in range(150)] == list(range(1, 151))


def canonical(small: SimpleNamespace) -> tuple[ir.Table, ir.Table]:
    """Return unbound canonical events and points."""
    events = ibis.table(small.schemas["events"], name="events")
    points = ibis.table(
        {
            "subscription_id": "string",
            "account_id": "string",
            "as_of_date": "date",
            "term_start": "date",
            "seats": "int64",
        },
        name="points",
    )
    return events, points


REQUEST = counts.Request((7, 28), (30,), ("f", "it's </script>"), ("f",), (20,))


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_the_expression_compiles_for_other_engines(small: SimpleNamespace, dialect: str) -> None:
    """The same expression is SQL for DuckDB and PostgreSQL, with the point-in-time rule in it."""
    sql = str(ibis.to_sql(counts.expression(*canonical(small), REQUEST), dialect=dialect))
    assert '"known_date" <= ' in sql
    assert '"event_date" < ' in sql


def test_the_expression_compiles_for_spark(
    small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark SQL too; without a Spark session Ibis lacks the one option its compiler reads."""

    class SparkOptions(Config):
        treat_nan_as_null: bool = False

    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    expression = counts.expression(*canonical(small), REQUEST)
    sql = PySparkCompiler().to_sqlglot(expression).sql(dialect="spark")
    assert "`known_date` <= " in sql
    assert "`event_date` < " in sql


def test_no_feature_text_becomes_sql(small: SimpleNamespace) -> None:
    """A feature's text travels as data, so that it can be of any length and hold anything."""
    sql = str(ibis.to_sql(counts.expression(*canonical(small), REQUEST), dialect="duckdb"))
    assert "</script" not in sql
