"""Hazards in proportion, adoption along the way, and accelerated time: R's numbers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn import survival
from cs_models.learn.evaluation import censored

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
R = 1e-5


def read(name: str) -> pd.DataFrame:
    spec = find_spec("lifelines")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "datasets" / name)


def values(model: survival.Cox, column: str = "log_hazard") -> dict[str, float]:
    table = model.coefficients
    return dict(zip(table["column"], table[column], strict=True))


def chi_squares(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["term"], table["chi_square"], strict=True))


@pytest.fixture(scope="module")
def rossi() -> pd.DataFrame:
    return read("rossi.csv")


@pytest.fixture(scope="module")
def rossi_model(rossi: pd.DataFrame) -> survival.Cox:
    return survival.cox(rossi, ROSSI, duration="week", event="arrest")


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    frame = read("lung.csv")[["time", "status", "age", "sex", "ph.ecog"]].dropna()
    return frame.assign(status=frame["status"] - frame["status"].min())


@pytest.fixture(scope="module")
def veteran(shared_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared_data / "reference" / "veteran.csv")
    cells = {name: frame["celltype"].eq(name).astype(float) for name in frame["celltype"].unique()}
    return frame.assign(**cells)


@pytest.fixture(scope="module")
def heart(shared_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared_data / "reference" / "heart.csv")
    # operated and dead on one day: R's data have it half a day later
    return frame.assign(stop=frame["stop"] + 0.5 * (frame["stop"] <= frame["start"]))


def test_cox_of_the_rossi_data_is_that_of_r(rossi_model: survival.Cox) -> None:
    """Coefficients, standard errors, likelihood and likelihood ratio (Efron ties)."""
    expected = [-0.37942, -0.05744, 0.31390, -0.14980, -0.43370, -0.08487, 0.09150]
    errors = [0.19138, 0.02200, 0.30799, 0.21222, 0.38187, 0.19576, 0.02865]
    assert list(values(rossi_model).values()) == pytest.approx(expected, abs=R)
    assert list(values(rossi_model, "se").values()) == pytest.approx(errors, abs=R)
    assert rossi_model.log_likelihood == pytest.approx(-658.7477, abs=1e-4)
    ratio = 2 * (rossi_model.log_likelihood - rossi_model.log_likelihood_null)
    assert ratio == pytest.approx(33.27, abs=0.005)


def test_concordance_of_the_rossi_data_is_that_of_r(
    rossi: pd.DataFrame, rossi_model: survival.Cox
) -> None:
    """Harrell's C of the same model."""
    found = censored.concordance(rossi["week"], rossi["arrest"], rossi_model.predict(rossi))
    assert found == pytest.approx(0.64032925, abs=1e-8)


def test_cox_agrees_with_lifelines(rossi: pd.DataFrame, rossi_model: survival.Cox) -> None:
    """Two programs, one maximum; lifelines' survival of rows is ours up to how ties are shared."""
    from lifelines import CoxPHFitter

    fitted = CoxPHFitter().fit(rossi, "week", "arrest")
    assert values(rossi_model) == pytest.approx(fitted.params_.to_dict(), abs=1e-5)
    theirs = fitted.predict_survival_function(rossi, times=[10, 30, 52]).T.to_numpy()
    assert rossi_model.survival(rossi, [10, 30, 52]) == pytest.approx(theirs, abs=2e-3)


def test_the_test_of_proportion_is_the_exact_score_test(
    rossi: pd.DataFrame, rossi_model: survival.Cox
) -> None:
    """R's cox.zph (survival 3) of the Rossi data, transform km."""
    found = survival.proportionality_test(rossi_model, rossi, duration="week", event="arrest")
    expected = dict(zip(ROSSI, [0.0624, 5.974, 2.068, 4.225, 1.011, 0.018, 0.521], strict=True))
    assert chi_squares(found) == pytest.approx({**expected, "all": 17.694}, abs=6e-4)
    assert found["df"].tolist() == [1] * 7 + [7]


