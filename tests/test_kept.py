"""What a run keeps: exactly as it was, worked out once, and only within a run."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cs_models import kept

ASKING = """
import sys, time
from pathlib import Path
import pandas as pd
from cs_models import kept

def make():
    with open(sys.argv[1], "a") as told:
        told.write("made\\n")
    time.sleep(1.0)
    return pd.DataFrame({"a": [1, 2]})

print(int(kept.frame(kept.name("slow"), make)["a"].sum()))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the folder of a run."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def rich() -> pd.DataFrame:
    """Return a frame with every type that a panel has, and the hard values of each."""
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 2**62], dtype="Int64"),
            "small": pd.array([1, 0, None], dtype="Int8"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "share": [0.1 + 0.2, np.nan, -0.0],
            "far": [np.inf, -np.inf, 5e-324],
            "day": np.array(["2024-02-29", "NaT", "1969-12-31"], dtype="datetime64[s]"),
            "moment": pd.to_datetime(
                ["2024-02-29T10:00:00.000001Z", None, "2024-03-01T00:00:00.5Z"]
            ),
            "money": [Decimal("0.10"), None, Decimal("1200.00")],
            "text": ["", None, "=1+1\ud7ff ä"],
            "plain": np.array([1, 2, 3], dtype="int32"),
        }
    )
    frame.attrs = {"recipe": {"days": [7, 28], "since": None, "at_all": True, "share": 0.1}}
    return frame


def test_a_kept_frame_cannot_be_told_from_the_one_made(place: Path) -> None:
    """Values, types, index and attrs are those of the frame; who asks again makes nothing."""
    made: list[int] = []

    def make() -> pd.DataFrame:
        made.append(1)
        return rich()

    with kept.within(place):
        first, second = (kept.frame(kept.name("rich"), make) for _ in range(2))
    assert len(made) == 1
    for found in (first, second):
        pd.testing.assert_frame_equal(found, rich(), check_exact=True, check_freq=True)
        assert kept.same(found, rich())
        assert found.attrs == rich().attrs
        assert [type(x) for x in found["money"]] == [Decimal, type(None), Decimal]
        assert list(map(str, found["money"])) == ["0.10", "None", "1200.00"]
        assert np.signbit(found["share"].iloc[2])
        found["plain"].to_numpy()[0] = 9  # what is read can be written to


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"money": [Decimal("1.0"), Decimal("1.00")]}),
        pd.DataFrame({"text": ["a", np.nan]}),
        pd.DataFrame({"mixed": [1, "a"]}),
        pd.DataFrame({"a": [1]}).rename_axis(columns="kind"),
    ],
    ids=["two scales of money", "NaN among texts", "no one type", "named columns"],
)
def test_what_does_not_read_back_as_it_was_is_not_kept(place: Path, frame: pd.DataFrame) -> None:
    """Then everybody works it out, and gets the frame itself."""
    with kept.within(place):
        for _ in range(2):
            found = kept.frame(kept.name("odd"), lambda: frame)
            assert kept.same(found, frame)
    left = [path for path in place.iterdir() if path.suffix != ".lock"]
    assert not left or kept.same(kept._read(left[0]), frame)


@pytest.mark.parametrize("attrs", [{"a": (1, 2)}, {1: "a"}, {"a": date(2024, 1, 1)}])
def test_attrs_that_json_would_change_are_not_kept(place: Path, attrs: dict) -> None:
    """A tuple stays a tuple, a number stays a key."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    with kept.within(place):
        found = [kept.frame(kept.name("attrs"), lambda: frame).attrs for _ in range(2)]
    assert found == [attrs, attrs]


def test_two_processes_work_it_out_once(place: Path, tmp_path: Path) -> None:
    """The second waits for the first and reads; so it does in a third process later."""
    told = tmp_path / "told"
    command = [sys.executable, "-c", ASKING, str(told)]
    environment = {**os.environ, kept.VARIABLE: str(place)}
    asked = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in asked] == ["3", "3"]
    assert told.read_text() == "made\n"
    assert not list(place.glob("*.part"))


def test_outside_of_a_run_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the variable, and with one that names no folder, each asks for itself."""
    monkeypatch.chdir(tmp_path)
    for value in (None, "", str(tmp_path / "gone")):
        monkeypatch.delenv(kept.VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(kept.VARIABLE, value)
        assert kept.folder() is None
        made = rich()
        assert kept.frame(kept.name("a"), lambda made=made: made) is made
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_and_is_raised_to_everybody(place: Path) -> None:
    """What could not be worked out is tried again by the next who asks."""

    def fails() -> pd.DataFrame:
        raise ValueError("no such thing")

    with kept.within(place):
        for _ in range(2):
            with pytest.raises(ValueError, match="no such thing"):
                kept.frame(kept.name("a"), fails)
        assert len(kept.frame(kept.name("a"), rich)) == 3


def test_a_full_disk_costs_time_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file cannot be written the frame is there all the same, and nothing half-made."""

    def full(_: object, path: str, **__: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept.feather, "write_feather", full)
    with kept.within(place):
        assert kept.same(kept.frame(kept.name("a"), rich), rich())
    assert {path.suffix for path in place.iterdir()} == {".lock"}


def test_names_and_contents_differ_with_whatever_differs() -> None:
    """One value, one type, one attr, one missing cell: another name."""
    assert kept.name("a", [1, 2], date(2024, 1, 1)) == kept.name("a", [1, 2], date(2024, 1, 1))
    asked = [("a", 1), ("a", "1"), ("a", 1.0), ("a", None), ("a", [1]), ("a", date(2024, 1, 1))]
    assert len({kept.name(*one) for one in asked}) == len(asked)
    base = rich()
    other = [
        base,
        base.astype({"plain": "int64"}),
        base.iloc[:2],
        base.rename(columns={"far": "x"}),
    ]
    other += [base.assign(share=[0.3, np.nan, -0.0]), base.assign(share=[0.1 + 0.2, 0.0, -0.0])]
    other.append(base.copy())
    other[-1].attrs["recipe"] = {}
    names = {kept.content(frame) for frame in other}
    assert len(names) == len(other)
    assert "" not in names
    assert kept.content(rich()) == kept.content(base)
