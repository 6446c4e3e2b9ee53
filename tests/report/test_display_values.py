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
from cs_models.report.figures import canvas

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


STAGES = (
    "way_1", "way_2", "way_3", "way_4", "way_5", "way_6", "returned", "idle", "dropping",
    "leaving", "gone",
)  # fmt: skip
# How eyes without the cones for red, and for green, mix linear light (Machado et al. 2009).
EYES = (
    np.eye(3),
    np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
)


@pytest.mark.parametrize("shades", [theme.LIGHT, theme.DARK])
def test_any_two_stages_are_told_apart_by_every_eye(shades: dict[str, str]) -> None:
    """Colours of stages are 20 steps of CIE Lab apart (2 can just be seen), with or without red."""
    for eye in EYES:
        seen = [_lab(eye @ _linear(shades[role])) for role in STAGES]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(apart) > 20


def test_shades_for_both_grounds_stand_out_on_both_and_stages_from_each_other() -> None:
    """In JupyterLab, light or dark, a shade reaches 3 : 1, and stages are told apart by any eye."""
    solid = {role: shade for role, shade in theme.EITHER.items() if shade.startswith("#")}
    assert {"expanded", "way_1", "way_5"} < solid.keys()
    for ground in ("#FFFFFF", "#111111"):
        assert min(_contrast(shade, ground) for shade in solid.values()) >= 3
    shades = {**theme.LIGHT, **solid}
    for eye in EYES:
        seen = [_lab(eye @ _linear(shades[role])) for role in STAGES]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(apart) > 17


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _lab(light: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = to_xyz @ np.clip(light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize(("high", "form"), [(0.04, ".1%"), (0.099, ".1%"), (0.4, ".0%")])
def test_ticks_of_a_short_axis_do_not_repeat(high: float, form: str) -> None:
    """Below ten points, ticks stand less than a point apart and need a digit."""
    assert canvas.percent_ticks(0.0, high) == form


def test_a_name_is_broken_between_words_and_drawn_as_typed() -> None:
    """Lines of at most 24 letters, joined again the very name; markup stays text."""
    said = canvas.wrapped("Customers who hardly use <b> & renew soon")
    assert all(len(line) <= 32 for line in said.split("<br>"))
    assert said.replace("<br>", " ") == "Customers who hardly use &lt;b&gt; &amp; renew soon"


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
