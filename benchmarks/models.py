"""Measure what our layer costs beside scikit-learn and lifelines used directly on the same frames.

    python benchmarks/models.py                         10,000 and 100,000 terms, about 15 minutes
    python benchmarks/models.py --terms 10000           a minute
    python benchmarks/models.py --terms 1000000 --only predictors --parts fit predict
    python benchmarks/models.py --only survival

Each line is measured in two processes of their own, ours and the direct one, one after the other
on the same invented panel (about 80 columns, outcomes with a step, lines and words): processor
seconds of one core, and the largest memory beyond that of the panel itself.  The direct way is
``direct_models.py``: the same splits, estimators and searches by hand.  Chances of the boosted
trees must agree to 1e-9 where both were given the same number of trees, survival to 1e-9; the run
stops when they do not.  It never stops for being slow.  Bar: ours at most 1.25 times the direct.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import direct_models as direct
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import churn, splits, survival
from cs_models.learn.evaluation import recalibration
from cs_models.learn.predictors import columns, encoding, history

SIZES = (10_000, 100_000)
AS_OF = date(2026, 6, 30)
QUARTERS = 8
USES = 16  # features of the product, each with three columns
MEASURES = (
    "events__last_28d", "events__last_90d", "active_users__last_90d", "active_days__last_28d",
    "distinct_features__last_90d", "seat_utilisation__last_28d", "trend__last_28d",
    "spike__last_30d", "days_since_last_use__to_date", "mix_change__last_28d",
    "export_spike__last_30d", "idle_seats_share__last_90d", "tickets__last_90d",
    "severe_tickets__last_90d", "open_tickets__to_date", "oldest_open_ticket_days__to_date",
    "escalated_tickets__last_90d", "nps__to_date", "csat__to_date", "nps_age_days__to_date",
    "customer_contacts__last_90d", "days_since_customer_contact__to_date", "champions__to_date",
    "champions_left__to_date", "goals_reached__to_date", "goals_overdue__to_date",
)  # fmt: skip
GAPS = {"nps__to_date": 0.6, "csat__to_date": 0.7, "nps_age_days__to_date": 0.3}
Float = NDArray[np.float64]


def panel(n_terms: int) -> pd.DataFrame:
    """Invent a panel before renewal with columns of the real one's names and kinds."""
    rng = np.random.default_rng(7)
    account = np.sort(rng.integers(0, int(n_terms / 2.2), n_terms))
    first = np.datetime64("2026-03-01", "D") - np.timedelta64(91 * (QUARTERS + 1), "D")
    ends = first + rng.integers(0, 91 * (QUARTERS + 1), n_terms).astype("timedelta64[D]")
    segment = np.array(["SMB", "MM", "ENT"], dtype=object)[rng.integers(0, 3, n_terms)]
    frame: dict[str, Any] = {
        "subscription_id": np.arange(n_terms).astype(str).astype(object),
        "account_id": account.astype(str).astype(object),
        "account_name": "somebody",
        "as_of_date": (ends - np.timedelta64(90, "D")).astype("datetime64[s]"),
        "term_start": (ends - np.timedelta64(365, "D")).astype("datetime64[s]"),
        "term_end": ends.astype("datetime64[s]"),
        "term_no": rng.integers(1, 5, n_terms),
        "term_months": rng.choice([12, 24], n_terms, p=[0.85, 0.15]),
        "seats": rng.poisson(30, n_terms) + 1,
        "arr": np.round(np.exp(rng.normal(9, 1, n_terms)), 2),
        "segment": segment,
        "region": np.array(["EU", "US", "APAC"], dtype=object)[rng.integers(0, 3, n_terms)],
        "plan": np.array(["basic", "plus", "pro"], dtype=object)[rng.integers(0, 3, n_terms)],
    }
    vigour = rng.normal(size=n_terms)
    for name in MEASURES:
        values = np.round(np.exp(1.5 + 0.5 * vigour + 0.7 * rng.normal(size=n_terms)), 2)
        values[rng.random(n_terms) < GAPS.get(name, 0.0)] = np.nan
        frame[name] = values
    for use in range(USES):
        rate = 12 * np.exp(0.5 * vigour + 0.6 * rng.normal(size=n_terms))
        frame[f"events__f{use}__first_60d"] = rng.poisson(rate)
        frame[f"users__f{use}__first_60d"] = rng.poisson(np.sqrt(rate))
        frame[f"events__f{use}__last_90d"] = rng.poisson(1.5 * rate)
    logit = -2.2 + 1.4 * (frame["events__f0__first_60d"] < 10) - 0.3 * vigour
    logit += 0.3 * np.log1p(frame["severe_tickets__last_90d"]) + 0.4 * (segment == "SMB")
    logit += 0.7 * (frame["events__f1__last_90d"] < 8) * (frame["events__f2__last_90d"] < 15)
    frame["churned"] = (rng.random(n_terms) < 1 / (1 + np.exp(-logit))).astype(float)
    return pd.DataFrame(frame)


