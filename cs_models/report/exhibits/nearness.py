"""What past renewals came to as they stood at each distance, beside the predictor's own.

Grain in: ``horizons.Ahead`` of the quarters.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence import nearness
from cs_models.report.evidence.horizons import Ahead
from cs_models.report.findings import nearness as findings


def near(ahead: Sequence[Ahead]) -> tuple[Statement | Table, ...]:
    """Show by how much chances are moved to the days that contracts have left.

    Parameters
    ----------
    ahead : sequence of Ahead
        One a quarter.
    """
    found = nearness.in_one([(one.label, one.days, one.near) for one in ahead])
    if found.empty:
        return ()
    table = Table.of(
        found.assign(at=["learnt here" if here else "" for here in found["learnt_here"]]),
        id=findings.NEAR,
        title="Past contracts still in doubt, by the days to their renewal",
        columns={
            "label": Column("Quarter"),
            "days": Column("Days before renewal", kind="integer"),
            "n_terms": Column("Still in doubt", kind="integer"),
            "n_left": Column("Of these left", kind="integer"),
            "left_rate": Column("Share", kind="percent"),
            "at": Column("Predictor"),
        },
        note="The same past renewals, as they stood so many days before. Odds are moved by the "
        "ratio of a distance to the one where the predictor learnt, in between on a straight line.",
        fold_after=0,
    )
    return (*findings.said(found), table)
