"""Names of the tables of the page on time to churn, which its sentences link to."""

from __future__ import annotations

CURVE, RENEWALS, RISK, SORTING, GROUPS, MEANS, PAIRS = (
    "curve-table", "renewals-table", "risk-table", "sorting-table", "groups-table", "means",
    "pairs",
)  # fmt: skip
CAUSES, CAUSES_BY, DRIVERS, ADOPTION, VALUE, MODELS, THIRDS, HORIZONS, COUNTS = (
    "causes-table", "causes", "drivers-table", "adoption-table", "value-table", "models",
    "thirds-table", "horizons", "counts",
)  # fmt: skip
