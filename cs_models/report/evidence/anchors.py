"""Names of the tables and figures of the threshold page, which its sentences link to.

An exhibit carries a name as its id; a sentence links to the same name with ``#`` before it.
"""

from __future__ import annotations

RATES, CHANCE, RULES, DETAILS, SCOPES, RANKING, TODAY, EXCLUSIONS = (
    "rates-table", "chance-table", "thresholds", "details", "scopes", "ranking-table",
    "today-totals", "exclusions",
)  # fmt: skip


def levels(place: int) -> str:
    """Return the id of the table of renewal by level of the rule at `place`, from 1."""
    return f"levels-{place}-table"


def cut(place: int) -> str:
    """Return the id of the table of the levels that fit, of the rule at `place`, from 1."""
    return f"cut-{place}-table"


def reruns(place: int) -> str:
    """Return the id of the table of the re-runs, of the rule at `place`, from 1."""
    return f"again-{place}-table"


GROUPS = "groups-table"


def link(name: str) -> str:
    """Return what a number links to."""
    return f"#{name}"


EARLY, ALIKE, BALANCE, LASTING, QUARTERS, WORTH, REGISTER, AGREEMENT, SO_FAR = (
    "early-table", "alike-table", "balance-table", "lasting-table", "quarters-table",
    "worth-table", "register", "definition-today", "so-far",
)  # fmt: skip
