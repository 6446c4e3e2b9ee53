"""One optional table missing at a time: the pages that read it say what they cannot, and go on.

The cells run in this process, one world a missing table, and only the notebooks that read it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cs_models import kept
from cs_models.data import simulate
from cs_models.report.display import Exhibit, Statement, Table
from cs_models.report.evidence import brief, plays
from tests.notebooks.played import by_heading

pytestmark = [pytest.mark.notebook, pytest.mark.long]

N_ACCOUNTS = 100
BRIEF = "08_leadership_brief"
# Of each table, what the pages that read it must say without it.
UNTOLD: dict[str, dict[str, tuple[str, ...]]] = {
    "users": {
        brief.ADOPTION: ("no table of users",),
        brief.JOURNEY: ("no table of users",),
        brief.OUTLOOK: ("the source has no table of users",),
        BRIEF: ("no table of users",),
    },
    "tickets": {
        brief.ADOPTION: ("the source has no tickets table, so support cannot be told",),
        brief.OUTLOOK: (),
        BRIEF: (),
    },
    "surveys": {
        brief.ADOPTION: ("keeps no survey answers",),
        brief.JOURNEY: ("\u201cadvocate\u201d of customers cannot be told",),
        brief.OUTLOOK: ("\u201cWho could speak for us\u201d could not be made",),
        BRIEF: ("Stages that could not be told: ", "Lists that could not be made: "),
    },
    "touchpoints": {
        brief.OUTLOOK: ("No contact of ours is on record",),
        BRIEF: ("No contact of ours is on record",),
    },
    "milestones": {
        brief.ADOPTION: ("no onboarding milestones", "Who is stuck in onboarding cannot be told"),
        brief.JOURNEY: ("\u201conboarding\u201d of customers cannot be told",),
        brief.OUTLOOK: (),
        BRIEF: ("Stages that could not be told: ",),
    },
    "health_scores": {brief.OUTLOOK: (), BRIEF: ()},
}


@pytest.mark.parametrize("missing", UNTOLD)
def test_a_page_without_a_table_says_what_it_cannot(
    project_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    play: Callable[..., Any],
    missing: str,
) -> None:
    """No cell fails, no section is empty, no sentence of the brief stands twice."""
    world = tmp_path / "world"
    simulate.write(world, scenario="step-by-segment", n_accounts=N_ACCOUNTS, seed=4)
    (world / f"{missing}.parquet").unlink(missing_ok=True)
    (world / "checksums.json").unlink()
    (tmp_path / "kept").mkdir()
    monkeypatch.chdir(project_root)
    with kept.within(tmp_path / "kept"):
        played = play(world, tmp_path / "run", list(UNTOLD[missing]))
    for name, cells in played.items():
        assert all(by_heading(cells).values()), name
        said = " ".join(item.text for item in _shown(cells) if isinstance(item, Statement))
        for words in UNTOLD[missing][name]:
            assert words in said, (name, words)
        told = json.loads((tmp_path / "run" / name / "results.json").read_text(encoding="utf-8"))
        assert told["headline"] and told["findings"]
    _holds(_shown(played[BRIEF]), missing)


def _shown(cells: list[tuple[dict[str, Any], list[Any] | None]]) -> list[Any]:
    return [item for _, items in cells for item in items or []]


def _holds(shown: list[Any], missing: str) -> None:
    """Check the brief: every sentence once, and nobody counted in no play who may be in one."""
    sentences = Counter(
        sentence
        for item in shown
        if isinstance(item, Statement)
        for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", item.text)
    )
    # Pages that this test did not run are named wherever they are missed.
    twice = [one for one, n in sentences.items() if n > 1 and " was not run: " not in one]
    assert not twice
    tables = {one.id: one for one in shown if isinstance(one, Table)}
    tables |= {one.table.id: one.table for one in shown if isinstance(one, Exhibit)}
    groups = {row[0] for row in tables[brief.BOOK].rows}
    assert bool(groups & plays.PLAYED) == (missing != "touchpoints")
