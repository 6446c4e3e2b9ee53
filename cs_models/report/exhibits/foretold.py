"""What notebook 03 shows of past quarters: foretold and come true, calls, groups.

Grain in: what ``evidence.foretold`` and ``evidence.callers`` found; None without a backtest.
Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import callers
from cs_models.report.evidence import foretold as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.foretold import Judged
from cs_models.report.evidence.predictors import Learnt, records
from cs_models.report.figures import calls as calls_figures
from cs_models.report.figures import predictors as figures
from cs_models.report.findings import foretold as findings
from cs_models.report.values import integer, number, percent

Shown = Sequence[Exhibit | Statement | Table]
_METRICS = {
    "auc": "Leavers told from stayers, share of pairs (.5 by chance)",
    "average_precision": "Share of leavers on the list, over all its lengths",
    "brier": "Brier score (0 is perfect)",
    "brier_skill": "of it saved against the segment's share",
    "log_loss": "Log loss (0 is perfect)",
    "base_rate": "Share that left",
}
_CALIBRATED = {
    "observed_to_expected": ("Left for each who was expected to", "1"),
    "intercept": ("Level of the chances (log odds)", "0"),
    "slope": ("Spread of the chances", "1"),
    "spiegelhalter_z": ("Spiegelhalter's z", "0"),
    "lr_chi2": ("Level and spread together, chi-square", "under 6"),
    "ici": ("Mean distance of the curve from what was said", "0"),
    "e50": ("Median distance", "0"),
    "e90": ("Distance for the worst tenth", "0"),
    "ece": ("Mean distance of the ten groups", "0"),
}


def quarters(judged: Judged | None, currency: str) -> Shown:
    """Show what was expected of each past quarter and what came."""
    if judged is None:
        return _nothing("quarters")
    frame = judged.quarters
    told = "; ".join(
        f"{row['quarter']}: {percent(row['expected'])} expected, {percent(row['observed'])} left"
        for row in records(frame)
    )
    exhibit = Exhibit(
        id="quarters",
        title="Expected to leave and left, by the quarter in which terms were judged",
        figure=figures.quarters(frame),
        table=_quarters_table(frame, currency),
        alt=f"{told}.",
        caption="Diamond: said at the time, by what was known then. Dot: came true; the bar is "
        "what chance leaves open around it (95 %).",
    )
    return (*findings.quarters(judged), exhibit, _measures(judged))


def calibrated(judged: Judged | None) -> Shown:
    """Show whether the chances came true as often as was said."""
    if judged is None:
        return _nothing("calibration")
    groups = judged.groups
    frame = judged.calibrated.assign(
        said=[_CALIBRATED[name][0] for name in judged.calibrated["measure"]],
        right=[_CALIBRATED[name][1] for name in judged.calibrated["measure"]],
    )
    top = records(groups)[-1]
    exhibit = Exhibit(
        id="calibration",
        title="What was said, and what share then left",
        figure=figures.calibration(judged.curve, groups),
        table=Table.of(
            groups,
            id="groups-table",
            title="Ten groups of equal size, from the lowest chance to the highest",
            columns={
                "group": Column("Group", kind="integer"),
                "n": Column("Terms", kind="integer"),
                "expected": Column("Expected", kind="percent"),
                "observed": Column("Left", kind="percent"),
                "low": Column("from", kind="percent"),
                "high": Column("to", kind="percent"),
            },
        ),
        alt=f"Of the tenth with the highest chances {percent(top['expected'])} were expected to "
        f"leave and {percent(top['observed'])} did.",
        caption="On the dotted line a chance of 20 % means that 20 of 100 leave. Above it more "
        "leave than was said. The band is wide where few terms had such a chance.",
    )
    measures = Table.of(
        frame,
        id=evidence.CURVE,
        title="Were the chances true, in numbers",
        columns={
            "said": Column("Measure"), "value": Column("Value", kind="number"),
            "low": Column("from", kind="number"), "high": Column("to", kind="number"),
            "right": Column("If they are right"),
            "null_mean": Column("By luck alone, mean", kind="number", digits=3),
            "null_high": Column("and up to", kind="number", digits=3),
            "p_value": Column("p", kind="number", digits=3),
        },
        note="By luck alone: what chances that are exactly right would show with so many terms. "
        "Distances are shares (0.02 is two points).",
    )  # fmt: skip
    return (*findings.calibrated(judged), exhibit, measures)


def calls(found: Calls | None, learnt: Learnt, currency: str, *, knob: bool = True) -> Shown:
    """Show which list would have been worth the team's calls.

    Parameters
    ----------
    found : Calls or None
    learnt : Learnt
    currency : str
        ISO 4217 code.
    knob : bool, default True
        Whether the figure has a slider for the number of calls, and a table of all its places.
    """
    if found is None:
        return _nothing("calls")
    names = {
        name: words for name, words in findings.NAMES.items() if name in set(found.curve["ranking"])
    }
    at = found.at_capacity.assign(
        list=found.at_capacity["ranking"].map(findings.NAMES),
        said=found.at_capacity["measure"].map(
            {"precision": "of those called, left", "recall": "of those who left, called",
             "arr_caught": "of the lost ARR, called"}
        ),
    )  # fmt: skip
    told = "; ".join(
        f"{words}: {percent(found.value(name, 'arr_caught')['value'])}"
        for name, words in names.items()
    )
    exhibit = Exhibit(
        id="calls",
        title="Share of the lost ARR on the list, by calls a quarter",
        figure=calls_figures.calls(found.curve, names, k=found.k, knob=knob),
        table=Table.of(
            at,
            id=callers.CALLS,
            title=f"What {integer(found.k)} calls on the list of each of {found.n_quarters} "
            "quarters "
            "would have reached",
            columns={
                "list": Column("List, the first by"), "said": Column("Measure"),
                "value": Column("Value", kind="percent", digits=0),
                "low": Column("from", kind="percent", digits=0),
                "high": Column("to", kind="percent", digits=0),
                "ahead": Column("Highest chance ahead by", kind="points"),
                "ahead_low": Column("from", kind="points"),
                "ahead_high": Column("to", kind="points"),
            },
            note="Each past quarter's list was made anew from what was known then. Intervals of "
            "95 % with the customer as the unit.",
        ),
        alt=f"Share of the lost ARR reached with {integer(found.k)} calls a quarter. {told}.",
        caption="The steeper a line rises, the more of what was lost stood at the head of that "
        "list. Dotted: calls at random. Upright: the calls that the team can make"
        + ("; the slider moves it, and the table below has all its places." if knob else "."),
    )  # fmt: skip
    return (
        *findings.calls(found, currency, better=learnt.better),
        exhibit,
        *([_by_number(found, names)] if knob else []),
        *_worth(found, currency),
    )


def _by_number(found: Calls, names: Mapping[str, str]) -> Table:
    """Return what the figure's slider tells, for whoever cannot turn it."""
    wide = found.curve.pivot_table(index="k", columns="ranking", values="arr_caught", dropna=False)
    lot = found.curve.drop_duplicates("k").set_index("k")["share_called"]
    return Table.of(
        wide.assign(at_random=lot).reset_index(),
        id=callers.BY_NUMBER,
        title="Share of the lost ARR on each list, by calls a quarter",
        columns={
            "k": Column("Calls a quarter", kind="integer"),
            **{name: Column(_capital(words), kind="percent", digits=0)
               for name, words in names.items()},
            "at_random": Column("Calls at random", kind="percent", digits=0),
        },
        fold_after=5,
    )  # fmt: skip


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def segments(judged: Judged | None) -> Shown:
    """Show whether the chances serve every group alike."""
    if judged is None:
        return _nothing("segments")
    table = Table.of(
        judged.segments,
        id=evidence.PARITY,
        title="How well each group is told",
        columns={
            "segment": Column("Group"),
            "n": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Lost", kind="integer"),
            "auc": Column("Pairs told apart", kind="percent", digits=0),
            "auc_low": Column("from", kind="percent", digits=0),
            "auc_high": Column("to", kind="percent", digits=0),
            "observed_to_expected": Column("Left for each expected", kind="number"),
            "oe_low": Column("from", kind="number"),
            "oe_high": Column("to", kind="number"),
        },
        note="By chance alone 50 % of pairs are told apart. No figure where fewer than ten left or "
        "stayed.",
    )
    return (*findings.segments(judged), table)


