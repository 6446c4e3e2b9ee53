"""Lists as files: what ships can be read, and what cannot be a list is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cs_models.errors import ParameterError
from cs_models.features import criteria
from cs_models.run import lists_file
from cs_models.run.parameters import RenewalOutlook

GOOD = """\
title: Big ones
action: Call them.
grain: account
criteria:
  all_of:
    - {column: seats, at_least: 10}
    - {not: {column: p_churn, at_least: 0.25}}
order_by: arr
outcome: left
quiet_days: 7
"""
SHIPPED = (
    "advocacy", "early_renewal", "expansion", "over_use", "rescue", "silent_champion",
    "unused_area", "who_to_contact",
)  # fmt: skip


def write(folder: Path, text: str, name: str = "big.yml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_the_lists_that_ship_are_read_and_can_be_said(project_root: Path) -> None:
    """Eight lists, each of which says its criteria in words without a column's name."""
    found = lists_file.read(project_root / "parameters/lists")
    assert tuple(one.name for one in found) == SHIPPED
    for one in found:
        assert "__" not in criteria.words(one.criteria)


def test_the_shipped_contact_list_asks_the_six_criteria(project_root: Path) -> None:
    """Signed up 30 to 90 days ago, educated, here within a week, more than ten days, and so on."""
    found = {one.name: one for one in lists_file.read(project_root / "parameters/lists")}
    assert set(found["who_to_contact"].columns) >= {
        "days_since_created", "trained__to_date", "days_since_last_use", "active_days__to_date",
        "contacted_since_onboarding", "events__feature=integration_synced__to_date",
    }  # fmt: skip


def test_a_file_is_a_list(tmp_path: Path) -> None:
    """Its name is the file's, its fields those that stand there, and the rest the defaults."""
    (one,) = lists_file.read(write(tmp_path, GOOD))
    assert (one.name, one.title, one.quiet_days, one.per_week) == ("big", "Big ones", 7, None)
    assert one.columns == ("seats", "p_churn", "arr")
    assert lists_file.read(None) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seats", "seets", "did you mean seats?"),
        ("order_by: arr", "order_by: ar", "did you mean arr?"),
        ("at_least: 10", "at_least: ten", "finite number"),
        ("outcome: left", "outcome: started", "left or renewed or expanded"),
        ("outcome: left", "outcome: vanished", "line 9"),
        ("quiet_days: 7", "quiet_days: -1", "line 10"),
        ("quiet_days: 7", "silent_days: 7", "silent_days"),
        ("title: Big ones\n", "", "title"),
        ("seats, at_least: 10", "seats, at_least: 10, is: true", "several kinds"),
        ("{column: seats, at_least: 10}", "{column: outcome, one_of: [churned]}", "unknown column"),
    ],
)
def test_what_cannot_be_a_list_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Exit code 2, the file's name, and what is allowed or was probably meant."""
    with pytest.raises(ParameterError) as refusal:
        lists_file.read(write(tmp_path, GOOD.replace(old, new)))
    assert refusal.value.exit_code == 2
    assert "big" in str(refusal.value)
    assert said in str(refusal.value)


def test_names_and_folders_are_checked(tmp_path: Path) -> None:
    """A file name becomes a table's name; a folder that is not there is no empty folder."""
    with pytest.raises(ParameterError, match="file name is its name"):
        lists_file.read(write(tmp_path, GOOD, "Big Ones.yml"))
    with pytest.raises(ParameterError, match="no folder of lists"):
        lists_file.read(tmp_path / "absent")


def test_a_wrong_list_stops_the_run_before_a_kernel_starts(tmp_path: Path) -> None:
    """The parameters follow the folder and read every list once."""
    for name in ("notebooks", "parameters/lists"):
        (tmp_path / name).mkdir(parents=True)
    write(tmp_path / "parameters/lists", GOOD.replace("seats", "seets"))
    model = RenewalOutlook.checked(
        {"source": {"path": "data"}, "as_of": "2026-06-30", "lists": "parameters/lists"}
    )
    with pytest.raises(ParameterError, match="did you mean seats"):
        model.located(tmp_path)
    write(tmp_path / "parameters/lists", GOOD)
    assert len(model.located(tmp_path).customer_lists()) == 1
    assert RenewalOutlook.checked(
        {"source": {"path": "data"}, "as_of": "2026-06-30"}
    ).customer_lists() == ()  # fmt: skip
