"""What the page on time to churn shows beyond curves: links, adoption, value, the last year.

Grain: one function a section; each returns what one cell displays.
"""

from __future__ import annotations

from cs_models.learn.survival import MOST_BEYOND
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence import survival_value as valued
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import Untold
from cs_models.report.evidence.survival_adoption import Compared, Reached
from cs_models.report.evidence.survival_drivers import Drivers
from cs_models.report.evidence.survival_due import Due
from cs_models.report.evidence.survival_value import Foretold, Value
from cs_models.report.figures import survival as figures
from cs_models.report.findings import survival_adoption as adoption_findings
from cs_models.report.findings import survival_models as findings
from cs_models.report.values import integer, money, number, percent

Shown = Statement | Exhibit | Table

_HOW = {
    "timed": "counted from the day it was reached",
    "early": "the same, up to day {day}",
    "late": "the same, after day {day}",
    "naive": "ever against never (unfair)",
}
_RATIO = {
    "ratio": Column("Times", kind="number", digits=2),
    "low": Column("from", kind="number", digits=2),
    "high": Column("to", kind="number", digits=2),
}


def drivers(known: Due, found: Drivers | Untold, later: object, currency: str) -> tuple[Shown, ...]:
    """Show what goes with leaving at a renewal, and how it did on later renewals.

    Parameters
    ----------
    known : Due
    found : Drivers or Untold
    later : dict or Untold
        What ``evidence.survival_drivers.foretold`` returned.
    currency : str
        ISO 4217 code.
    """
    said = findings.drivers(known, found, currency)
    if isinstance(found, Untold):
        return tuple(said)
    after = findings.later(later)  # type: ignore[arg-type]
    if found.table.empty:
        return (*said, after)
    return (*said, after, _odds(known, found, after.text, currency), _others(found))


def adoption(found: Reached | Untold, compared: Compared | Untold) -> tuple[Shown, ...]:
    """Show how often customers leave with adoption against without, fairly timed and naively."""
    said = adoption_findings.adoption(found, compared)
    if isinstance(compared, Untold) or isinstance(found, Untold):
        return tuple(said)
    table = compared.table.assign(
        label=[_HOW[how].format(day=number(compared.cut_day, 0)) for how in compared.table["how"]],
        clear=(compared.table["low"] > 1) | (compared.table["high"] < 1),
    )
    # The unfair one is shown for comparison: never coloured as if it were a finding.
    table.loc[table["how"] == "naive", "clear"] = False
    told = [f"{row['label']} {number(row['ratio'], 2)} ({number(row['low'], 2)} to "
            f"{number(row['high'], 2)})" for row in records(table)]  # fmt: skip
    figure = Exhibit(
        id="adoption",
        title=f"Leaving of customers that had {found.did}, against those that had not",
        figure=figures.ratios(table, axis="Times the rate of leaving, with over without"),
        table=Table.of(
            table, id=anchors.ADOPTION,
            title=f"Leaving of customers that had {found.did}, against those that had not",
            columns={"label": Column("How it is counted"), **_RATIO},
            note=f"{adoption_findings.meaning(found)}. {integer(compared.n)} customers watched "
            f"from their first day, {integer(compared.n_left)} of whom left by choice; "
            f"{integer(compared.n_reached)} had {found.did} while they were watched, half of "
            f"these by day {number(compared.median_day, 0)}. Customers of one group and one "
            f"length of contract ({integer(compared.n_lengths)} of them) are compared. Exact test "
            "that the ratio is the same at all times: p = "
            f"{number(compared.p_same, 3)}; half of those that left had done so by day "
            f"{number(compared.cut_day, 0)}.",
        ),
        alt="; ".join(told) + ".",
        caption="Left of 1: those with it leave less often. The grey one is shown to warn "
        "of it: it credits the level with the time that a customer had to stay to reach it.",
    )  # fmt: skip
    return (*said, figure)