def _quarters_table(frame: pd.DataFrame, currency: str) -> Table:
    return Table.of(
        frame.assign(inside=frame["inside"].map({True: "yes", False: "no"})),
        id=evidence.QUARTERS,
        note=f"Over {integer(len(frame))} quarters {integer(frame['n_terms'].sum())} terms: "
        f"{number(frame['n_expected'].sum(), 0)} expected to leave, "
        f"{integer(frame['n_churned'].sum())} left; within chance in "
        f"{integer(frame['inside'].sum())} quarters. A term is judged some days before its "
        "renewal, so most renewals are of the quarter after.",
        title="Past quarters, as they would have been told",
        columns={
            "quarter": Column("Judged in"), "n_terms": Column("Terms", kind="integer"),
            "n_cold": Column("of new customers", kind="integer"),
            "n_expected": Column("Expected to leave", kind="number", digits=0),
            "n_churned": Column("Left", kind="integer"),
            "expected": Column("Expected share", kind="percent"),
            "observed": Column("Share that left", kind="percent"),
            "low": Column("from", kind="percent"), "high": Column("to", kind="percent"),
            "inside": Column("Within chance"),
            "arr_expected": Column("ARR expected to leave", kind="money", unit=currency),
            "arr_lost": Column("ARR that left", kind="money", unit=currency),
            "level": Column("Model then"),
        },
    )  # fmt: skip


