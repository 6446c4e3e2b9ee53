"""The findings of notebook 04 for ``results.json``: the page's sentences with their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cs_models.features.cohort import Cohort
from cs_models.learn import survival
from cs_models.report.evidence import survival as evidence
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence import survival_value as valued
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import History, Untold
from cs_models.report.evidence.survival_adoption import Compared, Reached
from cs_models.report.evidence.survival_drivers import Drivers
from cs_models.report.evidence.survival_due import LEVEL, MONEY, Due
from cs_models.report.evidence.survival_groups import Groups
from cs_models.report.evidence.survival_value import Foretold, Value
from cs_models.report.findings import survival as said
from cs_models.report.findings import survival_adoption as timed
from cs_models.report.findings import survival_models as told
from cs_models.report.findings.words import Part, headline, text
from cs_models.report.results import Finding
from cs_models.report.values import number, percent

# Found by another page: here it is only held alike, and no news for the brief.
_DRIVER: Final = {LEVEL: "adoption-level"}

MODEL_FOLDER: Final = "model"


def of_staying(
    past: History, renewals: pd.DataFrame, groups: Groups | Untold, by_cause: pd.DataFrame
) -> list[Finding]:
    """Return what the curves say, machine-readable.

    Parameters
    ----------
    past : History
    renewals : DataFrame
        What ``evidence.survival.renewals`` returned.
    groups : Groups or Untold
    by_cause : DataFrame
        What ``evidence.survival_groups.causes_by`` returned.

    Returns
    -------
    list of Finding
        ``survival-1``, ... (share still there after that renewal, of the commonest length of
        contract) or ``too-little-data``; ``hazard-12-1``, ... (length, renewal); ``rmst-`` and
        the group (months); ``lost-1``, ... (share lost by each cause).
    """
    own = evidence.commonest(renewals)
    answer = said.answer(past, renewals, groups)
    if answer[0].verdict:
        found = [
            Finding(
                id="too-little-data", statement=headline(answer), n=len(past.lifetimes),
                verdict=answer[0].verdict, table=anchors.COUNTS,
            )
        ]  # fmt: skip
    else:
        found = [
            Finding(
                id=f"survival-{row['opportunity']}", statement=_joined(said.hundred_parts(own)),
                value=row["survival"], low=row["survival_low"], high=row["survival_high"],
                unit="share", n=int(row["at_risk"]), table=anchors.RENEWALS,
            )
            for row in records(own)
        ]  # fmt: skip
    found += [
        Finding(
            id=f"hazard-{row['months']:g}-{row['opportunity']}",
            statement=f"{percent(row['hazard'])} lost at the {said.renewal(row['opportunity'])} "
            f"renewal of {said.contract(row['months'])}.",
            value=row["hazard"], low=row["low"], high=row["high"], unit="share",
            n=int(row["at_risk"]), table=anchors.RISK,
        )
        for row in records(renewals)
    ]  # fmt: skip
    return [*found, *_means(groups), *_causes(by_cause)]


def of_models(
    drivers: Drivers | Untold,
    reached: Reached | Untold,
    compared: Compared | Untold,
    value: Value | Untold,
    foretold: Foretold | Untold,
    currency: str,
) -> list[Finding]:
    """Return what was learnt beyond the curves.

    ``driver-...``, ``adoption-level`` (the odds with the level of adoption, beside which the others
    are held), ``adoption`` (or ``adoption-early`` and ``adoption-late``), ``lifetime`` (years)
    and ``lifetime-value`` (money),
    ``extrapolated``, ``expected-lost`` and ``came-lost``.  What could not be said is not there.
    """
    found: list[Finding] = []
    if not isinstance(drivers, Untold):
        found += [
            Finding(
                id=_DRIVER.get(row["name"], f"driver-{row['name']}"),
                statement=_joined(told.driver_parts(row, currency)),
                value=row["odds"], low=row["low"], high=row["high"], unit="odds ratio",
                n=drivers.model.n_rows, table=anchors.DRIVERS,
                verdict=None if row["clear"] else "none",
            )
            for row in records(drivers.table)
        ]  # fmt: skip
    if not isinstance(compared, Untold):
        found += _adoption(reached, compared)
    return [*found, *_value(value, currency), *_foretold(foretold)]


def models(
    output_dir: str | None,
    rule: Mapping[str, Any],
    known: Due,
    drivers: Drivers | Untold,
    compared: Compared | Untold,
    value: Value | Untold,
) -> Path | None:
    """Write the models of the page into ``model/survival.json``; nothing without any.

    Parameters
    ----------
    output_dir : str or None
        Folder of the notebook in its run.
    rule : mapping
        What :func:`rule` returned.
    known : Due
    drivers : Drivers or Untold
    compared : Compared or Untold
    value : Value or Untold

    Returns
    -------
    Path or None
        The file: ``renewals`` (chance to be lost by renewal, length and group), ``drivers`` (to
        leave by choice, given what was known at the decision date) and ``adoption``.
    """
    found: dict[str, survival.RenewalHazard | survival.Cox] = {}
    if not isinstance(value, Untold) and value.model is not None:
        found["renewals"] = value.model
    if not isinstance(drivers, Untold):
        found["drivers"] = drivers.model
    if not isinstance(compared, Untold):
        found["adoption"] = compared.model
    if output_dir is None or not found:
        return None
    made = {
        f"told_{one.name}": {
            "panel_column": one.column, "counts": one.words,
            "at_0": one.low, "at_1": one.high,
            "scale": "some or none" if one.kind == "any" else
            "log" if one.name == MONEY else "linear",
        }
        for one in known.columns
    }  # fmt: skip
    return survival.save_models(found, Path(output_dir) / MODEL_FOLDER, rule=rule, columns=made)


def rule(past: History, terms: Cohort, panel: pd.DataFrame) -> dict[str, Any]:
    """Return up to when the history was known and when each renewal was judged, in plain values.

    Parameters
    ----------
    past : History
    terms : Cohort
        Judged before their renewal date.
    panel : DataFrame
        Of them, with its recipe.
    """
    return {
        "as_of": past.as_of.isoformat(), "grace_days": past.grace_days,
        "decision": terms.decision, "decision_days": terms.days,
        "data_start": terms.data_start.isoformat(),
        "recipe": dict(panel.attrs.get("recipe", {})),
    }  # fmt: skip


def _adoption(reached: Reached | Untold, compared: Compared) -> list[Finding]:
    statement = timed.adoption(reached, compared)[0].text
    rows = {row["how"]: row for row in records(compared.table)}
    shown = ("early", "late") if "early" in rows else ("timed",)
    return [
        Finding(
            id="adoption" if how == "timed" else f"adoption-{how}", statement=statement,
            value=rows[how]["ratio"], low=rows[how]["low"], high=rows[how]["high"],
            unit="ratio of rates", n=compared.n, table=anchors.ADOPTION,
        )
        for how in shown
    ]  # fmt: skip


def _means(groups: Groups | Untold) -> list[Finding]:
    if isinstance(groups, Untold):
        return []
    return [
        Finding(
            id=f"rmst-{row['group']}",
            statement=f"{row['group']} customers stay {number(row['mean'], 1)} of their first "
            f"{number(row['tau'], 0)} months on average.",
            value=row["mean"], low=row["low"], high=row["high"], unit="months", n=int(row["n"]),
            table=anchors.MEANS,
        )
        for row in records(groups.means)
    ]  # fmt: skip


def _causes(by_cause: pd.DataFrame) -> list[Finding]:
    return [
        Finding(
            id=f"lost-{place}",
            statement=f"{percent(row['incidence'])} lost within {number(row['month'], 0)} months: "
            f"{row['cause']}.",
            value=row["incidence"], low=row["low"], high=row["high"], unit="share",
            n=int(row["n"]), table=anchors.CAUSES_BY,
        )
        for place, row in enumerate(records(by_cause), start=1)
    ]  # fmt: skip


def _value(value: Value | Untold, currency: str) -> list[Finding]:
    if isinstance(value, Untold):
        return []
    row: dict[str, Any] = records(value.table)[0]
    statement = told.worth(value, currency)[0].text
    n = int(row["n_terms"])
    return [
        Finding(id="lifetime", statement=statement, value=row["years"], low=row["years_low"],
                high=row["years_high"], unit="years", n=n, table=anchors.VALUE),
        Finding(id="lifetime-value", statement=statement, value=row["value"],
                low=row["value_low"], high=row["value_high"], unit=currency, n=n,
                table=anchors.VALUE),
        Finding(id="extrapolated", statement=told.worth(value, currency)[1].text,
                value=row["beyond"], unit="share", n=n, table=anchors.VALUE),
    ]  # fmt: skip


def _foretold(found: Foretold | Untold) -> list[Finding]:
    if isinstance(found, Untold):
        return []
    own = records(found.table[found.table["model"] == valued.BY_RENEWAL])[0]
    statement = told.foretold(found)[0].text
    return [
        Finding(id="expected-lost", statement=statement, value=own["expected"], unit="customers",
                n=found.n, table=anchors.MODELS),
        Finding(id="came-lost", statement=statement, value=found.lost, unit="customers",
                n=found.n, table=anchors.MODELS),
    ]  # fmt: skip


def _joined(parts: list[Part]) -> str:
    return "".join(map(text, parts))
