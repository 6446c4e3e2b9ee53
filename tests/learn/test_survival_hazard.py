"""The chance to leave at each renewal opportunity: references, planted truth, and refusals."""

from __future__ import annotations

import importlib.util
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn import survival
from cs_models.learn.evaluation import censored
from cs_models.learn.hazards import discrete

ROSSI = ["week", "fin", "age", "race", "wexp", "mar", "paro", "prio"]


def read(name: str) -> pd.DataFrame:
    spec = find_spec("lifelines")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "datasets" / name)


def values(model: survival.RenewalHazard, column: str = "log_odds") -> dict[str, float]:
    table = model.coefficients
    return dict(zip(table["column"], table[column], strict=True))


@pytest.fixture(scope="module")
def weeks() -> pd.DataFrame:
    """Return the Rossi data, one row per person and week at risk."""
    frame = read("rossi.csv").assign(account_id=lambda rows: np.arange(len(rows)))
    return survival.per_period(frame, duration="week", event="arrest").rename(
        columns={"opportunity": "week"}
    )


@pytest.fixture(scope="module")
def quarters() -> pd.DataFrame:
    """Return the lung data, one row per patient and 90 days begun."""
    frame = read("lung.csv")[["time", "status", "age", "sex"]]
    frame = frame.assign(
        status=frame["status"] - frame["status"].min(), account_id=np.arange(len(frame))
    )
    return survival.per_period(frame, duration="time", event="status", period=90)


