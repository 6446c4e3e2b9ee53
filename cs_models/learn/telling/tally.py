"""How much was searched, and what a plain search would have announced from it.

Grain in: one searched family.  Grain out: the counts of a ``Search``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cs_models.learn import wording
from cs_models.learn.selection import crossfit
from cs_models.learn.selection.family import Family
from cs_models.learn.telling import records


def counts(family: Family) -> dict[str, Any]:
    """Return terms, accounts, rules, shuffles, the naive best split and what was left out."""
    population, rules = family.population, family.grid.rules
    everyone = np.ones(population.n_rows, dtype=bool)
    return {
        "n_terms": population.n_rows,
        "n_accounts": int(population.account.max()) + 1,
        "n_churned": int(population.churned.sum()),
        "n_churned_accounts": population.churned_accounts(everyone),
        "n_rules": len(rules),
        "n_features": int(rules["feature"].nunique()),
        "n_permutations": family.n_permutations,
        "share_unpermuted": population.share_unpermuted,
        "quantile": family.quantile if len(rules) else None,
        "smallest_lift": records.smallest_lift(family, None, everyone),
        "naive": _naive(family),
        "excluded": dict(population.excluded),
    }


def _naive(family: Family) -> dict[str, Any] | None:
    """Return what the best split would have been called without correcting for the search."""
    rules = family.grid.rules
    mine = crossfit.rules_of(family.grid, None)
    if not len(mine):
        return None
    churned = family.population.churned
    lost = family.grid.above(churned[:, None])[mine, 0]
    n_above = rules["n_above"].to_numpy(dtype=np.float64)[mine]
    n = rules["n_terms"].to_numpy(dtype=np.float64)[mine]
    lost_in_all = np.zeros(len(rules))
    for known, part in family.grid.parts():
        lost_in_all[part] = churned[known].sum()
    rate = lost_in_all[mine] / n
    gap = (lost_in_all[mine] - lost) / (n - n_above) - lost / n_above
    z = gap / np.sqrt(rate * (1 - rate) * (1 / n_above + 1 / (n - n_above)))
    best = int(np.argmax(np.abs(np.round(z, 9))))
    at = rules.iloc[mine[best]]
    block = family.grid.blocks[int(at["block"])]
    used = block.amounts[block.rows]
    below = float(used[used < at["cut"]].max(initial=-np.inf))
    direction = "at_least" if gap[best] > 0 else "at_most"
    return {
        "rule": wording.rule_text(
            wording.counted(at["column"], at["members"]),
            float(at["cut"]),
            below,
            int(at["min_users"]),
            direction,
        ),
        "feature": at["feature"],
        "column": at["column"],
        "users_column": at["users_column"],
        "members": [{"column": name, "level": level} for name, level in at["members"]] or None,
        "direction": direction,
        "segment": None,
        "segment_by": None,
        "window_days": int(at["window_days"]),
        "cut": float(at["cut"]),
        "min_users": int(at["min_users"]),
        "p_raw": float(records.p_raw(float(z[best]))),
        "lift": float(gap[best]),
        "n_significant": int((records.p_raw(z) < 0.05).sum()),
        "n_rules": len(mine),
    }