def test_lifelines_test_of_proportion_is_the_older_approximation(rossi: pd.DataFrame) -> None:
    """The trap: lifelines gives 11.03 for age and 7.48 for work where the score test gives less."""
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    fitted = CoxPHFitter().fit(rossi, "week", "arrest")
    theirs = proportional_hazard_test(fitted, rossi, time_transform="km").summary["test_statistic"]
    assert theirs["age"] == pytest.approx(11.03, abs=0.01)  # R: 5.974
    assert theirs["wexp"] == pytest.approx(7.476, abs=0.01)  # R: 4.225


def test_cox_of_the_lung_data_is_that_of_r(lung: pd.DataFrame) -> None:
    """Coefficients, likelihood ratio and test of proportion of 227 patients."""
    model = survival.cox(lung, ["age", "sex", "ph.ecog"], duration="time", event="status")
    expected = {"age": 0.011067, "sex": -0.552612, "ph.ecog": 0.463728}
    assert values(model) == pytest.approx(expected, abs=1e-6)
    assert (model.n_rows, model.n_events) == (227, 164)
    ratio = 2 * (model.log_likelihood - model.log_likelihood_null)
    assert ratio == pytest.approx(30.5, abs=0.01)
    found = survival.proportionality_test(model, lung, duration="time", event="status")
    expected = {"age": 0.188, "sex": 2.305, "ph.ecog": 2.054, "all": 4.464}
    assert chi_squares(found) == pytest.approx(expected, abs=6e-4)


def test_cox_of_the_veterans_is_that_of_r(veteran: pd.DataFrame) -> None:
    """Cells of lung cancer against squamous, and C of the model."""
    columns = ["trt", "karno", "age", "smallcell", "adeno", "large"]
    model = survival.cox(veteran, columns, duration="time", event="status")
    expected = [0.303048, -0.0326855, -0.00890317, 0.856340, 1.178807, 0.402332]
    assert list(values(model).values()) == pytest.approx(expected, rel=1e-5)
    risk = model.predict(veteran)
    time, status = veteran["time"], veteran["status"]
    assert censored.concordance(time, status, risk) == pytest.approx(0.7384, abs=5e-5)
    assert censored.uno(time, status, risk) == pytest.approx(0.7306, abs=1e-4)


def test_a_name_is_one_term_of_the_test_of_proportion(veteran: pd.DataFrame) -> None:
    """Four cells are one term of three degrees of freedom, whichever is the reference."""
    model = survival.cox(
        veteran, ["trt", "karno", "age", "celltype"], duration="time", event="status"
    )
    found = survival.proportionality_test(model, veteran, duration="time", event="status")
    table = chi_squares(found)
    assert [table["karno"], table["celltype"], table["all"]] == pytest.approx(
        [12.977, 14.884, 29.179], abs=6e-4
    )
    assert found["df"].tolist() == [1, 1, 1, 3, 6]


def test_doubt_by_account_is_that_of_r(shared_data: Path) -> None:
    """Kidney patients with two infections each: robust standard errors by patient."""
    frame = pd.read_csv(shared_data / "reference" / "kidney.csv")
    model = survival.cox(frame, ["age", "sex"], duration="time", event="status", cluster="id")
    assert values(model) == pytest.approx({"age": 0.00203188, "sex": -0.82931383}, abs=1e-7)
    assert values(model, "se") == pytest.approx({"age": 0.00808875, "sex": 0.48346}, rel=1e-5)
    plain = survival.cox(frame, ["age", "sex"], duration="time", event="status")
    assert values(plain, "se")["sex"] == pytest.approx(0.29895, abs=1e-5)


def test_lifelines_doubt_by_account_does_not_weigh_ties(shared_data: Path) -> None:
    """The third trap: half a percent off R's robust standard errors on the kidney data."""
    from lifelines import CoxPHFitter

    frame = pd.read_csv(shared_data / "reference" / "kidney.csv")
    rows = frame[["time", "status", "age", "sex", "id"]]
    theirs = CoxPHFitter().fit(rows, "time", "status", cluster_col="id").standard_errors_
    assert theirs["age"] == pytest.approx(0.008127, abs=1e-6)  # R: 0.00808875
    assert theirs["sex"] == pytest.approx(0.483217, abs=1e-5)  # R: 0.48346


