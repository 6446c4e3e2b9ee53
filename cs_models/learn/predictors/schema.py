"""What a model reads, told to a person and to whoever builds its input: one item a column.

Grain: an encoder in, one dict a panel column out, in the order in which the model reads them.
Columns are found by name, so the order in which a panel holds them does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cs_models.features import catalogue
from cs_models.learn.predictors import columns
from cs_models.learn.predictors.encoding import Encoder, Number, Word


def of(encoder: Encoder) -> list[dict[str, Any]]:
    """Return the columns that an encoder reads.

    Parameters
    ----------
    encoder : Encoder
        Of a fitted model.

    Returns
    -------
    list of dict
        For a number: name, kind ("number"), driver, unit, median, low and high (the range within
        which a regression follows it), may_be_missing.  For words: name, kind ("word"), driver,
        unit, words (those that count by themselves).
    """
    return [
        *(_number(number) for number in encoder.numbers),
        *(_word(word) for word in encoder.words),
    ]


def _number(number: Number) -> dict[str, Any]:
    edges = np.array([number.fill, number.low, number.high])
    if number.logged:
        edges = np.sign(edges) * np.expm1(np.abs(edges))
    median, low, high = (float(edge) for edge in edges)
    return {
        **_about(number.name, "number"),
        "median": median,
        "low": low,
        "high": high,
        "may_be_missing": number.gaps,
    }


def _word(word: Word) -> dict[str, Any]:
    return {**_about(word.name, "word"), "words": list(word.words)}


def _about(name: str, kind: str) -> dict[str, Any]:
    measure = catalogue.parse(name)
    unit = measure.unit if measure is not None else ("word" if kind == "word" else name)
    return {"name": name, "kind": kind, "driver": columns.driver(name), "unit": unit}
