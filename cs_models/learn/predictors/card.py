"""The card of a stored model: what it is for, what it learnt from, how well, and what not to do.

Grain: the model's description and its out-of-time measures in; one dict, and the same as Markdown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

JSON_NAME: Final = "model_card.json"
TEXT_NAME: Final = "model_card.md"
_FOR: Final = (
    "To rank the customers whose contracts come up for renewal by their chance of leaving, and to "
    "say that chance with its doubt, {days} days before the renewal date, for a team that decides "
    "whom to talk to."
)
_NOT: Final = (
    "It is not causal. What stands beside a chance went with leaving in the past; changing it is "
    "not known to change anybody's decision. What a play saves is told by an experiment alone.",
    "It knows this company's customers, products and contracts. It is not for other products, and "
    "not for a time in which prices, packages or what is recorded have changed; refit it then.",
    "It is about accounts, not people: never use it to judge a user, or one of our own team.",
    "A customer marked as unlike those learnt from has a guess, not a chance.",
    "The band is about what was learnt. Whether a customer with a chance of 30 % leaves is chance "
    "besides.",
    "Customers who were not free to choose (acquired, closed down) were not learnt from.",
)
_UNCHECKED: Final = "No out-of-time measures were given when this model was stored."


def content(
    header: Mapping[str, Any],
    metrics: pd.DataFrame | None = None,
    by_segment: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return the card of a model.

    Parameters
    ----------
    header : mapping
        ``model.json``: see ``stored.header``.
    metrics : pandas.DataFrame, optional
        Out-of-time measures, one row each.
    by_segment : pandas.DataFrame, optional
        Out-of-time measures by segment, one row each.

    Returns
    -------
    dict
        intended_use, what (level and name), rule, training, drivers (columns of each), metrics
        and by_segment (one dict a row), limits (sentences), written_with.
    """
    drivers: dict[str, list[str]] = {}
    for column in header["schema"]:
        drivers.setdefault(column["driver"], []).append(column["name"])
    rule = {name: value for name, value in header["rule"].items() if name != "recipe"}
    return {
        "intended_use": _FOR.format(days=header["rule"]["decision_days"]),
        "what": {"level": header["level"], "name": header["name"]},
        "rule": rule,
        "training": dict(header["training"]),
        "drivers": drivers,
        "metrics": _records(metrics),
        "by_segment": _records(by_segment),
        "limits": list(_NOT),
        "written_with": dict(header["written_with"]),
    }


def text(card: Mapping[str, Any]) -> str:
    """Return a card as Markdown; names out of the data cannot become markup.

    Parameters
    ----------
    card : mapping
        Of :func:`content`.

    Returns
    -------
    str
    """
    learnt, what = card["training"], card["what"]
    parts = [
        "# Churn model",
        f"{card['intended_use']}",
        "## What it learnt from",
        f"{learnt['n_terms']:,} contract terms of {learnt['n_accounts']:,} accounts, of which "
        f"{learnt['n_churned']:,} were not renewed, with renewal dates from {learnt['from']} to "
        f"{learnt['to']}. Model: {what['name']} ({what['level']}), seed {learnt['seed']}.",
        "## How well it knew, out of time",
        _table(card["metrics"]) if card["metrics"] else _UNCHECKED,
        *(["### By segment", _table(card["by_segment"])] if card["by_segment"] else []),
        "## What it reads",
        "\n".join(
            f"- {driver}: {', '.join(f'`{_escaped(name)}`' for name in names)}"
            for driver, names in card["drivers"].items()
        )
        or "Nothing but the segment.",
        "## What must not be done with it",
        "\n".join(f"- {sentence}" for sentence in card["limits"]),
        "Written with "
        + ", ".join(f"{name} {version}" for name, version in card["written_with"].items())
        + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _records(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    if frame is None:
        return []
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    if pd.isna(value):
        return None
    number = float(value)
    return int(number) if number.is_integer() and not isinstance(value, float) else number


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_shown(row[name]) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)


def _shown(value: Any) -> str:
    if value is None:
        return "not known"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return html.escape(re.sub(r"\s+", " ", text)).replace("|", "&#124;").replace("`", "&#96;")
