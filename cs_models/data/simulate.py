"""Invented customers with known truth: eight tables, and what was true of them.

Each account has a latent vigour, contract terms, people, and twelve features; leaving at a renewal
follows a planted law, in most scenarios a step: terms whose first 60 days hold fewer than so many
``report_shared`` actions are likelier to churn.  The process is `methods.md` section 7.

Grain: the eight canonical tables of the data contract, and one row a term of truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cs_models import files
from cs_models.data.simulation import history, parquet, scenarios
from cs_models.errors import ParameterError

SCENARIOS = scenarios.SCENARIOS
TABLES = (
    "accounts",
    "users",
    "subscriptions",
    "events",
    "tickets",
    "surveys",
    "touchpoints",
    "milestones",
)
MOST_ACCOUNTS = 100_000


@dataclass(frozen=True)
class World:
    """Invented customers.

    Attributes
    ----------
    scenario : Scenario
        All numbers of the process.
    tables : mapping of str to pyarrow.Table
        The eight canonical tables.  Ids of `events` are dictionary-encoded here, plain text in
        the files.
    terms : pandas.DataFrame
        One row a contract term: its x, its true hazard, its fate.  See
        :func:`cs_models.data.simulation.truth.terms`.
    truth : dict
        The document of ``truth.json``.
    """

    scenario: scenarios.Scenario
    tables: Mapping[str, pa.Table]
    terms: pd.DataFrame
    truth: dict[str, Any]


def customers(
    *,
    scenario: str = "step",
    n_accounts: int | None = None,
    seed: int = 0,
    dirty: bool = True,
    **numbers: Any,
) -> World:
    """Make a world of invented customers.

    Parameters
    ----------
    scenario : str, default "step"
        One of SCENARIOS.
    n_accounts : int, optional
        Number of accounts; by default what the scenario needs for its truth to be found.
    seed : int, default 0
        The same seed makes the same world, whatever the machine has been doing.
    dirty : bool, default True
        Whether the records are spoilt as a company's records are.
    **numbers
        Numbers of the scenario to change, such as ``beta_threshold=1.0``; see
        :class:`cs_models.data.simulation.scenarios.Scenario`.

    Returns
    -------
    World

    Raises
    ------
    ParameterError
        When there is no such scenario or number, or `n_accounts` is not in 1..100,000.
    """
    hidden = _hidden(scenario, n_accounts, seed, dirty, numbers)
    tables, document = history.record(hidden, dirty=dirty)
    return World(hidden.scenario, {name: tables[name] for name in TABLES}, hidden.terms, document)


def terms(
    *,
    scenario: str = "step",
    n_accounts: int | None = None,
    seed: int = 0,
    dirty: bool = True,
    **numbers: Any,
) -> pd.DataFrame:
    """Return the truth of a world alone, many times faster than its records.

    The same frame as `terms` of :func:`customers` called with the same arguments.

    Raises
    ------
    ParameterError
        As :func:`customers`.
    """
    return _hidden(scenario, n_accounts, seed, dirty, numbers).terms


def write(
    folder: Path | str,
    *,
    scenario: str = "step",
    n_accounts: int | None = None,
    seed: int = 0,
    dirty: bool = True,
    **numbers: Any,
) -> Path:
    """Make a world and write its tables, ``truth.json`` and ``checksums.json`` into a folder.

    The same arguments and library versions write the same bytes.  Other files of the folder stay.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        As :func:`customers`.
    """
    world = customers(scenario=scenario, n_accounts=n_accounts, seed=seed, dirty=dirty, **numbers)
    folder = Path(folder)
    listed = {}
    for name in TABLES:
        path = folder / f"{name}.parquet"
        parquet.write(world.tables[name], path)
        listed[path.name] = {
            "sha256": files.sha256_of(path),
            "rows": world.tables[name].num_rows,
        }
    files.write_text_atomic(folder / "truth.json", _compact(world.truth))
    files.write_json_atomic(folder / "checksums.json", {"files": listed})
    return folder


def _hidden(
    scenario: str, n_accounts: int | None, seed: int, dirty: bool, numbers: dict[str, Any]
) -> history.Hidden:
    chosen = scenarios.named(scenario, **numbers)
    n = chosen.n_accounts if n_accounts is None else n_accounts
    if not 1 <= n <= MOST_ACCOUNTS:
        raise ParameterError(
            "a world cannot have that many accounts",
            where="n_accounts",
            got=str(n),
            repair=f"a whole number from 1 to {MOST_ACCOUNTS}",
        )
    return history.hide(chosen, n, seed, dirty=dirty)


def _compact(document: dict[str, Any]) -> str:
    """Return strict JSON, one line for each entry of the top level and of its own entries."""
    lines = []
    for key, value in document.items():
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if isinstance(value, dict):
            inner = ",\n".join(
                f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False, ensure_ascii=False)}"
                for k, v in value.items()
            )
            text = "{\n" + inner + "\n }" if inner else "{}"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
