"""The findings of notebook 05 on journeys for ``results.json``."""

from __future__ import annotations

import math

import pandas as pd

from cs_models.learn.journey import Breaks
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.evidence.journey import Journey
from cs_models.report.evidence.rules import records
from cs_models.report.findings import journey_breaks as breaks
from cs_models.report.findings.amounts import customers
from cs_models.report.findings.words import listed, text
from cs_models.report.results import Finding
from cs_models.report.values import number, percent


def of_journey(
    today: pd.DataFrame,
    adopted: pd.DataFrame,
    lasting: pd.DataFrame,
    broken: Breaks,
    stuck: pd.DataFrame,
    currency: str,
    by_day: int,
) -> list[Finding]:
    """Return what was found of accounts, machine-readable.

    Returns
    -------
    list of Finding
        ``stage-<name>`` (customers today), ``adopted-<group>`` (chance by the day asked for),
        ``lasting-<name>`` (days), ``break`` and ``break-passing`` (moves in excess, of the worst)
        and ``stuck`` (money).
    """
    found = [
        Finding(
            id=f"stage-{row['stage']}",
            statement=f"{customers(row['n'])} {'is' if row['n'] == 1 else 'are'} in the stage "
            f"{breaks.called(row['stage'])} today.",
            value=row["n"], unit="customers", n=int(row["n"]), table=anchors.TODAY,
        )
        for row in records(today)
    ]  # fmt: skip
    found += [
        Finding(
            id=f"adopted-{row['group']}",
            statement=f"{percent(row['chance'])} of {row['group']} reach the adoption level by "
            f"day {by_day}.",
            value=row["chance"], low=row["low"], high=row["high"], unit="share", n=int(row["n"]),
            table=anchors.ADOPTED,
        )
        for row in records(adopted)
        if not math.isnan(row["chance"])
    ]  # fmt: skip
    found += [
        Finding(
            id=f"lasting-{row['stage']}",
            statement=f"Half have moved on from {breaks.called(row['stage'])} after "
            f"{number(row['median'], 0)} days.",
            value=row["median"], low=_known(row["low"]), high=_known(row["high"]), unit="days",
            n=int(row["n"]), table=anchors.LASTING,
        )
        for row in records(lasting)
        if not math.isnan(row["median"])
    ]  # fmt: skip
    if len(broken.losses):
        worst = records(broken.losses)[0]
        found.append(
            Finding(
                id="break", statement="".join(map(text, breaks.lost_parts(broken, currency))),
                value=worst["excess"], low=worst["low"], high=worst["high"], unit="moves",
                n=int(worst["n_accounts"]), table=anchors.BREAKS,
                verdict=None if worst["clear"] else "none",
            )
        )  # fmt: skip
    passing = breaks.passing_parts(broken)
    if passing and not (len(broken.losses) and broken.losses["clear"].iloc[0]):
        first = records(broken.passing)[0]
        found.append(
            Finding(
                id="break-passing", statement="".join(map(text, passing)), value=first["excess"],
                low=first["low"], high=first["high"], unit="moves", n=int(first["n_accounts"]),
                table=anchors.PASSING,
            )
        )  # fmt: skip
    found.append(
        Finding(
            id="stuck", statement=f"{customers(len(stuck))} {'is' if len(stuck) == 1 else 'are'} "
            "stuck in an early stage.",
            value=float(stuck["arr"].sum()), unit=currency, n=len(stuck), table=anchors.STUCK,
        )
    )  # fmt: skip
    return found


def untold(followed: Journey, people: Journey) -> list[Finding]:
    """Return ``unanswered``: stages that the records cannot tell; nothing where they tell all.

    Parameters
    ----------
    followed, people : Journey
        Of customers and of users.
    """
    gone = [
        f"{breaks.called(name)} of {whose} ({why})"
        for journey, whose in ((followed, "customers"), (people, "users"))
        for name, why in journey.told.dropped.items()
    ]
    if not gone:
        return []
    words = f"Stages that could not be told: {listed(gone)}."
    return [Finding("unanswered", words, len(gone), unit="stages", table=anchors.TODAY)]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