def test_ever_transplanted_looks_protective_and_along_the_way_it_is_not(
    heart: pd.DataFrame,
) -> None:
    """The famous case: hazard ratio .27 when known from the start, 1.14 as it came (R)."""
    whole = heart.groupby("id").agg(
        stop=("stop", "max"), event=("event", "max"), transplant=("transplant", "max")
    )
    naive = survival.cox(whole, ["transplant"], duration="stop", event="event")
    assert values(naive)["transplant"] == pytest.approx(-1.32344, abs=R)
    assert naive.coefficients.loc[0, "hazard_ratio"] == pytest.approx(0.266217, abs=R)
    along = survival.time_varying_cox(heart, ["transplant"])
    assert values(along)["transplant"] == pytest.approx(0.127141, abs=TIGHT)
    assert along.coefficients.loc[0, "hazard_ratio"] == pytest.approx(1.13558, abs=R)
    assert along.coefficients.loc[0, "p"] == pytest.approx(0.673, abs=5e-4)


TIGHT = 1e-6


def test_time_varying_cox_with_other_columns_is_that_of_r(heart: pd.DataFrame) -> None:
    """Transplant, age and earlier surgery; lifelines' fitter for such rows agrees."""
    from lifelines import CoxTimeVaryingFitter

    columns = ["transplant", "age", "surgery"]
    found = values(survival.time_varying_cox(heart, columns))
    expected = {"transplant": 0.0160956, "age": 0.0305363, "surgery": -0.7733276}
    assert found == pytest.approx(expected, abs=1e-7)
    rows = heart[["id", "start", "stop", "event", *columns]]
    theirs = CoxTimeVaryingFitter().fit(
        rows, id_col="id", event_col="event", start_col="start", stop_col="stop"
    )
    assert found == pytest.approx(theirs.params_.to_dict(), abs=1e-5)


def test_the_landmark_at_30_days_is_that_of_r(heart: pd.DataFrame) -> None:
    """Of the 79 still there after 30 days, the transplanted by then die as the others do."""
    whole = heart.groupby("id").agg(stop=("stop", "max"), event=("event", "max"))
    begun = heart[heart["transplant"] == 1].groupby("id")["start"].min()
    whole = whole.assign(by_then=(begun.reindex(whole.index) <= 30).astype(float))
    kept = whole[whole["stop"] >= 30].assign(stop=lambda rows: rows["stop"] - 30)
    kept = kept[kept["stop"] > 0]
    assert len(kept) == 79
    model = survival.cox(kept, ["by_then"], duration="stop", event="event")
    assert values(model)["by_then"] == pytest.approx(0.0528159, rel=1e-5)


def test_episodes_are_cut_at_the_day_of_adoption(heart: pd.DataFrame) -> None:
    """Cutting whole episodes at the operation gives back R's pieces, and R's coefficient."""
    whole = heart.groupby("id").agg(duration_days=("stop", "max"), event=("event", "max"))
    whole = whole.assign(entry_days=0.0).reset_index()
    begun = heart[heart["transplant"] == 1].groupby("id")["start"].min()
    pieces = survival.adoption_spells(whole, whole["id"].map(begun), account="id")
    along = survival.time_varying_cox(pieces, ["adopted"])
    assert len(pieces) == len(heart)
    assert values(along)["adopted"] == pytest.approx(0.127141, abs=TIGHT)


