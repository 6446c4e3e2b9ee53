"""Histories from which little or nothing can be learnt: every page that can be made is made.

``reliability.md`` section E.  The cells of the predictors, survival, outlook, backtest and brief
run in this process; a leak is met through the command, for it has to stop a run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from cs_models import kept
from cs_models.data import simulate
from cs_models.report.display import Statement
from cs_models.report.evidence import brief

pytestmark = [pytest.mark.notebook, pytest.mark.long]

NAMES = (
    brief.PREDICTORS, brief.SURVIVAL, brief.OUTLOOK, brief.BACKTEST, "08_leadership_brief",
)  # fmt: skip
LOST = ("churned", "involuntary")
LEAVING = ["ended_at", "cancel_requested_at"]


def _nobody_left(terms: pd.DataFrame) -> pd.DataFrame:
    return _stay(terms, terms["outcome"].isin(LOST))


def _five_left(terms: pd.DataFrame) -> pd.DataFrame:
    lost = terms["outcome"].isin(LOST)
    five = terms.loc[lost, "account_id"].drop_duplicates().head(5)
    return _stay(terms, lost & ~terms["account_id"].isin(five))


def _none_decided(terms: pd.DataFrame) -> pd.DataFrame:
    return terms[pd.to_datetime(terms["term_end"]) > pd.Timestamp("2026-06-30")]


def _stay(terms: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    terms.loc[rows, "outcome"] = "renewed"
    terms.loc[rows, LEAVING] = None
    return terms


def _world(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], n: int = 110) -> Path:
    simulate.write(folder, scenario="step-by-segment", n_accounts=n, seed=4)
    (folder / "checksums.json").unlink()
    terms = change(pd.read_parquet(folder / "subscriptions.parquet"))
    terms.to_parquet(folder / "subscriptions.parquet", index=False)
    return folder


@pytest.fixture(scope="module", params=[_nobody_left, _five_left, _none_decided])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
    project_root: Path, play: Callable[..., Any],
) -> dict[str, tuple[str, list[str]]]:  # fmt: skip
    """Return the headline and all sentences of each page made from one such history."""
    base = tmp_path_factory.mktemp("hard")
    world = _world(base / "world", request.param)
    (base / "kept").mkdir()
    with pytest.MonkeyPatch.context() as patch, kept.within(base / "kept"):
        patch.chdir(project_root)
        played = play(world, base / "run", NAMES)
    return {
        name: (
            json.loads((base / "run" / name / "results.json").read_text())["headline"],
            [item.text for _, items in cells for item in items or [] if type(item) is Statement],
        )
        for name, cells in played.items()
    }


def test_every_page_is_made_and_says_what_it_lacks(told: dict[str, tuple[str, list[str]]]) -> None:
    """Predictors, survival and the look back are made, and name what there is too little of."""
    assert told.keys() == set(NAMES)
    assert "too short to say who will leave" in told[brief.PREDICTORS][0]
    assert told[brief.SURVIVAL][0].startswith("Too few customers")
    assert "Past quarters could not be foretold" in told[brief.BACKTEST][0]
    for name, (_, said) in told.items():
        for one in said:
            assert one == one.strip() != "", name
            assert "nan" not in one.lower().split()
            assert "  " not in one


def test_money_is_not_foretold_from_nothing(told: dict[str, tuple[str, list[str]]]) -> None:
    """A range of what is kept is given only where contracts have come to an end before."""
    headline, decided = told[brief.OUTLOOK][0], told[brief.PREDICTORS][0]
    if "At the ends of 0 contract terms" in decided:
        assert "likely to be kept" not in headline
        assert "cannot be told" in headline
    else:
        assert "likely to be kept" in headline
        assert not [one for one in told[brief.OUTLOOK][1] if "more than $0 would" in one]


def test_a_field_written_after_the_customer_left_stops_the_run(
    tmp_path: Path, project_root: Path
) -> None:
    """A plan called after the outcome ends the run with the code of bad data, and its name."""

    def rewritten(terms: pd.DataFrame) -> pd.DataFrame:
        terms.loc[terms["outcome"] == "churned", "plan"] = "cancelled"
        return terms

    world = _world(tmp_path / "world", rewritten, 400)
    given = yaml.safe_load((project_root / "parameters/sample.yml").read_text(encoding="utf-8"))
    given["source"] = {"path": str(world)}
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "cs_models", "run", str(tmp_path / "mine.yml"), brief.PREDICTORS,
         "--out", str(tmp_path / "out")],
        cwd=project_root, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "plan" in done.stderr
    assert not (tmp_path / "out" / "latest").exists()
