"""How a value is written: once for a machine (strict JSON), once for a reader (words and digits).

Sentences, tables and figures all write their numbers through this module, so that the same
rate never appears in two shapes on one page.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from cs_models.errors import NotebookError

Kind = Literal["text", "integer", "number", "percent", "money", "date", "points"]
KINDS: tuple[str, ...] = get_args(Kind)
NUMERIC_KINDS = frozenset({"integer", "number", "percent", "money", "points"})

MISSING = "–"
MINUS = "−"
NARROW_SPACE = "\u202f"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
DIGITS = {"integer": 0, "number": 2, "percent": 1, "money": 0, "points": 1}


# The words a leader reads for a verdict.  "none" and "too_little_data" are results too.
VERDICTS: dict[str, str] = {
    "sharp": "A tipping point",
    "tentative": "Looks like a level",
    "gradual": "No tipping point shows: more goes with more",
    "associated": "Goes with renewal: step or slope undecided",
    "none": "No difference found",
    "too_little_data": "Too little data to say",
}


# Letters of a name that a page shows: what is longer is read by nobody, and would make a page of
# many metres.  Files beside the page have it whole.
LONGEST_NAME = 120
_LONG_WORD = re.compile(rf"\S{{{LONGEST_NAME + 1},}}")
_HALF_ENTITY = re.compile(r"&[#\w]{0,8}$")  # plotly's texts are escaped: `&am` would be read


_LETTERS = str.maketrans(
    "0123456789", "ghijklmnop"
)  # no digits, which a page would ask a source of


def shortened(text: str) -> str:
    """Return a text whose words of more than `LONGEST_NAME` letters end in an ellipsis there.

    Of a text that stands for one thing alone (an account, a segment): :func:`short_name`.
    """
    return _LONG_WORD.sub(lambda word: _cut(word[0]), text) if len(text) > LONGEST_NAME else text


def short_name(text: str) -> str:
    """Return a name of at most `LONGEST_NAME` letters, cut with an ellipsis, spaces or not."""
    return _cut(text) if len(text) > LONGEST_NAME else text


def _cut(text: str) -> str:
    """Cut a name; one that differs later on only stays another by four letters of its own."""
    own = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:4].translate(_LETTERS)
    return f"{_HALF_ENTITY.sub('', text[: LONGEST_NAME - 6])}… {own}"


def is_missing(value: object) -> bool:
    """Tell whether `value` is None, NaN, NaT or a number that is not finite."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    if isinstance(value, Decimal):
        return not value.is_finite()
    return isinstance(value, np.datetime64) and bool(np.isnat(value))


def plain(value: Any) -> Any:
    """Return `value` as strict JSON: what a reader in any language can parse.

    Parameters
    ----------
    value : object
        A scalar of Python, NumPy or pandas, or a mapping, sequence, array, Series of them.

    Returns
    -------
    None, bool, int, float, str, list or dict
        Missing and not-finite numbers become None.  ``Decimal`` becomes a JSON *number*
        (exact to the cent up to 90 trillion).  Dates become ISO text; a midnight timestamp
        without a zone becomes its date.

    Raises
    ------
    NotebookError
        When the value has no honest JSON form (a set, a model, a frame).
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        return [plain(item) for item in value.tolist()]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if is_missing(value):
        return None
    if isinstance(value, np.generic):
        return _plain_scalar(value.item())
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return _encodable(str(value))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, date):
        return value.isoformat()
    raise NotebookError(
        "a value has no JSON form",
        got=type(value).__name__,
        repair="give numbers, text, dates, or lists and dicts of them",
    )


def _encodable(text: str) -> str:
    # A lone surrogate cannot be written as UTF-8: it would lose the whole file.
    return text.encode("utf-8", "replace").decode("utf-8")


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None and moment.time() == datetime.min.time():
        return moment.date().isoformat()
    return moment.isoformat(timespec="seconds")


def write(value: Any, kind: str = "text", *, unit: str = "", digits: int | None = None) -> str:
    """Return `value` as a reader sees it in a table cell; the column's head carries the unit.

    Parameters
    ----------
    value : object
        A scalar; a proportion (0 to 1) for ``percent`` and ``points``.
    kind : {"text", "integer", "number", "percent", "money", "date", "points"}
        How to write it.
    unit : str, default ""
        A unit that is written after the value (not for money: see :func:`money`).
    digits : int, optional
        Digits after the point; by default 0 for integers and money, 1 for percents and
        points, 2 for numbers.

    Returns
    -------
    str
        ``"–"`` when the value is missing.
    """
    value = _plain_scalar(value)
    if value is None or value == "":
        return MISSING
    if kind not in NUMERIC_KINDS or isinstance(value, bool):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    number = _decimal(value)
    if number is None:
        return str(value)
    written = _digits(number, kind, digits)
    return f"{written} {unit}" if unit else written


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _digits(number: Decimal, kind: str, digits: int | None) -> str:
    shown = DIGITS[kind] if digits is None else digits
    scaled = number * 100 if kind in {"percent", "points"} else number
    rounded = scaled.quantize(Decimal(1).scaleb(-shown), rounding=ROUND_HALF_EVEN)
    if kind == "number" and digits is not None and number > 0 and rounded == 0:
        return f"< {Decimal(1).scaleb(-digits)}"  # small, but not nothing
    text = f"{abs(rounded):,}"
    if kind == "number" and digits is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    sign = MINUS if rounded < 0 else "+" if kind == "points" and rounded > 0 else ""
    suffix = f"{NARROW_SPACE}%" if kind == "percent" else ""
    return f"{sign}{text}{suffix}"


def percent(proportion: Any, digits: int = 0) -> str:
    """Return a proportion (0 to 1) as ``"88 %"``, for a sentence."""
    return write(proportion, "percent", digits=digits)


def points(difference: Any, digits: int = 1) -> str:
    """Return a difference of proportions as ``"+12.3 points"``, for a sentence."""
    return write(difference, "points", unit="points", digits=digits)


def integer(count: Any) -> str:
    """Return a count with thousands separated, for a sentence."""
    return write(count, "integer")


def number(value: Any, digits: int | None = None) -> str:
    """Return a number with at most two digits after the point (or exactly `digits`)."""
    return write(value, "number", digits=digits)


def money(amount: Any, currency: str = "USD", digits: int = 0) -> str:
    """Return an amount with its currency, ``"$1,250,000"`` or ``"CHF 1,250,000"``."""
    text = write(amount, "money", digits=digits)
    if text == MISSING:
        return text
    sign, size = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
    mark = SYMBOLS.get(currency.upper()) or f"{currency}\u00a0"
    return f"{sign}{mark}{size}"


def interval(low: Any, high: Any, kind: str = "percent", digits: int = 0, unit: str = "") -> str:
    """Return an interval as ``"84 % to 91 %"``, for a sentence."""
    ends = [
        money(end, unit, digits) if kind == "money" else write(end, kind, digits=digits)
        for end in (low, high)
    ]
    after = f" {unit or 'points'}" if kind == "points" else ""
    return f"{ends[0]} to {ends[1]}{after}"


def verdict(name: str) -> str:
    """Return a verdict in the words a leader reads; an unknown one as it is."""
    return VERDICTS.get(name, name.replace("_", " "))
