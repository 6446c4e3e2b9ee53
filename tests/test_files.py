"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models import files

WRITER = """
import sys
from pathlib import Path
from cs_models import files
target = Path(sys.argv[1])
n = 0
print("ready", flush=True)
while True:
    n += 1
    files.write_json_atomic(target, {"n": n, "body": [n] * 20_000})
"""


def test_a_kill_never_leaves_a_torn_file(tmp_path: Path) -> None:
    """After SIGKILL at a random moment the file parses and is one whole version."""
    target = tmp_path / "results.json"
    rng = random.Random(7)
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.uniform(0.02, 0.12))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if target.exists():
            content = json.loads(target.read_text())
            assert set(content["body"]) == {content["n"]}
    assert target.exists()
    files.sweep_temporary(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_full_disk_leaves_the_previous_file(tmp_path: Path) -> None:
    """When the file cannot grow, the previous one keeps its bytes and nothing is left behind."""
    target = tmp_path / "table.csv"
    files.write_text_atomic(target, "good\n")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.write_bytes_atomic(target, b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, previous)
    assert target.read_text() == "good\n"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_json_is_strict(tmp_path: Path, bad: float) -> None:
    """A number that is not finite is refused and the previous file stays."""
    target = tmp_path / "results.json"
    files.write_json_atomic(target, {"rate": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json_atomic(target, {"rate": bad})
    assert json.loads(target.read_text()) == {"rate": 0.5}


def test_a_lone_surrogate_leaves_the_previous_file(tmp_path: Path) -> None:
    """Text that is not Unicode is refused before anything is replaced."""
    target = tmp_path / "name.txt"
    files.write_text_atomic(target, "before")
    with pytest.raises(UnicodeEncodeError):
        files.write_text_atomic(target, "\ud800")
    assert target.read_text() == "before"


@given(st.text(max_size=200))
def test_slug_is_a_safe_file_name(text: str) -> None:
    """A slug is one short path component of letters, digits and dashes."""
    name = files.slug(text)
    assert 0 < len(name) <= 70
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_names_never_share_a_slug(one: str, other: str) -> None:
    """Different texts get different slugs."""
    if one != other:
        assert files.slug(one) != files.slug(other)


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    """The hash of a file is the hash of its bytes."""
    path = tmp_path / "a"
    path.write_bytes(b"renewals" * 100_000)
    assert files.sha256_of(path) == hashlib.sha256(b"renewals" * 100_000).hexdigest()


def test_a_sealed_file_tells_any_change(tmp_path: Path) -> None:
    """It reads as it was written; one other character, a cut or too many bytes are told apart."""
    path = tmp_path / "model.json"
    files.write_sealed_json_atomic(path, {"weights": (0.1, 1e-300), "name": "é"})
    assert files.read_sealed_json(path, largest=10**4) == {"weights": [0.1, 1e-300], "name": "é"}
    text = path.read_text()
    path.write_text(text.replace("0.1", "0.2"))
    with pytest.raises(ValueError, match="it was changed"):
        files.read_sealed_json(path, largest=10**4)
    for left in (text[:40], "[]", "{}", "\x00", "[" * 100_000):
        path.write_text(left)
        with pytest.raises(ValueError, match="cannot be read"):
            files.read_sealed_json(path, largest=10**6)
    path.write_text(text)
    with pytest.raises(ValueError, match="larger than 50 bytes"):
        files.read_sealed_json(path, largest=50)
