"""Criteria in words, for a page: what somebody on the list has in common."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from cs_models.features import catalogue
from cs_models.features.criteria.form import (
    SIDES,
    AllOf,
    AnyOf,
    Bound,
    Criterion,
    Leaf,
    Not,
    range_words,
    shown,
)

# What the columns that are no measure of the panel's are called, and the sentence of those that
# have one of their own: {} is the range.
_NAMES: Final = {
    "arr": "yearly money (ARR)",
    "p_churn": "chance that the contract is lost",
    "p_expand": "chance of expansion at the renewal",
    "days_to_renewal": "days to the renewal",
    "term_index": "number of the contract, the first being 0",
    "quantity": "seats",
    "active_days__to_date": "days with use so far",
    "distinct_features__to_date": "features used so far",
    "active_weeks__last_84d": "weeks with use in the last 12",
    "nps__to_date": "answer to the recommendation survey (NPS)",
    "csat__to_date": "answer to the satisfaction survey (CSAT)",
    "proficiency__to_date": "answer to the proficiency survey",
    "open_tickets__to_date": "open tickets",
    "days_to_first_use": "days to the first use",
    "threshold_gap": "distance below the learnt threshold",
    "below_threshold": "standing against the learnt threshold",
    "adopted": "adoption",
    "expected_value": "expected net value of a call",
    "unused_features": "features of the product never touched of late",
    "depth_rank": "place in depth of use among the like (0 lowest, 1 deepest)",
    "trend__last_28d": "use of the last 28 days against the 28 before, as a ratio,",
    "use_against_before": "use of the last 28 days against that of the 84 before, as a ratio of "
    "the same number of days,",
    "acquisition_channel": "way in which the customer was won",
    "promoters__last_180d": "answers of 9 or 10 to the recommendation survey in 180 days",
    "detractors__last_180d": "answers of 6 or less to the recommendation survey in 180 days",
    "onboarding_steps_done": "onboarding steps done",
    "onboarding_share": "share of the onboarding steps done",
    "contract_runs": "a running contract",
    "won_back": "coming back after having left",
    "expanded": "a latest contract worth more than the one before",
    "left": "having left",
}
_CHANCES: Final = ("p_churn", "p_expand")  # written as a percentage
_SENTENCES: Final = {
    "days_to_renewal": "{} days to the renewal",
    "days_since_created": "signed up {} days ago",
    "days_since_last_use": "last used the product {} days ago",
    "days_since_last_use__to_date": "last used the product {} days ago",
    "days_since_our_contact__to_date": "last contacted by us {} days ago",
    "days_since_customer_contact__to_date": "last wrote or called {} days ago",
    "nps_age_days__to_date": "latest NPS answer {} days ago",
    "champion_silent_days__to_date": "the champion last used the product {} days ago",
    "days_as_customer": "a customer for {} days",
    "days_in_term": "{} days into the contract",
    "days_without_contract": "without a contract for {} days",
    "days_without_use": "nobody used the product for {} days",
}
_MISSING: Final = {
    "days_since_our_contact__to_date": ("never contacted by us", "contacted by us before"),
    "days_since_last_use": ("never used the product", "has used the product"),
    "first_use_on": ("never used the product", "has used the product"),
}
_YES_NO: Final = {
    "trained__to_date": ("finished the education", "has not finished the education"),
    "deactivated": ("login taken away", "login still open"),
    "decided": ("the renewal is on record", "the renewal is not on record yet"),
    "in_play": ("engaged in a play", "not engaged in a play"),
    "contacted_since_onboarding": (
        "contacted by us since the onboarding",
        "not contacted by us since the onboarding",
    ),
    "out_of_distribution": ("unlike past customers", "like past customers"),
    "adopted": ("adopted", "not adopted"),
    "in_notice": ("asked to cancel", "has not asked to cancel"),
    "contract_runs": ("a contract runs", "no contract runs"),
    "won_back": ("came back after having left", "has not come back after leaving"),
    "expanded": (
        "the latest contract is worth more than the one before",
        "the latest contract is worth no more than the one before",
    ),
    "left": ("has left", "has not left"),
    "below_threshold": ("below the learnt threshold", "at or above the learnt threshold"),
}
_COUNTS: Final = (
    "active_days__to_date", "distinct_features__to_date", "quantity", "promoters__last_180d",
    "detractors__last_180d", "onboarding_steps_done",
)  # fmt: skip
_USES_OF: Final = "events__feature="


def words(criterion: Criterion) -> str:
    """Say a criterion: "signed up 30 to 90 days ago and last used the product at most 7 days ago".

    Parameters
    ----------
    criterion : Criterion
        What is asked.

    Returns
    -------
    str
        Groups inside groups stand in brackets.
    """
    if isinstance(criterion, Leaf):
        return _leaf_words(criterion)
    if isinstance(criterion, Not):
        part = criterion.part
        if isinstance(part, Leaf) and part.missing is not None:
            return _leaf_words(replace(part, missing=not part.missing))
        if isinstance(part, Leaf) and len(part.sides) == 1:
            return _leaf_words(_turned(part))
        return f"not {_bracketed(part)}"
    joined = " and " if isinstance(criterion, AllOf) else " or "
    if len(criterion.parts) == 1:
        return words(criterion.parts[0])
    return joined.join(_bracketed(part) for part in criterion.parts)


def listed(criterion: Criterion) -> str:
    """Say a criterion for a list of what is asked: what must hold together stands in a row.

    Parameters
    ----------
    criterion : Criterion
        What is asked.

    Returns
    -------
    str
        "not asked to cancel; at most 30 days to the renewal": one part after the other, where
        :func:`words` would chain them with "and".
    """
    if isinstance(criterion, AllOf):
        return "; ".join(_bracketed(part) for part in criterion.parts)
    return words(criterion)


def column_words(column: str) -> str:
    """Return a column in words: the panel's own label, a name known here, or its text spaced."""
    if column in _NAMES:
        return _NAMES[column]
    if column.startswith(_USES_OF) and column.endswith("__to_date"):
        return f"uses of {column[len(_USES_OF) : -len('__to_date')]} so far"
    measure = catalogue.parse(column)
    if measure is not None:
        # On a list the decision date is the list's own day.
        return measure.label().replace(" before the decision date", " before the list's day")
    return column.replace("__", ", ").replace("_", " ")


