"""What notebook 02 shows of the search itself: chance, re-runs, and the groups of customers.

Grain in: a finished search and the frames of ``report/evidence/``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn.thresholds import Search
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence import search as evidence
from cs_models.report.evidence.rules import group_of, leading, records, words_of
from cs_models.report.exhibits.thresholds import NOTHING, Shown
from cs_models.report.figures import search as figures
from cs_models.report.findings import certainty
from cs_models.report.findings import groups as findings
from cs_models.report.findings.words import lift, share_of_shuffled
from cs_models.report.values import integer, number, percent


def chance(search: Search, *, alpha: float) -> Shown:
    """Show the best rule of histories of pure chance, with this history marked.

    Parameters
    ----------
    search : Search
        A finished search.
    alpha : float
        How often pure noise may announce a threshold.

    Returns
    -------
    sequence of Exhibit or Statement
        Sentences and one figure, or a sentence when nothing could be searched.
    """
    if not len(search.null_max) or search.rules.empty:
        return (Statement.of("finding", "Nothing was searched, so chance had no part in it."),)
    observed = evidence.strongest(search)["statistic"]
    bar = float(np.quantile(search.null_max, 1 - alpha))
    said = certainty.by_chance(search)
    figure = Exhibit(
        id="chance",
        title="The best of everything searched, when chance alone is at work",
        figure=figures.chance(
            evidence.histogram(search.null_max), observed=observed, limit=bar
        ),
        table=Table.of(
            _chance_facts(search, observed=observed, bar=bar, alpha=alpha),
            id=anchors.CHANCE,
            title="This history against chance",
            columns={"what": Column("What"), "value": Column("Value")},
            note="Strength: standard deviations between the two sides of the best rule.",
        ),
        alt=f"The best rule of this history has strength {observed:.1f}; chance alone exceeds "
        f"{bar:.1f} in {percent(alpha)} of histories.",
    )  # fmt: skip
    return (*said[:1], figure, *said[1:])


def again(search: Search) -> Shown:
    """Show what re-runs of the search find, rule by rule.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    sequence of Exhibit or Statement
        A sentence and a figure a rule; one sentence when no rule was announced.
    """
    shown: list[Exhibit | Statement] = []
    for place, rule in enumerate(records(leading(search)), start=1):
        whole = search.stability[rule["rule_id"]]
        n_runs = int((whole["kind"] == evidence.BOOTSTRAP).sum())
        figure = _again(place, rule, evidence.reruns(whole), n_runs)
        shown += [certainty.again(search, rule, place), figure]
    return shown or (NOTHING,)


def groups(search: Search) -> Shown:
    """Show the level of the rule of all customers in each group.

    Parameters
    ----------
    search : Search
        A finished search.

    Returns
    -------
    sequence of Exhibit or Statement
        Sentences, and one figure where a rule of all customers could be followed.
    """
    first, *beside = findings.levels(search)
    rule, rows = evidence.followed(search), evidence.groups(search)
    if rule is None:
        return (first,)
    return (first, _groups(rule, rows, evidence.alike(search)), *beside)


def _chance_facts(search: Search, *, observed: float, bar: float, alpha: float) -> pd.DataFrame:
    spoken = leading(search)
    p = spoken["p_adjusted"].astype(float)
    n = int(search.counts["n_permutations"])
    as_strong = int((search.null_max >= observed).sum())
    best = evidence.strongest(search)["p"]
    facts = [
        ("Strength of the best rule in this history", number(observed, 1)),
        (f"Strength that {percent(alpha)} of histories of pure chance exceed", number(bar, 1)),
        ("Median strength in histories of pure chance", number(np.median(search.null_max), 1)),
        ("Histories of pure chance", integer(n)),
        ("Of these at least as strong as this history", integer(as_strong)),
        ("Chance alone, strongest rule of this history", share_of_shuffled(best, n)),
    ]
    if len(spoken):
        weakest = share_of_shuffled(float(p.max()), n)
        facts.append(("Chance alone, weakest rule of the answer", weakest))
    if naive := search.counts["naive"]:
        facts += [
            ("Rules for all customers", integer(naive["n_rules"])),
            ("Of these significant if each were tested alone", integer(naive["n_significant"])),
            ("Gap of the one that would be announced then", lift(abs(naive["lift"]))),
        ]
    return pd.DataFrame(facts, columns=["what", "value"])


def _again(place: int, rule: dict[str, Any], found: pd.DataFrame, n_runs: int) -> Exhibit:
    drawn = found[found["kind"] == evidence.BOOTSTRAP]
    usual = drawn.loc[drawn["share"].astype(float).idxmax()]
    group, words = group_of(rule), words_of(rule, by_users=False)
    return Exhibit(
        id=f"again-{place}",
        title=f"{group}: the level that re-runs of the search find",
        figure=figures.again(found, cut=float(rule["cut"]), axis=words),
        table=Table.of(
            found,
            id=anchors.reruns(place),
            title=f"{group}: what re-runs find",
            columns={
                "what": Column("Run again on"),
                "level": Column(words, kind="number"),
                "share": Column("Share of re-runs", kind="percent"),
                "best": Column("Use that came out best"),
            },
            note=f"Run again on {n_runs:,} random draws of the customers. "
            f"Share of these re-runs with the same use: "
            f"{percent(rule['share_same_feature'])}; with nearly the same rule, when only rules of "
            f"that use compete: {percent(rule['share_same_family'])}.",
        ),
        alt=f"{group}: most re-runs find a level near {usual['level']:,.4g}, announced is "
        f"{rule['cut']:,.4g}.",
    )


def _groups(rule: Mapping[str, Any], rows: pd.DataFrame, alike: Mapping[str, Any]) -> Exhibit:
    shown = rows.assign(own=rows["own"].map({True: "its own", False: "that of all"}))
    spoken = [
        f"{row['group']} {row['cut']:,.4g} ({row['low']:,.4g} to {row['high']:,.4g})"
        for row in records(rows)
    ]
    return Exhibit(
        id="groups",
        title=f"The level in each group: {words_of(rule)}",
        figure=figures.groups(rows, axis=words_of(rule)),
        table=Table.of(
            shown,
            id=anchors.GROUPS,
            title="The level in each group",
            columns={
                "group": Column("Who"),
                "cut": Column("Level", kind="number"),
                "low": Column("from", kind="number"),
                "high": Column("to", kind="number"),
                "own": Column("Whose level"),
                "searched": Column("Found by own search", kind="number"),
                "lift": Column("Gap there", kind="points"),
                "lift_low": Column("from", kind="points"),
                "lift_high": Column("to", kind="points"),
                "n_terms": Column("Terms", kind="integer"),
                "n_churned_accounts": Column("Lost customers", kind="integer"),
            },
            note=f"One level for all would show groups so different in "
            f"{percent(alike['p_same'], 1)} of histories; groups differ by about a factor of "
            f"{alike['factor']:.1f}. The gap does not allow for having learnt the level.",
        ),
        alt="Level and interval by group: " + "; ".join(spoken) + ".",
        caption="Groups lend each other strength: a small group leans on the others.",
    )