def worth(value: Value | Untold, currency: str) -> tuple[Shown, ...]:
    """Show how long running contracts are expected to last, and what they would pay."""
    said = findings.worth(value, currency)
    if isinstance(value, Untold):
        return tuple(said)
    paid = {"kind": "money", "unit": currency}
    told = [f"{row['group']} {number(row['years'], 1)}" for row in records(value.table)]
    figure = Exhibit(
        id="value",
        title=f"Years expected, of the next {value.horizon_years}",
        figure=figures.years(value.table, horizon_years=value.horizon_years),
        table=Table.of(
            value.table, id=anchors.VALUE, title="Running contracts: years and money expected",
            columns={
                "group": Column("Customers"), "n_terms": Column("Contracts", kind="integer"),
                "arr": Column("Their ARR", **paid),  # type: ignore[arg-type]
                "years": Column("Years expected", kind="number", digits=1),
                "years_low": Column("from", kind="number", digits=1),
                "years_high": Column("to", kind="number", digits=1),
                "value": Column("Worth, discounted", **paid),  # type: ignore[arg-type]
                "value_low": Column("from", **paid),  # type: ignore[arg-type]
                "value_high": Column("to", **paid),  # type: ignore[arg-type]
                "beyond": Column("Beyond what was seen", kind="percent"),
            },
            note=f"Undiscounted {money(value.table['undiscounted'].iloc[0], currency)}. Money a "
            "year "
            f"later counts {percent(value.discount_rate)} less. Revenue, not margin. Prices, "
            "seats and lengths of contract are taken to stay as "
            "they are, and chances to renew as they were. Beyond what was seen: share of the money "
            "in months as a customer to which fewer than ten have been followed, of the next "
            f"{integer(value.horizon_years)} years; more than {percent(MOST_BEYOND)} is a "
            "continuation of the past. Left out: "
            f"contracts in notice ({integer(value.n_in_notice)} today, with "
            f"{money(value.arr_in_notice, currency)} a year), and contracts that have just ended.",
        ),
        alt="Years expected: " + "; ".join(told) + ".",
        caption="Bars: 95 % intervals of the mean. A single contract may end at its next renewal "
        "or outlast them all.",
    )  # fmt: skip
    return (*said, figure)


def foretold(found: Foretold | Untold) -> tuple[Shown, ...]:
    """Show what would have been said a year ago beside what came true."""
    said = findings.foretold(found)
    if isinstance(found, Untold):
        return tuple(said)
    told = [f"{row['third']}: said {percent(row['said'])}, lost {percent(row['rate'])}"
            for row in records(found.thirds)]  # fmt: skip
    figure = Exhibit(
        id="foretold",
        title="Said a year ago, and what came true",
        figure=figures.foretold(found.thirds),
        table=Table.of(
            found.thirds, id=anchors.THIRDS, title="Lost within 12 months: said and come true",
            columns={
                "third": Column("Third of the customers"), "n": Column("Customers", kind="integer"),
                "said": Column("Said", kind="percent"), "rate": Column("Lost", kind="percent"),
                "low": Column("from", kind="percent"), "high": Column("to", kind="percent"),
            },
        ),
        alt="; ".join(told) + ".",
        caption="A diamond inside the bar: the chance was right for these customers. Bars that "
        "differ from third to third: it knew who. Where they do not, it knew only how many.",
    )  # fmt: skip
    return (*said, figure, _models(found), _horizons(found))


def _odds(known: Due, found: Drivers, after: str, currency: str) -> Exhibit:
    frame = found.table.assign(
        ratio=found.table["odds"],
        label=[
            f"{row['words']}: {findings.level(row, 'high_value', currency)} against "
            f"{findings.level(row, 'low_value', currency)}"
            for row in records(found.table)
        ],
    )
    told = [f"{row['label']}: {number(row['ratio'], 2)}" for row in records(frame)]
    model = found.model
    return Exhibit(
        id="drivers",
        title="Odds of leaving at a renewal, much against little",
        figure=figures.ratios(frame, axis="Times the odds of leaving"),
        table=Table.of(
            frame, id=anchors.DRIVERS, title="What goes with leaving at a renewal",
            columns={
                "label": Column("What, upper against lower quarter"),
                "n_known": Column("Recorded", kind="integer"),
                **_RATIO,
                "risk_high": Column("Leave, upper", kind="percent"),
                "risk_low": Column("Leave, lower", kind="percent"),
                "p": Column("p", kind="number", digits=4),
                "clear": Column("Clear"),
            },
            note=f"{integer(model.n_rows)} renewals of {integer(model.n_accounts)} customers, "
            f"{integer(model.n_events)} of which left by choice; {integer(known.n_elsewhere)} "
            "more had no day of judgement (a contract too short for it, one that ended before it, "
            "or no recorded use) and are not in it. Clear allows for the number of columns looked "
            f"at. {after} " + " ".join(_sentence(text) for text in model.notices),
        ),
        alt="; ".join(told) + ".",
        caption="Odds are leavers to stayers: odds of 1 to 4 are 20 %. Two renewals are compared "
        "that differ in this alone: at the upper quarter against the lower, or with against "
        "without. Coloured: clear. Grey: within what luck would show. A link is no lever: whether "
        "changing it changes anything, only an experiment can tell.",
    )  # fmt: skip


