"""Names of the tables about people, which the sentences of their page link to."""

from __future__ import annotations

TIERS, PEERS, BELOW, CANDIDATES, LEAVING, SILENT, PERSONS, ACCOUNTS, ASSUMED, EFFECT, COUNTED = (
    "tiers-table", "peers-table", "below-peers", "candidates", "leaving-table", "silent-champions",
    "persons-table", "value-handed", "assumptions", "mover-effect", "people-counted",
)  # fmt: skip