def test_adoption_counts_from_the_day_after_and_never_after_the_end() -> None:
    """Four accounts: adopted on day 10 of 30, before entry, after the end, never."""
    rows = pd.DataFrame(
        {
            "account_id": ["a", "b", "c", "d"],
            "entry_days": [0, 20, 0, 0],
            "duration_days": [30, 40, 50, 60],
            "event": [1, 0, 1, 0],
        }
    )
    pieces = survival.adoption_spells(rows, pd.Series([10, 5, 55, np.nan]))
    columns = ["account_id", "start", "stop", "event", "adopted"]
    assert pieces[columns].to_numpy().tolist() == [
        ["a", 0.0, 10.0, 0, 0],
        ["a", 10.0, 30.0, 1, 1],
        ["b", 20.0, 40.0, 0, 1],
        ["c", 0.0, 50.0, 1, 0],
        ["d", 0.0, 60.0, 0, 0],
    ]


def test_without_an_effect_adoption_along_the_way_has_none() -> None:
    """20 books: "ever adopted" halves the hazard by itself; adoption as it came does not."""
    rng = np.random.default_rng(17)
    naive, along = [], []
    for _ in range(20):
        leaves, adopts = rng.exponential(400, 600) + 1, rng.exponential(300, 600) + 1
        rows = pd.DataFrame(
            {
                "account_id": np.arange(600),
                "entry_days": 0.0,
                "duration_days": np.minimum(leaves, 730),
                "event": (leaves <= 730).astype(int),
            }
        )
        ever = rows.assign(adopted=(adopts < rows["duration_days"]).astype(float))
        naive.append(values(survival.cox(ever, ["adopted"]))["adopted"])
        pieces = survival.adoption_spells(rows, pd.Series(adopts))
        along.append(values(survival.time_varying_cox(pieces, ["adopted"]))["adopted"])
    assert np.exp(np.mean(naive)) < 0.5
    assert 0.93 < np.exp(np.mean(along)) < 1.07


def test_the_naive_heart_model_with_other_columns_is_that_of_r(heart: pd.DataFrame) -> None:
    """Ever transplanted, given age and surgery: -1.72, all of it immortal time."""
    whole = heart.groupby("id").agg(
        stop=("stop", "max"),
        event=("event", "max"),
        transplant=("transplant", "max"),
        age=("age", "first"),
        surgery=("surgery", "first"),
    )
    model = survival.cox(whole, ["transplant", "age", "surgery"], duration="stop", event="event")
    assert values(model)["transplant"] == pytest.approx(-1.7171129, abs=1e-6)


def test_cutting_episodes_into_pieces_changes_nothing(rossi: pd.DataFrame) -> None:
    """A piece entered late is at risk only from then: cut anywhere, the same model and test."""
    whole = rossi.assign(account_id=np.arange(len(rossi)), entry_days=0.0)
    whole = whole.rename(columns={"week": "duration_days", "arrest": "event"})
    cut = pd.Series(np.random.default_rng(6).integers(1, 52, len(whole)), dtype=float)
    pieces = survival.adoption_spells(whole, cut)
    assert len(pieces) > 1.5 * len(whole)
    one = survival.cox(whole, ["fin", "age", "prio"])
    many = survival.time_varying_cox(pieces, ["fin", "age", "prio"])
    assert values(many) == pytest.approx(values(one), abs=1e-8)
    assert many.log_likelihood == pytest.approx(one.log_likelihood)
    by_account = survival.time_varying_cox(pieces, ["fin", "age", "prio"], cluster="account_id")
    robust = survival.cox(whole, ["fin", "age", "prio"], cluster="account_id")
    assert values(by_account, "se") == pytest.approx(values(robust, "se"), abs=1e-8)
    tests = [
        chi_squares(survival.proportionality_test(one, whole)),
        chi_squares(survival.proportionality_test(many, pieces, duration="stop", entry="start")),
    ]
    assert tests[0] == pytest.approx(tests[1], abs=1e-6)


def test_the_serum_chains_data_give_the_published_concordance(shared_data: Path) -> None:
    """FLCHAIN: C of age, sex, kappa and lambda in 7,871 people."""
    frame = pd.read_csv(shared_data / "reference" / "flchain.csv").query("futime > 0")
    model = survival.cox(frame, ["age", "sex", "kappa", "lambda"], duration="futime", event="death")
    found = censored.concordance(frame["futime"], frame["death"], model.predict(frame))
    assert len(frame) == 7871
    assert found == pytest.approx(0.7939, abs=5e-5)


