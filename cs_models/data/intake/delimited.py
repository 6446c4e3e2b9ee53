"""CSV read as text, whole and strictly: an explicit column list, no sniffing, no repair.

What a lenient reader passes over in silence is refused here with the file, the place and the
repair: two columns of one name, a comma too many on every row, bytes that are not the declared
encoding.
"""

from __future__ import annotations

import codecs
import csv
import gzip
from itertools import islice
from pathlib import Path
from typing import IO

from cs_models.errors import DataError

_ENGINE_ENCODING = {"utf-8": "utf-8", "latin-1": "latin-1", "utf-16": "utf-16"}
_PREVIEW_ROWS = 1000
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BLOCK = 1 << 20


def header(path: Path, *, encoding: str, delimiter: str) -> list[str]:
    """Return the column names of a CSV file.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.csv.gz`` file.
    encoding : str
        Declared encoding.
    delimiter : str
        One character.

    Returns
    -------
    list of str
        Names in the file's order, stripped.

    Raises
    ------
    DataError
        When the file is empty, in another encoding, names a column twice or not at all, or one of
        its first 1,000 rows has another number of fields than its header.
    """
    try:
        with _opened(path, "utf-8-sig" if encoding == "utf-8" else encoding) as file:
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(rows, [])]
            _check_names(path, names)
            for number, row in enumerate(islice(rows, _PREVIEW_ROWS), start=2):
                if row and len(row) != len(names):
                    raise DataError(
                        "a row has another number of fields than the header",
                        where=f"{path}, row {number}",
                        got=f"{len(row)} fields under {len(names)} names: "
                        f"{delimiter.join(row)[:120]}",
                        repair="quote fields that hold the delimiter, and end no row with one",
                    )
    except UnicodeError as error:
        raise not_in_encoding(path, encoding) from error
    except (csv.Error, EOFError, OSError) as error:
        raise DataError(
            "a CSV file cannot be read",
            where=str(path),
            got=str(error),
            repair="write the file again, whole",
        ) from error
    return names


def not_in_encoding(path: Path, encoding: str) -> DataError:
    """Return the refusal of a file in another encoding than declared, with its first bad byte."""
    position = first_bad_byte(path, encoding)
    got = (
        "bytes of another encoding"
        if position is None
        else f"byte 0x{position[1]:02x} at offset {position[0]:,}"
    )
    return DataError(
        f"the file is not {encoding}",
        where=str(path),
        got=got,
        repair="save it as UTF-8, or declare the source's `encoding:` (utf-8, latin-1, utf-16)",
    )


def scan_sql(path: str, names: list[str], *, encoding: str, delimiter: str) -> str:
    """Return the table function that reads a CSV file as text columns.

    Parameters
    ----------
    path : str
        The file, already quoted as an SQL literal.
    names : list of str
        Its columns, from `header`.
    encoding, delimiter : str
        As declared.
    """
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({path}, auto_detect = false, header = true, columns = {{{columns}}}, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', comment = '', "
        f"strict_mode = true, null_padding = false, ignore_errors = false, "
        f"encoding = {literal(_ENGINE_ENCODING[encoding])})"
    )


def ends_in_a_line(path: Path) -> bool:
    """Return whether a plain CSV file's last line is ended; a file cut short seldom is."""
    if path.suffix == ".gz" or path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in b"\r\n\0"


def literal(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _check_names(path: Path, names: list[str]) -> None:
    seen: dict[str, int] = {}
    for name in names:
        seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
    doubled = [name for name in names if seen[name.casefold()] > 1]
    if not names or "" in names:
        raise DataError(
            "the header does not name every column",
            where=str(path),
            got=", ".join(names) or "an empty file",
            repair="give every column a name in the first row",
        )
    if doubled:
        raise DataError(
            "two columns have one name",
            where=str(path),
            got=", ".join(doubled),
            repair="rename or drop one of them in the export",
        )


def _opened(path: Path, encoding: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    if encoding.startswith("utf-8"):
        with path.open("rb") as file:
            if file.read(2) in _MARKS:
                raise not_in_encoding(path, "utf-8")
    return path.open(encoding=encoding, newline="")


def first_bad_byte(path: Path, encoding: str) -> tuple[int, int] | None:
    """Return offset and value of the first byte of a CSV file that is not in its encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while block := file.read(_BLOCK):
                pending = len(decoder.getstate()[0])
                decoder.decode(block)
                offset += len(block)
    except UnicodeDecodeError as error:
        return offset - pending + error.start, error.object[error.start]
    except (EOFError, OSError):
        return None  # cut short: another fault, told by who reads it whole
    return None