@pytest.fixture(scope="module")
def planted(project_root: Path) -> ModuleType:
    """Return the world of the recovery benchmark."""
    path = project_root / "benchmarks" / "planted" / "renewals.py"
    spec = importlib.util.spec_from_file_location("planted_renewals", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def book(planted: ModuleType) -> pd.DataFrame:
    """Return one book of renewal opportunities."""
    frame: pd.DataFrame = planted.opportunities(np.random.default_rng(3), 600)
    return frame


def test_the_logit_of_person_weeks_is_the_reference(weeks: pd.DataFrame) -> None:
    """19,809 person-weeks and 114 arrests, with a line in the week."""
    assert (len(weeks), int(weeks["event"].sum())) == (19_809, 114)
    model = survival.renewal_hazard(weeks, ROSSI, baseline=())
    found = values(model)
    assert found["fin"] == pytest.approx(-0.3823488, abs=1e-6)
    assert found["prio"] == pytest.approx(0.0919530, abs=1e-6)
    assert model.log_likelihood == pytest.approx(-681.773, abs=1e-3)


def test_the_complementary_log_log_of_person_weeks_is_the_reference(weeks: pd.DataFrame) -> None:
    """Grouped proportional hazards: close to Cox's -.3794."""
    model = survival.renewal_hazard(weeks, ROSSI, baseline=(), link="cloglog")
    assert values(model)["fin"] == pytest.approx(-0.3809782, abs=1e-6)
    assert model.log_likelihood == pytest.approx(-681.771, abs=1e-3)


@pytest.mark.parametrize(
    ("link", "age", "sex", "likelihood"),
    [
        ("logit", 0.0188623, -0.6187142, -410.1496),
        ("cloglog", 0.0168454, -0.5435625, -410.412),
    ],
)
def test_a_risk_for_each_period_is_the_reference(
    quarters: pd.DataFrame, link: str, age: float, sex: float, likelihood: float
) -> None:
    """Lung data in quarters: 893 rows, 165 deaths, a level of risk for each quarter.

    Nobody died in quarters 11 and 12: their rows say nothing of age and sex.
    """
    assert (len(quarters), int(quarters["event"].sum())) == (893, 165)
    rows = quarters[quarters["opportunity"] <= 10]
    dummies = {f"q{q}": (rows["opportunity"] == q).astype(float) for q in range(2, 11)}
    model = survival.renewal_hazard(
        rows.assign(**dummies), ["age", "sex", *dummies], baseline=(), link=link
    )
    assert values(model)["age"] == pytest.approx(age, abs=1e-6)
    assert values(model)["sex"] == pytest.approx(sex, abs=1e-6)
    assert model.log_likelihood == pytest.approx(likelihood, abs=1e-3)
    assert model.notices == ()


def test_doubt_is_by_account(weeks: pd.DataFrame) -> None:
    """Rows given twice under one account leave the doubt as it is; as new accounts they do not."""
    rows = weeks[weeks["account_id"] < 200]
    ask = {"covariates": ["fin", "age", "prio"], "baseline": ()}
    once = values(survival.renewal_hazard(rows, **ask), "se")
    twice = pd.concat([rows, rows])
    again = values(survival.renewal_hazard(twice, **ask), "se")
    assert again == pytest.approx(once, rel=1e-6)
    fresh = twice.assign(account_id=np.arange(len(twice)))
    assert values(survival.renewal_hazard(fresh, **ask), "se")["fin"] < 0.8 * once["fin"]


def test_planted_effects_are_recovered(planted: ModuleType) -> None:
    """60 books with late entries: bias within 10 % (or .03), the 95 % interval covers."""
    records = planted.recovery(np.random.default_rng(11), n_books=60, n_accounts=300)
    found = planted.summary(records)
    allowed = np.maximum(0.1 * found["truth"].abs(), 0.03) + 2 * found["bias_se"]
    assert (found["bias"].abs() <= allowed).all()
    # two Monte Carlo standard errors about .92 and .98
    assert found["coverage"].between(0.86, 1.0).all()
    assert records["covered"].mean() == pytest.approx(0.95, abs=0.04)


def test_the_baseline_knows_opportunity_and_length(book: pd.DataFrame) -> None:
    """Each opportunity and length of contract has a level of its own; odd lengths are rounded."""
    model = survival.renewal_hazard(book, ["use", "tickets", "segment"])
    columns = set(model.coefficients["column"])
    assert {"opportunity=2", "opportunity=3", "opportunity=4", "term_months=24"} <= columns
    odd = book.assign(term_months=book["term_months"] + np.tile([0, 1], len(book))[: len(book)])
    same = survival.renewal_hazard(odd, ["use", "tickets", "segment"])
    assert values(same) == pytest.approx(values(model))


def test_chances_over_the_next_opportunities_multiply(book: pd.DataFrame) -> None:
    """S after two opportunities is one less each hazard, multiplied; its order is the frame's."""
    model = survival.renewal_hazard(book, ["use", "tickets", "segment"])
    rows = book.head(20)
    path = model.survival(rows, 3)
    first, second = (
        model.predict(rows.assign(opportunity=rows["opportunity"] + step)) for step in (0, 1)
    )
    after_two = path.loc[path["step"] == 2, "survival"].to_numpy()
    assert after_two == pytest.approx((1 - first) * (1 - second))
    assert path["row"].tolist() == np.repeat(np.arange(20), 3).tolist()


def test_column_order_and_new_names_do_not_matter(book: pd.DataFrame) -> None:
    """Scoring reads columns by name; a segment never seen stands at the reference."""
    model = survival.renewal_hazard(book, ["use", "segment"])
    assert model.predict(book[book.columns[::-1]]) == pytest.approx(model.predict(book))
    odd = model.predict(book.assign(segment="???"))
    common = str(book["segment"].value_counts().index[0])
    assert odd == pytest.approx(model.predict(book.assign(segment=common)))
    with pytest.raises(DataError, match="not in the frame") as refused:
        model.predict(book.drop(columns="use"))
    assert refused.value.where == "use"


def test_missing_numbers_get_the_median_and_say_so(book: pd.DataFrame) -> None:
    """Missing is not nought: the row takes the median, and a column tells it was missing."""
    hole = book.assign(use=book["use"].where(book.index % 5 > 0))
    model = survival.renewal_hazard(hole, ["use", "segment"])
    assert "use missing" in set(model.coefficients["column"])
    assert np.isfinite(model.predict(hole)).all()
    few = book.assign(use=book["use"].where(book.index > 2))
    assert "use missing" not in values(survival.renewal_hazard(few, ["use", "segment"]))


def test_separation_in_a_group_is_met_with_firths_penalty(book: pd.DataFrame) -> None:
    """A segment in which nobody left: finite odds, said in a notice; not infinity at p .99."""
    safe = book.index % 12 == 0
    rows = book.assign(
        segment=np.where(safe, "SAFE", book["segment"]), event=book["event"].where(~safe, 0)
    )
    model = survival.renewal_hazard(rows, ["use", "segment"])
    assert any("Firth" in notice for notice in model.notices)
    assert -6 < values(model)["segment=SAFE"] < -1.5
    with pytest.raises(DataError, match="no finite estimate"):
        survival.renewal_hazard(rows, ["use", "segment"], link="cloglog")


def test_firths_estimate_of_a_two_by_two_table_is_the_known_one() -> None:
    """With one indicator the penalty adds a half to each of the four cells (Firth 1993)."""
    group = np.repeat([0.0, 1.0], 20)
    event = np.r_[np.repeat([1, 0], [12, 8]), np.zeros(20)]
    frame = pd.DataFrame({"group": group, "event": event, "account_id": np.arange(40)})
    model = survival.renewal_hazard(frame, ["group"], baseline=())
    known = np.log(0.5 / 20.5) - np.log(12.5 / 8.5)
    assert values(model)["group"] == pytest.approx(known, abs=1e-6)


def test_a_column_written_after_the_fact_is_refused_by_name(book: pd.DataFrame) -> None:
    """A copy of the outcome with a little noise orders everybody: it is a leak, not a finding."""
    rng = np.random.default_rng(0)
    leak = book.assign(reason_score=book["event"] + 0.1 * rng.normal(size=len(book)))
    with pytest.raises(DataError, match="after the fact") as refused:
        survival.renewal_hazard(leak, ["use", "reason_score"])
    assert refused.value.where == "reason_score"


@pytest.mark.parametrize("n_left", [0, 5])
def test_too_few_leavers_is_too_little(book: pd.DataFrame, n_left: int) -> None:
    """All stayed, or five left: exit code 4 with the number that is needed."""
    rows = book.assign(event=(np.arange(len(book)) < n_left).astype(int))
    with pytest.raises(TooLittleDataError, match="too few accounts left") as refused:
        survival.renewal_hazard(rows, ["use"])
    assert refused.value.exit_code == 4
    assert f"{n_left} accounts" in refused.value.got
    with pytest.raises(TooLittleDataError, match="did not leave"):
        survival.renewal_hazard(book.assign(event=1), ["use"])


def test_constant_collinear_and_infinite_columns(book: pd.DataFrame) -> None:
    """A constant and a copy leave with a notice; an infinite share is refused by name."""
    rows = book.assign(same=3.0, copy=2 * book["use"] + 1)
    model = survival.renewal_hazard(rows, ["use", "same", "copy"])
    assert [notice.split()[0] for notice in model.notices] == ["same", "copy"]
    with pytest.raises(DataError, match="infinite") as refused:
        survival.renewal_hazard(book.assign(use=book["use"] / 0.0), ["use"])
    assert refused.value.where == "use"


def test_money_is_a_number_and_a_date_is_none(book: pd.DataFrame) -> None:
    """Decimals and nullable integers are numbers, truth values names, dates refused by name."""
    rows = book.assign(
        arr=[Decimal(f"{value:.2f}") for value in 100 + 10 * book["use"]],
        seats=book["tickets"].astype("Int64"),
        flag=book["segment"] == "SMB",
        since=pd.Timestamp("2024-01-01"),
    )
    model = survival.renewal_hazard(rows, ["arr", "seats", "flag"], baseline=())
    names = set(model.coefficients["column"])
    assert {"arr", "seats"} < names
    assert names & {"flag=True", "flag=False"}
    with pytest.raises(DataError, match="date is no measure") as refused:
        survival.renewal_hazard(rows, ["since"], baseline=())
    assert refused.value.where == "since"


def test_an_account_is_asked_for(book: pd.DataFrame) -> None:
    """Without accounts rows would pass as independent: the column must be there, or None given."""
    with pytest.raises(DataError, match="needs its account"):
        survival.renewal_hazard(book, ["use"], cluster="account")
    with pytest.raises(DataError, match="needs its account"):
        survival.renewal_hazard(book.assign(account_id=None), ["use"])
    assert survival.renewal_hazard(book, ["use"], cluster=None).n_accounts == len(book)


@pytest.mark.parametrize("wrong", [{"event": "yes"}, {"event": 2}, {"event": None}])
def test_outcomes_other_than_0_and_1_are_refused(
    book: pd.DataFrame, wrong: dict[str, object]
) -> None:
    """1 and 2, yes and no, or nothing do not pass as somebody leaving."""
    with pytest.raises(DataError, match="must be 1"):
        survival.renewal_hazard(book.assign(**wrong), ["use"])


def test_customers_in_mid_term_are_not_at_risk(book: pd.DataFrame) -> None:
    """Eleven idle months a year counted as survived divide the hazard by twelve."""
    yearly = book[(book["opportunity"] == 1) & (book["term_months"] == 12)]
    right = survival.renewal_hazard(yearly, [], baseline=("term_months",))
    idle = pd.concat([yearly, *[yearly.assign(event=0)] * 11])
    wrong = survival.renewal_hazard(idle, [], baseline=("term_months",))
    share = yearly["event"].mean()
    assert right.predict(yearly.head(1))[0] == pytest.approx(share)
    assert wrong.predict(yearly.head(1))[0] == pytest.approx(share / 12)


def test_out_of_fold_concordance_of_the_published_churn_data(shared_data: Path) -> None:
    """2,000 SaaS customers (pysurvival; its forest: .83): C of the hazard per month, seed 4."""
    frame = pd.read_csv(shared_data / "pysurvival_churn" / "churn.csv").query("months_active > 0")
    frame = frame.assign(account_id=np.arange(len(frame)))
    covariates = [c for c in frame if c not in ("months_active", "churned", "account_id")]
    months = survival.per_period(frame, duration="months_active", event="churned")
    chance = survival.out_of_fold(
        months, covariates, rng=np.random.default_rng(4), baseline=("opportunity",)
    )
    # one chance per customer, of other customers' making: that of the first month
    first = months["opportunity"].to_numpy() == 1
    found = censored.concordance(frame["months_active"], frame["churned"], chance[first])
    assert found >= 0.84


def test_outcomes_compete_and_add_up(book: pd.DataFrame) -> None:
    """With planted odds the multinomial finds them, rows add up to one, shares are kept."""
    rng = np.random.default_rng(8)
    rows = pd.concat([book] * 4, ignore_index=True)
    rows["account_id"] = np.arange(len(rows))
    rows["use"] = rng.normal(size=len(rows))
    linear = np.column_stack(
        [np.zeros(len(rows)), -1.5 + 0.8 * rows["use"], -1.0 - 0.9 * rows["use"]]
    )
    chance = special.softmax(linear, axis=1)
    drawn = (rng.random(len(rows))[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    rows["outcome"] = np.array(["renewed", "expanded", "churned"])[drawn]
    rows.loc[:3, "outcome"] = "involuntary"
    model = survival.renewal_outcomes(rows, ["use"])
    table = model.coefficients.query("column == 'use'").set_index("outcome")
    for name, truth in (("expanded", 0.8), ("churned", -0.9)):
        assert table.loc[name, "low"] < truth < table.loc[name, "high"]
    predicted = model.predict(rows)
    assert predicted.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert predicted["churned"].mean() == pytest.approx(
        (rows["outcome"] == "churned").mean(), abs=0.002
    )
    assert set(model.shares) == {"involuntary"}
    assert "everybody is given its share" in model.notices[-1]


def test_two_outcomes_are_the_logit(book: pd.DataFrame) -> None:
    """The multinomial of left and renewed is the hazard itself, doubt included."""
    rows = book.assign(outcome=np.where(book["event"] == 1, "churned", "renewed"))
    multi = survival.renewal_outcomes(rows, ["use", "tickets"], penalty=0.0).coefficients
    plain = survival.renewal_hazard(book, ["use", "tickets"]).coefficients
    for column in ("log_odds", "se"):
        assert multi[column].to_numpy() == pytest.approx(plain[column].to_numpy(), abs=1e-6)


def test_the_multinomial_agrees_with_scikit_learn(book: pd.DataFrame) -> None:
    """Same chances for three outcomes, without penalty."""
    from sklearn.linear_model import LogisticRegression

    names = np.array(["renewed", "expanded", "churned"])
    rows = book.assign(outcome=names[np.random.default_rng(1).integers(0, 3, len(book))])
    columns = ["use", "tickets"]
    ours = survival.renewal_outcomes(rows, columns, baseline=(), penalty=0.0)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000)
    theirs.fit(rows[columns], rows["outcome"])
    expected = pd.DataFrame(theirs.predict_proba(rows[columns]), columns=theirs.classes_)
    found = ours.predict(rows)[list(theirs.classes_)]
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-4)


@given(st.lists(st.tuples(st.floats(0.1, 9.9), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_periods_hold_each_episode_once(rows: list[tuple[float, bool]]) -> None:
    """An episode has as many rows as periods begun, and ends in the last one or not at all."""
    frame = pd.DataFrame(rows, columns=["duration_days", "event"]).astype({"event": int})
    frame["account_id"] = np.arange(len(frame))
    periods = survival.per_period(frame, period=1.0)
    sizes = periods.groupby("account_id")["opportunity"].agg(["size", "max"])
    assert (sizes["size"] == np.ceil(frame["duration_days"] - 1e-9)).all()
    assert (sizes["size"] == sizes["max"]).all()
    assert periods.groupby("account_id")["event"].sum().tolist() == frame["event"].tolist()


@pytest.mark.parametrize("shape", ["normal", "few values", "long tail", "one far off"])
@pytest.mark.parametrize("told", [0.0, 1.0, 3.5, 9.0])
def test_a_column_is_passed_unordered_only_where_it_is_no_leak(shape: str, told: float) -> None:
    """The quick look never passes a column whose area is above the limit, on either side."""
    rng = np.random.default_rng(11)
    outcome = (rng.random(4000) < 0.2).astype(np.float64)
    values = rng.normal(size=4000) + told * outcome
    shaped = {
        "normal": values,
        "few values": np.round(values),
        "long tail": np.exp(3 * values),
        "one far off": np.r_[1e12, values[1:]],
    }[shape]
    for column in (shaped, -shaped):
        area = discrete._area(column, outcome)
        passed = discrete._far_from_telling(column, outcome)
        assert not (passed and max(area, 1 - area) > discrete.LEAK_AUC)
        if shape == "normal" and told <= 1.0:
            assert passed
