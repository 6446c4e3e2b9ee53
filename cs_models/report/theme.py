"""One visual language for every figure: the same colour for the same thing, everywhere.

Colours are *roles* (a renewed term, a lost one, what is within noise).  Each role has a light
and a dark shade; a figure is made with the light ones and the exported page swaps a shade
for its dark twin when the reader's screen is dark.  The hues follow Okabe and Ito's palette
for colour-blind readers, darkened or lightened until each stands out 3 : 1 from its page.

Saturated colours are for differences that hold; what is within noise is drawn in ``noise``.
"""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go

LIGHT: dict[str, str] = {
    "renewed": "#0072B2",
    "churned": "#C8500A",
    "expanded": "#5CA3CF",
    "contracted": "#DE9A66",
    "involuntary": "#7D4B2C",
    "above": "#00795F",
    "below": "#9C4A8B",
    "noise": "#868E99",
    "accent": "#35548C",
    "ink": "#1C2127",
    "muted": "#58616D",
    "grid": "#E4E6E9",
    "surface": "#FFFFFF",
    "tint": "#EEF3F8",
    # Stages of a journey, lying side by side: any two are told apart by those who see no red or
    # no green too.
    "way_1": "#C4A3C1",
    "way_2": "#1AB9FC",
    "way_3": "#007EF5",
    "way_4": "#000F52",
    "way_5": "#35C487",
    "way_6": "#004856",
    "returned": "#A740A6",
    "idle": "#EE9C00",
    "dropping": "#CA4B04",
    "leaving": "#C53241",
    "gone": "#350000",
}
DARK: dict[str, str] = {
    "renewed": "#5BB4E5",
    "churned": "#F0914F",
    "expanded": "#2F83B3",
    "contracted": "#B56A35",
    "involuntary": "#C9A184",
    "above": "#3FC4A0",
    "below": "#DB93C8",
    "noise": "#8A94A1",
    "accent": "#9DB6EE",
    "ink": "#E8E6E3",
    "muted": "#A6AFBB",
    "grid": "#2E343B",
    "surface": "#1B1F24",
    "tint": "#222C38",
    "way_1": "#3F525A",
    "way_2": "#41469C",
    "way_3": "#0087FF",
    "way_4": "#A2CFFF",
    "way_5": "#277C43",
    "way_6": "#86FFEB",
    "returned": "#AB6FAD",
    "idle": "#FFF55C",
    "dropping": "#D17D03",
    "leaving": "#EB7D98",
    "gone": "#F3CD9F",
}

# What figures are made with.  The page knows the dark twin of each.
COLOURS = LIGHT

# JupyterLab tells a figure not whether its theme is light or dark: one shade for both, where the
# light one would be lost on a dark ground, or is faint on a white one.  Words stand out 4.3 : 1
# from both, what is drawn 3 : 1.
EITHER: dict[str, str] = {
    "ink": "#757B85",
    "muted": "#757B85",
    "grid": "rgba(128, 128, 128, 0.25)",
    "accent": "#4C70B8",
    "involuntary": "#9A6240",
    "expanded": "#4F97C4",
    "way_1": "#A08CB4",
    "way_4": "#2850E6",
    "way_5": "#148250",
    "way_6": "#326E78",
    "gone": "#AA8C8C",
}

# What became of a contract term.
OUTCOME_COLOURS: dict[str, str] = {
    outcome: COLOURS[role]
    for outcome, role in {
        "expanded": "expanded",
        "renewed": "renewed",
        "contracted": "contracted",
        "churned": "churned",
        "involuntary": "involuntary",
        "pending": "noise",
    }.items()
}

# Health of a customer.
HEALTH_COLOURS: dict[str, str] = {
    colour: COLOURS[role]
    for colour, role in {"green": "above", "amber": "contracted", "red": "churned"}.items()
}

HEALTH_SYMBOLS = {"green": "circle", "amber": "diamond", "red": "square"}

# From little to much; and from lost, through nothing, to kept.
SEQUENTIAL = [[0.0, COLOURS["tint"]], [1.0, COLOURS["renewed"]]]
DIVERGING = [[0.0, COLOURS["churned"]], [0.5, COLOURS["tint"]], [1.0, COLOURS["renewed"]]]

_FAINTEST = 0.25  # of a ramp: what its lowest step shows of the colour

FONT = (
    '-apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, "Liberation Sans", '
    "system-ui, sans-serif"
)


def faded(colour: str, alpha: float) -> str:
    """Return a role's colour as ``rgba(...)``: for bands and intervals.

    Parameters
    ----------
    colour : str
        ``#RRGGBB``.
    alpha : float
        0 (nothing) to 1 (solid).
    """
    red, green, blue = _channels(colour)
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def ramp(steps: int) -> list[str]:
    """Return shades of one colour from little to much, right on a light and on a dark page.

    Parameters
    ----------
    steps : int
        How many, 2 or more.

    Returns
    -------
    list of str
        ``rgba(...)``, the last one solid.
    """
    part = (1 - _FAINTEST) / (steps - 1)
    return [faded(COLOURS["renewed"], round(_FAINTEST + part * step, 2)) for step in range(steps)]