def _turned(leaf: Leaf) -> Leaf:
    """Return the other side of a line: what "not" says of it."""
    other = dict(zip(SIDES, ("fewer_than", "at_most", "more_than", "at_least"), strict=True))
    ((side, bound),) = leaf.sides.items()
    return Leaf(leaf.column, **{other[side]: bound})  # type: ignore[arg-type]


def _bracketed(criterion: Criterion) -> str:
    several = isinstance(criterion, AllOf | AnyOf) and len(criterion.parts) > 1
    return f"({words(criterion)})" if several else words(criterion)


def _leaf_words(leaf: Leaf) -> str:
    name = column_words(leaf.column)
    if leaf.missing is not None:
        said = _MISSING.get(leaf.column, (f"{name}: not known", f"{name}: known"))
        return said[0 if leaf.missing else 1]
    if leaf.is_ is not None:
        said = _YES_NO.get(leaf.column, (name, f"not {name}"))
        return said[0 if leaf.is_ else 1]
    if leaf.one_of:
        return f"{name} is {' or '.join(shown(value) for value in leaf.one_of)}"
    if leaf.column == "days_to_renewal" and leaf.sides == {"at_least": 0}:
        return "the renewal is not past"
    if leaf.column in _CHANCES:
        return f"{_percent_words(leaf.sides)} {name}"
    if leaf.column in _SENTENCES:
        return _SENTENCES[leaf.column].format(range_words(leaf.sides))
    if leaf.sides in ({"at_most": 0}, {"fewer_than": 1}) and _counted(leaf.column):
        return f"no {name}"
    return (
        f"{range_words(leaf.sides)} {name}"
        if _counted(leaf.column)
        else f"{name} {range_words(leaf.sides).replace('fewer than', 'less than')}"
    )


def _percent_words(sides: dict[str, Bound]) -> str:
    """Say a range of chances: "less than 5 %", "10 to 25 %"."""
    hundredths: dict[str, Bound] = {
        side: bound if isinstance(bound, str | date) else 100 * bound
        for side, bound in sides.items()
    }
    return f"{range_words(hundredths).replace('fewer than', 'less than')}\u202f%"


def _counted(column: str) -> bool:
    """Return whether a column counts things, so that its number stands before its name."""
    if column.startswith(_USES_OF):
        return True
    measure = catalogue.parse(column)
    if measure is None:
        return column in _COUNTS
    return measure.unit not in ("share", "ratio", "points", "users per seat", "days")
