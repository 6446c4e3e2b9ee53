"""What the page on users leaves in its results: findings, tiers, champions, sums of value.

Grain in: what ``evidence.people`` and ``evidence.person_value`` returned.  Grain out: findings, and
one plain dict.
"""

from __future__ import annotations

from typing import Any

from cs_models.report.evidence import people as evidence
from cs_models.report.evidence import person_value as value_evidence
from cs_models.report.evidence.people import People
from cs_models.report.evidence.person_value import Worth
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
    return [*said.saved(users), *value_said.saved(worth, currency)]


def people(users: People, worth: Worth) -> dict[str, Any]:
    """Return tiers, groups, champions and sums of value for ``results.json``.

    Parameters
    ----------
    users : People
    worth : Worth
    """
    return evidence.saved(users) | {"value": value_evidence.saved(worth)}
