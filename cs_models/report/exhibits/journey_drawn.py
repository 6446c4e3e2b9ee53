"""How stages are named, ordered and painted, alike in every table and figure of journeys."""

from __future__ import annotations

import pandas as pd

from cs_models.learn.journey import Rules
from cs_models.report.figures import journey as figures
from cs_models.report.findings.journey_breaks import called

READ = (0, 30, 60, 90, 180, 270, 360, 540, 720)  # days on which a course is read


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return stages with their names as they stand in a sentence, in ``called``."""
    return frame.assign(called=[called(name) for name in frame["stage"]])


def head(name: str) -> str:
    """Return the name of a stage as the head of a column."""
    words = called(name)
    return words[:1].upper() + words[1:]


def names(rules: Rules) -> dict[str, str]:
    """Return the name of each stage, in the order of the page."""
    return {name: called(name) for name in rules.order}


def shades(rules: Rules) -> dict[str, str]:
    """Return the colour of each stage, the same on every figure of the page."""
    return figures.colours(rules.path, rules.of("beside"), rules.of("ended"))


def wide(frame: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return a row a day and a column a stage, in the order of the page."""
    wide = frame.pivot_table(index="time", columns="stage", values="chance")
    return wide.reindex(columns=list(rules.order)).reset_index()
