"""What notebook 03 shows of one customer, of heavy users, of health, and of lost renewals.

Grain in: what ``evidence.customer`` found.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.learn.health import Play, Validation
from cs_models.learn.postmortem import PostMortem
from cs_models.learn.profile import HeavyUse
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import customer as evidence
from cs_models.report.evidence import leavers
from cs_models.report.evidence.customer import Look
from cs_models.report.evidence.predictors import records
from cs_models.report.figures import customer as figures
from cs_models.report.findings import colours
from cs_models.report.findings import customer as findings
from cs_models.report.findings.amounts import contracts
from cs_models.report.values import integer, money, percent

Shown = Sequence[Exhibit | Statement | Table]


def customer(seen: Look | None, currency: str) -> Shown:
    """Show one customer: what its chance is made of, where it stands, whom it is like."""
    said = findings.customer(seen, currency)
    if seen is None:
        return tuple(said)
    name = str(seen.risk["account_name"])
    told = "; ".join(f"{row['said']} {row['points']:+.1f}" for row in records(seen.parts))
    exhibit = Exhibit(
        id="customer",
        title=f"{name}: from a typical customer who renewed to its own chance",
        figure=figures.parts(seen.parts, base=seen.base, chance=float(seen.risk["p_churn"])),
        table=Table.of(
            seen.parts,
            id=evidence.PARTS,
            title=f"{name}: what its chance is made of",
            columns={"said": Column("Kind of record"),
                     "points": Column("Points of 100", kind="number", digits=1)},
            note=f"Starts at {percent(seen.base)}, the chance of a typical customer of the segment "
            f"who renewed, and ends at {percent(seen.risk['p_churn'])} "
            f"({percent(seen.risk['p_low'])} to {percent(seen.risk['p_high'])}); the points add "
            "up to "
            f"the difference. It pays {money(seen.risk['arr'], currency)} a year. {_reasons(seen)}",
        ),
        alt=f"Points added to the chance: {told}.",
        caption="Each bar begins where the one above it ends. To the right: this kind of record "
        "went with leaving; to the left, with staying. It is what the chance is made of, not what "
        "would change it.",
    )  # fmt: skip
    return (
        *said[:1], exhibit, *_places(seen, name), *_cycle(seen, name), *said[1:],
        *_near(seen, name, currency),
    )  # fmt: skip


def heavy(found: HeavyUse | None, terms: pd.DataFrame, currency: str) -> Shown:
    """Show heavy users who may be leaving, and what their signs meant in the past.

    Parameters
    ----------
    found : HeavyUse or None
    terms : DataFrame
        What ``evidence.heavy_terms`` returned.
    currency : str
        ISO 4217 code.
    """
    said = findings.heavy(found)
    if found is None:
        return tuple(said)
    signs = found.signs.assign(
        said=found.signs["column"].map(leavers.sign),
        backed=[
            "too few to say" if few else "yes" if backed else "no"
            for few, backed in zip(found.signs["too_little"], found.signs["backed"], strict=True)
        ],
    )
    return (
        *said,
        Table.of(
            terms,
            id=leavers.HEAVY,
            title="Heavy users who may be packing up, the largest first",
            columns={
                "account_name": Column("Customer"),
                "segment": Column("Segment"),
                "arr": Column("ARR", kind="money", unit=currency),
                "term_end": Column("Renews", kind="date"),
                "use": Column("Uses more than, of past customers", kind="percent", digits=0),
                "said": Column("Sign"),
                "backed": Column("Sign went with leaving"),
                "p_churn": Column("Chance of leaving", kind="percent", digits=0),
            },
            note=f"With heavy use, of those that come up: {contracts(found.n_heavy_now)}, "
            f"{integer(found.terms['flag'].astype(bool).sum())} with a sign. Heavy: more use "
            "than three of four past customers of its kind at the same point.",
        ),
        Table.of(
            signs,
            id=leavers.SIGNS,
            title="What the signs meant among past heavy users",
            columns={
                "said": Column("Sign"),
                "n_with": Column("Terms with it", kind="integer"),
                "churned_with": Column("of these left", kind="percent", digits=0),
                "n_without": Column("Terms without", kind="integer"),
                "churned_without": Column("of these left", kind="percent", digits=0),
                "difference": Column("Difference", kind="points"),
                "difference_low": Column("from", kind="points"),
                "difference_high": Column("to", kind="points"),
                "n_now": Column("Today", kind="integer"),
                "backed": Column("Went with leaving"),
            },
            note="95 % intervals with the customer as the unit; no figure with fewer than ten "
            "customers on a side.",
        ),
    )


def health(found: Validation | None, play: Play | None) -> Shown:
    """Show whether what was said of calls was right in past quarters."""
    words = colours.words(by_play=play is not None)
    said = findings.health(found, by_play=play is not None)
    if found is None or found.colours.empty:
        return tuple(said)
    frame = found.quarters.assign(quarter=_quarter(found.quarters["origin"]))
    # The interval of the ratio, as shares: what was expected is taken as it is.
    drawn = frame.assign(
        low=frame["low"] * frame["expected_rate"], high=frame["high"] * frame["expected_rate"]
    )
    whole = found.colours.assign(quarter="all")
    columns = {
        "quarter": Column("Judged in"),
        "answer": Column(colours.title(by_play=play is not None)),
        "n": Column("Contracts", kind="integer"),
        "expected_rate": Column("Expected to leave", kind="percent", digits=0),
        "observed_rate": Column("Left", kind="percent", digits=0),
        "ratio": Column("Left for each expected", kind="number"),
        "low": Column("from", kind="number"),
        "high": Column("to", kind="number"),
    }
    answers = colours.answers(by_play=play is not None)
    told = "; ".join(
        f"{answers[row['colour']]}, {percent(row['observed_rate'])} left"
        for row in records(found.colours)
    )
    table = pd.concat([whole, frame], ignore_index=True)
    return (*said, Exhibit(
        id="health",
        title="What became of contracts by whether a call pays, quarter by quarter"
        if play is not None else "What became of contracts by where their chance stood",
        figure=figures.health(drawn, answers),
        table=Table.of(
            table.assign(answer=table["colour"].map(words)),
            id=leavers.HEALTH,
            title="What was said of contracts in past quarters, and what came",
            columns=columns,
            note=f"{colours.MEANING} So those for whom a call surely pays need not be likelier to "
            "leave: for a large contract it pays at a small chance.",
        ),
        alt=f"Over all quarters: {told}.",
        caption="Diamond: expected in that quarter. Filled mark: came true; its bar is what luck "
        "leaves open (95 %). The chances were right where the bars hold the diamonds.",
    ))  # fmt: skip


def lost(found: PostMortem | None, currency: str, left_out: pd.DataFrame | None = None) -> Shown:
    """Show at which stage lost contracts fell behind those that renewed.

    Parameters
    ----------
    found : PostMortem or None
    currency : str
        ISO 4217 code.
    left_out : DataFrame, optional
        ``Cohort.exclusions``: who was lost besides and could not be looked at.
    """
    said = findings.lost(found, currency, left_out)
    if found is None:
        return tuple(said)
    frame = findings.said_stages(found.stages)
    drawn = frame[frame["stage"].isin([*found.columns, "none"]) & frame["share"].notna()]
    told = "; ".join(
        f"{row['said']}: {percent(row['share'])} of the lost, "
        f"{percent(row['share_of_renewed_behind'])} of the renewed" for row in records(drawn)
    )  # fmt: skip
    return (*said, Exhibit(
        id="lost",
        title="Where contracts fell behind first: those that were lost, and those that renewed",
        figure=figures.lost(drawn),
        table=Table.of(
            frame,
            id=leavers.LOST,
            title="Stage at which a contract first fell behind past renewers",
            columns={
                "said": Column("Stage"),
                "n_lost": Column("Lost contracts", kind="integer"),
                "share": Column("Share", kind="percent", digits=0),
                "arr": Column("ARR lost", kind="money", unit=currency),
                "share_arr": Column("Share of it", kind="percent", digits=0),
                "share_of_renewed_behind": Column("Of the renewed", kind="percent", digits=0),
                "excess": Column("More of the lost", kind="points", digits=0),
                "low": Column("from", kind="points", digits=0),
                "high": Column("to", kind="points", digits=0),
                "on_pace_behind": Column("Of the lost still on pace", kind="percent", digits=0),
                "on_pace_renewed_behind": Column(
                    "Of the renewed still on pace", kind="percent", digits=0
                ),
            },
            note=f"{integer(found.n_lost)} lost contracts. {_besides(left_out)}Behind: below "
            "a quarter of the renewers of the same segment and contract length. "
            "Read the late stages by those still on pace: whoever fell behind early cannot fall "
            "behind first later. Not recorded: nothing was written down to judge it by.",
        ),
        alt=f"First stage behind: {told}.",
        caption="The distance between the two dots is what went with leaving. Where they touch, "
        "those who renewed looked the same.",
    ))  # fmt: skip


def _besides(left_out: pd.DataFrame | None) -> str:
    """Say how many lost contracts are not in the table, and why."""
    rows = findings.lost_besides(left_out)
    if not rows:
        return ""
    total = sum(int(row["n_churned"]) for row in rows)
    why = "; ".join(f"{row['reason']} {integer(int(row['n_churned']))}" for row in rows)
    return f"Lost and not among them: {integer(total)} ({why}). "


def _places(seen: Look, name: str) -> Shown:
    frame = seen.places
    if frame.empty:
        return ()
    worst = records(frame.head(3))
    told = "; ".join(f"{row['said']}: {percent(row['among_renewed'])}" for row in worst)
    return (Exhibit(
        id="places",
        title=f"{name} among past customers who renewed",
        figure=figures.places(frame),
        table=Table.of(
            frame,
            id=evidence.PLACES,
            title=f"{name} among past renewers, the worst first",
            columns={
                "said": Column("Measure"),
                "value": Column("Value", kind="number"),
                "among_renewed": Column("Renewers who stood worse", kind="percent", digits=0),
                "among_renewed_low": Column("from", kind="percent", digits=0),
                "among_renewed_high": Column("to", kind="percent", digits=0),
                "n_renewed": Column("Past renewals", kind="integer"),
                "kind": Column("Compared with"),
            },
        ),
        alt=f"Worst: {told}.",
        caption="Left: worse than nearly all who renewed. The shade is the middle half of the "
        "renewers. Today is set beside their state the same number of days before renewal, or "
        "earlier where its renewal is still further off.",
    ),)  # fmt: skip


def _cycle(seen: Look, name: str) -> Shown:
    """Show whether the adoption cycle is behind the contract cycle."""
    said = findings.cycle(seen)
    if said is None:
        return ()
    return (said, Table.of(
        pd.DataFrame([seen.cycle]),
        id=evidence.CYCLE,
        title=f"{name}: its adoption against its contract",
        columns={
            "day": Column("Read on day", kind="integer"),
            "value": Column("Uses for each seat by then", kind="number", digits=1),
            "percentile_day": Column("Renewers with less on that day", kind="percent", digits=0),
            "term_share": Column("Share of the contract", kind="percent", digits=0),
            "percentile_share": Column("Renewers with less at that share", kind="percent",
                                       digits=0),
            "lag_days": Column("Behind the middle renewer", kind="number", unit="days", digits=0),
            "kind": Column("Compared with"),
        },
        note="Two months are half of a contract of four months and a twelfth of one of two years, "
        "so use since the start is held against past renewers' at the same share of the contract. "
        "Behind: fewer than a quarter of them had less. Only the first weeks are followed.",
    ))  # fmt: skip


def _reasons(seen: Look) -> str:
    """Return what goes with the chance, in full."""
    told = [seen.risk.get(name) for name in ("reason_1", "reason_2", "reason_3")]
    why = "; ".join(str(text) for text in told if text)
    return f"What goes with that: {why}. " if why else ""


def _stories(seen: Look) -> str:
    """Say how many of the near ones left, and how well such handfuls told leavers from stayers."""
    told = ""
    if seen.near_summary:
        told = (
            f"{integer(seen.near_summary['n_churned'])} of these "
            f"{integer(seen.near_summary['n_near'])} were not renewed. "
        )
    auc = seen.near_quality.get("auc")
    if auc is not None and auc == auc:
        told += f"Over past terms, such handfuls told {percent(auc)} of pairs apart. "
    return told


def _near(seen: Look, name: str, currency: str) -> Shown:
    if seen.near.empty:
        return ()
    frame = seen.near.assign(became=seen.near["near_churned"].map({True: "left", False: "renewed"}))
    return (Table.of(
        frame,
        id=evidence.NEAR,
        title=f"Past terms most like {name}, and what became of them",
        columns={
            "near_account_name": Column("Customer"),
            "near_segment": Column("Segment"),
            "near_term_end": Column("Came up", kind="date"),
            "near_arr": Column("ARR", kind="money", unit=currency),
            "became": Column("What became of it"),
            "distance": Column("Distance", kind="number"),
        },
        note=f"{_stories(seen)}Distance 1 is that of two past terms drawn at random.",
    ),)  # fmt: skip


def _quarter(origins: pd.Series) -> list[str]:
    return [f"{day.year} Q{day.quarter}" for day in pd.DatetimeIndex(origins)]
