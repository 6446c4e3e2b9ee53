"""The findings of notebook 02 for ``results.json``: the page's sentences with their numbers."""

from __future__ import annotations

import pandas as pd

from cs_models.learn.thresholds import Search
from cs_models.report.evidence import anchors
from cs_models.report.evidence import search as evidence
from cs_models.report.evidence import standing as standings
from cs_models.report.evidence.rules import leading, records
from cs_models.report.findings import answer, groups, today
from cs_models.report.findings.words import headline, text
from cs_models.report.results import Finding


def of_search(search: Search, totals: pd.DataFrame, currency: str) -> list[Finding]:
    """Return what was found, machine-readable.

    Parameters
    ----------
    search : Search
        A finished search.
    totals : DataFrame
        What ``standing.totals`` returned.
    currency : str
        ISO 4217 code: the unit of the money.

    Returns
    -------
    list of Finding
        One a leading rule (``lift-1``, …) or ``no-threshold``; ``segments-alike`` when a rule of
        all customers was followed through the groups; ``arr-below``.
    """
    found = [
        Finding(
            id=f"lift-{place}",
            statement="".join(map(text, answer.rule_parts(search, rule, place))),
            value=rule["lift_within_strata"], low=rule["lift_low"], high=rule["lift_high"],
            unit="share", n=rule["n_terms"], verdict=rule["verdict"], table=anchors.RULES,
        )
        for place, rule in enumerate(records(leading(search)), start=1)
    ] or [_none(search)]  # fmt: skip
    if evidence.followed(search) is not None:
        found.append(
            Finding(
                id="segments-alike", statement=headline(groups.levels(search)),
                value=evidence.alike(search)["p_same"], unit="probability", table=anchors.GROUPS,
            )
        )  # fmt: skip
    below = totals.set_index("status").loc[standings.BELOW]
    found.append(
        Finding(
            id="arr-below", statement=today.below(totals, currency).text, value=below["arr"],
            unit=currency, n=int(below["n_accounts"]), table=anchors.TODAY,
        )
    )  # fmt: skip
    return found


def _none(search: Search) -> Finding:
    whole = records(search.table[search.table["segment"].isna()])[0]
    return Finding(
        id="no-threshold", statement=headline(answer.thresholds(search)), value=None,
        n=whole["n_terms"], verdict=whole["verdict"], table=anchors.CHANCE,
    )  # fmt: skip
