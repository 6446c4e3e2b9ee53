"""Who comes up, in words: where the ARR at risk sits, who asked to cancel, who is safe.

Grain in: the frames of ``report/evidence/due.py``.  Grain out: statements for the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import due, places
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, customers
from cs_models.report.findings.words import Part, linked
from cs_models.report.values import integer, percent

ACCOUNTS, DUE = places.AT_RISK, places.DUE


def concentration(
    accounts: pd.DataFrame, reach: Mapping[str, Any], label: str, currency: str
) -> list[Statement]:
    """Say on how few customers the ARR at risk hangs, and how many the team can call.

    Parameters
    ----------
    accounts : DataFrame
        What ``due.by_account`` returned for the quarter.
    reach : mapping
        What ``due.reach`` returned.
    label : str
        The quarter.
    currency : str
    """
    if accounts.empty or not accounts["arr_at_risk"].sum() > 0:
        return [Statement.of("finding", f"No ARR is at risk in {label}.", id="concentration")]
    n = min(due.TOP, len(accounts))
    share = float(accounts["share"].head(n).sum())
    who: list[Part] = ["One customer holds "]
    if n > 1:
        who = ["The ", linked(integer(n), ACCOUNTS), " customers with most at stake hold "]
    parts: list[Part] = [
        *who, linked(percent(share), ACCOUNTS), f" of the ARR at risk in {label}. ",
    ]  # fmt: skip
    if reach["n_called"] < reach["n_accounts"]:
        parts += [
            "The first ", linked(integer(reach["n_called"]), ACCOUNTS), ", as many as the team can "
            "call, hold ",
            linked(percent(reach["share"]), ACCOUNTS), " (",
            linked(about(reach["arr_at_risk"], currency), ACCOUNTS), ").",
            *_asked(reach, currency),
        ]  # fmt: skip
    else:
        parts += [
            "The team can call all ", linked(integer(reach["n_accounts"]), ACCOUNTS),
            " who come up.",
        ]  # fmt: skip
    return [Statement.of("finding", *parts, id="concentration")]


def _asked(reach: Mapping[str, Any], currency: str) -> list[Part]:
    """Say how many of those first in the order have asked to cancel: a call comes late there."""
    if not reach["n_asked"]:
        return []
    return [
        " ", linked(integer(reach["n_asked"]), ACCOUNTS), " of them "
        f"{'has' if reach['n_asked'] == 1 else 'have'} already asked to cancel (",
        linked(about(reach["asked_at_risk"], currency), ACCOUNTS), " of that); the list of calls "
        "below leaves such customers out.",
    ]  # fmt: skip


def who(standings: pd.DataFrame, label: str, currency: str) -> list[Statement]:
    """Say how many customers renew this quarter and where they stand."""
    rows = {row["standing"]: row for row in records(standings)}
    whole = rows[due.ALL_DUE]
    if not whole["n_contracts"]:
        return [Statement.of("finding", f"Nothing comes up in {label}.", id="due-said")]
    likely = rows.get(due.BANDS[-1], {"n_accounts": 0, "arr": 0.0})
    asked = rows.get(due.ASKED, {"n_accounts": 0, "arr": 0.0})
    parts: list[Part] = [
        linked(customers(whole["n_accounts"]), DUE), f" up for renewal in {label}: ",
        linked(integer(asked["n_accounts"]), DUE), " have asked to cancel (",
        linked(about(asked["arr"], currency), DUE), "); ",
        linked(integer(likely["n_accounts"]), DUE),
        " more are likelier to leave than to stay (", linked(about(likely["arr"], currency), DUE),
        ").",
    ]  # fmt: skip
    return [Statement.of("finding", *parts, id="due-said")]