def table_of(frame: pd.DataFrame) -> tuple[direct.Table, list[int]]:
    """Return the direct way's columns, in our order so that trees are the same trees."""
    encoder = encoding.learn(frame, columns.chosen(frame.columns))
    words = {word.name: list(word.words) for word in encoder.words}
    signs = [columns.sign(name) for name in encoder.raw_names]
    return direct.Table([number.name for number in encoder.numbers], words, signs), [
        columns.DRIVERS.index(columns.driver(name)) for name in encoder.raw_names
    ]


def no_past(level: str) -> churn.Backtest:
    """Return a backtest without quarters: a fit alone is to be timed."""
    nothing, as_it_is = pd.DataFrame(), recalibration.Recalibration("none")
    return churn.Backtest(
        nothing, nothing, nothing, nothing, {}, nothing, level,
        dict.fromkeys(churn.LEVELS, as_it_is), 0, AS_OF, 30,
    )  # fmt: skip


class Clock:
    """Processor seconds of steps, and the largest memory beyond what was there before."""

    def __init__(self) -> None:
        self.before = self._peak()
        self.told: dict[str, Any] = {}

    def time(self, name: str, action: Callable[[], Any]) -> Any:
        """Run one step."""
        started = time.process_time()
        found = action()
        self.told[name] = time.process_time() - started
        self.told[f"{name}_mb"] = self._peak() - self.before
        return found

    @staticmethod
    def _peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def predictors_ours(n_terms: int, parts: list[str]) -> dict[str, Any]:
    """Time our predictors."""
    frame = panel(n_terms)
    clock = Clock()
    if "fit" in parts:
        for level in ("L3", "L4"):
            past = no_past(level)
            model = clock.time(f"fit {level}", lambda past=past: churn.fit(frame, past, n_refits=0))
            chance = clock.time(f"predict {level}", lambda model=model: model.predict(frame))
            clock.told[f"tuned {level}"] = model.fitted.tuned
            clock.told[f"said {level}"] = [float(p) for p in chance[:: max(1, n_terms // 500)]]
            if "score" in parts:
                clock.time(f"score {level}", lambda model=model: churn.score(model, frame))
    if "backtest" in parts:
        past = clock.time("backtest", lambda: churn.backtest(frame, as_of=AS_OF, n_halves=0))
        left = past.predictions["churned"].to_numpy()
        clock.told["areas"] = {
            level: direct.area(left, past.predictions[f"p_{level}"].to_numpy())
            for level in ("L0", "L2", "L3", "L4")
        }
        clock.told["chosen"] = past.chosen
    if "columns" in parts:
        clock.time("60 selections", lambda: _selections(frame))
    return clock.told


def _selections(frame: pd.DataFrame) -> None:
    from cs_models.learn.predictors import ladder, stability

    terms = history.judged(frame)
    encoder = encoding.learn_from(terms.table, terms.codes, terms.at)
    task = ladder.task_of(encoder, terms)
    stability.selected(task, encoder, n_halves=60, rng=np.random.default_rng(0))


def predictors_directly(n_terms: int, parts: list[str], tuned: dict[str, float]) -> dict[str, Any]:
    """Time scikit-learn on the same panel, trees as many as ours took."""
    frame = panel(n_terms)
    table, drivers = table_of(frame.head(20_000))
    clock = Clock()
    if "fit" in parts:
        # Our rows are in another order; trees depend on it in their last digits only.
        rows = frame.sort_values(["as_of_date", "account_id", "subscription_id"], kind="stable")

        def line() -> Any:
            x, churned = table.of(rows), rows["churned"].to_numpy()
            account = rows["account_id"].to_numpy()
            return direct.regression(direct.penalty(x, churned, account)).fit(x, churned)

        def boosted() -> Any:
            x, churned = table.of(rows), rows["churned"].to_numpy()
            direct.n_trees(x, churned, rows["account_id"].to_numpy(), table.signs)
            return direct.trees(int(tuned["L4"]), table.signs).fit(x, churned)

        for level, fit in (("L3", line), ("L4", boosted)):
            model = clock.time(f"fit {level}", fit)
            chance = clock.time(
                f"predict {level}", lambda model=model: model.predict_proba(table.of(frame))[:, 1]
            )
            clock.told[f"said {level}"] = [float(p) for p in chance[:: max(1, n_terms // 500)]]
    if "backtest" in parts:
        rows = frame.sort_values(
            ["as_of_date", "account_id", "subscription_id"], kind="stable", ignore_index=True
        )
        groups = {
            name: [at for at, one in enumerate(drivers) if one == place]
            for place, name in enumerate(columns.DRIVERS)
            if place in drivers
        }

        def walk() -> tuple[list[Any], dict[str, Float]]:
            quarters = splits.rolling_origins(
                rows["as_of_date"], rows["term_end"], as_of=AS_OF, churned=rows["churned"]
            )
            return quarters, direct.backtest(rows, table, quarters, groups)

        quarters, said = clock.time("backtest", walk)
        left = np.concatenate([rows["churned"].to_numpy()[quarter.test] for quarter in quarters])
        clock.told["areas"] = {level: direct.area(left, chance) for level, chance in said.items()}
    return clock.told


def lives(n_rows: int) -> pd.DataFrame:
    """Invent episodes for the survival models: days, entries, two columns and accounts."""
    rng = np.random.default_rng(3)
    use = rng.normal(size=n_rows)
    tickets = rng.poisson(1.0, n_rows).astype(float)
    lasts = rng.exponential(900 * np.exp(0.4 * use - 0.2 * tickets))
    watched = rng.uniform(30, 1500, n_rows)
    return pd.DataFrame(
        {
            "account_id": np.arange(n_rows) // 2,
            "duration_days": np.ceil(np.minimum(lasts, watched)),
            "event": (lasts <= watched).astype(int),
            "use": use,
            "tickets": tickets,
            "opportunity": rng.integers(1, 6, n_rows),
            "term_months": rng.choice([12.0, 24.0], n_rows),
        }
    )


def survival_ours(n_rows: int) -> dict[str, Any]:
    """Time our survival models."""
    frame = lives(n_rows)
    survival.kaplan_meier(frame["duration_days"][:50], frame["event"][:50])
    clock = Clock()
    curve = clock.time(
        "Kaplan–Meier", lambda: survival.kaplan_meier(frame["duration_days"], frame["event"])
    )
    cox = clock.time(
        "Cox, robust", lambda: survival.cox(frame, ["use", "tickets"], cluster="account_id")
    )
    hazard = clock.time(
        "hazard per renewal", lambda: survival.renewal_hazard(frame, ["use", "tickets"])
    )
    named = hazard.coefficients.set_index("column")["log_odds"]
    clock.told["said"] = {
        "Kaplan–Meier": curve.at([200, 600])["survival"].tolist(),
        "Cox, robust": cox.coefficients["log_hazard"].tolist(),
        "hazard per renewal": named[["use", "tickets"]].tolist(),
    }
    return clock.told


def survival_directly(n_rows: int) -> dict[str, Any]:
    """Time lifelines and scikit-learn on the same frames."""
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from sklearn.linear_model import LogisticRegression

    frame = lives(n_rows)
    KaplanMeierFitter().fit(frame["duration_days"][:50], frame["event"][:50])
    clock = Clock()
    curve = clock.time(
        "Kaplan–Meier", lambda: KaplanMeierFitter().fit(frame["duration_days"], frame["event"])
    )
    kept = ["duration_days", "event", "use", "tickets", "account_id"]
    cox = clock.time(
        "Cox, robust",
        lambda: CoxPHFitter().fit(
            frame[kept], "duration_days", "event", cluster_col="account_id", robust=True
        ),
    )

    def logistic() -> Any:
        steps = frame[["opportunity", "term_months"]].assign(
            opportunity=frame["opportunity"].clip(upper=4)
        )
        dummies = pd.get_dummies(steps, columns=list(steps), drop_first=True)
        design = np.hstack([frame[["use", "tickets"]].to_numpy(), dummies.to_numpy(dtype=float)])
        model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(design, frame["event"])
        direct.robust_errors(model, design, frame["event"], frame["account_id"])
        return model

    hazard = clock.time("hazard per renewal", logistic)
    clock.told["said"] = {
        "Kaplan–Meier": curve.predict([200, 600]).tolist(),
        "Cox, robust": cox.params_.tolist(),
        "hazard per renewal": hazard.coef_[0][:2].tolist(),
    }
    return clock.told


def in_a_process(**asked: Any) -> dict[str, Any]:
    """Run one side in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--one", json.dumps(asked)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one side."""
    n, kind = asked["n"], asked["kind"]
    if kind == "survival":
        return (survival_ours if asked["side"] == "ours" else survival_directly)(n)
    if asked["side"] == "ours":
        return predictors_ours(n, asked["parts"])
    return predictors_directly(n, asked["parts"], asked["tuned"])


def line(n: int, what: str, ours: dict[str, Any], peer: dict[str, Any]) -> None:
    """Print one comparison."""
    there = what in peer
    ratio = f"{ours[what] / max(peer[what], 1e-9):6.2f}" if there else "     –"
    seconds = f"{peer[what]:9.3f}" if there else "        –"
    memory = f"{peer[f'{what}_mb']:9.0f}" if there else "        –"
    print(
        f"{n:10,} {what:20} {ours[what]:9.3f} {seconds} {ratio} {ours[f'{what}_mb']:9.0f} {memory}"
        f" {ours[what] / n * 1e6:10.1f}",
        flush=True,
    )


def agree(what: str, ours: Any, peer: Any, within: float) -> None:
    """Stop when the two say different things."""
    apart = float(np.abs(np.asarray(ours) - np.asarray(peer)).max())
    assert apart <= within, f"{what}: {apart:.1e} apart"


def compare(n: int, only: list[str], parts: list[str]) -> None:
    """Print the lines of one size."""
    if "predictors" in only:
        ours = in_a_process(kind="predictors", side="ours", n=n, parts=parts)
        tuned = {level: ours.get(f"tuned {level}") for level in ("L3", "L4")}
        peer = in_a_process(kind="predictors", side="direct", n=n, parts=parts, tuned=tuned)
        for what in [name for name in ours if f"{name}_mb" in ours]:
            line(n, what, ours, peer)
        if "fit" in parts:
            agree("boosted trees", ours["said L4"], peer["said L4"], 1e-9)
            apart = np.abs(np.array(ours["said L3"]) - np.array(peer["said L3"]))
            print(f"{'':10} regressions differ by {apart.mean():.4f} in the mean")
        if "backtest" in parts:
            print(f"{'':10} AUC ours {_said(ours)}; direct {_said(peer)}; chosen {ours['chosen']}")
    if "survival" in only:
        ours = in_a_process(kind="survival", side="ours", n=n)
        peer = in_a_process(kind="survival", side="direct", n=n)
        for what, said in ours["said"].items():
            line(n, what, ours, peer)
            agree(what, said, peer["said"][what], 1e-3 if "hazard" in what else 1e-5)


def _said(told: dict[str, Any]) -> str:
    return " ".join(f"{level} {value:.4f}" for level, value in told["areas"].items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every, some = ("predictors", "survival"), ("fit", "predict", "score", "backtest", "columns")
    parser.add_argument("--terms", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    parser.add_argument("--parts", nargs="+", choices=some, default=some)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(json.loads(asked.one))))
        return
    print(
        "     terms what                    ours s  direct s  ratio   ours MB direct MB  µs a term"
    )
    for n in asked.terms:
        compare(n, list(asked.only), list(asked.parts))
    print("bar: ratio at most 1.25; MB: largest memory beyond the panel")


if __name__ == "__main__":
    main()
