"""The parts of a page: markdown, parameters, the bundle, the policy."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4
from plotly.offline import get_plotlyjs_version

from cs_models.errors import NotebookError
from cs_models.report import display
from cs_models.report.display import Statement
from cs_models.report.page import blocks, figures, markdown, parameters, render


def _html(source: str) -> str:
    return "".join(p.html for p in markdown.read(source) if isinstance(p, markdown.Prose))


def test_headings_split_a_cell_and_lower_ones_stay_prose() -> None:
    """Levels 1 and 2 make the page's outline; level 3 stays where it is; words lose their marks."""
    pieces = list(markdown.read("# A *b* `c`\n\nx\n\n## D [e](#e)\n### F\ny"))
    assert pieces[0] == markdown.Heading(1, "A b c")
    assert pieces[2] == markdown.Heading(2, "D e")
    assert "<h3>F</h3>" in pieces[3].html


def test_a_paragraph_under_a_label_is_set_apart() -> None:
    """How we know is a piece of its own, how to read it stays where it is; both get their label."""
    pieces = list(
        markdown.read(
            "## A\n\nWhy.\n\nHow we know: by *counting* <b>.\n\nHow to read it: up.\n\nEnd."
        )
    )[1:]
    assert [piece.known for piece in pieces] == [False, True, False]
    assert pieces[0].html == "<p>Why.</p>"
    assert pieces[1].html == (
        '<div class="told"><p class="label">How we know</p>\n'
        "<p>By <em>counting</em> &lt;b&gt;.</p></div>"
    )
    assert pieces[2].html.startswith(
        '<div class="told"><p class="label">How to read it</p>\n<p>Up.'
    )
    assert pieces[2].html.endswith("<p>End.</p>")


def test_how_we_know_comes_after_what_was_found() -> None:
    """Wherever a section's words say it, the page says it last, once what it rests on is seen."""
    found = Statement.of("finding", "They stayed.", id="found")
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Who?\n\nOnce.\n\n## A\n\nHow we know: a count.\n\nLook."),
            v4.new_code_cell(
                "found",
                execution_count=1,
                outputs=[v4.new_output("display_data", {display.STATEMENT: found.payload()})],
            ),
            v4.new_markdown_cell("## B\n\nNothing."),
        ]
    )
    first, second = blocks.read(notebook).sections
    assert [block.kind for block in first.blocks] == ["prose", "statement", "known"]
    assert [block.kind for block in second.blocks] == ["prose"]


def test_words_that_only_mention_a_label_stay_a_paragraph() -> None:
    """A label counts at the beginning of a paragraph, with its colon."""
    source = "Ask: How we know: no.\n\nHow we know, then.\n\n- How we know: a list"
    assert "label" not in _html(source)


