"""No finding without how it is known: on every page of a run of the sample."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from cs_models.report.page import blocks

FOUND = frozenset({"finding", "caution"})


@pytest.fixture(scope="module")
def pages(run_folder: Path) -> dict[str, blocks.Report]:
    """Return every page of the run, by its folder's name."""
    return {
        path.parent.name: blocks.read(nbformat.read(path, as_version=4))
        for path in sorted(run_folder.glob("0*/executed.ipynb"))
    }


def test_each_section_with_a_finding_ends_with_how_it_is_known(
    pages: dict[str, blocks.Report],
) -> None:
    """Below the answer, which the sections bear out, no sentence stands without its method."""
    found = [
        (page, section)
        for page, report in pages.items()
        for section in report.sections
        if any(
            block.kind == "statement" and block.content["role"] in FOUND for block in section.blocks
        )
    ]
    assert found
    bare = [f"{page}: {section.title}" for page, section in found if not _known(section)]
    assert not bare, "\n".join(bare)


def _known(section: blocks.Section) -> bool:
    """Say whether a section ends with its method, or is that of the whole page."""
    return section.blocks[-1].kind == "known" or section.title.startswith("How we know")
