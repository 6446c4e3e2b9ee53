"""Long work says how far it is to whoever listens, and runs alike where nobody does."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from cs_models import progress
from cs_models.run.lab import bars, session


class _Ear:
    def __init__(self) -> None:
        self.heard_of: list[list[tuple[str, int, int]]] = []

    def heard(self, steps: Sequence[progress.Step]) -> None:
        self.heard_of.append([(step.label, step.done, step.total) for step in steps])


@pytest.fixture
def ear() -> Iterator[_Ear]:
    """Return a listener; nobody listens afterwards."""
    listener = _Ear()
    progress.listen(listener)
    yield listener
    progress.listen(None)


def test_items_pass_unchanged_whoever_listens(ear: _Ear) -> None:
    """A loop over items sees the same items with a listener and without one."""
    heard = list(progress.through("abc", "letters"))
    progress.listen(None)
    assert heard == list(progress.through("abc", "letters")) == ["a", "b", "c"]


def test_without_a_listener_nothing_is_kept() -> None:
    """Where nobody listens the loop runs over the items' own iterator, with nothing in between."""
    items = range(3)
    assert type(progress.through(items, "numbers")) is type(iter(items))
    with progress.step("numbers", 3) as step:
        step.advance()
    assert step.done == 1


def test_steps_are_told_from_the_outermost_to_the_last(ear: _Ear) -> None:
    """Inner work is told below outer work, counts grow, and the end is told too."""
    for _ in progress.through(range(2), "quarters"):
        with progress.step("refits", 5) as inner:
            inner.advance(5)
    assert [("quarters", 1, 2), ("refits", 5, 5)] in ear.heard_of
    assert ear.heard_of[0] == [("quarters", 0, 2)]
    assert ear.heard_of[-1] == []


def test_work_that_fails_or_is_left_half_way_ends_too(ear: _Ear) -> None:
    """An error, or a generator nobody finishes, leaves no step open."""
    with pytest.raises(ValueError, match="broken"), progress.step("refits", 5):
        raise ValueError("broken")
    left = progress.through(range(9), "quarters")
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert ear.heard_of[-1] == []


def test_other_threads_are_not_heard(ear: _Ear) -> None:
    """Only the thread that listens is heard: others cannot write below its cell."""
    worker = threading.Thread(target=lambda: list(progress.through(range(3), "elsewhere")))
    worker.start()
    worker.join()
    assert ear.heard_of == []


def test_what_is_told_changes_no_number(ear: _Ear) -> None:
    """Re-draws of customers are the same with a listener and without one."""
    from cs_models.learn.evaluation import bootstrap

    def drawn() -> np.ndarray:
        rng = np.random.default_rng(3)
        return np.concatenate(list(bootstrap.drawings(50, 30, rng, n_rows=80)), axis=1)

    heard = drawn()
    assert any(steps and steps[0][0] == "batches of re-draws" for steps in ear.heard_of)
    progress.listen(None)
    np.testing.assert_array_equal(heard, drawn())


def test_bars_wait_for_long_work_and_go_away() -> None:
    """A bar is shown for work that lasts, not at every item, and is taken away at the end."""
    seconds = iter([10.0, 10.1, 11.0, 11.05, 11.9, 12.0])
    shown: list[str] = []
    listener = bars.Bars(lambda _, plain: shown.append(plain), lambda: next(seconds))
    step = progress.Step("<b>shuffles</b>", 9)
    for done in (0, 1, 2, 3, 4):
        step.done = done
        listener.heard([step])
    listener.heard([])
    assert shown == ["<b>shuffles</b> 2 of 9", "<b>shuffles</b> 4 of 9", ""]
    assert "&lt;b&gt;shuffles" in bars.markup([step])


def test_only_an_opened_notebook_is_attended() -> None:
    """A kernel that no Jupyter server opened, or that a run started, shows no bars."""
    opened = {"JPY_SESSION_NAME": "notebooks/02_adoption_thresholds.ipynb"}
    assert session.attended(opened)
    assert not session.attended({})
    assert not session.attended(opened | {session.HEADLESS: "1"})
