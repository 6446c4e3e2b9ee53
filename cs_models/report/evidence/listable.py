"""Why a list cannot be made from these records: named, never silently left out.

Grain in: a list and the frame it is asked of.  Grain out: a sentence, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import pandas as pd

from cs_models.features import catalogue, criteria
from cs_models.learn.lists import OF_ACCOUNT, CustomerList, feature_of

# Tables that a measure of the relationship is told from.
NEEDS: Final = {
    "tickets": ("tickets", "severe_tickets", "open_tickets", "open_severe_tickets",
                "oldest_open_ticket_days", "escalated_tickets"),
    "surveys": ("nps", "csat", "proficiency", "nps_age_days", "csat_age_days",
                "proficiency_age_days"),
    "touchpoints": ("customer_contacts", "days_since_customer_contact", "our_contacts_lagged",
                    "days_since_our_contact", "in_play", "contacted_since_onboarding"),
    "users": ("champions", "champions_left", "decision_makers_left", "new_decision_makers",
              "champion_silent_days"),
    "milestones": ("onboarded", "onboarding_overdue_steps", "onboarding_days_late",
                   "goals_reached", "goals_overdue"),
    "health_scores": ("crm_health",),
}  # fmt: skip


@dataclass(frozen=True)
class Gaps:
    """What these records and this run cannot tell.

    Attributes
    ----------
    tables : tuple of str
        Tables that are there.
    features : tuple of str
        The product's features with columns of their own.
    definition, predictor, play : str
        Why there is none; "" where there is.
    """

    tables: tuple[str, ...]
    features: tuple[str, ...]
    definition: str
    predictor: str
    play: str

    def why_not(self, asked: CustomerList, frame: pd.DataFrame) -> str:
        """Say why a list cannot be made; "" where it can.

        Parameters
        ----------
        asked : CustomerList
        frame : pandas.DataFrame
            What it is asked of.

        Raises
        ------
        ParameterError
            For a column that is not there although nothing is missing in the records.
        """
        if asked.grain == "user" and "users" not in self.tables:
            return "the source has no table of users"
        if frame.empty:
            return str(frame.attrs.get("why_not") or "there is nobody to ask it of")
        for column in asked.columns:
            there = column in frame.columns
            if there and frame[column].notna().any():
                continue
            reason = str(frame.attrs.get("unknown", {}).get(column, "")) or self._why(column)
            if reason:
                return f"{criteria.column_words(column)}: {reason}"
            if not there:
                raise criteria.unknown_column(
                    column, map(str, frame.columns), where=f"{asked.name}.yml"
                )
            return f"{criteria.column_words(column)}: it is known of nobody"
        return ""

    def _why(self, column: str) -> str:
        """Return why nothing is known of a column; "" where the records could tell it."""
        name = column.removeprefix(OF_ACCOUNT)
        if name in ("p_churn", "p_low", "p_high", "out_of_distribution") and self.predictor:
            return f"no predictor speaks of the contracts ({self.predictor})"
        if name == "expected_value":
            return self.play or self.predictor
        if name in ("adopted", "below_threshold", "threshold_gap"):
            return self.definition or "the definition of adoption asks for use that is not counted"
        if name == "stage":
            return "stages are told by 05_journey_and_personas and do not reach this page"
        measure = catalogue.parse(name)
        feature = feature_of(name) or (measure.feature if measure else None)
        if feature and feature not in self.features:
            close = get_close_matches(feature, self.features, n=1, cutoff=0.5)
            hint = f"; did you mean {close[0]}?" if close else ""
            return f"no feature with columns of its own is called {feature}{hint}"
        return self._without_table(measure.measure if measure else name.removesuffix("__to_date"))

    def _without_table(self, measure: str) -> str:
        for table, measures in NEEDS.items():
            if measure not in measures:
                continue
            if table not in self.tables:
                return f"the source has no table of {table.replace('_', ' ')}"
            return f"the records of {table.replace('_', ' ')} do not tell it"
        return ""
