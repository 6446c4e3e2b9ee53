"""The page's parts on adoption: laws of its frames, and the words of each of its branches."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from cs_models.features import renewals
from cs_models.features.adoption import Definition
from cs_models.features.condition import Condition
from cs_models.features.measures import facts
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import engagement as engagement
from cs_models.report.evidence import kept
from cs_models.report.evidence import measures as evidence
from cs_models.report.exhibits import engagement as engagement_exhibits
from cs_models.report.exhibits import measures as exhibits
from cs_models.report.figures import measures as figures
from cs_models.report.findings import engagement as engagement_findings
from cs_models.report.findings import measures as findings

CAUSAL = re.compile(r"\b(caus(ed|es|ing)|driv|because of|leads? to|makes\b|prevent)", re.I)
ON = date(2026, 6, 30)
RULE = Definition("rule", (Condition("events__report_shared__first_60d", at_least=12.0),))
CELLS = (
    exhibits.adoption, exhibits.features, exhibits.first_use, exhibits.value, exhibits.onboarding,
    exhibits.frequency, exhibits.seats, exhibits.breadth,
)  # fmt: skip


@pytest.fixture(scope="module")
def tables(tenth: Mapping[str, ir.Table]) -> Mapping[str, ir.Table]:
    """Return the tables of a tenth of the sample's accounts."""
    return tenth


Pair = tuple[evidence.Told, engagement.Told]


@pytest.fixture(scope="module")
def known(tables: Mapping[str, ir.Table]) -> facts.Facts:
    """Return what all measures are counted from."""
    return facts.read(tables, ON, data_start=date(2022, 7, 1))


def both(
    tables: Mapping[str, ir.Table], known: facts.Facts, definition: Definition | None = None
) -> Pair:
    past = renewals.history(tables, ON)
    told = evidence.tell(tables, known, past, definition=definition, why="none was learnt",
                         value_features=["report_shared"], value_count=10)  # fmt: skip
    return told, engagement.tell(tables, known, past, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def told(tables: Mapping[str, ir.Table], known: facts.Facts) -> Pair:
    return both(tables, known, RULE)


def shown(pair: Pair) -> list[Statement | Exhibit | Table]:
    one, other = pair
    out = [*findings.answer(one), *engagement_findings.answer(other)]
    for cell in CELLS:
        out += cell(one)
    return [
        *out, *engagement_exhibits.score(other), *engagement_exhibits.support(other),
        *engagement_exhibits.growth(other, "USD"),
    ]  # fmt: skip


def check(out: list[Statement | Exhibit | Table]) -> None:
    ids = [one.id for one in out if one.id] + [
        one.table.id for one in out if isinstance(one, Exhibit)
    ]
    assert len(ids) == len(set(ids))
    for one in out:
        json.dumps(one.payload(), allow_nan=False)
        if isinstance(one, Statement):
            assert one.text.strip() and "nan" not in one.text and not CAUSAL.search(one.text)
            for part in one.parts:
                assert not isinstance(part, Number) or part.href[1:] in ids
        if isinstance(one, Exhibit):
            titles = one.figure.to_plotly_json()["layout"]
            assert any("title" in axis for name, axis in titles.items() if name.startswith("xaxis"))


def test_page_is_whole_and_links_to_itself(told: Pair) -> None:
    """Every number links to a table of the page, every figure names its axis, no word is causal."""
    check(shown(told))


def test_saved_rows_have_bounds_in_order(told: Pair) -> None:
    """Low <= value <= high wherever all three are there, and every measure has a row."""
    rows = [*evidence.listed(told[0]), *engagement.listed(told[1])]
    frame = pd.DataFrame(rows)
    assert set(frame["id"]) == {"M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M11", "M12", "M13"}
    numbers = frame[["low", "value", "high"]].astype("float64").dropna()
    numbers = numbers[np.isfinite(numbers).all(axis=1)]
    assert (numbers["low"] <= numbers["value"] + 1e-9).all()
    assert (numbers["value"] <= numbers["high"] + 1e-9).all()
    assert set(rows[0]) == {"id", "name", "group", "value", "low", "high", "unit", "n",
                            "n_accounts", "period"}  # fmt: skip


def test_retention_is_that_of_the_renewal_pages(told: Pair, tables: Mapping[str, ir.Table]) -> None:
    """GRR and NRR by quarter equal ``kept.past_quarters``; only intervals are added."""
    known = kept.past_quarters(renewals.history(tables, ON), as_of=ON, grace_days=30)
    own = told[1].quarters
    assert own["label"].tolist() == known["label"].tolist()
    for name in ("grr", "nrr", "due_arr"):
        np.testing.assert_allclose(own[name], known[name])


@pytest.mark.parametrize("lacking", [("users",), ("tickets",), ("milestones",)])
def test_page_without_a_table_says_what_it_cannot_answer(
    lacking: tuple[str, ...], tables: Mapping[str, ir.Table], known: facts.Facts
) -> None:
    """Without users, tickets or milestones the page is whole and names what is missing."""
    known = replace(known, users=None) if "users" in lacking else known
    pair = both({name: table for name, table in tables.items() if name not in lacking}, known)
    out = shown(pair)
    check(out)
    text = " ".join(one.text for one in out if isinstance(one, Statement))
    noted = text + " ".join(one.note for one in out if isinstance(one, Table))
    assert {"users": "no users table", "tickets": "no tickets table",
            "milestones": "no onboarding milestones"}[lacking[0]] in noted  # fmt: skip


def test_a_score_that_orders_nothing_is_said_so(told: Pair) -> None:
    """The sentence follows the verdict: no order, reversed, too little."""

    def said(**row: object) -> str:
        order = told[1].order.assign(**row)
        return engagement_findings.answer(replace(told[1], order=order))[0].text

    assert "does not tell who renews" in said(verdict="none")
    assert "wrong way" in said(verdict="reversed")
    assert "cannot be told yet" in said(verdict="too_little_data")


def test_no_definition_is_said(told: Pair) -> None:
    """Without a definition the answer gives the reason."""
    bare = replace(told[0], definition=None, why={"adopted": "none was learnt"})
    assert "none was learnt" in findings.answer(bare)[0].text


def test_a_thinned_curve_is_nowhere_off_by_more_than_a_screen_shows() -> None:
    """Between the steps that are kept the curve and its band move less than half a pixel."""
    days = np.arange(181)
    whole = pd.DataFrame({"time": days, "survival": np.exp(-days / 90.0)})
    whole = whole.assign(low=whole["survival"] - 0.01, high=whole["survival"] + 0.01)
    whole.loc[150:, "survival"] = whole.loc[150, "survival"]
    whole.loc[150:, ["low", "high"]] = np.nan
    kept_ = figures._seen(whole)
    held = kept_.set_index("time")["survival"].reindex(days).ffill()
    assert (held - whole["survival"]).abs().max() < 0.5 / 320
    assert len(kept_) < 160 and kept_["time"].iloc[-1] == 180
