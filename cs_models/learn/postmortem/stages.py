"""Which measures tell of which stage of a contract.

Grain in: columns of a panel.  Grain out: columns by stage.  Question Q8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn import peers

STAGES: Final = ("onboarding", "adoption", "breadth", "value", "relationship")

# (measure, kinds of window) of each stage; the first that holds a column takes it.
_STAGES: Final[dict[str, dict[str, frozenset[str]]]] = {
    "onboarding": {
        name: frozenset({"first", "to_date"})
        for name in ("onboarded", "onboarding_overdue_steps", "onboarding_days_late")
    },
    "adoption": {
        name: frozenset({"first"})
        for name in ("events", "active_users", "active_days", "daily_active_share")
    }
    | {"days_to_first": frozenset({"to_date"})},
    "breadth": {
        name: frozenset({"first", "last"}) for name in ("distinct_features", "seat_utilisation")
    },
    "value": {name: frozenset({"to_date"}) for name in ("goals_reached", "goals_overdue")}
    | {name: frozenset({"last"}) for name in ("events", "active_users", "active_days", "trend")}
    | {"days_since_last_use": frozenset({"to_date"})},
    "relationship": {
        name: frozenset({"last", "to_date"})
        for name in (
            *("severe_tickets", "escalated_tickets", "open_severe_tickets"),
            *("oldest_open_ticket_days", "nps", "csat", "champions", "champions_left"),
            *("decision_makers_left", "champion_silent_days"),
        )
    },
}
# Features differ too much in who needs them: a stage is judged by the whole account's measures.
_OF_FEATURES: Final = frozenset({"days_to_first"})


def columns(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Sort a panel's columns into the stages that they tell of.

    Parameters
    ----------
    names : sequence of str
        Columns of a panel.

    Returns
    -------
    dict of str to tuple of str
        One entry per stage, in their order; empty where the panel tells nothing of it.  Early use
        (windows from the term's start) is adoption, use that lasts (windows before the decision
        date) is value, beside the goals reached.
    """
    out: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for name in names:
        measure, _, rest = name.partition(catalogue.SEPARATOR)
        feature, _, window = rest.rpartition(catalogue.SEPARATOR)
        anchor = window if window == "to_date" else window.partition("_")[0]
        if feature and measure not in _OF_FEATURES:
            continue
        stage = next((s for s in STAGES if anchor in _STAGES[s].get(measure, ())), None)
        if stage is not None:
            out[stage].append(name)
    return {stage: tuple(held) for stage, held in out.items()}


def chosen(
    past: pd.DataFrame, stages: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    """Return the columns of each stage that can be judged."""
    if stages is None:
        held_by = columns(list(past.columns))
    else:
        held_by = {stage: tuple(held) for stage, held in stages.items()}
        peers.need(past, *(name for held in held_by.values() for name in held))
    undirected = [
        name for held in held_by.values() for name in held if peers.worse_when_more(name) is None
    ]
    if undirected:
        raise ParameterError(
            "which way these measures are worse is not known",
            where="stages",
            got=", ".join(undirected),
            repair="leave them out: nobody can fall behind in them",
        )
    if not any(held_by.values()):
        raise ParameterError(
            "no stage has a measure in this panel",
            where="stages",
            repair="build the panel with first_days and relations, or name the columns",
        )
    return held_by
