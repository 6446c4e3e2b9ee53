"""`--set` reads a text by the declared type of its field."""

from __future__ import annotations

import pytest

from cs_models import errors
from cs_models.run.reading import overrides

READ = [
    ("source.path", "000123", "000123"),
    ("source.path", "1_000", "1_000"),
    ("source.path", "null", "null"),
    ("source.path", "a=b", "a=b"),
    ("source.kind", "csv", "csv"),
    ("source.kind", "null", None),
    ("as_of", "2026-06-30", "2026-06-30"),
    ("timezone", "nan", "nan"),
    ("seed", "12", 12),
    ("adoption_thresholds.alpha", "0.1", 0.1),
    ("adoption_thresholds.alpha", "1e-2", 0.01),
    ("adoption_thresholds.window_days", "7,14, 30", [7, 14, 30]),
    ("adoption_thresholds.window_days", "[7, 14]", [7, 14]),
    ("adoption_thresholds.window_days", "7", [7]),
    ("adoption_thresholds.segment_by", "null", None),
    ("adoption_thresholds.segment_by", "region", "region"),
    ("adoption_thresholds.strata", "", []),
    ("adoption_thresholds.features", "000123,nan", ["000123", "nan"]),
    ("adoption_thresholds.features", '["a,b"]', ["a,b"]),
    ("adoption_thresholds.features", "null", None),
    ("adoption_thresholds.data_start", "2024-01-01", "2024-01-01"),
    ("source.tables.events.from", "e.csv", "e.csv"),
    ("source.tables.events.columns.event_ts", "at", "at"),
    ("source.tables.events.values.feature", '{"1": "login"}', {"1": "login"}),
    ("source", '{"path": "x"}', {"path": "x"}),
]

REFUSED = [
    ("seed", "000123"),
    ("seed", "1_000"),
    ("seed", "1.0"),
    ("seed", "nan"),
    ("seed", ""),
    ("seed", "1e3"),
    ("seed", "9" * 5001),
    ("seed", "١٢"),  # digits, but not ASCII's
    ("adoption_thresholds.alpha", "nan"),
    ("adoption_thresholds.alpha", "inf"),
    ("adoption_thresholds.alpha", "5%"),
    ("adoption_thresholds.window_days", "7,x"),
    ("adoption_thresholds.window_days", "[7"),
    ("adoption_thresholds.window_days", "[" * 100_000),
    ("source", "data/sample"),
    ("source", '{"path": "a", "path": "b"}'),
]


@pytest.mark.parametrize(("name", "text", "means"), READ)
def test_text_becomes_a_value_of_the_declared_type(name, text, means):
    """Leading zeros, `nan` and `null` are text where text is declared, and only there."""
    path = tuple(name.split("."))
    found = overrides.parse(text, overrides.declared(path))
    assert found == means
    assert type(found) is type(means)


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_text_of_another_type_is_refused(name, text):
    """Nothing is guessed: the message names the field, what it got and what is allowed."""
    path = tuple(name.split("."))
    with pytest.raises(errors.ParameterError) as refusal:
        overrides.apply({}, path, text)
    assert name in str(refusal.value)
    assert refusal.value.got
    assert refusal.value.repair
    assert len(str(refusal.value)) < 400


def test_the_value_is_put_without_touching_the_given_content():
    """A new mapping is returned; missing sections are made."""
    given = {"source": {"path": "a"}}
    put = overrides.apply(given, ("adoption_thresholds", "alpha"), "0.1")
    assert put == {"source": {"path": "a"}, "adoption_thresholds": {"alpha": 0.1}}
    assert overrides.apply(given, ("source", "path"), "b")["source"] == {"path": "b"}
    assert given == {"source": {"path": "a"}}


@pytest.mark.parametrize("words", ["alpha", "=1", ".a=1", "a..b=1", ""])
def test_a_word_without_a_name_or_equals_sign_is_refused(words):
    """`--set alpha` says how it is written."""
    with pytest.raises(errors.ParameterError, match="name=value"):
        overrides.split(words)
