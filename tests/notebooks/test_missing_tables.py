"""All notebooks on a small world without any optional table: nothing stops, every gap is named.

The cells of all notebooks run one after the other in this process, which reads the source and
imports once.  That the same cells run in kernels of their own, and become pages, the tests on the
sample show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cs_models import kept
from cs_models.data import simulate
from cs_models.report.display import Exhibit, Statement, Table
from cs_models.report.evidence import brief
from cs_models.report.tiles import KeyFigures
from tests.notebooks.played import by_heading

pytestmark = [pytest.mark.notebook, pytest.mark.long]

NOTEBOOKS = sorted(
    file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb")
)
N_ACCOUNTS = 150
OPTIONAL = ("users", "tickets", "surveys", "touchpoints", "milestones", "health_scores")
# What each page must say that it cannot tell, in any of its sentences.
UNTOLD = {
    brief.ADOPTION: (
        "no onboarding milestones", "no table of users", "keeps no survey answers",
        "Who is stuck in onboarding cannot be told",
    ),
    brief.JOURNEY: (
        "“onboarding” of customers cannot be told", "“advocate” of customers cannot be told",
        "Who is below their peers cannot be said", "How soon champions leave cannot be said",
        "Who could speak for the product cannot be said", "No person's value can be told",
    ),
    brief.OUTLOOK: (
        "No contact of ours is on record", "“Who could speak for us” could not be made",
        "the source has no table of surveys", "the source has no table of users",
    ),
    "08_leadership_brief": (
        "Not made: ", "advocacy (", "No contact of ours is on record",
        "Nothing can be said of single users",
        "Lists that could not be made: ", "Stages that could not be told: ",
    ),
}  # fmt: skip
Shown = dict[str, dict[str, list[Any]]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for this run."""
    return tmp_path_factory.mktemp("untold")


@pytest.fixture(scope="module")
def shown(project_root: Path, base: Path, play: Callable[..., Any]) -> Iterator[Shown]:
    """Run all notebooks; return what each shows under each of its headings."""
    simulate.write(base / "world", scenario="step-by-segment", n_accounts=N_ACCOUNTS, seed=4)
    for table in OPTIONAL:
        (base / "world" / f"{table}.parquet").unlink(missing_ok=True)
    (base / "world" / "checksums.json").unlink()
    (base / "kept").mkdir()
    with pytest.MonkeyPatch.context() as patch, kept.within(base / "kept"):
        patch.chdir(project_root)
        played = play(base / "world", base / "run")
        yield {name: by_heading(cells) for name, cells in played.items()}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_section_says_something(shown: Shown, name: str) -> None:
    """Under each heading stands a sentence, a table or a figure, and no table is a mere head."""
    assert shown[name]
    for heading, items in shown[name].items():
        assert items, f"nothing under {heading!r}"
        assert all(isinstance(item, Statement | Table | Exhibit | KeyFigures) for item in items)
        said = [item for item in items if not isinstance(item, Table) or item.rows]
        assert said, f"only empty tables under {heading!r}"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_results_file_has_a_headline(shown: Shown, base: Path, name: str) -> None:
    """Each notebook ends with a headline, findings, and ids that are its own."""
    assert shown[name]
    told = json.loads((base / "run" / name / "results.json").read_text(encoding="utf-8"))
    assert len(told["headline"]) > 20
    ids = [finding["id"] for finding in told["findings"]]
    assert ids
    assert len(set(ids)) == len(ids)
    # A sentence may be named as its table, as on the page.
    named = [
        (type(item) is Statement, item.id)
        for items in shown[name].values()
        for item in items
        if not isinstance(item, KeyFigures)
    ]
    assert not {one for one in named if one[1] and named.count(one) > 1}


@pytest.mark.parametrize("name", UNTOLD)
def test_what_cannot_be_answered_is_named_with_its_reason(shown: Shown, name: str) -> None:
    """Each page says which of its questions the missing tables leave open."""
    said = " ".join(
        item.text for items in shown[name].values() for item in items if isinstance(item, Statement)
    )
    for words in UNTOLD[name]:
        assert words in said


def test_the_files_that_others_read_name_the_gaps(base: Path, shown: Shown) -> None:
    """A reader of results.json learns which lists, stages and people could not be told."""
    assert shown

    def findings(name: str) -> dict[str, str]:
        told = json.loads((base / "run" / name / "results.json").read_text(encoding="utf-8"))
        return {one["id"]: one["statement"] for one in told["findings"]}

    assert "no table of surveys" in findings(brief.OUTLOOK)["unanswered"]
    assert "onboarding" in findings(brief.JOURNEY)["unanswered"]
    assert "no table of users" in findings(brief.JOURNEY)["people"]
    assert {"stuck-in-onboarding", "cube", "nps-by-feature"} <= set(findings(brief.ADOPTION))
