"""How forecast amounts and counts of contracts, customers and quarters stand in a sentence."""

from __future__ import annotations

import math

from cs_models.report.values import integer, money


def about(amount: float, currency: str) -> str:
    """Write an amount with three digits: more would be false precision in a forecast."""
    if not amount or not math.isfinite(amount):
        return money(amount, currency)
    digits = 2 - math.floor(math.log10(abs(amount)))
    return money(round(amount, min(digits, 0)), currency)


def counted(n: float, one: str, many: str = "") -> str:
    """Write a number of things: ``1 customer``, ``2,310 customers``.

    Parameters
    ----------
    n : float
    one, many : str
        One of them, and several; `one` with an s when not given.
    """
    return f"{integer(int(n))} {one if n == 1 else many or f'{one}s'}"


def contracts(n: float) -> str:
    """Write a number of contracts."""
    return counted(n, "contract")


def customers(n: float) -> str:
    """Write a number of customers."""
    return counted(n, "customer")


def quarters(n: int) -> str:
    """Write a number of quarters."""
    return "1 quarter" if n == 1 else f"{n} quarters"
