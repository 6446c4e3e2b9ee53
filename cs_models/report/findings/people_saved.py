"""What the page on users leaves in its results: findings, tiers, champions, sums of value.

Grain in: what ``evidence.people`` and ``evidence.person_value`` returned.  Grain out: findings, and
one plain dict.
"""

from __future__ import annotations

from typing import Any

from cs_models.learn import personas
from cs_models.report.evidence import people as evidence
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence import person_value as value_evidence
from cs_models.report.evidence.people import People
from cs_models.report.evidence.person_value import Worth
from cs_models.report.evidence.rules import records
from cs_models.report.findings import people as said
from cs_models.report.findings import person_value as value_said
from cs_models.report.results import Finding


def findings(users: People, worth: Worth, currency: str) -> list[Finding]:
    """Return the findings about users and their value, in the order of the page.

    Parameters
    ----------
    users : People
    worth : Worth
    currency : str
        ISO 4217 code.
    """
    return [*of_users(users), *value_said.saved(worth, currency)]


def of_users(found: People) -> list[Finding]:
    """Return the findings about users alone.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return [Finding("people", said.nobody(found)[0].text, verdict="too_little_data")]
    silent = float(found.tiers[personas.SILENT].iloc[0])
    out = [
        Finding("users-silent", said.tiers(found)[0].text, silent, unit="share",
                n=len(found.live), table=anchors.TIERS),
        Finding("users-below-peers", said.peers(found)[1].text, len(found.below), unit="users",
                n=len(found.live), table=anchors.BELOW),
    ]  # fmt: skip
    told = said.champions(found)
    if told and found.leaving is not None and found.leaving.role:
        row = records(found.leaving.table)[0]
        out.append(
            Finding("champions-leaving", told[1].text, row["hazard"], row["low"], row["high"],
                    "share", int(row["n"]), table=anchors.LEAVING)
        )  # fmt: skip
    gap = found.after
    if gap is not None and gap.difference == gap.difference:
        out.append(
            Finding("champions-after-leaving", said.after(found).text, gap.difference, gap.low,
                    gap.high, "share", gap.n_with, table=anchors.LEAVING)
        )  # fmt: skip
    out.append(
        Finding("champions-silent", told[0].text if told else "", len(found.silent), unit="users",
                n=int(found.champion.sum()), table=anchors.COUNTED)
    )  # fmt: skip
    return out


def people(users: People, worth: Worth) -> dict[str, Any]:
    """Return tiers, groups, champions and sums of value for ``results.json``.

    Parameters
    ----------
    users : People
    worth : Worth
    """
    return evidence.saved(users) | {"value": value_evidence.saved(worth)}
