"""A table that is wider than its box says so, to the eye and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from cs_models.report import html

pytestmark = pytest.mark.browser


def test_a_table_that_scrolls_says_so_and_one_that_fits_does_not(
    open_page: Callable[..., Any], good: nbformat.NotebookNode
) -> None:
    """On a phone each table wider than its box has words above it; the others have none."""
    page = open_page(html.page(good), width=360)
    for fold in page.locator("details").all():
        fold.evaluate("box => { box.open = true }")
    page.wait_for_timeout(200)
    boxes = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(box => box.clientWidth).map(box => [
        box.scrollWidth > box.clientWidth + 1, box.classList.contains('wider'),
        box.previousElementSibling?.className === 'hint'])"""
    )
    assert any(wider for wider, _, _ in boxes)
    assert all(wider == marked == said for wider, marked, said in boxes)
    assert page.problems == []