def test_the_hazard_of_one_cause_is_that_of_r(shared_data: Path) -> None:
    """MGUS: the progression's own hazard, deaths being last seen (cause-specific Cox)."""
    frame = pd.read_csv(shared_data / "reference" / "mgus2.csv")
    frame = frame.assign(
        time=np.where(frame["pstat"] == 1, frame["ptime"], frame["futime"]),
        male=(frame["sex"] == "M").astype(float),
    )
    model = survival.cox(frame, ["male", "age"], duration="time", event="pstat")
    assert values(model) == pytest.approx({"male": -0.0251378, "age": 0.0130386}, abs=1e-6)


def test_accelerated_time_of_the_rossi_data_is_that_of_r(rossi: pd.DataFrame) -> None:
    """Weibull and log-normal: coefficients, scale, likelihood; Weibull has the smaller AIC."""
    model = survival.accelerated(rossi, ROSSI, duration="week", event="arrest", held_out=rossi)
    expected = [3.99013, 0.27216, 0.04071, -0.22480, 0.10656, 0.31127, 0.05883, -0.06582]
    assert model.coefficients["log_time"].to_numpy() == pytest.approx(expected, rel=2e-4)
    assert model.scale == pytest.approx(0.71241, rel=1e-4)
    assert model.family == "weibull"
    families = model.families.set_index("family")
    assert families.loc["weibull", "log_likelihood"] == pytest.approx(-679.9166, abs=1e-3)
    assert families.loc["lognormal", "log_likelihood"] == pytest.approx(-683.2346, abs=1e-3)
    assert families["integrated_brier"].between(0.05, 0.12).all()
    other = survival.accelerated(
        rossi, ROSSI, duration="week", event="arrest", families=["lognormal"]
    )
    assert other.scale == pytest.approx(1.29457, abs=1e-4)


def test_further_time_is_survival_given_the_time_so_far(rossi: pd.DataFrame) -> None:
    """What remains after 10 weeks is S(10 + t) / S(10)."""
    model = survival.accelerated(
        rossi, ["fin", "prio"], duration="week", event="arrest", families=["weibull"]
    )
    row = rossi.head(1)
    whole = model.survival(row, [10, 40])[0]
    assert model.remaining(row, [10], [30])[0, 0] == pytest.approx(whole[1] / whole[0])


def test_changing_the_unit_of_time_changes_no_choice(rossi: pd.DataFrame) -> None:
    """In days instead of weeks: the same stretch of time, the same likelihood ratio."""
    days = rossi.assign(week=rossi["week"] * 7)
    both = [
        survival.accelerated(frame, ["fin", "prio"], duration="week", event="arrest")
        for frame in (rossi, days)
    ]
    stretch = [model.coefficients["log_time"].to_numpy() for model in both]
    assert stretch[1][0] - stretch[0][0] == pytest.approx(np.log(7), abs=1e-4)
    assert stretch[1][1:] == pytest.approx(stretch[0][1:], abs=1e-4)
    aic = [model.families["aic"].diff().iloc[-1] for model in both]
    assert aic[1] == pytest.approx(aic[0], abs=1e-3)


def test_complete_separation_is_refused_by_name(rossi: pd.DataFrame) -> None:
    """Where lifelines gives 20.2 with p .99 and a warning, the column is named."""
    told = rossi.assign(told=rossi["arrest"])
    for ask in (survival.cox, survival.accelerated):
        with pytest.raises(DataError, match="separates") as refused:
            ask(told, ["told", "age"], duration="week", event="arrest")
        assert refused.value.where == "told"


def test_too_few_ended_is_too_little(rossi: pd.DataFrame) -> None:
    """All last seen, or five gone, is exit code 4, whichever model is asked."""
    few = rossi.assign(arrest=np.arange(len(rossi)) < 5)
    for frame in (few, few.assign(arrest=0)):
        for ask in (survival.cox, survival.accelerated):
            with pytest.raises(TooLittleDataError, match="too few ended"):
                ask(frame, ["age"], duration="week", event="arrest")


