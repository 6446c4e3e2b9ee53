"""Reading a source's columns as the contract's types, without guessing.

Each canonical column becomes a `Reading`: its value, and what may have gone wrong on the way.
A text is read only in one declared way (ISO 8601 dates, plain decimal numbers, true/false); a
value that cannot be read is a fault, never a silent NULL.  Identifiers are text: Unicode NFC,
stripped, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cs_models.data.contract import ColumnSpec
from cs_models.data.intake import functions
from cs_models.data.mapping import TableSource

_NUMBER = r"^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
_WHOLE = r"^[+-]?[0-9]+(\.0*)?$"
_MOJIBAKE = "\u00c3[\u0080-\u00bf]"
_LOST = "\ufffd"

EXPECTED = {
    "id": "text",
    "text": "text",
    "category": "text",
    "instant": "an ISO 8601 date and time",
    "date": "an ISO 8601 date",
    "money": "a plain decimal number",
    "integer": "a whole number",
    "quantity": "a plain decimal number",
    "number": "a plain decimal number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Reading:
    """One canonical column, bound to the source's table.

    Parameters
    ----------
    value : ibis Value
        The column in its canonical type.
    raw : ibis Value or None
        The source's value as text, where reading it can fail or change it.
    plain : ibis Value or None
        The text as it is, right when normalising would change none of it.
    local : ibis Value or None
        The wall-clock time behind an instant without offset, where a clock change can matter.
    notes : tuple of (str, str)
        Rule and repair of what is worth saying about the column's type.
    refusal : str
        Why the column's type cannot be read at all.
    """

    value: ir.Value
    raw: ir.Value | None = None
    plain: ir.Value | None = None
    local: ir.TimestampValue | None = None
    notes: tuple[tuple[str, str], ...] = ()
    refusal: str = ""


def read(raw: ir.Value, spec: ColumnSpec) -> Reading:
    """Return the reading of one source column under the contract.

    Parameters
    ----------
    raw : ibis Value
        The source's column, its values `translated`.
    spec : ColumnSpec
        What the contract asks of it; neither an instant nor a date (see `moments`).
    """
    if spec.kind in ("id", "text", "category"):
        return _text(raw, spec)
    return _boolean(raw, spec) if spec.kind == "boolean" else _number(raw, spec)


def absent(spec: ColumnSpec) -> Reading:
    """Return the reading of a column that the source does not have: typed, all NULL."""
    return Reading(ibis.null(spec.dtype))


def tidy(text: ir.StringValue) -> ir.StringValue:
    """Return a text in NFC, stripped, NULL when nothing is left."""
    return functions.nfc(functions.stripped(text)).nullif("")


def garbled(text: ir.StringValue) -> ir.BooleanValue:
    """Return whether a text looks like UTF-8 that was read in another encoding."""
    # The plain search goes first: a regular expression costs twenty times as much.
    return text.contains(_LOST) | (text.contains(_MOJIBAKE[0]) & text.re_search(_MOJIBAKE))


def translated(raw: ir.Value, name: str, source: TableSource) -> ir.Value:
    """Return a source column with the run file's words for its values, and its unknowns as NULL."""
    unknown = dict.fromkeys(source.nulls.get(name, ()))
    pairs = {**unknown, **source.values.get(name, {})}
    if not pairs:
        return raw
    text = raw.cast("string")
    # A float column holds the codes 0 and 1 as 0.0 and 1.0.
    plain = text.re_replace(r"\.0$", "") if raw.type().is_floating() else text
    key = functions.stripped(plain).lower()
    branches = [
        (key == old.strip().lower(), ibis.null("string") if new is None else ibis.literal(new))
        for old, new in pairs.items()
    ]
    return ibis.cases(*branches, else_=plain)


def _text(raw: ir.Value, spec: ColumnSpec) -> Reading:
    kind = raw.type()
    notes: tuple[tuple[str, str], ...] = ()
    if spec.kind == "id" and (kind.is_floating() or (kind.is_decimal() and kind.scale)):
        return refused(spec, f"identifiers are text, this column holds {kind}", raw)
    if (
        kind.is_binary()
        or kind.is_nested()
        or (spec.kind == "id" and (kind.is_temporal() or kind.is_boolean()))
    ):
        return refused(spec, f"must be text, this column holds {kind}", raw)
    if not kind.is_string():
        notes = (
            (
                f"{kind} was read as text",
                "store it as text in the source: leading zeros are lost in a number",
            ),
        )
        raw = raw.cast("string")
    value = tidy(raw)
    if spec.kind == "category":
        return Reading(value.lower(), raw=raw, notes=notes)
    return Reading(value, raw=raw, plain=raw, notes=notes)


def _number(raw: ir.Value, spec: ColumnSpec) -> Reading:
    kind = raw.type()
    whole = spec.kind == "integer"
    if kind.is_string():
        text = functions.stripped(raw).nullif("")
        readable = text.re_search(_WHOLE if whole else _NUMBER)
        number = ibis.ifelse(
            readable, text.try_cast("float64" if spec.kind == "number" else "decimal(38, 6)"), None
        )
        return Reading(number.try_cast(spec.dtype), raw=text)
    if not kind.is_numeric() or kind.is_boolean():
        return refused(spec, f"must be {EXPECTED[spec.kind]}, this column holds {kind}", raw)
    if kind.is_floating():
        raw = ibis.ifelse(raw.isnan(), None, raw)
        sound = raw == raw.floor() if whole else ~raw.isinf()
        return Reading(ibis.ifelse(sound, raw, None).try_cast(spec.dtype), raw=raw.cast("string"))
    if whole and kind.is_decimal():
        return Reading(
            ibis.ifelse(raw == raw.floor(), raw, None).try_cast("int64"), raw=raw.cast("string")
        )
    if kind == dt.dtype(spec.dtype):
        return Reading(raw)
    return Reading(raw.try_cast(spec.dtype), raw=raw.cast("string"))


def _boolean(raw: ir.Value, spec: ColumnSpec) -> Reading:
    kind = raw.type()
    if kind.is_boolean():
        return Reading(raw)
    if kind.is_integer():
        return Reading(
            ibis.cases((raw == 1, True), (raw == 0, False), else_=ibis.null("boolean")),
            raw=raw.cast("string"),
        )
    if not kind.is_string():
        return refused(spec, f"must be true or false, this column holds {kind}", raw)
    text = functions.stripped(raw).nullif("")
    word = text.lower()
    return Reading(
        ibis.cases((word == "true", True), (word == "false", False), else_=ibis.null("boolean")),
        raw=text,
    )


def refused(spec: ColumnSpec, why: str, raw: ir.Value) -> Reading:
    """Return the reading of a column whose type says that it cannot be read."""
    return Reading(ibis.null(spec.dtype), raw=raw.cast("string"), refusal=why)
