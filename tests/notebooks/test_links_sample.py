"""A number leads to where it can be seen: on every page of a run of the sample."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cs_models.report.page import blocks, lint

TOKEN = re.compile(r"(?<![\w.])[−+-]?[$€£]?\d+(?:,\d{3})*(?:\.\d+)?")
_ELSEWHERE = re.compile(r"(?:\.\./)+(?:[^#]*?/)?([^/#]+)/report\.html#(.+)")
# Of the numbers that link, so many must stand in the table they lead to, as written or rounded.
LEAST_SHARE = 0.975


@pytest.fixture(scope="module")
def pages(run_folder: Path) -> dict[str, blocks.Report]:
    """Return every page of the run, by its folder's name."""
    return {
        path.parent.name: blocks.read(nbformat.read(path, as_version=4))
        for path in sorted(run_folder.glob("0*/executed.ipynb"))
    }


def test_numbers_lead_to_where_they_can_be_seen(pages: dict[str, blocks.Report]) -> None:
    """The table a number links to holds it: in a cell, in its note, or as its number of rows."""
    tables = {page: dict(_tables(report)) for page, report in pages.items()}
    lost, n = [], 0
    for page, report in pages.items():
        for payload, part in _linked(report):
            away = _ELSEWHERE.match(part["href"])
            place, name = away.groups() if away else (page, part["href"].removeprefix("#"))
            for token in TOKEN.findall(part["text"]):
                n += 1
                if not seen(token, tables.get(place, {}).get(name)):
                    lost.append(f"{page} {payload['id']}: {part['text']} in {name}")
    assert n
    assert 1 - len(lost) / n >= LEAST_SHARE, "\n".join(lost)


def test_no_count_stands_loose(pages: dict[str, blocks.Report]) -> None:
    """On our own pages every number of a sentence is linked, plain counts included."""
    lost = []
    for page, report in pages.items():
        known = lint.names(table for _, table in _tables(report))
        said = [block.content for block in report.blocks if block.kind == "statement"]
        lost += [
            f"{page}: {number}"
            for payload in said
            if payload["verdict"] != "too_little_data"
            for number in lint.loose(payload["parts"], known)
        ]
    assert not lost, "\n".join(lost)


def _linked(report: blocks.Report) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for block in report.blocks:
        if block.kind == "statement":
            for part in block.content["parts"]:
                if "#" in part.get("href", ""):
                    yield block.content, part


def _tables(report: blocks.Report) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for block in report.blocks:
        if block.kind == "table":
            yield block.content["id"], block.content
        elif block.kind == "exhibit":
            yield block.content["id"], block.content["table"]
            yield block.content["table"]["id"], block.content["table"]


def seen(token: str, table: Mapping[str, Any] | None) -> bool:
    """Say whether a number as written is one that the table shows, up to its rounding."""
    if table is None:
        return False
    value = _number(token)
    digits = len(token.partition(".")[2])
    # Amounts of a forecast are told with three digits that count.
    near = max(0.5 * 10**-digits, 0.006 * value if value >= 1000 else 0.0) + 1e-9
    shown = [*_shown(table), float(len(table["rows"]) + table["left_out"])]
    return any(abs(abs(number) - value) <= near for number in shown)


def _shown(table: Mapping[str, Any]) -> Iterator[float]:
    words = [table["title"], table["note"], *(column["label"] for column in table["columns"])]
    for row in table["rows"]:
        for cell in row:
            if isinstance(cell, str):
                words.append(cell)
            elif isinstance(cell, int | float) and not isinstance(cell, bool):
                yield from (cell, 100 * cell, 100 - 100 * cell)  # a share, of 100, and its rest
    for text in words:
        for token in TOKEN.findall(text):
            yield from (_number(token), 100 * _number(token))


def _number(token: str) -> float:
    return float(re.sub(r"[^\d.]", "", token))
