"""How well the past was foretold, by which model and by what, in words.

Grain in: frames of ``report/evidence/foretold.py`` and ``callers.py``.  Grain out: statements.
"""

from __future__ import annotations

from cs_models.learn.predictors.past import Backtest
from cs_models.report.display import Statement
from cs_models.report.evidence import callers
from cs_models.report.evidence import foretold as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.foretold import Judged
from cs_models.report.evidence.predictors import records
from cs_models.report.findings.words import Part, cited, linked, listed, pairs, spread
from cs_models.report.values import integer, interval, money, number, percent

TOO_LITTLE = "Nothing was foretold, so there is nothing to judge: the history is too short."
NAMES = {
    "loss": "chance times ARR (this page's list)",
    "model": "highest chance",
    "arr": "largest customers",
    "crm": "the CRM's score",
}
_ALIKE = ((0.6, "stays much the same"), (0.3, "stays in part the same"))


def quarters(judged: Judged) -> list[Statement]:
    """Say how many left of those expected, and in how many quarters that was within chance."""
    frame, table = judged.quarters, evidence.QUARTERS
    said = Statement.of(
        "finding", "Over ", linked(integer(len(frame)), table), " quarters ",
        linked(integer(frame["n_churned"].sum()), table), " of ",
        linked(integer(frame["n_terms"].sum()), table), " contracts were not renewed; ",
        linked(number(frame["n_expected"].sum(), 0), table), " had been expected. In ",
        linked(integer(frame["inside"].sum()), table), " of the quarters the expected share lay "
        "within what chance leaves open around the true one; 07_backtest, which allows for the "
        "usual swing of quarters besides, is slower to call one off.", id="quarters-said",
    )  # fmt: skip
    return [said, _cold(judged)]


def calibrated(judged: Judged) -> list[Statement]:
    """Say whether the chances came true: level, spread, and distance from the curve."""
    table = evidence.CURVE
    ratio, slope = judged.value("observed_to_expected"), judged.value("slope")
    by = judged.calibrated.set_index("measure")
    ici = by.loc["ici"]
    parts: list[Part] = [
        f"{_level(ratio)}: for every 100 who were expected to leave ",
        linked(pairs(ratio["value"]), table), " did (",
        linked(f"{pairs(ratio['low'])} to {pairs(ratio['high'])}", table), f"). {spread(slope)} (",
        linked(number(slope["value"]), table), ", between ",
        linked(f"{number(slope['low'])} and {number(slope['high'])}", table),
        "; one is right, less is too bold, more too timid).",
    ]  # fmt: skip
    if ici["value"] == ici["value"]:
        usual = (
            "no more than chances that are right would show"
            if ici["value"] <= ici["null_high"]
            else "more than chances that are right would show"
        )
        parts += [
            " On average the curve lies ", linked(f"{number(100 * ici['value'], 1)} points", table),
            f" from what was said: {usual} with so few terms (up to ",
            linked(number(100 * ici["null_high"], 1), table), ").",
        ]  # fmt: skip
    parts.append(" Today's chances are set right by what all of these quarters showed.")
    return [Statement.of("finding", *parts, id="calibrated")]


def calls(found: Calls, currency: str, *, better: bool) -> list[Statement]:
    """Say which list was worth the team's calls, and what the play would have brought.

    Parameters
    ----------
    found : Calls
    better : bool
        Whether the past was foretold better than by each segment's share.
    currency : str
        ISO 4217 code.
    """
    if found.everyone:
        return [Statement.of(
            "finding", "With ", linked(integer(found.k), callers.CALLS), " calls a quarter the "
            "team reached everyone who came up: which list it takes makes no difference.",
            id="calls-said",
        ), *_worth(found, currency)]  # fmt: skip
    names = [name for name in NAMES if name in set(found.at_capacity["ranking"])]
    parts: list[Part] = ["With ", linked(integer(found.k), callers.CALLS),
                         " calls a quarter, this is what each list held. "]  # fmt: skip
    for place, name in enumerate(names):
        caught, right = found.value(name, "arr_caught"), found.value(name, "precision")
        parts += [". " if place else "", f"{_capital(NAMES[name])}: ",
                  linked(percent(caught["value"]), callers.CALLS), " of the lost ARR on the list, ",
                  linked(percent(right["value"]), callers.CALLS),
                  " of those called left"]  # fmt: skip
    return [Statement.of("finding", *parts, ". ", *_ahead(found, better), id="calls-said"),
            *_worth(found, currency)]  # fmt: skip


def ladder(past: Backtest) -> list[Statement]:
    """Say which model is believed, and what the others added."""
    frame, table = evidence.ladder(past), evidence.LADDER
    chosen = frame[frame["chosen"].astype(bool)].iloc[0]
    more = [f"“{name}”" for name in frame.loc[frame.index > chosen.name, "name"]]
    parts: list[Part] = [
        f"Believed is “{chosen['name']}” (it reads {chosen['reads']}): the simplest that cannot be "
        "told from the best (within one standard error), on ",
        linked(integer(chosen["n_terms"]), table), " terms of past quarters.",
    ]  # fmt: skip
    if more:
        parts.append(
            f" {_capital(listed(more))} {'was' if len(more) == 1 else 'were'} not clearly better, "
            "so the plainer one is used."
        )
    if chosen["level"] == "L0":
        parts.append(" It knows nothing of a customer but the segment.")
    return [Statement.of("finding", *parts, id="ladder-said")]