def test_a_constant_column_is_left_out_with_a_notice(rossi: pd.DataFrame) -> None:
    """A column that never varies, or repeats another, leaves; the others stay as they are."""
    more = rossi.assign(same=1, again=rossi["age"] * 2)
    model = survival.cox(more, [*ROSSI, "same", "again"], duration="week", event="arrest")
    assert model.notices == (
        "same never varies: left out",
        "again follows from the columns before it: left out",
    )
    assert values(model)["age"] == pytest.approx(-0.05744, abs=R)


def test_infinite_values_are_refused_by_name(rossi: pd.DataFrame) -> None:
    """An infinite share is a fault of whoever computed it."""
    with pytest.raises(DataError, match="infinite") as refused:
        survival.cox(
            rossi.assign(prio=rossi["prio"] / 0), ["prio", "age"], duration="week", event="arrest"
        )
    assert refused.value.where == "prio"


def test_strata_are_those_of_lifelines(rossi: pd.DataFrame) -> None:
    """Within work and race alone; curves up to how ties are shared, which small strata feel."""
    from lifelines import CoxPHFitter

    rows = rossi.assign(kind=rossi["wexp"].astype(str) + rossi["race"].astype(str))
    columns = ["fin", "age", "prio"]
    ours = survival.cox(rows, columns, duration="week", event="arrest", strata="kind")
    kept = rows[["week", "arrest", "kind", *columns]]
    theirs = CoxPHFitter(strata=["kind"]).fit(kept, "week", "arrest")
    assert values(ours) == pytest.approx(theirs.params_.to_dict(), rel=1e-4)
    assert values(ours, "se") == pytest.approx(theirs.standard_errors_.to_dict(), rel=1e-4)
    curves = theirs.predict_survival_function(kept, times=[10, 30, 52]).T.loc[rows.index]
    assert ours.survival(rows, [10, 30, 52]) == pytest.approx(curves.to_numpy(), abs=7e-3)
    assert ours.baseline.groupby("stratum")["cumulative_hazard"].is_monotonic_increasing.all()
    with pytest.raises(DataError, match="stratum"):
        ours.survival(rows.assign(kind="unseen"), [10])


def test_the_test_of_proportion_adds_up_over_strata(
    rossi: pd.DataFrame, rossi_model: survival.Cox
) -> None:
    """The same people in two strata: the same coefficients, and twice the chi-squares on R's."""
    twice = pd.concat([rossi.assign(book="a"), rossi.assign(book="b")], ignore_index=True)
    model = survival.cox(twice, ROSSI, duration="week", event="arrest", strata="book")
    assert values(model) == pytest.approx(values(rossi_model), abs=1e-7)
    found = survival.proportionality_test(model, twice, duration="week", event="arrest")
    once = survival.proportionality_test(rossi_model, rossi, duration="week", event="arrest")
    doubled = {name: 2 * value for name, value in chi_squares(once).items()}
    assert chi_squares(found) == pytest.approx(doubled, rel=1e-6)


def test_contracts_that_are_never_due_together_need_strata() -> None:
    """Months that leave often and rarely adopt, beside years: a link where there is none."""
    rng = np.random.default_rng(31)
    n = 3000
    year = np.arange(n) % 2 == 0
    adopted = rng.random(n) < np.where(year, 0.8, 0.2)
    due = np.where(year, 365, 30)
    renewals = rng.geometric(np.where(year, 0.25, 0.1))
    life = due * renewals
    rows = pd.DataFrame(
        {
            "duration_days": np.minimum(life, 1460),
            "event": (life <= 1460).astype(int),
            "adopted": adopted.astype(float),
            "term_months": np.where(year, 12, 1),
        }
    )
    pooled = survival.cox(rows, ["adopted"]).coefficients.iloc[0]
    within = survival.cox(rows, ["adopted"], strata="term_months").coefficients.iloc[0]
    assert pooled["ratio_high"] < 0.8
    assert within["ratio_low"] < 1 < within["ratio_high"]
