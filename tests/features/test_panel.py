"""The panel's grain, order, types and what it leaves out by name."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import ibis
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError
from cs_models.features import adoption, catalogue, cohort, panel

AS_OF = date(2025, 3, 31)
START = date(2023, 1, 1)


def test_one_row_a_term_in_a_fixed_order(small: SimpleNamespace) -> None:
    """Ordered by account, term start and id, each (subscription_id, as_of_date) once."""
    tables = small.random_world(3, n_accounts=20)
    found = cohort.terms(tables, AS_OF, days=30)
    frame = panel.build(tables, found, min_accounts=1)
    assert len(frame) == found.terms.count().execute()
    assert not frame.duplicated(["subscription_id", "as_of_date"]).any()
    ordered = frame.sort_values(["account_id", "term_start", "subscription_id"])
    assert ordered.index.tolist() == list(range(len(frame)))
    assert list(frame.columns[: len(found.terms.columns)]) == list(found.terms.columns)


def test_types_can_be_missing_without_changing(small: SimpleNamespace) -> None:
    """Counts stay whole numbers beside missing ones, money stays decimal."""
    terms = [
        small.term("s1", date(2024, 1, 1), date(2025, 1, 1), seats=None),
        small.term("s2", date(2023, 2, 1), date(2024, 2, 1), account_id="B", arr=Decimal("0.10")),
    ]
    tables = small.world(terms, [small.event(date(2023, 9, 1))])
    frame = panel.build(tables, cohort.terms(tables, AS_OF), min_accounts=1)
    assert frame["active_users__last_90d"].dtype == "Int64"
    assert frame["active_users__last_90d"].isna().sum() == 1
    assert frame["events__last_90d"].dtype == "float64"
    assert frame["churned"].dtype == "Int8"
    assert frame["seats"].dtype == "Int64"
    assert frame["involuntary"].dtype == "boolean"
    assert frame["as_of_date"].dtype == "datetime64[s]"
    assert frame["arr"].tolist() == [Decimal("1200.00"), Decimal("0.10")]


def test_features_that_reach_too_few_accounts_are_left_out_by_name(
    small: SimpleNamespace,
) -> None:
    """Two accounts use f, one uses g: with two required, g is named and has no column."""
    year = (date(2024, 1, 1), date(2025, 1, 1))
    terms = [small.term("s1", *year), small.term("s2", *year, account_id="B")]
    events = [
        small.event(date(2024, 9, 20)),
        small.event(date(2024, 9, 20), account_id="B"),
        small.event(date(2024, 9, 20), feature="g"),
    ]
    tables = small.world(terms, events)
    found = cohort.terms(tables, AS_OF, data_start=START)
    frame = panel.build(tables, found, min_accounts=2)
    assert {m.feature for m in map(catalogue.parse, frame.columns) if m} == {None, "f"}
    assert frame.attrs["left_out_features"] == [
        {"feature": "g", "n_accounts": 1, "reason": "used by fewer than 2 accounts"}
    ]
    assert frame["distinct_features__last_28d"].tolist() == [1, 1]
    wanted = panel.build(tables, found, min_accounts=2, features=["g"])
    assert {m.feature for m in map(catalogue.parse, wanted.columns) if m} == {None, "g"}
    assert wanted["events__g__last_28d"].tolist() == [1.0, 0.0]
    assert wanted["distinct_features__last_28d"].tolist() == [1, 1]
    assert wanted.attrs["left_out_features"] == []


def test_reach_counts_the_whole_history(small: SimpleNamespace) -> None:
    """A feature used by enough accounts long ago, and by none lately, is kept."""
    year = (date(2024, 1, 1), date(2025, 1, 1))
    terms = [small.term("s1", *year), small.term("s2", *year, account_id="B")]
    events = [
        small.event(date(2023, 2, 1), feature="old"),
        small.event(date(2023, 2, 1), feature="old", account_id="B"),
        small.event(date(2025, 3, 20), feature="new"),
        small.event(date(2025, 3, 20), feature="new", account_id="B"),
        small.event(date(2025, 3, 20), feature="rare"),
        small.event(date(2023, 3, 20), feature="rare"),
    ]
    tables = small.world(terms, events)
    frame = panel.build(tables, cohort.terms(tables, AS_OF, data_start=START), min_accounts=2)
    assert frame.attrs["recipe"]["features"] == ["new", "old"]
    assert [left["feature"] for left in frame.attrs["left_out_features"]] == ["rare"]


def test_a_source_without_users_knows_nothing_about_users(small: SimpleNamespace) -> None:
    """No user named anywhere is missing, not zero users."""
    tables = small.random_world(1)
    events = tables["events"].mutate(user_id=ibis.null("string"))
    tables = {**tables, "events": events}
    frame = panel.build(tables, cohort.terms(tables, AS_OF, days=30), min_accounts=1)
    for name, measure in ((n, catalogue.parse(n)) for n in frame.columns):
        if measure and measure.measure in ("active_users", "users", "seat_utilisation"):
            assert frame[name].isna().all(), name
    assert frame["active_days__last_90d"].sum() > 0


def test_attrs_are_plain_and_enough_to_make_the_panel_again(small: SimpleNamespace) -> None:
    """The recipe survives JSON and gives the same panel."""
    tables = small.random_world(2)
    found = cohort.terms(tables, AS_OF, days=30)
    frame = panel.build(tables, found, windows_days=(28,), first_days=(30,), min_accounts=3)
    copy = frame.copy()
    copy.attrs = json.loads(json.dumps(frame.attrs))
    again = panel.make(tables, found, panel.recipe_of(copy))
    pd.testing.assert_frame_equal(frame, again)


def test_todays_customers_have_the_columns_that_were_learnt_from(small: SimpleNamespace) -> None:
    """A rule found on past terms can be applied to the terms running today."""
    tables = small.random_world(4, n_accounts=30)
    past = cohort.terms(tables, date(2024, 1, 31), decision="after_start", days=30)
    today = cohort.running(tables, date(2023, 3, 31), days=30)
    learnt = panel.build(tables, past, windows_days=(28,), first_days=(30,), min_accounts=2)
    now = panel.build(tables, today, windows_days=(28,), first_days=(30,), min_accounts=2)
    measures = [name for name in learnt.columns if catalogue.parse(name)]
    assert [name for name in now.columns if catalogue.parse(name)] == measures
    assert now.loc[~now["reached_landmark"], "events__first_30d"].isna().all()
    assert now.loc[now["reached_landmark"], "events__first_30d"].notna().all()


def test_an_empty_cohort_gives_an_empty_panel_with_its_columns(small: SimpleNamespace) -> None:
    """No term evaluable yet is no error here; the guards say so."""
    tables = small.random_world(6)
    frame = panel.build(tables, cohort.terms(tables, date(2022, 1, 2)), min_accounts=1)
    assert len(frame) == 0
    assert "events__last_90d" in frame


def test_each_landmark_has_its_own_terms_and_only_its_own_window(small: SimpleNamespace) -> None:
    """All landmarks at once are what one panel a landmark would be, and say whom they lost."""
    tables = small.random_world(8, n_accounts=20)
    early = {"data_start": date(2022, 1, 1), "grace_days": 10}
    panels = panel.by_landmark(tables, AS_OF, days=(60, 7), features=["f", "h__x"], **early)
    assert list(panels) == [7, 60]
    for day, frame in panels.items():
        own = cohort.terms(tables, AS_OF, decision="after_start", days=day, **early)
        again = panel.make(tables, own, panel.recipe_of(frame))
        pd.testing.assert_frame_equal(frame, again)
        whole = panel.build(tables, own, windows_days=(), first_days=(day,), min_accounts=1)
        measures = [name for name in frame.columns if catalogue.parse(name)]
        assert {m.feature for m in map(catalogue.parse, measures) if m} == {None, "f", "h__x"}
        pd.testing.assert_frame_equal(frame[measures], whole[measures])
        assert frame.attrs["exclusions"] == own.exclusions.to_dict("records")
    assert len(panels[7]) > len(panels[60])
    assert panel.by_landmark(tables, AS_OF, days=(), features=["f"]) == {}


def test_panels_of_several_distances_are_those_of_each(small: SimpleNamespace) -> None:
    """The history read once for three decision dates a term says what it says read three times."""
    tables = small.random_world(8, n_accounts=20)
    asked = {"features": ["f"], "windows_days": (28,), "first_days": (30,), "min_accounts": 3}
    asked |= {"relations": True}
    cohorts = {
        days: cohort.terms(tables, AS_OF, decision="before_renewal", days=days)
        for days in (20, 45, 400)
    }
    found = panel.each(tables, cohorts, **asked)
    assert list(found) == [20, 45, 400]
    assert len(found[20]) > 0
    for days, frame in found.items():
        whole = panel.build(tables, cohorts[days], **asked)
        pd.testing.assert_frame_equal(frame, whole)
        assert frame.attrs == whole.attrs
    assert panel.each(tables, {}, features=["f"]) == {}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"windows_days": (0,)}, "windows_days"),
        ({"first_days": (9999,)}, "first_days"),
        ({"before_days": (0,)}, "before_days"),
        ({"features": ["f", "f"]}, "named twice"),
    ],
)
def test_impossible_requests_are_refused(small: SimpleNamespace, settings: dict, text: str) -> None:
    """The message names the setting."""
    tables = small.random_world(6)
    with pytest.raises(ParameterError, match=text):
        panel.build(tables, cohort.terms(tables, AS_OF, days=30), **settings)


def test_a_feature_that_never_occurs_is_refused_with_names_like_it(small: SimpleNamespace) -> None:
    """A misspelt feature would be one that nobody uses: it is named, with five close ones."""
    names = ["report_shared", *(f"Export_{i}" for i in range(9))]
    tables = small.world(
        [small.term("s1", date(2024, 1, 1), date(2025, 1, 1))],
        [small.event(date(2024, 9, 20), feature=name) for name in names],
    )
    found = cohort.terms(tables, AS_OF, data_start=START)
    with pytest.raises(ParameterError) as refused:
        panel.build(tables, found, features=["Export_0", "reports_shared", "export_x"])
    told = refused.value
    assert (told.where, told.got) == ("features", "reports_shared, export_x")
    assert "report_shared" in told.repair
    assert told.repair.count(",") == 4
    assert told.exit_code == 2
    with pytest.raises(ParameterError, match="as the events name them"):
        panel.build(tables, found, features=["zzzz"])


def test_a_definition_of_adoption_by_a_feature_that_never_occurs_is_refused(
    small: SimpleNamespace,
) -> None:
    """Nobody is called not adopted because of a misspelt column."""
    tables = small.random_world(6)
    written = adoption.Definition(
        "d", (adoption.Condition("events__nosuch__first_60d", at_least=1),)
    )
    with pytest.raises(ParameterError, match="nosuch"):
        panel.build(tables, cohort.terms(tables, AS_OF, days=30), **adoption.request(written))


def test_a_subscription_that_is_there_twice_is_refused(small: SimpleNamespace) -> None:
    """Two rows for a term would count a customer twice."""
    year = (date(2024, 1, 1), date(2025, 1, 1))
    twice = [small.term("s1", *year), small.term("s1", *year)]
    tables = small.world(twice, [small.event(START)])
    with pytest.raises(DataError, match="a term has two rows"):
        panel.build(tables, cohort.terms(tables, AS_OF), min_accounts=1)