def _measures(judged: Judged) -> Table:
    frame = pd.concat(
        [judged.measures.assign(of="all customers"), judged.cold.assign(of="never seen before")]
    )
    return Table.of(
        frame.assign(
            said=frame["metric"].map(_METRICS),
            weighted=frame["weighted"].map({True: "by ARR", False: "each term alike"}),
        ),
        id=evidence.MEASURES,
        title="How well, in numbers",
        columns={
            "said": Column("Measure"), "of": Column("Of"), "weighted": Column("Weighed"),
            "value": Column("Value", kind="number", digits=3),
            "low": Column("from", kind="number", digits=3),
            "high": Column("to", kind="number", digits=3),
            "n": Column("Terms", kind="integer"), "n_churned": Column("Lost", kind="integer"),
            "kish_n": Column("worth so many terms", kind="number", digits=0),
        },
        note="95 % intervals with the customer as the unit. By ARR: large customers weigh more, "
        "capped at the 99th of 100.",
        fold_after=6,
    )  # fmt: skip


def _worth(found: Calls, currency: str) -> Shown:
    if found.worth.empty:
        return ()
    return (Table.of(
        found.worth.assign(chosen=found.worth["chosen"].map(
            {"model": "where the chance says it pays", "all": "everyone", "none": "nobody"})),
        id=callers.WORTH,
        title="What the play would have brought in the past quarters",
        columns={
            "chosen": Column("Whom to call"),
            "save_rate": Column("It keeps, of those who would leave", kind="percent", digits=0),
            "n_called": Column("Calls", kind="integer"),
            "net_value": Column("Net", kind="money", unit=currency),
            "low": Column("from", kind="money", unit=currency),
            "high": Column("to", kind="money", unit=currency),
        },
        note="Counted by who really left: margin kept, less the cost of the calls. The share that "
        "a call keeps is an assumption of the parameters.",
    ),)  # fmt: skip


def _nothing(name: str) -> Shown:
    return (Statement.of("finding", findings.TOO_LITTLE, id=f"{name}-said"),)
