"""What a list asks: criteria, order, capacity, and what would make it a good one.

A list is a rule written down (``parameters/lists/*.yml``), made every week from what is known that
day, and held against what past ones came to.

Source: ``methods.md`` 6; ``customer_success.md`` Q12 to Q15.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cs_models.errors import ParameterError
from cs_models.features import catalogue, criteria, people
from cs_models.features.cohort import RUNNING_COLUMNS
from cs_models.features.criteria import Criterion

Grain = Literal["account", "user"]
Outcome = Literal["left", "renewed", "expanded", "active", "started", "gone"]

ACCOUNT_OUTCOMES: Final = ("left", "renewed", "expanded")
USER_OUTCOMES: Final = ("active", "started", "gone")
CONTACT: Final = "days_since_our_contact__to_date"
USES: Final = "events__feature="
OF_ACCOUNT: Final = "account__"
WORTH: Final = "expected_value"
# What becomes of a term is no criterion: on the day of the list nobody knows it.
OUTCOME: Final = ("outcome", "churned", "involuntary")
# Columns of the two frames that are no measure of the panel.
DERIVED: Final = (
    "days_to_renewal", "p_churn", "p_low", "p_high", "out_of_distribution", "expected_value",
    "adopted", "below_threshold", "threshold_gap", "stage", "unused_features", "depth_rank",
    "in_play", CONTACT,
)  # fmt: skip
USER_DERIVED: Final = ("contacted_since_onboarding",)


@dataclass(frozen=True)
class CustomerList:
    """One list.

    Parameters
    ----------
    name : str
        File name of its YAML without ending: ``who_to_contact``.
    title, action : str
        What it is called; what is meant to be done with those on it.
    grain : {"account", "user"}
        What a row is.
    criteria : Criterion
        Who is on it.
    order_by : str
        Column by which it is called, largest first unless ``ascending``.
    outcome : str
        What would show that a past list was a good one: of accounts ``left``, ``renewed``,
        ``expanded`` at their next renewal; of users ``active``, ``started`` (one of the features
        named in the criteria) or ``gone`` (the login was taken away) in the 90 days after.
    ascending : bool, default False
    quiet_days : int, default 0
        Whoever we contacted within so many days is left out: no pestering.
    priority : int, default 100
        Lists share the team's calls: the smallest takes first, equals in order of their names.
    per_week : int, optional
        Customers of this list that may be called in a week; all that earlier lists left when None.
    high_touch_value_share : float, default 0.8
        The fewest largest customers of the whole book who make this share of its ARR get a person,
        the others a message; 0: everybody a message.  A list ordered by ``expected_value`` calls by
        rank instead.

    Raises
    ------
    ParameterError
        When a column is none that such a frame can have, or the outcome is not of the grain.
    """

    name: str
    title: str
    action: str
    grain: Grain
    criteria: Criterion
    order_by: str
    outcome: Outcome
    ascending: bool = False
    quiet_days: int = 0
    priority: int = 100
    per_week: int | None = None
    high_touch_value_share: float = 0.8

    def __post_init__(self) -> None:
        allowed = ACCOUNT_OUTCOMES if self.grain == "account" else USER_OUTCOMES
        if self.outcome not in allowed:
            raise ParameterError(
                "an outcome that such rows do not have",
                where=f"{self.name}: outcome", got=self.outcome, repair=" or ".join(allowed),
            )  # fmt: skip
        if self.outcome == "started" and not self.features:
            raise ParameterError(
                "nothing says what should have been started",
                where=f"{self.name}: outcome", got=self.outcome,
                repair="ask for events__feature=<feature>__to_date in the criteria",
            )  # fmt: skip
        for column in self.columns:
            if not known(column, self.grain):
                raise criteria.unknown_column(column, _names(self.grain), where=self.name)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column it needs, each once."""
        return tuple(dict.fromkeys((*criteria.columns(self.criteria), self.order_by)))

    @property
    def turn(self) -> tuple[int, str]:
        """Return where it stands when the team's calls are shared."""
        return self.priority, self.name

    @property
    def by_worth(self) -> bool:
        """Return whether it is ordered by what a call is worth, so that calls follow its rank."""
        return self.order_by.removeprefix(OF_ACCOUNT) == WORTH

    @property
    def features(self) -> tuple[str, ...]:
        """Return the product features that its user criteria count, each once."""
        return tuple(dict.fromkeys(found for c in self.columns if (found := feature_of(c))))


def feature_of(column: str) -> str:
    """Return the product feature of a user's count of uses; "" for other columns."""
    ends = "__to_date"
    counted = column.startswith(USES) and column.endswith(ends)
    return column[len(USES) : -len(ends)] if counted else ""


def known(column: str, grain: Grain) -> bool:
    """Return whether a frame of this grain can have a column at all, whatever the source.

    Parameters
    ----------
    column : str
        A column's name.
    grain : {"account", "user"}
    """
    if grain == "account":
        return column in _names("account") or catalogue.parse(column) is not None
    if column.startswith(OF_ACCOUNT):
        return known(column.removeprefix(OF_ACCOUNT), "account")
    return column in _names("user") or bool(feature_of(column))


def _names(grain: Grain) -> tuple[str, ...]:
    if grain == "account":
        described = (name for name in RUNNING_COLUMNS if name not in OUTCOME)
        return (*described, *DERIVED, *_examples())
    return (*people.COLUMNS, *USER_DERIVED)


def _examples() -> Iterable[str]:
    """Return panel columns of the usual windows, for the nearest name in a refusal."""
    for name, kind in catalogue.KINDS.items():
        for anchor in kind.account_anchors:
            days = kind.only_days
            windows = ["to_date"] if anchor == "to_date" else [
                f"{anchor}_{n}d" for n in ([days] if days else [28, 60, 90])
            ]  # fmt: skip
            yield from (f"{name}__{window}" for window in windows)
