"""The leadership brief in sentences: the other notebooks' own, each number led back to its page.

Grain in: ``evidence.brief.Brief``.  Grain out: statements.  No number is worked out or worded
again here: a sentence is taken as the notebook said it, and its numbers become links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from cs_models.learn import wording
from cs_models.report import display
from cs_models.report.display import Role, Statement, num
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence import foremost
from cs_models.report.evidence.brief import Brief, Said
from cs_models.report.findings.words import Part, cited, listed
from cs_models.report.results import Finding
from cs_models.report.values import integer

# Days and quarters are one number each; a sign, a currency and a unit belong to their number.
_NUMBER = re.compile(
    r"\d{4}-\d{2}-\d{2}|\b\d{4}\sQ[1-4]\b"
    r"|(?<![\w.,])(?:[A-Z]{3}\s|[$€£¥])?[−-]?\d[\d,]*(?:\.\d+)?(?:\s?%|\spoints?\b)?"
)
_FIRST = re.compile(r"(?<=\.)\s+(?=[A-Z0-9$€£¥])")
NOTHING = "No notebook of this run can be relied on, so there is nothing to say."
# What a page says of itself where it could not answer; measures that merely show no clear
# difference are no doubt of their page.
_DOUBTFUL = frozenset({"too_little_data", "undecided", "none"})
_DOUBTS = frozenset(
    {"no-threshold", "quarantined", "extrapolated", "drifted", "unanswered", "no-better",
     "plays-unknown"}
)  # fmt: skip
# How many sentences of a finding stand in the brief, where it is more than one.
_SENTENCES: Final = {
    "kept": 2, "at-risk": 2, "last-list": 2, "arr-below": 3, "levels": 2, "observed-to-expected": 3,
    "leavers-met": 9, "break": 9, "break-passing": 9, "records-stopped": 2, "renewed-unseen": 2,
}  # fmt: skip
# What a figure leaves to the answer's words: what the money is of, and at which level the gap is.
_OPENINGS: Final = {foremost.KEPT: 1, foremost.GAP: 2}
_FEW = 3
_SEVERAL = 2
NO_MORE = "What the pages could not tell stands above, beside what they could."
_NO_LIST = "No list was made."
_NO_FOLDER = (
    "the renewal outlook holds no lists: its section of the run file names no folder of them"
)
_UNNAMED = "the renewal outlook has no list of this name"


def answer(brief: Brief) -> list[Statement]:
    """Return the brief's answer in words: money, level, who is below, past warnings, gaps.

    What stands above it as a figure is not said again here, but in its own section.

    Parameters
    ----------
    brief : Brief

    Returns
    -------
    list of Statement
        One each, as far as its notebook can be relied on; what cannot is said last.
    """
    drawn = foremost.figures(brief)
    worded = [one for one in _answered(brief) if one.id not in drawn or one.id in _OPENINGS]
    said = [
        _first(_summed(brief, one), "answer", _OPENINGS.get(one.id) if one.id in drawn else None)
        for one in worded
    ]
    if not said and not drawn:
        said = [Statement.of("answer", NOTHING, id="nothing")]
    return [*stopped(brief), *said, *mixed(brief), *missing(brief)]


def stopped(brief: Brief) -> list[Statement]:
    """Warn, before anything is said, that the records stop long before the day looked back from."""
    late = brief.findings(evidence.READINESS, "records-stopped")
    return [replace(_first(one, "caution"), id="stopped") for one in late]


def headline(brief: Brief) -> str:
    """Return the brief's answer in a few lines: money, who is below, what it lacks."""
    short = [
        *brief.findings(evidence.OUTLOOK, "kept"),
        *brief.findings(evidence.THRESHOLDS, "arr-below", "no-threshold"),
    ]
    said = [_first(one, "answer").text for one in short] or [NOTHING]
    late = [one.text for one in stopped(brief)]
    return " ".join([*late, *said, *(one.text.strip() for one in missing(brief))])


def instead(brief: Brief, notebook: str, anchor: str) -> Statement:
    """Say what a page answers that found nothing of what a section of the brief asks.

    Parameters
    ----------
    brief : Brief
    notebook : str
        A notebook whose results can be relied on.
    anchor : str
        Id of the statement.
    """
    source = brief.sources[notebook]
    said = _FIRST.split(str(source.content.get("headline") or ""))[0] or "it found nothing to say."
    parts = _linked(f"{evidence.words(notebook)}: {said}", source.page)
    return Statement.of("caution", *parts, id=anchor)


def missing(brief: Brief) -> list[Statement]:
    """Say which notebooks cannot be relied on, and why; nothing when all can."""
    gone = brief.unused
    if not gone:
        return []
    parts: list[Part] = [
        "Not in this brief: ",
        num(f"{integer(len(gone))} of {integer(len(brief.sources))}", f"#{evidence.SOURCES}"),
        " pages.",
        *cited(evidence.SOURCES, *(
            f" {evidence.words(source.name)}: {source.why}." for source in gone)),
    ]  # fmt: skip
    return [Statement.of("caution", *parts, id="missing")]


