"""Whether the level differs between groups of customers, in words.

Grain in: a finished search.  Grain out: statements that tell the same story as the answer, which
searches each group by itself, or say why they do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.learn.thresholds import Search
from cs_models.report.display import Number, Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence import search as evidence
from cs_models.report.evidence.rules import group_of, leading, records, signals
from cs_models.report.findings.words import Part, amount, chance, cited, linked, listed
from cs_models.report.values import number


def levels(search: Search) -> list[Statement]:
    """Say whether groups differ, by how much, and how that fits the groups' own searches.

    Parameters
    ----------
    search : Search
        A finished search.
    """
    rule = evidence.followed(search)
    if rule is None:
        return [Statement.of("finding", _not_compared(search), id="groups-said")]
    rows, alike = evidence.groups(search), evidence.alike(search)
    p_same = linked(chance(alike["p_same"]), anchors.GROUPS)
    if not alike["differ"]:
        said: list[Part] = [
            "That the groups have different levels could not be shown: if all had the same, "
            "groups would look this different in ", p_same, " of histories. Every group is "
            "shown the level of all customers; the bars are what its own history allows.",
        ]  # fmt: skip
    else:
        said = [
            "The groups differ: if all had the same level, they would look this different in ",
            p_same, " of histories only. Their levels differ by about a factor of ",
            linked(number(alike["factor"], 1), anchors.GROUPS), ".", *_borrowed(rows),
        ]  # fmt: skip
    only_best = (
        " There is no tipping point in this rule: its levels are where each group divides best."
        if rule["verdict"] == "gradual" else ""
    )  # fmt: skip
    return [
        Statement.of("finding", "Followed through the groups: ",
                     *cited(anchors.RULES, rule["rule"]), f".{only_best} ", *said,
                     id="groups-said"),
        *_beside_own(search, rows, differ=alike["differ"]),
    ]  # fmt: skip


def _not_compared(search: Search) -> str:
    """Say why no rule is followed through groups."""
    rows = records(search.table)
    if all(row["segment_by"] is None for row in rows):
        return "Groups were not asked for: all customers are one."
    n_groups = search.table["segment"].dropna().nunique()
    if n_groups < 2:
        return "There is only one group, so there is nothing to compare it with."
    whole = signals(search)
    if whole["segment"].isna().any():
        return (
            "The rule of all customers could not be followed through the groups: what it counts "
            "is known in one of them at most."
        )
    apart = "each group stands for itself" if len(whole) else "there is none to compare along"
    return f"No rule holds for all customers, so {apart}."


def _borrowed(rows: pd.DataFrame) -> list[str]:
    few = rows.loc[~rows["own"].astype(bool), "group"].astype(str).tolist()
    if not few:
        return []
    return [f" Too few customers have left in {listed(few)}: the level of all is shown there."]


def _beside_own(search: Search, rows: pd.DataFrame, *, differ: bool) -> list[Statement]:
    """Say how the groups' own searches, as told in the answer, fit the levels shown here."""
    found = {group_of(rule): rule for rule in records(leading(search))}
    parts: list[str | Number] = []
    same = rows.loc[rows["agrees"].fillna(False).astype(bool), "group"].astype(str).tolist()
    if same:
        parts.append(
            f"The level of the answer, found by searching {listed(same)} alone, lies inside the "
            "interval here: both say the same. "
        )
    for row in records(rows):
        rule = found.get(str(row["group"]))
        if rule is not None and str(row["group"]) not in same:
            parts += _apart(row, rule)
    silent = [str(name) for name in rows["group"] if str(name) not in found]
    if silent and differ:
        parts.append(
            f"Searching {listed(silent)} alone found no rule: the level here leans on the others."
        )
    return [Statement.of("finding", *parts, id="groups-beside")] if parts else []


def _apart(row: Mapping[str, Any], rule: Mapping[str, Any]) -> list[str | Number]:
    """Say why a group's own search gave another level than the one shown here."""
    group = str(row["group"])
    if rule["verdict"] == "gradual":
        return [
            f"{group} searched alone shows no tipping point, more goes with more: its level here "
            "is only where the group divides best. "
        ]
    if pd.isna(row["searched"]):
        return [
            f"{group} searched alone chose another count (",
            *cited(anchors.RULES, rule["rule"]),
            "): the two levels are not on one scale. ",
        ]
    return [
        f"{group} searched alone gives ", linked(amount(row["searched"]), anchors.GROUPS),
        ", outside ", linked(f"{amount(row['low'])} to {amount(row['high'])}", anchors.GROUPS),
        " here: a search alone follows the chance of its own history more closely. ",
    ]  # fmt: skip
