"""The reasons of a prediction in words: the drivers that went with leaving, each with a number.

Grain: panel rows and each driver's part of their log-odds in; a few sentences a row out.  The
number that stands for a driver is the one by which the customer differs most, on the side that
goes with leaving, from the typical customer of its segment who renewed.

Source: ``methods.md`` 3 (language: "associated with", never causes).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.features import catalogue
from cs_models.learn.predictors import columns, forms
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Data

DRIVERS: Final = {
    "adoption": "how the term began",
    "depth": "how much it uses",
    "breadth": "how many features it uses",
    "trend": "where its use is going",
    "support": "support cases",
    "sentiment": "what its users answer",
    "relationship": "people and contacts",
    "commercial": "contract and kind of customer",
}
_ATTRIBUTES: Final = {
    "arr": "ARR",
    "seats": "seats",
    "term_no": "number of the term",
    "term_months": "months of the term",
    "segment": "segment",
    "plan": "plan",
    "region": "region",
    "industry": "industry",
    "acquisition_channel": "acquisition channel",
    "previous_outcome": "outcome of the term before",
}
_LEAST: Final = 0.05  # log-odds: less is not worth a sentence
_OTHER: Final = "another"


def why(
    encoder: Encoder,
    reference: dict[str, list[float | None]],
    frame: pd.DataFrame,
    parts: pd.DataFrame,
    *,
    n_reasons: int = 3,
) -> pd.DataFrame:
    """Say what went with each prediction, the largest part first.

    Parameters
    ----------
    encoder : Encoder
        Of the model.
    reference : dict of str to list of float or None
        The typical renewed term of each segment, "" for all: the model's.
    frame : pandas.DataFrame
        Panel rows.
    parts : pandas.DataFrame
        One row a panel row, in its order: each driver's part of the log-odds.
    n_reasons : int, default 3
        At most so many.

    Returns
    -------
    pandas.DataFrame
        One row a panel row: ``reason_1`` …, "" where no further driver went with leaving.
    """
    data = forms.encode(encoder, frame)
    typical = _typical(encoder, reference, data)
    apart = _apart(encoder, data.raw, typical)
    names = encoder.raw_names
    of = np.array([columns.driver(name) for name in names], dtype=object)
    weights = parts[list(columns.DRIVERS)].to_numpy(dtype="float64")
    order = np.argsort(-weights, axis=1, kind="stable")[:, :n_reasons]
    words: list[list[str]] = [[] for _ in range(len(frame))]
    for row, places in enumerate(order):
        for place in places:
            driver = columns.DRIVERS[place]
            if weights[row, place] < _LEAST:
                words[row].append("")
                continue
            number = _number(encoder, data.raw[row], typical[row], apart[row], of == driver)
            words[row].append(": ".join(filter(None, (DRIVERS[driver], number))))
    return pd.DataFrame(
        words, columns=[f"reason_{at + 1}" for at in range(order.shape[1])], index=frame.index
    )


def codes(sentences: pd.DataFrame) -> pd.Series:
    """Return what :func:`why` said in short words for a machine: "adoption;support".

    Parameters
    ----------
    sentences : pandas.DataFrame
        From :func:`why`.

    Returns
    -------
    pandas.Series of str
        Index of ``sentences``: names of :data:`DRIVERS` in the order of the sentences, "" without.
    """
    short = {words: driver for driver, words in DRIVERS.items()}
    named = [
        [short[text.partition(":")[0]] for text in row if text]
        for row in sentences.to_numpy(dtype=object)
    ]
    return pd.Series([";".join(row) for row in named], index=sentences.index, dtype=object)


def _typical(encoder: Encoder, reference: dict[str, list[float | None]], data: Data) -> Floats:
    known = {
        name: np.array([np.nan if value is None else value for value in values], dtype="float64")
        for name, values in reference.items()
    }
    rows = [known.get(str(name), known[""]) for name in data.segment]
    return np.array(rows, dtype="float64").reshape(len(rows), len(encoder.raw_names))


def _apart(encoder: Encoder, own: Floats, typical: Floats) -> Floats:
    """Return how far each raw value lies on the side of leaving, in spreads; -inf on the other."""
    n_numbers = len(encoder.numbers)
    signs = np.array([columns.sign(name) for name in encoder.raw_names])
    spread = np.array([float(number.scale[0]) for number in encoder.numbers])
    scaled = [
        _scaled(values[:, :n_numbers], encoder) / spread for values in (own, typical)
    ]  # fmt: skip
    far = scaled[0] - scaled[1]
    far = np.where(signs[:n_numbers] == 0, np.abs(far), far * signs[:n_numbers])
    words = np.where((own == 1) & (typical == 0), 1.0, -np.inf)[:, n_numbers:]
    whole = np.hstack([far, words])
    return np.where(np.isfinite(whole) & (whole > 0), whole, -np.inf)


def _scaled(values: Floats, encoder: Encoder) -> Floats:
    logged = np.array([number.logged for number in encoder.numbers], dtype=bool)
    scaled: Floats = np.where(logged, np.sign(values) * np.log1p(np.abs(values)), values)
    return scaled


def _number(encoder: Encoder, own: Floats, typical: Floats, apart: Floats, mine: Any) -> str:
    """Say the number, or the word, by which a customer differs most within a driver."""
    candidates = np.where(mine, apart, -np.inf)
    if not np.isfinite(candidates).any():
        return ""
    place = int(np.argmax(candidates))
    name = encoder.raw_names[place]
    if place >= len(encoder.numbers):
        here, there = (_word(encoder, raw, name) for raw in (own, typical))
        return f"{_label(name)} {here} (typical of those who renewed: {there})"
    said = (_shown(name, value) for value in (own[place], typical[place]))
    return "{} {} (typical of those who renewed: {})".format(_label(name), *said)


def _word(encoder: Encoder, raw: Floats, name: str) -> str:
    at = len(encoder.numbers)
    for word in encoder.words:
        if word.name == name:
            marked = np.flatnonzero(raw[at : at + len(word.words)] == 1)
            return word.words[int(marked[0])] if len(marked) else _OTHER
        at += len(word.words)
    return _OTHER


def _label(name: str) -> str:
    measure = catalogue.parse(name)
    return _ATTRIBUTES[name] if measure is None else measure.label()


def _shown(name: str, value: float) -> str:
    measure = catalogue.parse(name)
    if measure is not None and measure.unit == "share":
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2g}"
