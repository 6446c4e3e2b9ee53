"""How values are written: the same number looks the same in a sentence and in a table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models.errors import NotebookError
from cs_models.report import theme, values

THIN = values.NARROW_SPACE


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (0.884, "percent", f"88.4{THIN}%"),
        (1, "percent", f"100.0{THIN}%"),
        (0.123, "points", "+12.3"),
        (-0.123, "points", "−12.3"),
        (0.0, "points", "0.0"),
        (-0.0004, "points", "0.0"),
        (1234567, "integer", "1,234,567"),
        (12.0, "integer", "12"),
        (0.5, "number", "0.5"),
        (1200, "number", "1,200"),
        (Decimal("1234567.50"), "money", "1,234,568"),
        (-3, "money", "−3"),
        ("2026-06-30", "date", "2026-06-30"),
        (date(2026, 6, 30), "date", "2026-06-30"),
        (True, "text", "yes"),
        ("", "text", "–"),
        (None, "money", "–"),
        (np.nan, "percent", "–"),
        (pd.NaT, "date", "–"),
        (pd.NA, "integer", "–"),
        (np.int64(7), "integer", "7"),
        ("not a number", "integer", "not a number"),
    ],
)
def test_a_value_is_written_by_its_kind(value: Any, kind: str, written: str) -> None:
    """Each kind has one form; what is missing is a dash in all of them."""
    assert values.write(value, kind) == written


def test_sentences_carry_their_units() -> None:
    """In a sentence an amount has its currency, a difference its points, an interval both ends."""
    assert values.money(1250000, "USD") == "$1,250,000"
    assert values.money(Decimal("-12.5"), "EUR", 2) == "−€12.50"
    assert values.money(5, "CHF") == "CHF\u00a05"
    assert values.money(None, "USD") == "–"
    assert values.points(0.123) == "+12.3 points"
    assert values.percent(0.884) == f"88{THIN}%"
    assert values.interval(0.84, 0.91) == f"84{THIN}% to 91{THIN}%"
    assert values.interval(-0.01, 0.02, "points", 1) == "−1.0 to +2.0 points"
    assert values.interval(1e6, 2e6, "money", unit="GBP") == "£1,000,000 to £2,000,000"


def test_a_rounded_nothing_has_no_sign() -> None:
    """−0.4 points of a percent rounds to 0, not to −0."""
    assert values.write(-0.0001, "percent") == f"0.0{THIN}%"
    assert values.write(-0.4, "integer") == "0"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.dates()
        | st.datetimes() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_anything_plain_is_strict_json_in_utf8(value: Any) -> None:
    """Whatever a notebook gives, the JSON has no NaN and can be written as UTF-8."""
    text = json.dumps(values.plain(value), allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")


def test_plain_forms_are_what_a_reader_expects() -> None:
    """Decimals become numbers, midnight its date, arrays and Series lists, paths text."""
    assert values.plain(Decimal("10.25")) == 10.25
    assert values.plain(Decimal("1e3")) == 1000
    assert values.plain(pd.Timestamp("2024-02-29")) == "2024-02-29"
    assert values.plain(datetime(2024, 2, 29, 12, tzinfo=UTC)) == "2024-02-29T12:00:00+00:00"
    assert values.plain(np.array([1.5, np.nan])) == [1.5, None]
    assert values.plain(pd.Series([1, 2])) == [1, 2]
    assert values.plain({"a": (1, Path("x/y"))}) == {"a": [1, "x/y"]}


def test_what_has_no_json_form_is_refused() -> None:
    """A set or an object is an error with its type, never its repr in a file."""
    with pytest.raises(NotebookError, match="set"):
        values.plain({"a": {1, 2}})


def test_every_role_has_a_dark_twin_and_stands_out() -> None:
    """Marks reach 3 : 1 against their page and text 4.5 : 1, in light and in dark."""
    assert theme.LIGHT.keys() == theme.DARK.keys()
    assert len(theme.dark_twins()) == len(theme.LIGHT)
    marks = ("renewed", "churned", "above", "below", "noise", "accent", "involuntary")
    for shades, paper in ((theme.LIGHT, "#FDFDFC"), (theme.DARK, "#14171B")):
        assert all(_contrast(shades[role], paper) >= 3 for role in marks)
        assert all(_contrast(shades[role], paper) >= 4.5 for role in ("ink", "muted", "accent"))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
