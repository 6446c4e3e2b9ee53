"""What the page on journeys rests on: rules, moves, and what was counted.

Grain: one function a table or figure; what one cell displays.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cs_models.features import criteria
from cs_models.learn.journey import Rules
from cs_models.report.display import Column, Table
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.findings.journey_breaks import called


def moves(frame: pd.DataFrame) -> Table:
    """Show all moves that were counted."""
    named = frame.assign(
        frm=[called(name) for name in frame["stage"]], into=[called(name) for name in frame["to"]]
    )
    return Table.of(
        named, id=anchors.MOVES, title="All moves between stages",
        columns={
            "frm": Column("From"), "into": Column("To"), "n": Column("Moves", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "share": Column("Of all moves from there", kind="percent"),
        },
        note="A customer may make a move more than once.",
    )  # fmt: skip


def rules(given: Rules, *, id: str, title: str) -> Table:  # noqa: A002 - the word of the page
    """Show the rules in the order in which they are asked."""
    frame = pd.DataFrame(
        {
            "place": range(1, len(given.stages) + 1),
            "called": [called(stage.name) for stage in given.stages],
            "words": [stage.words for stage in given.stages],
            "rule": [
                "whoever no rule above takes" if stage.when is None else criteria.words(stage.when)
                for stage in given.stages
            ],
            "settles": [stage.settles_days for stage in given.stages],
        }
    )
    return Table.of(
        frame, id=id, title=title,
        columns={
            "place": Column("Asked", kind="integer"), "called": Column("Stage"),
            "words": Column("What it means"), "rule": Column("Rule"),
            "settles": Column("Days that it must hold", kind="integer"),
        },
        note="The first rule that holds says the stage, so that everybody is in exactly one.",
    )  # fmt: skip


def counted(counts: Mapping[str, int]) -> Table:
    """Show what the page was made from."""
    words = {
        "n_accounts": "customers, former ones included", "n_account_days": "days of customers",
        "n_stays": "stays in a stage", "n_moves": "moves from one to another",
        "n_seen_to_begin": "customers seen from their first day", "n_users": "users",
        "n_user_days": "days of users",
    }  # fmt: skip
    frame = pd.DataFrame(
        [(words.get(name, name), n) for name, n in counts.items()], columns=["what", "n"]
    )
    return Table.of(
        frame, id=anchors.COUNTS, title="What this was learnt from",
        columns={"what": Column("What"), "n": Column("How many", kind="integer")},
        note="Every day of a customer, and of a user, is in exactly one stage.",
    )  # fmt: skip
