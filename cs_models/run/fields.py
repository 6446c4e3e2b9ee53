"""The kinds of values that parameters may have, each with the sentence of what is allowed.

Grain in: one JSON value.  Grain out: the value, or a refusal in words.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

_CURRENCIES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 12, 31)

Grouping = Literal["segment", "region", "industry", "plan", "acquisition_channel"]
Stratum = Literal["segment", "region", "industry", "plan", "acquisition_channel", "term_months"]


@dataclass(frozen=True)
class Suggested:
    """Values that a form may offer for a field of text; what is allowed says the validator.

    Parameters
    ----------
    values : callable
        Returns them, in any order.
    """

    values: Callable[[], Iterable[str]]


def _iso_date(value: object) -> date:
    # date.fromisoformat alone would also read 20260630 and 2026-W27-2.
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        with contextlib.suppress(ValueError):
            value = date.fromisoformat(value)
    if not isinstance(value, date):
        raise ValueError("an ISO date, for example 2026-06-30")
    if not _EARLIEST <= value <= _LATEST:
        raise ValueError(f"a date from {_EARLIEST} to {_LATEST}")
    return value


# Looking through the system's files takes longer than checking a whole run file.
_zones = functools.cache(zoneinfo.available_timezones)


def _time_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("an IANA time zone, for example UTC or America/New_York")
    return name


def _currency(code: str) -> str:
    if code not in _CURRENCIES.split():
        raise ValueError("a currency code of ISO 4217, for example USD")
    return code


def _stays_inside(path: str) -> str:
    for pure in (PurePosixPath(path), PureWindowsPath(path)):
        if pure.anchor or ".." in pure.parts:
            raise ValueError("a path inside the project, without .. or a leading /")
    return path


def ascending(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse numbers that do not ascend."""
    if any(second <= first for first, second in itertools.pairwise(numbers)):
        raise ValueError("ascending numbers, each once")
    return numbers


def distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that stand twice."""
    if len(set(items)) != len(items):
        raise ValueError("each name once")
    return items


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
TimeZone = Annotated[str, AfterValidator(_time_zone), Suggested(_zones)]
Currency = Annotated[str, AfterValidator(_currency), Suggested(_CURRENCIES.split)]
InsidePath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_stays_inside)]
Days = Annotated[int, Field(ge=1, le=3650)]
AscendingDays = Annotated[
    tuple[Days, ...], Field(min_length=1, max_length=12), AfterValidator(ascending)
]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    Field(min_length=1, max_length=1000),
    AfterValidator(distinct),
]

Combined = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    Field(max_length=50),
    AfterValidator(distinct),
]