def mixed(brief: Brief) -> list[Statement]:
    """Warn where the pages are of several runs, which may have been asked otherwise."""
    runs = evidence.by_run(brief)
    if len(runs) < _SEVERAL:
        return []
    named = [f"{name} ({listed(pages)})" for name, pages in runs.items()]
    parts = cited(
        evidence.SOURCES, f"This brief rests on pages of {integer(len(runs))} runs: ",
        listed(named), ". They looked at the same records from the same day, but may have been "
        "asked with other parameters.",
    )  # fmt: skip
    return [Statement.of("caution", *parts, id="mixed")]


def money(brief: Brief) -> list[Statement]:
    """Say what the figures at the head give in short, how sure that is, and who is in no play."""
    told = _drawn(brief, foremost.KEPT, foremost.AT_RISK)
    return [*told, *_all(brief.findings(evidence.OUTLOOK, "intervals-held", "alone"))]


def below(brief: Brief) -> list[Statement]:
    """Say who is below, where the head of the brief gives it as a figure alone."""
    return _drawn(brief, foremost.BELOW)


def _drawn(brief: Brief, *names: str) -> list[Statement]:
    drawn = foremost.figures(brief)
    return _fresh([_cut(drawn[name]) for name in names if name in drawn], answer(brief))


def levels(brief: Brief) -> list[Statement]:
    """Say of the foremost level, or that none was found, what the answer has not said of it."""
    said = brief.findings(evidence.THRESHOLDS, "lift", "no-threshold")[:1]
    return _fresh([_with_best(one) for one in said], answer(brief))


def above(brief: Brief) -> list[Statement]:
    """Lead on to the page on levels, where the answer has said already that there is none."""
    if not brief.findings(evidence.THRESHOLDS, "no-threshold"):
        return []
    page = brief.sources[evidence.THRESHOLDS].page
    where: Part = evidence.words(evidence.THRESHOLDS)
    where = num(str(where), page, strong=False) if page else where
    return [
        Statement.of("note", "The answer says it above; what was tried stands on the page ", where,
                     ".", id="levels-above")
    ]  # fmt: skip


def _with_best(one: Said) -> Said:
    """Keep of a level its first sentence, and the one that names a level that fits better."""
    first, *others = _FIRST.split(one.statement)
    kept = [first, *(sentence for sentence in others if wording.FITS_BEST in sentence)]
    return replace(one, statement=" ".join(kept))


def drivers(brief: Brief) -> list[Statement]:
    """Say what goes with leaving: kinds of record, then single measures that are clear."""
    kinds = brief.findings(evidence.PREDICTORS, "drivers")
    single = [one for one in brief.findings(evidence.SURVIVAL, "driver") if one.verdict != "none"]
    # What a single measure goes with stands beside its size; kinds of record only rank them.
    return [_first(one, "finding") for one in [*single, *kinds][:_FEW]]


def warned(brief: Brief) -> list[Statement]:
    """Say what came true: the last list, earlier reports, honest chances, intervals held."""
    said = brief.findings(
        evidence.BACKTEST, "last-list", "observed-to-expected", "leavers-met", "earlier"
    )
    return _fresh([_cut(one) for one in said], answer(brief))


def journey(brief: Brief) -> list[Statement]:
    """Say where journeys break, whether champions are there, and what no contract followed."""
    said = brief.findings(evidence.JOURNEY, "break", "champions-silent")
    unseen = brief.findings(evidence.READINESS, "renewed-unseen")
    return [*(_first(one, "finding") for one in said), *(_first(one, "note") for one in unseen)]


def lists(brief: Brief, wanted: Sequence[str]) -> list[Statement]:
    """Say which of the lists asked for were not made, and why, and on which nobody stands."""
    if not wanted:
        return [Statement.of("note", "The run file asks for no list here.", id="lists-none")]
    said = []
    gone = evidence.absent(brief, wanted)
    if gone:
        why, reasons = brief.sources[evidence.OUTLOOK].why, evidence.unmade(brief)
        named = [f"{name} ({reasons.get(name, _UNNAMED)})" if not why else name for name in gone]
        whole = evidence.no_lists(brief)
        words = f"Not made: {listed(gone if whole else named)}"
        because = f", for {why}" if why else f", for {_NO_FOLDER}" if whole else ""
        start = f"{_NO_LIST} " if len(gone) == len(wanted) else ""
        said.append(Statement.of("caution", f"{start}{words}{because}.", id="lists-missing"))
    idle = evidence.idle(brief, wanted)
    if idle:
        text = f"Nobody stands today on: {listed(idle)}."
        said.append(Statement.of("note", text, id="lists-idle"))
    return said


