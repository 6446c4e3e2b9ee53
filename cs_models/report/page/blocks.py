"""An executed notebook as the blocks of a page: only what the page may trust, in order.

In: an nbformat 4 notebook.  Out: one :class:`Report`: title, the answer, sections of blocks.
Kept: markdown cells of the notebook's own source, and outputs under the three mimetypes of
:mod:`cs_models.report.display`.  Everything else is dropped: code, streams, text/html,
widgets, unknown mimetypes, and every cell tagged as machinery.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import escape

from cs_models import files
from cs_models.errors import NotebookError
from cs_models.report import display, tiles
from cs_models.report.page import figures, lint, markdown, parameters

# Cells that drive the notebook and say nothing to a reader of the page.
MACHINERY = frozenset({"interactive", "parameters", "injected-parameters", "setup", "sentinel"})

# The page has this heading of its own; a notebook's section of that name joins it.
_ANSWER_TITLES = frozenset({"the answer", "answer"})

# Markup of the notebook's own words; every other kind is a payload.
_WORDS = frozenset({"prose", "known"})

Kind = Literal["prose", "known", "statement", "table", "exhibit", "figures"]


@dataclass(frozen=True)
class Block:
    """One thing on the page: prose or how we know (markup), or a display object's payload."""

    kind: Kind
    content: Any


@dataclass
class Section:
    """What stands under one second-level heading."""

    id: str
    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Report:
    """A page before its markup.

    Parameters
    ----------
    title : str
        The question: the notebook's first heading.
    standfirst : list of Block
        Prose between the title and the first section.
    answer : list of Block
        Key figures, the statements with role ``answer``, wherever the notebook made them, then
        what else stands under a heading "The answer".
    sections : list of Section
        In the order of the notebook; the empty ones are left out.
    parameters : list of Parameter
        What the notebook ran with.
    complete : bool
        Whether every cell ran without an error.
    """

    title: str
    standfirst: list[Block]
    answer: list[Block]
    sections: list[Section]
    parameters: list[parameters.Parameter]
    complete: bool

    @property
    def exhibits(self) -> list[dict[str, Any]]:
        """The figures, in the order of the page."""
        return [block.content for block in self.blocks if block.kind == "exhibit"]

    @property
    def blocks(self) -> list[Block]:
        """Everything below the title, in the order of the page."""
        return [*self.answer, *(block for section in self.sections for block in section.blocks)]


def read(notebook: Mapping[str, Any], *, name: str = "") -> Report:
    """Return the page that `notebook` makes.

    Parameters
    ----------
    notebook : mapping
        Executed notebook, nbformat 4.
    name : str, default ""
        Title when the notebook has no first-level heading.

    Returns
    -------
    Report

    Raises
    ------
    NotebookError
        When a figure needs what the page does not carry, an id repeats, a number links to
        nothing or stands in a sentence without a link, or an output is not what its mimetype
        says.
    """
    report = Report(
        title="",
        standfirst=[],
        answer=[],
        sections=[Section("", "")],
        parameters=parameters.read(notebook),
        complete=not faults(notebook),
    )
    for piece in _pieces(notebook):
        _place(report, piece)
    report.title = report.title or name or "Untitled report"
    report.answer += [b for s in report.sections if _is_answer(s) for b in s.blocks]
    report.sections = [s for s in report.sections if s.blocks and not _is_answer(s)]
    for section in report.sections:
        # First what was found, then how it is known, wherever the notebook says so.
        section.blocks.sort(key=lambda block: block.kind == "known")
    _check_ids(report)
    _check_numbers(report)
    return report


def faults(notebook: Mapping[str, Any]) -> list[str]:
    """Return why an executed notebook is not whole; nothing when every cell ran.

    Papermill's own "completed" is not trusted: it says so of cells that never ran
    (``reliability.md`` section C).
    """
    found: list[str] = []
    for position, cell in enumerate(notebook["cells"], start=1):
        runs = cell["cell_type"] == "code" and cell["source"].strip()
        if not runs or "interactive" in parameters.tags(cell):
            continue
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            error = next(o for o in cell["outputs"] if o["output_type"] == "error")
            found.append(f"cell {position} stopped with {error.get('ename', 'an error')}")
        elif cell.get("execution_count") is None:
            found.append(f"cell {position} did not run")
        elif cell.get("metadata", {}).get("papermill", {}).get("exception"):
            found.append(f"cell {position} was stopped")
    return found


def _pieces(notebook: Mapping[str, Any]) -> Iterator[markdown.Heading | Block]:
    for cell in notebook["cells"]:
        if parameters.tags(cell) & MACHINERY:
            continue
        if cell["cell_type"] == "markdown":
            for piece in markdown.read(cell["source"]):
                yield piece if isinstance(piece, markdown.Heading) else _words(piece)
        elif cell["cell_type"] == "code":
            yield from _outputs(cell["outputs"])