def drivers(past: Backtest) -> list[Statement]:
    """Say which drivers told something beyond luck, allowing for all tried, and if that lasts."""
    frame, table = evidence.drivers(past), evidence.DRIVERS
    tried = linked(integer(len(frame)), table)
    helped = frame[frame["clear"]]
    if helped.empty:
        return [Statement.of(
            "finding", "No kind of record told more of who would leave than chance makes of the ",
            tried, " kinds tried, over the past quarters in which the model could read it.",
            id="drivers-said",
        )]  # fmt: skip
    first, *more = [str(name) for name in helped["said"]]
    also = f", and told them worse also without {listed(more)}" if more else ""
    top = helped.iloc[0]
    parts: list[Part] = [
        f"The predictor told past quarters worst when it could not read {first} (by ",
        linked(number(top["mean"], 3), table), " of log loss, ",
        linked(f"{number(top['low'], 3)} to {number(top['high'], 3)}", table),
        f"){also}: beyond what chance makes of the ", tried, " kinds of record tried.",
    ]  # fmt: skip
    if len(frame) > len(helped):
        parts += [" What the other ", linked(integer(len(frame) - len(helped)), table),
                  " told cannot be told from luck."]  # fmt: skip
    return [Statement.of(
        "finding", *parts, *_order(past.stability["kendall_tau"], table),
        " That goes with leaving; why anybody leaves, no record can tell.", id="drivers-said",
    )]  # fmt: skip


def _order(tau: float, table: str) -> list[Part]:
    """Say whether the order of the drivers lasts from quarter to quarter."""
    if tau != tau:
        return []
    word = next((word for least, word in _ALIKE if tau >= least), "changes a good deal")
    return [f" The order of all kinds {word} from one quarter to the next (agreement ",
            linked(number(tau), table), "; one is the same order, nought none)."]  # fmt: skip


def segments(judged: Judged) -> list[Statement]:
    """Say of which groups the chances hold, and of which they do not."""
    frame = judged.segments
    told = records(frame[~frame["too_few"].astype(bool)])
    few = [str(row["segment"]) for row in records(frame[frame["too_few"].astype(bool)])]
    off = [row for row in told if not row["oe_low"] <= 1 <= row["oe_high"]]
    blind = [str(row["segment"]) for row in told if row["auc_low"] <= 0.5]
    parts: list[Part] = []
    for row in off:
        way = "more" if row["observed_to_expected"] > 1 else "fewer"
        parts += [f"{row['segment']}: {way} left than was expected (",
                  linked(pairs(row["observed_to_expected"]), evidence.PARITY),
                  " for every 100). "]  # fmt: skip
    if blind:
        parts.append(f"{listed(blind)}: leavers could not be told from others. ")
    fine = [str(row["segment"]) for row in told
            if row not in off and str(row["segment"]) not in blind]  # fmt: skip
    if fine:
        parts.append(f"{listed(fine)}: leavers are told from others, and about as many left as was "
                     "expected. ")  # fmt: skip
    if few:
        parts.append(f"{listed(few)}: too few left or stayed to say.")
    return [Statement.of("finding", *(parts or [TOO_LITTLE]), id="segments-said")]


def _cold(judged: Judged) -> Statement:
    if judged.cold.empty:
        return Statement.of(
            "note", "Too few customers who were new to it left to say how well it knows those.",
            id="cold-said",
        )  # fmt: skip
    row = judged.cold[(judged.cold["metric"] == "auc") & ~judged.cold["weighted"]].iloc[0]
    return Statement.of(
        "finding", "Of customers whom it had never seen before (",
        linked(integer(row["n"]), evidence.MEASURES), " terms) it told leaver from stayer in ",
        linked(f"{pairs(row['value'])} of 100", evidence.MEASURES), " pairs (",
        linked(f"{pairs(row['low'])} to {pairs(row['high'])}", evidence.MEASURES), ").",
        id="cold-said",
    )  # fmt: skip


def _level(ratio: dict[str, float]) -> str:
    if ratio["low"] <= 1 <= ratio["high"]:
        return "As many left as was expected, as far as can be told"
    return "More left than was expected" if ratio["value"] > 1 else "Fewer left than was expected"


def _ahead(found: Calls, better: bool) -> list[Part]:
    """Say whether the highest chance finds more leavers than the largest customers."""
    by_arr = found.value("arr", "precision")
    if not better:
        return ["What the chances add here is the share of each segment, which needs no model."]
    if by_arr["ahead_low"] > 0:
        gap = interval(by_arr["ahead_low"], by_arr["ahead_high"], "points").replace("+", "")
        return cited(
            callers.CALLS,
            "For each call the highest chance found more leavers than the list of the largest, "
            f"beyond chance (by {gap}).",
        )
    return ["For each call the highest chance found not clearly more leavers than the largest."]


def _worth(found: Calls, currency: str) -> list[Statement]:
    model = found.worth[found.worth["chosen"] == "model"] if len(found.worth) else found.worth
    if not len(model):
        return []
    parts: list[Part] = ["Suppose the play had been made wherever its chance said that it pays, "
                         "over all the quarters judged. "]  # fmt: skip
    for place, row in enumerate(records(model)):
        parts += [". " if place else "", "If it keeps ",
                  linked(percent(row["save_rate"]), callers.WORTH),
                  " of those who would leave: ", linked(integer(row["n_called"]), callers.WORTH),
                  " calls, and after their cost ",
                  linked(money(row["net_value"], currency), callers.WORTH),
                  " (", linked(interval(row["low"], row["high"], "money", unit=currency),
                               callers.WORTH), ")"]  # fmt: skip
    return [Statement.of("finding", *parts, ". That is counted by who really left. What "
                         "share a call keeps is an assumption.", id="worth-said")]  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
