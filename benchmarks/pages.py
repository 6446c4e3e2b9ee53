"""Measure the exported pages of a run beside plain ``jupyter nbconvert --to html``.

    python benchmarks/pages.py reports/latest           every page, about three minutes
    python benchmarks/pages.py reports/latest --times 1 --only 02_adoption_thresholds

For each executed notebook of the run, two files are made and opened in headless Chromium with the
network off: our page, made anew, and nbconvert's.  Printed: figures of the notebook, size, size
compressed, hosts and requests asked for, figures drawn; for ours also the time from opening to
the first figure (median over ``--times``), and to the last when scrolled through, and how much of
one core all of it took (a machine that has other work to do stretches the clock, not this).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from cs_models.report import html

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-dev-shm-usage"]  # fmt: skip
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg .trace, .js-plotly-plot .hm').length"
FIGURES = """[...document.querySelectorAll('.js-plotly-plot')].filter(
  one => one.querySelector('.main-svg .trace, .main-svg .hm')).length"""
EXHIBIT = "application/vnd.cs-models.exhibit+json"
PATIENCE = 60  # seconds for a first figure


@dataclass(frozen=True)
class Seen:
    """What became of one file in the browser."""

    figures: int
    asked: list[str]
    first: float | None
    last: float | None
    core: float


def main() -> None:
    """Print one line a page, as a Markdown table."""
    arguments = _arguments()
    manifest = json.loads((arguments.run / "manifest.json").read_text(encoding="utf-8"))
    print(
        "| notebook | figures | MB / gzip | first figure, s | all, s | of a core, s | asked "
        "| nbconvert: MB / gzip | figures drawn | asked |\n" + "|---" + "|--:" * 9 + "|"
    )
    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        for executed in sorted(arguments.run.glob("*/executed.ipynb")):
            name = executed.parent.name
            if arguments.only in (None, name):
                print(_line(browser, executed, manifest, Path(folder), arguments.times), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--times", type=int, default=3, help="how often a page is opened")
    parser.add_argument("--only", help="name of one notebook")
    return parser.parse_args()


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


def _line(
    browser: Browser, executed: Path, manifest: dict[str, Any], folder: Path, times: int
) -> str:
    name = executed.parent.name
    ours, plain = folder / f"{name}.html", folder / f"{name}-plain.html"
    html.export(executed, ours, run=manifest)
    _nbconvert(executed, plain)
    seen = [_look(browser, ours) for _ in range(times)]
    other = _look(browser, plain, patience=8)
    figures = executed.read_text(encoding="utf-8").count(f'"{EXHIBIT}"')
    assert all(one.figures == figures for one in seen), f"{name}: not every figure was drawn"
    first, last, core = (
        _median([getattr(one, what) for one in seen]) for what in ("first", "last", "core")
    )
    hosts = sorted({urlsplit(url).netloc for url in other.asked})
    return (
        f"| {name} | {figures} | {_sizes(ours)} | {first} | {last} | {core} "
        f"| {len(seen[0].asked)} | {_sizes(plain)} | {other.figures} "
        f"| {len(other.asked)} ({', '.join(hosts)}) |"
    )


def _nbconvert(executed: Path, output: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", str(executed),
         "--output", output.name, "--output-dir", str(output.parent), "--log-level", "ERROR"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _look(browser: Browser, file: Path, *, patience: float = PATIENCE) -> Seen:
    """Open a file as a reader without a network would, wait for a figure, scroll to the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before, started = _core_seconds(), time.perf_counter()
    page.goto(file.as_uri(), wait_until="commit")
    first = _until(page, f"{DRAWN} > 0", started, patience)
    for chart in page.locator(".chart").element_handles():
        chart.scroll_into_view_if_needed()
    last = _until(
        page, f"{FIGURES} >= document.querySelectorAll('.chart').length", started, patience
    )
    figures, core = page.evaluate(FIGURES), _core_seconds() - before
    context.close()
    own = file.as_uri()
    return Seen(figures, [url for url in asked if url != own and "://" in url], first, last, core)


def _until(page: Page, expression: str, started: float, patience: float) -> float | None:
    while time.perf_counter() - started < patience:
        if page.evaluate(expression):
            return time.perf_counter() - started
        page.wait_for_timeout(10)
    return None


def _core_seconds() -> float:
    """Return the processor time of this process and of all that it started and still run."""
    told: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            told[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:13])))
    ours, grown = {os.getpid()}, True
    while grown:
        more = {one for one, (parent, _) in told.items() if parent in ours} - ours
        ours, grown = ours | more, bool(more)
    return sum(told[one][1] for one in ours if one in told) / os.sysconf("SC_CLK_TCK")


def _sizes(file: Path) -> str:
    whole = file.read_bytes()
    return f"{len(whole) / 1e6:.2f} / {len(gzip.compress(whole, 6)) / 1e6:.2f}"


def _median(times: list[float | None]) -> str:
    known = [one for one in times if one is not None]
    return f"{statistics.median(known):.1f}" if known else "never"


if __name__ == "__main__":
    main()