def unknown(brief: Brief) -> list[Statement]:
    """Say what this history cannot tell: every doubt that a page states of itself."""
    open_ = [
        one
        for name in evidence.NOTEBOOKS
        for one in brief.findings(name, *_doubts(brief, name))
        if one.statement
    ]
    # Some stand in a section above as well, and are not said twice.
    sections = (answer, money, levels, below, drivers, warned, journey)
    above = [one for section in sections for one in section(brief)]
    said = _fresh(list({one.statement: one for one in open_}.values()), above)
    named = [replace(one, id=f"unknown-{one.id}" if one.id else "") for one in said]
    return named or [Statement.of("note", NO_MORE, id="unknown-none")]


def saved(brief: Brief) -> list[Finding]:
    """Return what the answer says, machine-readable, under the names of those who found it.

    Parameters
    ----------
    brief : Brief

    Returns
    -------
    list of Finding
        The values as their notebooks saved them; ``missing`` when a source cannot be used.
    """
    found = [
        Finding(
            id=f"{one.notebook}-{one.id}", statement=one.statement, value=one.value, low=one.low,
            high=one.high, unit=one.unit, n=one.n, verdict=one.verdict, table=evidence.SOURCES,
        )
        for one in _answered(brief)
    ]  # fmt: skip
    gone = brief.unused
    if gone:
        found.append(Finding(
            id="missing", statement=missing(brief)[0].text, value=len(gone), unit="pages",
            n=len(brief.sources), table=evidence.SOURCES,
        ))  # fmt: skip
    return found


def _answered(brief: Brief) -> list[Said]:
    return [
        *brief.findings(evidence.OUTLOOK, "kept"),
        *brief.findings(evidence.OUTLOOK, "at-risk"),
        *brief.findings(evidence.OUTLOOK, "calls"),
        *brief.findings(evidence.THRESHOLDS, "lift-1", "no-threshold")[:1],
        *brief.findings(evidence.THRESHOLDS, "arr-below"),
        *brief.findings(evidence.BACKTEST, "observed-to-expected"),
    ]


def _doubts(brief: Brief, notebook: str) -> list[str]:
    """Return the ids of a notebook's findings that say what is not known."""
    rows = brief.sources[notebook].content.get("findings") or []
    return [
        str(row["id"])
        for row in rows
        if (str(row.get("verdict")) in _DOUBTFUL and not str(row.get("id")).startswith("driver-"))
        or str(row.get("id")) in _DOUBTS
        or (row.get("unit") == "ready" and row.get("value") is False)
    ]


def _all(found: Iterable[Said], role: Role = "finding") -> list[Statement]:
    """Return findings as statements, a sentence that several carry only once."""
    once = {one.statement: one for one in found if one.statement}
    return [whole(one, role) for one in once.values()]


def whole(one: Said, role: Role = "finding") -> Statement:
    """Return a finding's sentence with its numbers led back to its page.

    Parameters
    ----------
    one : Said
    role : {"answer", "finding", "caution", "note"}, default "finding"
    """
    named = f"{role}-{one.notebook[:2]}-{one.id}"
    return Statement.of(
        role, *_linked(one.statement, one.href), verdict=one.verdict,
        id=named if display.names(named) else "",  # a finding may be named after a segment
    )  # fmt: skip


def _summed(brief: Brief, one: Said) -> Said:
    """Set what was found for all groups before the level of the first of them."""
    if one.id != "lift-1":
        return one
    opening = _FIRST.split(str(brief.sources[one.notebook].content.get("headline") or ""))[0]
    own = _FIRST.split(one.statement)[0]
    opening = "" if opening.startswith(own[:20]) else f"{opening} "
    return replace(one, id="levels", statement=f"{opening}{own}")


def _first(one: Said, role: Role, n_sentences: int | None = None) -> Statement:
    """Return the first sentence of a finding, and of the next as much as belongs to it."""
    cut = _cut(one, n_sentences)
    return whole(replace(cut, verdict=one.verdict if role != "answer" else None), role)


def _cut(one: Said, n_sentences: int | None = None) -> Said:
    text = _FIRST.split(one.statement)
    return replace(one, statement=" ".join(text[: n_sentences or _SENTENCES.get(one.id, 1)]))


def _fresh(found: Iterable[Said], above: Iterable[Statement]) -> list[Statement]:
    """Return of findings the sentences that do not stand above already, as statements.

    A reader who meets a sentence twice looks for the difference.
    """
    told = {sentence for one in above for sentence in _FIRST.split(one.text)}
    said = []
    for one in found:
        left = [sentence for sentence in _FIRST.split(one.statement) if sentence not in told]
        if left:
            said.append(whole(replace(one, statement=" ".join(left)), "finding"))
    return said


def _linked(statement: str, href: str) -> list[Part]:
    """Split a sentence into words and linked numbers."""
    if not display.links(href):
        return [statement]
    parts: list[Part] = []
    at = 0
    for found in _NUMBER.finditer(statement):
        parts += [statement[at : found.start()], num(found.group(), href)]
        at = found.end()
    return [part for part in [*parts, statement[at:]] if part != ""]
