"""How much likelier those still in doubt so near to their renewal are to leave, in words.

Grain in: ``horizons.Ahead`` of the quarters, ``nearness.in_one``.  Grain out: statements.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence.rules import records
from cs_models.report.findings.words import linked
from cs_models.report.values import integer, percent

NEAR: Final = "near-table"


def said(near: pd.DataFrame) -> list[Statement]:
    """Say what the nearest and the middle of the first quarter told of came to in the past.

    Parameters
    ----------
    near : pandas.DataFrame
        From ``nearness.in_one``.
    """
    if near.empty:
        return []
    first = near[near["label"] == near["label"].iloc[0]]
    nearest, learnt = records(first)[0], records(first[first["learnt_here"]])[0]
    return [
        Statement.of(
            "note", "A predictor learns at one distance; each contract's chance is moved from "
            "there to the days that it has left. Who signs early is no longer in doubt: of past "
            "contracts still in doubt ", linked(integer(nearest["days"]), NEAR),
            " days before their renewal, ", linked(percent(nearest["left_rate"]), NEAR),
            " left, at ", linked(integer(learnt["days"]), NEAR), " days ",
            linked(percent(learnt["left_rate"]), NEAR),
            ". Where renewals are put on record late, chances near the renewal are too high.",
            id="near-said",
        )
    ]  # fmt: skip