def on_either(drawn: Any, *, coloured: bool = False) -> Any:
    """Return a figure's JSON in shades that can be read on a light and on a dark ground.

    Parameters
    ----------
    drawn : JSON
        A figure, or a part of one; it is not changed.
    coloured : bool, default False
        Whether `drawn` is the value of a colour; other texts are data and stay as they are.
    """
    if isinstance(drawn, dict):
        # What appears under the pointer brings its own light ground.
        return {
            key: part if key == "hoverlabel" else on_either(part, coloured="color" in key)
            for key, part in drawn.items()
        }
    if isinstance(drawn, list):
        return [on_either(part, coloured=coloured) for part in drawn]
    if not coloured or not isinstance(drawn, str):
        return drawn
    return _either(drawn)


def _either(colour: str) -> str:
    """Return the shade for both grounds of a colour, solid or faded."""
    for role, shade in EITHER.items():
        if colour.upper() == LIGHT[role].upper():
            return shade
        stem = faded(LIGHT[role], 0).removesuffix("0)")
        if colour.startswith(stem) and shade.startswith("#"):
            return faded(shade, float(colour.removeprefix(stem).removesuffix(")")))
    return colour


def literal(text: str) -> str:
    """Return a text from data so that plotly draws it as typed.

    plotly reads ``<b>``, ``<a href>`` and entities in every text it draws; an account's name
    must never be read so.
    """
    return escape(str(text), quote=False)


def dark_twins() -> dict[str, str]:
    """Return for each light shade its dark twin, as the page's script looks them up."""
    return {LIGHT[role].upper(): DARK[role] for role in LIGHT}


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _axis() -> dict[str, object]:
    return {
        "automargin": True,
        "gridcolor": COLOURS["grid"],
        "gridwidth": 1,
        "linecolor": COLOURS["muted"],
        "showline": False,
        "ticks": "",
        "tickfont": {"color": COLOURS["muted"], "size": 12},
        "ticklabelstandoff": 5,
        "title": {"font": {"color": COLOURS["muted"], "size": 13}, "standoff": 12},
        "zeroline": False,
    }


def _template() -> go.layout.Template:
    layout = {
        # Without a title: the page sets it as text above the figure.
        "autosize": True,
        "bargap": 0.35,
        "colorway": [
            COLOURS["renewed"],
            COLOURS["churned"],
            COLOURS["above"],
            COLOURS["below"],
            COLOURS["accent"],
            COLOURS["noise"],
        ],
        "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
        "dragmode": False,
        "font": {"family": FONT, "size": 13, "color": COLOURS["ink"]},
        "height": 360,
        "hoverlabel": {
            "align": "left",
            "bgcolor": COLOURS["surface"],
            "bordercolor": COLOURS["muted"],
            "font": {"family": FONT, "size": 13, "color": COLOURS["ink"]},
            "namelength": -1,
        },
        "legend": {
            "bgcolor": "rgba(0, 0, 0, 0)",
            "font": {"color": COLOURS["ink"], "size": 12},
            "orientation": "h",
            "title": {"font": {"color": COLOURS["muted"], "size": 12}},
            # At the figure's own edge, where its title is; plotly keeps as many lines free above
            # the plot as the names take, on a narrow page too.
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
        "margin": {"l": 8, "r": 12, "t": 20, "b": 8},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "separators": ".,",
        "title": {"font": {"size": 15, "color": COLOURS["ink"]}, "x": 0, "xanchor": "left"},
        "annotationdefaults": {
            "font": {"color": COLOURS["ink"], "size": 12},
            "arrowcolor": COLOURS["muted"],
        },
        "shapedefaults": {"line": {"color": COLOURS["muted"], "width": 1}},
        "sliderdefaults": {
            "activebgcolor": COLOURS["accent"],
            "bgcolor": COLOURS["surface"],
            "bordercolor": COLOURS["muted"],
            "currentvalue": {"font": {"color": COLOURS["ink"], "size": 13}, "xanchor": "left"},
            "font": {"color": COLOURS["muted"], "size": 12},
            "pad": {"t": 56, "b": 8},
            "tickcolor": COLOURS["muted"],
        },
        "updatemenudefaults": {
            "bgcolor": COLOURS["surface"],
            "bordercolor": COLOURS["muted"],
            "font": {"color": COLOURS["ink"], "size": 13},
        },
        "xaxis": _axis(),
        "yaxis": _axis(),
    }
    data = {
        "bar": [{"marker": {"line": {"width": 0}}, "textfont": {"color": COLOURS["ink"]}}],
        "scatter": [
            {"line": {"width": 2}, "marker": {"size": 8}, "textfont": {"color": COLOURS["ink"]}}
        ],
        "heatmap": [{"colorbar": {"outlinewidth": 0, "tickfont": {"color": COLOURS["muted"]}}}],
    }
    return go.layout.Template(layout=layout, data=data)


TEMPLATE = _template()
