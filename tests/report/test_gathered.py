"""What another notebook said is relied on only when it is of this day and these records."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cs_models import files
from cs_models.data.mapping import Source
from cs_models.report import gathered, runs

NAME = "02_adoption_thresholds"
DAY = date(2026, 6, 30)
SOURCE = Source(path="data/sample")
INPUTS = [{"path": "events.parquet", "bytes": 3, "sha256": "ab"}]
SIGNAL = {
    "role": "signal",
    "segment": None,
    "segment_by": "segment",
    "direction": "at_least",
    "column": "events__feature=report_shared__first_60d",
    "min_users": 1,
    "cut": 12,
    "rule": "12 reports shared in the first 60 days",
    "members": None,
    "verdict": "sharp",
}


def _run(
    folder: Path,
    *,
    status: str = "ok",
    reason: str = "",
    as_of: date = DAY,
    content: dict[str, Any] | None = None,
    name: str = NAME,
    inputs: list[dict[str, Any]] = INPUTS,
) -> Path:
    """Write a run of one notebook and return its folder."""
    own = folder / name
    own.mkdir(parents=True)
    text = json.dumps({"as_of": as_of.isoformat(), "headline": "said", **(content or {})})
    (own / "results.json").write_text(text)
    noted = {
        "status": status,
        "reason": reason,
        "artefacts": {"results.json": hashlib.sha256(text.encode()).hexdigest()},
    }
    manifest = {
        "run_id": folder.name,
        "status": "complete",
        "as_of": as_of.isoformat(),
        "notebooks": {name: noted},
        "inputs": inputs,
    }
    (folder / runs.MANIFEST).write_text(json.dumps(manifest))
    return folder


def _read(folder: Path, as_of: date = DAY) -> gathered.Gathered:
    return gathered.read(folder / "08_leadership_brief", NAME, as_of=as_of, source=SOURCE)


def test_the_own_run_is_read_with_a_link_to_its_page(tmp_path: Path) -> None:
    """What a notebook of the same run said is there, with the way to its page."""
    found = _read(_run(tmp_path / "r1"))
    assert found.fresh and found.content["headline"] == "said"
    assert found.page == f"../{NAME}/report.html"


def test_a_failed_notebook_is_named_with_its_reason(tmp_path: Path) -> None:
    """A notebook that failed gives nothing but its reason, though its file is there."""
    found = _read(_run(tmp_path / "r1", status="failed", reason="no churn in the history"))
    assert (found.state, found.content) == ("failed", {})
    assert "no churn in the history" in found.why


def test_results_changed_since_are_refused(tmp_path: Path) -> None:
    """A file that is not the one that the run noted is not read."""
    folder = _run(tmp_path / "r1")
    (folder / NAME / "results.json").write_text('{"as_of": "2026-06-30", "headline": "forged"}')
    assert _read(folder).state == "damaged"


def test_results_that_the_run_never_noted_are_refused(tmp_path: Path) -> None:
    """A manifest without a hash of the file vouches for nothing in it."""
    folder = _run(tmp_path / "r1")
    told = json.loads((folder / runs.MANIFEST).read_text())
    told["notebooks"][NAME]["artefacts"] = {}
    (folder / runs.MANIFEST).write_text(json.dumps(told))
    assert (_read(folder).state, _read(folder).content) == ("damaged", {})


@pytest.mark.parametrize("changed", ["nothing", "a row", "another file", "no such place"])
def test_in_the_lab_only_a_run_of_these_very_records_is_relied_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Where no manifest says what the asking notebook reads, its source is held to the run's."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "accounts.csv").write_text("account_id\n1\n")
    _run(tmp_path / "reports/r1", inputs=files.inventory(own))
    if changed == "a row":
        (own / "accounts.csv").write_text("account_id\n2\n")
    if changed == "another file":
        (own / "users.csv").write_text("user_id\n1\n")
    source = tmp_path / "gone" if changed == "no such place" else own
    monkeypatch.chdir(tmp_path)
    found = gathered.read(None, NAME, as_of=DAY, source=Source(path=str(source)))
    assert found.state == ("fresh" if changed == "nothing" else "stale")
    assert found.run == ("r1" if changed == "nothing" else "")
    definition, why = gathered.definition(_Lab(source))
    assert definition is None and ("other records" in why) == (changed != "nothing")


def test_in_the_lab_a_run_that_noted_no_records_is_not_of_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing noted and nothing found is not the same records."""
    _run(tmp_path / "reports/r1", inputs=[])
    monkeypatch.chdir(tmp_path)
    found = gathered.read(None, NAME, as_of=DAY, source=Source(path=str(tmp_path / "gone")))
    assert found.state == "stale"


def test_another_day_is_stale(tmp_path: Path) -> None:
    """Results of another day are named as stale."""
    found = _read(_run(tmp_path / "r1", as_of=date(2026, 3, 31)))
    assert (found.state, found.content) == ("stale", {})
    assert "2026-03-31" in found.why


@pytest.mark.parametrize(
    ("inputs", "as_of", "state"),
    [
        (INPUTS, DAY, "fresh"),
        ([], DAY, "stale"),
        (INPUTS, date(2026, 6, 23), "stale"),
    ],
)
def test_the_newest_run_stands_in_only_for_the_same_day_and_records(
    tmp_path: Path, inputs: list[dict[str, Any]], as_of: date, state: str
) -> None:
    """A notebook run alone takes the newest run's word, if that read the same records."""
    _run(tmp_path / "r1", inputs=inputs, as_of=as_of)
    alone = _run(tmp_path / "r2", name="08_leadership_brief")
    (tmp_path / "latest").symlink_to("r2")
    found = _read(alone)
    assert found.state == state
    assert found.page == (f"../../r1/{NAME}/report.html" if state == "fresh" else "")


def test_nothing_there_is_missing(tmp_path: Path) -> None:
    """Where no run has made it, that is what is said."""
    found = _read(_run(tmp_path / "r1", name="08_leadership_brief"))
    assert (found.state, found.content) == ("missing", {})


class _Asking:
    """A notebook whose run file states no definition."""

    def __init__(self, folder: Path) -> None:
        self.as_of = DAY
        self.source = SOURCE
        self.output_dir: str | None = str(folder / "01_adoption_metrics")

    def definition(self) -> None:
        return None


class _Lab(_Asking):
    """The same, driven by hand: no folder, and records wherever they are."""

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self.source = Source(path=str(source))
        self.output_dir = None


def test_the_learnt_level_is_the_definition_in_force(tmp_path: Path) -> None:
    """Without a stated definition, adopted means what this run's search announced."""
    folder = _run(tmp_path / "r1", content={"thresholds": [SIGNAL]})
    found, why = gathered.definition(_Asking(folder))
    assert found is not None and found.conditions[0].at_least == 12
    assert NAME in why


def test_no_announced_level_leaves_adopted_undefined(tmp_path: Path) -> None:
    """Where the search announced nothing, adopted is not defined, and the reason is given."""
    folder = _run(tmp_path / "r1", content={"thresholds": [{"role": None, "verdict": "none"}]})
    found, why = gathered.definition(_Asking(folder))
    assert found is None and "announced no level" in why