@pytest.mark.parametrize(
    "source",
    [
        "<script>window.X=1</script>",
        "a <img src=x onerror=1> b",
        "<iframe src=x>",
        "![p](https://x.example/p.png)",
        "![p](data:image/png;base64,AAAA)",
        "![p](attachment:p.png)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>1</script>)",
        "[x](vbscript:1)",
        "<javascript:alert(1)>",
        '[x](https://x.example "onmouseover=1")',
        '[x](https://x.example/"onmouseover="1)',
        "|a|\n|-:|\n|<b onclick=1>|",
        "```html\n<script>1</script>\n```",
        "    <script>1</script>",
        "`<script>`",
    ],
)
def test_markdown_makes_only_plain_elements(source: str) -> None:
    """No script, picture, frame, style or handler comes out, and links lead to the web only."""
    html = _html(source)
    elements = set(re.findall(r"<([a-z0-9]+)", html))
    assert elements <= {
        "p", "em", "strong", "a", "code", "pre", "div", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    attributes = set(re.findall(r'<[^>]*?\s([a-z-]+)="', html))
    assert attributes <= {"href", "rel", "class", "scope"}
    assert all(link.startswith(("https://", "#")) for link in re.findall(r'href="([^"]*)', html))


def test_markdown_renders_what_a_notebook_says() -> None:
    """Lists, emphasis, links, tables with numbers to the right."""
    html = _html("- *a*\n- [b](https://x.example/?p=1&q=2)\n\n|n|\n|-:|\n|1|")
    assert "<em>a</em>" in html
    assert 'href="https://x.example/?p=1&amp;q=2"' in html
    assert '<td class="n">1</td>' in html


def test_parameters_keep_their_order_units_and_injected_values() -> None:
    """Comments give units, over several lines too; injected values win; nested names are dotted."""
    cell = v4.new_code_cell(
        'as_of = "2026-06-30"  # an ISO date\nwindows = [\n  7,  # first\n  28,\n]  # days\n'
        "flag: bool = False\nmade = date(2020, 1, 1)\n",
        metadata={"tags": ["parameters"]},
    )
    injected = {"as_of": "2026-01-01", "source": {"path": "p", "tables": None}, "empty": []}
    notebook = v4.new_notebook(
        cells=[cell], metadata={"papermill": {"parameters": {**injected, "output_dir": "/x"}}}
    )
    assert [(p.name, p.value, p.unit) for p in parameters.read(notebook)] == [
        ("as_of", "2026-01-01", "an ISO date"),
        ("windows", "7, 28", "days"),
        ("flag", "no", ""),
        ("made", "date(2020, 1, 1)", ""),
        ("source.path", "p", ""),
        ("empty", "–", ""),
    ]


def test_a_parameters_cell_that_does_not_parse_still_gives_injected_values() -> None:
    """Half-written code in the cell costs its own names only."""
    cell = v4.new_code_cell("alpha = (1  # x", metadata={"tags": ["parameters"]})
    notebook = v4.new_notebook(cells=[cell], metadata={"papermill": {"parameters": {"b": 2}}})
    assert [(p.name, p.value) for p in parameters.read(notebook)] == [("b", "2")]


def test_the_bundle_is_the_one_plotly_carries() -> None:
    """The page's plotly.js and the one that plotly.py writes figures for have one version."""
    assert f"v{get_plotlyjs_version()}\n" in render.asset(render.BUNDLE)[:200]
    licence = resources.files("cs_models.report") / "assets" / "plotly-LICENSE.txt"
    assert licence.read_text().startswith("MIT License")


def test_the_bundle_draws_the_traces_we_say_it_does() -> None:
    """Each trace type we let through registers itself in the bundle; others do not."""
    bundle = render.asset(render.BUNDLE)
    registered = set(re.findall(r'moduleType:"trace",name:"([a-z0-9]+)"', bundle))
    assert registered == figures.TRACE_TYPES


def test_the_bundle_is_built_of_what_its_recipe_pins() -> None:
    """The recipe names the version and the traces of the bundle; its lock holds hashes, no host."""
    recipe = Path(__file__).parents[2] / "tools" / "plotly-bundle"
    pinned = json.loads((recipe / "package.json").read_text())["dependencies"]["plotly.js"]
    assert pinned == get_plotlyjs_version()
    listed = re.search(r"const TRACES = \[(.*?)\]", (recipe / "build.mjs").read_text(), re.DOTALL)
    assert listed is not None
    assert {*re.findall(r'"(\w+)"', listed[1]), "scatter"} == figures.TRACE_TYPES
    locked = json.loads((recipe / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package for name, package in locked.items() if name)
    assert not any("resolved" in package for package in locked.values())


@pytest.mark.parametrize(
    "figure",
    [
        {"data": [{"type": "scatter", "xcalendar": "hebrew"}]},
        {"data": [], "layout": {"xaxis": {"calendar": "jalali"}}},
        {"data": [], "frames": [{"data": [{"type": "pie"}]}]},
    ],
)
def test_what_the_bundle_lacks_stops_the_export(figure: dict[str, Any]) -> None:
    """A calendar, or a trace of a frame, that would be drawn wrongly is named in the error."""
    with pytest.raises(NotebookError, match=r"pie|hebrew|jalali"):
        figures.prepare(figure, where="one")


def test_a_figure_carries_what_is_drawn_and_no_more() -> None:
    """Six digits, whole numbers in full, and only data of its own that a text names."""
    trace = {"type": "scatter", "x": [0.123456789, 12.0, 1234567.891, None, "2024-03-01"],
             "y": [1, True, -0.00001234567], "customdata": [[0.1]],
             "error_x": {"array": [float("1e-7")]}}  # fmt: skip
    named = trace | {"hovertemplate": "%{customdata[0]:.1f}"}
    plain, told = figures.prepare({"data": [trace, named]}, where="one")["data"]
    assert plain["x"] == [0.123457, 12, 1234568, None, "2024-03-01"]
    assert plain["y"] == [1, True, -0.0000123457]
    assert plain["error_x"] == {"array": [1e-7]}
    assert "customdata" not in plain and told["customdata"] == [[0.1]]
    assert trace["x"][0] == 0.123456789, "the figure itself is left as it is"


def test_own_scripts_cannot_end_their_element() -> None:
    """No asset holds what would close or confuse the element it is put into."""
    for name in (render.BUNDLE, "page.js", "page.css", "print.css"):
        text = render.asset(name)
        assert not re.search(r"</(script|style)|<!--|<script", text, re.IGNORECASE)
        assert "\r" not in text, "a browser would hash another text"


def test_the_policy_allows_nothing_but_these_texts() -> None:
    """Default none; every script by its hash; no eval, no inline, no address."""
    directives = dict(part.split(" ", 1) for part in render.policy("style", ["script"]).split("; "))
    assert directives["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]{44}'", directives["script-src"])
    assert directives["img-src"] == "data:"
    assert directives["base-uri"] == directives["form-action"] == "'none'"
    assert not re.search(r"unsafe-eval|https?:|\*", str(directives))
    assert [name for name, value in directives.items() if "unsafe-inline" in value] == [
        "style-src-attr"
    ]


def test_no_template_turns_escaping_off() -> None:
    """No template of a page marks a value as safe by itself."""
    folder = resources.files("cs_models.report") / "templates"
    for template in folder.iterdir():
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), template.name
        assert not re.search(r"\son[a-z]+=|style=", text), template.name


def test_right_to_left_texts_are_isolated_and_others_are_not() -> None:
    """Arabic and override marks cannot turn their neighbours; plain names carry no markup."""
    assert render.isolated("\u202egnp") == "<bdi>\u202egnp</bdi>"
    assert render.isolated("مؤسسة <b>") == "<bdi>مؤسسة &lt;b&gt;</bdi>"
    assert render.isolated("Ash & Sons") == "Ash & Sons"


def test_a_column_is_set_by_what_it_holds() -> None:
    """Numbers and dates stand in line, sentences get room, names some, endless words break."""
    kinds = {"n": "money", "d": "date", "short": "text", "long": "text", "endless": "text"}
    table = {
        "columns": [{"name": name, "kind": kind} for name, kind in kinds.items()],
        "rows": [[1, "2026-06-30", "a-0001", "a name of some more words", "N" * 40]],
    }
    assert render.forms(table) == ["n", "date", "", "some", "wrap"]
    told = {**table, "rows": [[1, "2026-06-30", "a-0001", "a sentence with a verb " * 4, "N" * 40]]}
    assert render.forms(told) == ["n", "date", "", "wide", "wrap"]


@pytest.mark.parametrize("script", ["page.js", "explorer.js"])
def test_no_script_asks_plotly_to_read_formulas(script: str) -> None:
    """Two amounts in one text are no formula, on the page and in JupyterLab alike."""
    config = re.search(r"const config = \{.*?\};", render.asset(script), re.DOTALL | re.IGNORECASE)
    assert config is not None
    assert "typesetMath: false" in config[0]
