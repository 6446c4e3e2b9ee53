"""What a run file may hold, and what YAML 1.1 would have made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_models import errors
from cs_models.run.reading import yaml_file

SCALARS = [
    ("000123", "000123"),
    ("0o17", "0o17"),
    ("0x1F", "0x1F"),
    ("no", "no"),
    ("on", "on"),
    ("yes", "yes"),
    ("12:30:45", "12:30:45"),
    ("2026-06-30", "2026-06-30"),
    ("2026-06-30T10:00:00Z", "2026-06-30T10:00:00Z"),
    ("1e5", 100000.0),
    ("1.", 1.0),
    (".5", 0.5),
    ("-1.5e-3", -0.0015),
    ("1_000", "1_000"),
    ("1,000", "1,000"),
    ("+12", 12),
    ("-7", -7),
    ("0", 0),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("nan", "nan"),
    ("<<", "<<"),
    ("=", "="),
    ("'7'", "7"),
    ('"true"', "true"),
]

REFUSED = {
    "a tag": ("a: !!python/object/apply:os.system ['echo']", "tags are not read"),
    "a core tag": ("a: !!int '3'", "tags are not read"),
    "an own tag": ("a: !x 3", "tags are not read"),
    "an anchor": ("a: &x 3", "anchors"),
    "an alias": ("a: &x [1]\nb: *x", "anchors"),
    "a key twice": ("a: 1\nb: 2\na: 3", "twice"),
    "two documents": ("a: 1\n---\nb: 2", "more than one document"),
    "a list": ("- 1\n- 2", "mapping of names"),
    "nothing": ("", "empty"),
    "only a comment": ("# nothing", "empty"),
    "infinity": ("a: .inf", "not a finite number"),
    "not a number": ("a: .NaN", "not a finite number"),
    "a long integer": ("a: " + "9" * 5001, "5001 digits"),
    "a tab": ("a:\n\tb: 1", "line 2"),
    "an open bracket": ("a: [1, 2", "line"),
    "a deep nest": ("a: " + "[" * 5000 + "]" * 5000, "nested deeper"),
    "a list as key": ("? [1, 2]\n: 3", "a key must be a word"),
    "a control character": ("a: \x07", "plain YAML"),
}


def _read(tmp_path: Path, text: str | bytes) -> yaml_file.Document:
    path = tmp_path / "run.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return yaml_file.read(path)


@pytest.mark.parametrize(("typed", "means"), SCALARS)
def test_a_plain_word_means_what_it_says(tmp_path, typed, means):
    """No octal, no sexagesimal, no Norway problem, no dates: what is not plain stays text."""
    found = _read(tmp_path, f"a: {typed}\n").content["a"]
    assert found == means
    assert type(found) is type(means)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_refused_with_its_reason(tmp_path, name):
    """Tags, anchors, duplicates, several documents and broken text are refused by name."""
    text, word = REFUSED[name]
    with pytest.raises(errors.ParameterError) as refusal:
        _read(tmp_path, text)
    assert word in str(refusal.value)


def test_a_refusal_names_the_line(tmp_path):
    """The second line's tag is on line 2."""
    with pytest.raises(errors.ParameterError, match="line 2"):
        _read(tmp_path, "a: 1\nb: !!str x")


def test_keys_are_text(tmp_path):
    """A value of the source that looks like a number or a boolean is still a name here."""
    content = _read(tmp_path, "a: {1: churned, no: kept, true: x, 2020-01-01: y}").content
    assert content == {"a": {"1": "churned", "no": "kept", "true": "x", "2020-01-01": "y"}}


def test_lines_are_known_for_every_part(tmp_path):
    """A later refusal of a value can say where it stands."""
    lines = _read(tmp_path, "a: 1\nb:\n  c: 2\n  d: [1,\n    2]\n").lines
    assert (lines["a",], lines["b", "c"], lines["b", "d", 1]) == (1, 3, 5)


@pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"a: \xe9"])
def test_another_encoding_is_refused(tmp_path, data):
    """A Latin-1 or UTF-16 file is refused by its first foreign byte."""
    with pytest.raises(errors.ParameterError, match="not UTF-8"):
        _read(tmp_path, data)


def test_a_missing_or_huge_file_is_refused(tmp_path):
    """The message says what there is and what would do."""
    with pytest.raises(errors.ParameterError, match="cannot be read"):
        yaml_file.read(tmp_path / "nothing.yml")
    with pytest.raises(errors.ParameterError, match="too large"):
        _read(tmp_path, b"#" * (yaml_file.LARGEST_FILE_BYTES + 1))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused(tmp_path, text):
    """No text makes the reader fail in any other way."""
    try:
        document = _read(tmp_path, text)
    except errors.ParameterError:
        return
    assert isinstance(document.content, dict)
