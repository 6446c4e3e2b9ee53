"""Small histories with known truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

Maker = Callable[..., pd.DataFrame]


def history(
    rng: np.random.Generator,
    *,
    n_accounts: int = 300,
    most_terms: int = 1,
    n_features: int = 1,
    churn: float = 0.25,
    cut: float = 10.0,
    step: float = 0.0,
    vigour: float = 0.5,
    persistent: float = 0.0,
    frailty: float = 0.0,
    segments: tuple[str, ...] = ("SMB",),
) -> pd.DataFrame:
    """Invent a panel: negative-binomial counts of features that share the account's vigour.

    ``step`` is the log odds of leaving added below ``cut`` of feature f0; ``persistent`` the part
    of a feature's spread that all terms of an account share; ``frailty`` the account's own risk.
    """
    n_terms = rng.integers(1, most_terms + 1, n_accounts)
    account = np.repeat(np.arange(n_accounts), n_terms)
    n = len(account)
    place = np.arange(n) - np.repeat(np.cumsum(n_terms) - n_terms, n_terms)
    shared = rng.normal(size=n_accounts)[account]
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(365 * place, unit="D")
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{i:05d}" for i in range(n)],
            "account_id": [f"a{i:05d}" for i in account],
            "as_of_date": start + pd.Timedelta(days=60),
            "term_start": start,
            "term_no": place + 1,
            "term_months": 12,
            "arr": np.round(np.exp(rng.normal(8, 1, n_accounts)), 2)[account],
            "segment": np.array(segments)[rng.integers(0, len(segments), n_accounts)][account],
        }
    )
    for feature in range(n_features):
        own = np.sqrt(persistent) * rng.normal(size=n_accounts)[account]
        own += np.sqrt(1 - persistent) * rng.normal(size=n)
        rate = 10 * np.exp(0.6 * (vigour * shared + np.sqrt(1 - vigour**2) * own))
        events = rng.poisson(rate)
        frame[f"events__f{feature}__first_60d"] = events
        frame[f"users__f{feature}__first_60d"] = np.minimum(events, 1 + rng.poisson(rate / 6))
    logit = np.log(churn / (1 - churn)) + step * (frame["events__f0__first_60d"] < cut)
    logit = logit + frailty * rng.normal(size=n_accounts)[account]
    frame["churned"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype("Int8")
    return frame


@pytest.fixture(scope="session")
def make_history() -> Maker:
    """Return the maker of invented panels."""
    return history


@pytest.fixture(scope="session")
def yearly() -> pd.DataFrame:
    """Return 900 yearly terms of two segments of which those with little use leave."""
    rng = np.random.default_rng(5)
    account = np.repeat(np.arange(300), 3)
    start = pd.Timestamp("2022-07-01") + pd.to_timedelta(
        np.repeat(rng.integers(0, 365, 300), 3) + 365 * np.tile(np.arange(3), 300), unit="D"
    )
    used = rng.poisson(9, 900)
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{number:04d}" for number in range(900)],
            "account_id": [f"a{number:04d}" for number in account],
            "account_name": "One",
            "segment": np.where(account % 2, "SMB", "MM"),
            "arr": 1000.0 + account,
            "seats": pd.array(np.full(900, 5), dtype="Int64"),
            "term_no": np.tile([1, 2, 3], 300),
            "term_months": 12,
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "as_of_date": start + pd.Timedelta(days=275),
            "events__first_60d": used,
            "churned": pd.array(rng.random(900) < np.where(used < 8, 0.6, 0.1), dtype="Int8"),
        }
    )
    return frame[frame["term_end"] < pd.Timestamp("2026-05-30")].reset_index(drop=True)


@pytest.fixture(scope="session")
def movers(kept_folder: Path) -> SimpleNamespace:
    """Return 1,200 invented customers whose people come, leave and move, as the doors tell them.

    Written and read once for all workers.
    """
    from cs_models import kept
    from cs_models.data import simulate, sources
    from cs_models.data.simulation import scenarios
    from cs_models.features import people, tenure

    def write(folder: Path) -> bool:
        return simulate.write(folder, scenario="null", n_accounts=1200, seed=5).is_dir()

    scenario = scenarios.named("null")
    as_of, opened = scenario.as_of, scenario.data_start
    with kept.within(kept_folder):
        folder = kept.once("customers whose people move", write)
        tables: Any = sources.read(sources.Source(path=str(folder)), as_of=as_of)
    served = people.served(tables, as_of)
    return SimpleNamespace(
        tables=tables, served=served, monthly=people.monthly(tables, as_of),
        contracts=people.contracts(tables, as_of, former=served.former),
        opportunities=tenure.opportunities(tables, as_of, data_start=opened),
        as_of=as_of, data_start=opened,
    )  # fmt: skip
