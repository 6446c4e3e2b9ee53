"""The few functions the door needs that Ibis does not name, for the engine that has them.

Everything else at the door is plain Ibis.  Another engine gets its own spelling here.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

WHITESPACE = "".join(
    map(
        chr,
        (
            *range(9, 14),
            32,
            0x85,
            0xA0,
            *range(0x2000, 0x200C),
            0x2028,
            0x2029,
            0x202F,
            0x3000,
            0xFEFF,
        ),
    )
)
"""What is stripped from the ends of a text: Unicode white space, zero-width space and BOM."""


@ibis.udf.scalar.builtin(name="trim")  # type: ignore[untyped-decorator]
def trim(text: str, characters: str) -> str:  # type: ignore[empty-body]
    """Return `text` without `characters` at either end."""


@ibis.udf.scalar.builtin(name="nfc_normalize")  # type: ignore[untyped-decorator]
def nfc(text: str) -> str:  # type: ignore[empty-body]
    """Return `text` in Unicode normal form C."""


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]
def parsed(text: str, pattern: str) -> dt.timestamp:
    """Return the date and time that `text` spells in `pattern`, or NULL."""


_EDGE = r"^[\s\pZ\x{85}\x{200b}\x{feff}]|[\s\pZ\x{85}\x{200b}\x{feff}]$"


def stripped(text: ir.StringValue) -> ir.StringValue:
    """Return `text` without Unicode white space at its ends.

    The search goes first because it costs a twentieth of the trimming, which few rows need.
    """
    return ibis.ifelse(text.re_search(_EDGE), trim(text, WHITESPACE), text)