def _others(found: Drivers) -> Table:
    """Show the columns that were held alike: number of the renewal, length, group."""
    rows = found.model.coefficients
    own = rows[~rows["column"].str.startswith("told_") & (rows["column"] != "(intercept)")]
    words = own["column"].str.replace("opportunity=4", "fourth renewal and later", regex=False)
    for number_of, name in (("1", "first"), ("2", "second"), ("3", "third")):
        words = words.str.replace(f"opportunity={number_of}", f"{name} renewal", regex=False)
    words = words.str.replace(r"^term_months=(.*)$", r"\1-month contract", regex=True)
    words = words.str.replace(r"^group=(.*)$", r"\1 customers", regex=True)
    frame = own.assign(
        label=words, ratio=own["odds_ratio"], low=own["odds_low"], high=own["odds_high"]
    )
    return Table.of(
        frame, id="held-alike", title="Held alike: renewal, contract and group",
        columns={"label": Column("What, against the commonest of its kind"), **_RATIO},
        note="Odds of leaving by choice, against the commonest renewal, length or group.",
    )  # fmt: skip


def _models(found: Foretold) -> Table:
    names = {
        valued.BY_RENEWAL: "chance at each renewal (used on this page)",
        valued.WEIBULL: "smooth curve of time, Weibull",
        valued.LOGNORMAL: "smooth curve of time, log-normal",
    }
    return Table.of(
        found.table.assign(name=found.table["model"].map(names)),
        id=anchors.MODELS, title="Models of staying, judged by the last year",
        columns={
            "name": Column("Model"), "expected": Column("Expected lost", kind="number", digits=0),
            "brier": Column("Mean squared error", kind="number", digits=3),
            "null": Column("One curve for all", kind="number", digits=3),
            "uno": Column("Pairs in the right order", kind="percent"),
            "aic": Column("AIC", kind="number", digits=0),
            "fit_p": Column("p of its chances", kind="number", digits=3),
        },
        note=f"{integer(found.lost)} of {integer(found.n)} customers were lost. "
        f"{_smaller(found)}Mean squared error over the 12 months (integrated Brier score), "
        "beside that of one "
        "curve for all customers, which is fitted to what came true. Pairs: of two customers the "
        "one that left sooner had the larger chance to leave within the year (Uno's C; a coin: "
        "50 %). AIC compares the two curves of time; smaller fits the past better. p: small where "
        "the chances were off by more than luck (D-calibration).",
    )  # fmt: skip


def _smaller(found: Foretold) -> str:
    """Say by how much the chances of this page erred less than one curve for all."""
    own = found.table[found.table["model"] == valued.BY_RENEWAL].iloc[0]
    return f"The first erred by {percent(1 - own['brier'] / own['null'])} less than one curve. "


def _horizons(found: Foretold) -> Table:
    return Table.of(
        found.horizons, id=anchors.HORIZONS, title="By how far it looked ahead",
        columns={
            "month": Column("Months ahead", kind="integer"),
            "n_lost": Column("Lost by then", kind="integer"),
            "auc": Column("Pairs in the right order", kind="percent"),
            "brier": Column("Squared error", kind="number", digits=3),
            "null": Column("One curve for all", kind="number", digits=3),
            "skill": Column("Smaller by", kind="percent"),
        },
    )  # fmt: skip


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
