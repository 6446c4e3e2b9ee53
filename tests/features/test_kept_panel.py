"""A panel and its guards are worked out once a run, and are what they are without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import ibis
import pandas as pd
import pytest

from cs_models import kept
from cs_models.data.faults import CheckReport
from cs_models.data.tables import Tables
from cs_models.errors import DataError
from cs_models.features import cohort, guards, panel

AS_OF = date(2025, 3, 31)
ASKED = {"windows_days": (28,), "first_days": (30,), "min_accounts": 2}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the folder of a run."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def records(small: SimpleNamespace) -> Tables:
    """Return tables inside an engine, as a run reads them."""
    world = small.random_world(5, n_accounts=30)
    backend = ibis.duckdb.connect()
    tables = {}
    for name, rows in world.items():
        backend.con.register(f"raw {name}", rows.to_pyarrow())
        backend.con.execute(f'CREATE TABLE "{name}" AS FROM "raw {name}"')
        tables[name] = backend.table(name)
    return Tables(tables, backend, AS_OF, "UTC", "USD", CheckReport(), "these")


def n_kept(place: Path) -> int:
    """Return how many frames are kept."""
    return sum(path.suffix != ".lock" for path in place.iterdir())


def test_a_kept_panel_is_the_panel(records, place, monkeypatch):
    """Values, types, order and attrs; the second time nothing is counted."""
    plain = panel.build(records, cohort.terms(records, AS_OF, days=30), **ASKED)
    with kept.within(place):
        first = panel.build(records, cohort.terms(records, AS_OF, days=30), **ASKED)
        monkeypatch.setattr(panel, "_made", None)  # whoever makes it again fails
        monkeypatch.setattr(panel.recipes, "plan", None)
        second = panel.build(records, cohort.terms(records, AS_OF, days=30), **ASKED)
    for found in (first, second):
        pd.testing.assert_frame_equal(found, plain, check_exact=True)
        assert kept.same(found, plain)
    assert panel.recipe_of(second) == panel.recipe_of(plain)
    assert plain.attrs["left_out_features"] == second.attrs["left_out_features"]


def test_whatever_decides_a_panel_makes_another(records, place):
    """Other tables, another cohort or other columns: none gets an older answer."""
    terms = cohort.terms(records, AS_OF, days=30)
    fewer = replace(terms, terms=terms.terms.limit(5), points=terms.points.limit(5))
    asked = [
        (records, terms, ASKED),
        (replace(records, fingerprint="others"), terms, ASKED),
        (records, cohort.terms(records, AS_OF, days=31), ASKED),
        (records, cohort.terms(records, AS_OF, days=30, grace_days=60), ASKED),
        (records, cohort.running(records, AS_OF, days=30), ASKED),
        (records, replace(terms, data_start=date(2023, 6, 1)), ASKED),
        (records, fewer, ASKED),
        (records, terms, ASKED | {"first_days": (31,)}),
        (records, terms, ASKED | {"features": ["f"]}),
        (records, terms, ASKED | {"relations": True}),
        (records, terms, ASKED | {"unfinished": True}),
    ]
    with kept.within(place):
        names = [panel.identity(t, c, a) for t, c, a in asked]
    assert len(set(names)) == len(names)
    assert "" not in names


def test_what_no_run_has_read_is_never_kept(records, place):
    """Altered tables, terms in memory and everything outside of a run are worked out anew."""
    terms = cohort.terms(records, AS_OF, days=30)
    frame = panel.build(records, terms, **ASKED)
    with kept.within(place):
        in_memory = guards._restrict(terms, frame.head(3))
        assert panel.identity(records, in_memory, 1) == ""
        assert panel.identity(dict(records), terms, 1) == ""
        assert panel.identity(replace(records, fingerprint=""), terms, 1) == ""
        elsewhere = replace(records, connection=ibis.duckdb.connect())
        assert panel.identity(elsewhere, terms, 1) == ""
        panel.build(dict(records), terms, **ASKED)
        assert list(place.iterdir()) == []
    assert panel.identity(records, terms, 1) == ""


def test_guards_run_once_for_exactly_this_panel(records, place, monkeypatch):
    """Their table is kept under the panel's content: one altered cell is another panel."""
    terms = cohort.terms(records, AS_OF, days=30)
    frame = panel.build(records, terms, **ASKED)
    plain = guards.check(records, terms, frame)
    with kept.within(place):
        first = guards.check(records, terms, frame)
        assert n_kept(place) == 1
        altered = frame.copy()
        name = next(name for name in frame.columns if name.startswith("events__"))
        altered[name] = altered[name] + 1.0
        with pytest.raises(DataError, match="knows more than could be known"):
            guards.check(records, terms, altered, sample=len(frame))
        guards.check(records, terms, frame, random_state=1)
        assert n_kept(place) == 2
        monkeypatch.setattr(guards, "_checked", None)  # whoever runs them again fails
        second = guards.check(records, terms, frame.copy())
    assert first.equals(plain)
    assert second.equals(plain)


def test_guards_with_a_way_of_their_own_are_never_kept(records, place):
    """A function cannot be named, so that what it decides is worked out every time."""
    terms = cohort.terms(records, AS_OF, days=30)
    frame = panel.build(records, terms, **ASKED)
    recipe = panel.recipe_of(frame)
    with kept.within(place):
        guards.check(records, terms, frame, rebuild=lambda t, c: panel.make(t, c, recipe))
    assert n_kept(place) == 0
