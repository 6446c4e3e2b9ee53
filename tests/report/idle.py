"""Invented renewals in which customers who have not used the product for long leave."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd


def terms(
    rng: np.random.Generator, n_terms: int, *, effect: float, enterprise: float = 0.0
) -> pd.DataFrame:
    """Return yearly terms of accounts whose days without use go with leaving.

    ``effect`` is what e times the days without use add to the log-odds of leaving, ``enterprise``
    what the larger of two segments adds.  Half of the accounts have two terms.
    """
    end = pd.Timestamp("2022-03-01") + pd.to_timedelta(rng.integers(0, 1530, n_terms), unit="D")
    idle = rng.exponential(12, n_terms).round()
    segment = rng.choice(["SMB", "ENT"], n_terms)
    logit = -1.2 + effect * (np.log1p(idle) - 2.2) + enterprise * (segment == "ENT")
    account = [number % (n_terms * 2 // 3) for number in range(n_terms)]
    return pd.DataFrame(
        {
            "subscription_id": [f"s{number}" for number in range(n_terms)],
            "account_id": [f"a{number}" for number in account],
            "account_name": [f"Name {number}" for number in account],
            "segment": segment,
            "region": "EMEA",
            "term_no": 1,
            "term_months": 12,
            "seats": 20.0,
            "arr": [Decimal(int(value)) for value in rng.lognormal(10, 0.8, n_terms)],
            "term_start": end - pd.Timedelta(days=365),
            "term_end": end,
            "as_of_date": end - pd.Timedelta(days=90),
            "outcome": "renewed",
            "churned": (rng.random(n_terms) < 1 / (1 + np.exp(-logit))).astype(float),
            "days_since_last_use__to_date": idle,
            "events__last_28d": rng.poisson(30, n_terms).astype(float),
            "seat_utilisation__last_90d": rng.beta(4, 3, n_terms),
            "trend__last_28d": rng.normal(1, 0.3, n_terms),
        }
    )