def _words(piece: markdown.Prose) -> Block:
    return Block("known" if piece.known else "prose", piece.html)


def _outputs(outputs: Iterable[Mapping[str, Any]]) -> Iterator[Block]:
    kinds: dict[str, Kind] = {
        display.STATEMENT: "statement",
        display.TABLE: "table",
        display.EXHIBIT: "exhibit",
        tiles.FIGURES: "figures",
    }
    for output in outputs:
        data = output.get("data", {})
        for mimetype, kind in kinds.items():
            if mimetype in data:
                yield Block(kind, _checked(kind, data[mimetype]))
                break


def _checked(kind: Kind, payload: Any) -> dict[str, Any]:
    """Return the payload when it has the form its mimetype promises."""
    try:
        content: dict[str, Any] = dict(payload)
        if kind == "statement":
            ok = content["role"] in display.ROLES and all(
                "href" not in part or display.links(part["href"]) for part in content["parts"]
            )
        elif kind == "figures":
            ok = tiles.holds(content)
        else:
            table = content["table"] if kind == "exhibit" else content
            ok = all(len(row) == len(table["columns"]) for row in table["rows"])
        if kind == "exhibit":
            content["figure"] = figures.prepare(content["figure"], where=str(content["id"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotebookError(
            f"a {kind} is not what its mimetype says", got=f"{type(error).__name__}: {error}",
            repair="show it with cs_models.report.display",
        ) from error  # fmt: skip
    if not ok:
        raise NotebookError(
            f"a {kind} is not what its mimetype says",
            got=str(content.get("id", "")),
            repair="show it with cs_models.report.display",
        )
    return content


def _place(report: Report, piece: markdown.Heading | Block) -> None:
    if isinstance(piece, markdown.Heading):
        if piece.level == 1 and not report.title:
            report.title = piece.text
        else:
            number = len(report.sections)
            identifier = f"section-{number}-{files.slug(piece.text, longest=40)}"
            report.sections.append(Section(identifier, piece.text))
        return
    if piece.kind == "statement" and piece.content["role"] == "answer":
        report.answer.append(piece)
    elif piece.kind == "figures":
        report.answer.insert(0, piece)
    elif piece.kind == "prose" and len(report.sections) == 1 and not report.sections[0].blocks:
        report.standfirst.append(piece)
    else:
        report.sections[-1].blocks.append(piece)


def _is_answer(section: Section) -> bool:
    return section.title.strip().lower() in _ANSWER_TITLES


def _check_ids(report: Report) -> None:
    """Refuse an id used twice and a number that links to no table or figure.

    Statements have anchors of their own kind: a finding may be named as its table.
    """
    payloads = [block.content for block in report.blocks if block.kind not in _WORDS]
    shown = [payload for payload in payloads if "id" in payload and "parts" not in payload]
    tables = [payload["table"] for payload in shown if "figure" in payload]
    said = [f"statement {payload['id']}" for payload in payloads if payload.get("parts")]
    identifiers = Counter(str(item["id"]) for item in shown + tables)
    identifiers.update(name for name in said if name != "statement ")
    repeated = sorted(name for name, times in identifiers.items() if times > 1)
    if repeated:
        raise NotebookError(
            "two things on a page have one id",
            got=", ".join(repeated),
            repair="give each table, figure and statement an id of its own",
        )
    parts = [part for p in payloads for part in (*p.get("parts", ()), *p.get("figures", ()))]
    hrefs = {part["href"] for part in parts if "href" in part}
    own = {href[1:] for href in hrefs if href.startswith("#")}
    dangling = sorted(own - identifiers.keys())
    if dangling:
        raise NotebookError(
            "a number links to nothing on its page",
            got=", ".join(f"#{name}" for name in dangling),
            repair="show the table or figure of that id, or link to one that is shown",
        )


def _check_numbers(report: Report) -> None:
    """Refuse a sentence with a number that does not say where it was counted."""
    of_kind: dict[str, list[Any]] = {
        "prose": [], "known": [], "statement": [], "table": [], "exhibit": [], "figures": [],
    }  # fmt: skip
    for block in [*report.standfirst, *report.blocks]:
        of_kind[block.kind].append(block.content)
    lint.check(
        report.title,
        of_kind["statement"],
        [*of_kind["table"], *(exhibit["table"] for exhibit in of_kind["exhibit"])],
        [
            *of_kind["prose"],
            *of_kind["known"],
            *(str(escape(section.title)) for section in report.sections),
        ],
    )
