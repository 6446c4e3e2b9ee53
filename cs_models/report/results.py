"""What a notebook leaves for a machine: ``results.json`` and the tables as CSV.

Grain: one ``results.json`` a notebook and run, one CSV a table.  The leadership brief, the
index page and the tests read them, so they are strict JSON: no ``NaN``, dates as ISO text,
``Decimal`` as JSON numbers, keys sorted.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from cs_models import files
from cs_models.errors import NotebookError
from cs_models.report import values

FILE_NAME = "results.json"

# A spreadsheet takes a text cell that starts so for a formula (OWASP, "CSV injection"); the
# full-width signs count in East Asian settings.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Finding:
    """One finding, machine-readable.

    Parameters
    ----------
    id : str
        The same from run to run, so that runs can be compared.
    statement : str
        The sentence of the page.
    value, low, high : float, optional
        The estimate and its interval, in `unit`.
    unit : str, default ""
        ``"share"`` for proportions (0 to 1), a currency code for money, a word otherwise.
    n : int, optional
        How many cases it rests on (accounts or terms, as the statement says).
    verdict : str, optional
        A verdict of ``methods.md`` 2.5.
    table : str, default ""
        Id of the table or figure behind it.
    """

    id: str
    statement: str
    value: Any = None
    low: Any = None
    high: Any = None
    unit: str = ""
    n: int | None = None
    verdict: str | None = None
    table: str = ""


def save(
    output_dir: str | Path | None,
    *,
    headline: str,
    as_of: date | str,
    counts: Mapping[str, Any],
    findings: Sequence[Finding | Mapping[str, Any]],
    **extra: Any,
) -> dict[str, Any]:
    """Write ``results.json`` into `output_dir` and return what was written.

    Parameters
    ----------
    output_dir : str, Path or None
        Folder of the notebook in its run; None (a notebook driven by hand) writes nothing.
    headline : str
        The answer in one or two sentences.
    as_of : date or str
        The run's date.
    counts : mapping
        Terms, accounts, churned terms and what else was counted.
    findings : sequence of Finding or mapping
        In the order of the page.
    **extra
        Whatever else readers of this notebook expect (``thresholds``, ``metrics``, ...).

    Returns
    -------
    dict
        Strict JSON; frames in `extra` become lists of one dict a row.

    Raises
    ------
    NotebookError
        When a finding's id repeats, or a value has no JSON form.
    """
    listed = [asdict(item) if isinstance(item, Finding) else dict(item) for item in findings]
    _refuse_repeated([str(item.get("id", "")) for item in listed])
    content: dict[str, Any] = values.plain(
        {
            **{name: _records(value) for name, value in extra.items()},
            "headline": headline,
            "as_of": as_of,
            "counts": counts,
            "findings": listed,
        }
    )
    if output_dir is not None:
        files.write_json_atomic(Path(output_dir) / FILE_NAME, content)
    return content


def write_table(output_dir: str | Path | None, name: str, frame: pd.DataFrame) -> Path | None:
    """Write `frame` as ``tables/<name>.csv``, safe to open in a spreadsheet.

    A text that a spreadsheet would take for a formula gets a ``'`` in front (column names
    too); numbers keep their signs.

    Parameters
    ----------
    output_dir : str, Path or None
        Folder of the notebook in its run; None writes nothing.
    name : str
        Lower-case words with ``_`` or ``-``.
    frame : DataFrame
        One row a row; its index is not written.

    Returns
    -------
    Path or None
        The file.
    """
    if output_dir is None:
        return None
    if not name.replace("_", "").replace("-", "").isalnum():
        raise NotebookError(
            "a table's name is not a file name", got=repr(name), repair="letters, digits, - and _"
        )
    path = Path(output_dir) / "tables" / f"{name}.csv"
    files.write_bytes_atomic(path, csv(frame))
    return path


def csv(frame: pd.DataFrame) -> bytes:
    """Return `frame` as a CSV file that is safe to open in a spreadsheet.

    Parameters
    ----------
    frame : DataFrame
        One row a row; its index is not written.

    Returns
    -------
    bytes
        UTF-8; texts that a spreadsheet would take for a formula have a ``'`` in front.
    """
    safe = frame.map(_unformula) if len(frame) else frame.copy()
    safe.columns = pd.Index([_unformula(str(column)) for column in frame.columns])
    text = io.StringIO()
    safe.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode("utf-8", "replace")


def _unformula(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    marked = f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    # A lone carriage return is not quoted by pandas, but starts a new row in a spreadsheet.
    return marked.replace("\r\n", "\n").replace("\r", "\n")


def _records(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return [
            dict(zip(map(str, value.columns), row, strict=True))
            for row in value.itertuples(index=False, name=None)
        ]
    return value


def _refuse_repeated(identifiers: Sequence[str]) -> None:
    repeated = sorted({name for name in identifiers if identifiers.count(name) > 1})
    if repeated or "" in identifiers:
        raise NotebookError(
            "each finding needs an id of its own",
            got=", ".join(map(repr, repeated)) or "an empty id",
            repair="name findings by what they say, the same from run to run",
        )
