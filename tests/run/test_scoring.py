"""`cs-models score`: today's customers by a model that was stored, or a refusal and no file."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
import skops.io

from cs_models import cli, files, kept
from cs_models.data import simulate, sources
from cs_models.features import cohort, panel
from cs_models.learn import churn
from cs_models.learn.evaluation.recalibration import Recalibration
from cs_models.run import scoring
from cs_models.run.reading import run_file

AS_OF = date(2026, 6, 30)
RUN_FILE = "source: {path: data/book}\nas_of: 2026-06-30\n"
MODEL = "reports/one/03_churn_predictors/model"
FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, kept_folder: Path) -> Path:
    """Return a project with 300 invented customers of a hostile name, and a model."""
    root = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "parameters"):
        (root / name).mkdir()
    (root / "parameters/run.yml").write_text(RUN_FILE)
    simulate.write(root / "data/book", scenario="step", n_accounts=300, seed=3, dirty=False)
    for left in ("truth.json", "checksums.json"):
        (root / "data/book" / left).unlink()
    name = f"SELECT * REPLACE ('{FORMULA}' AS account_name) FROM {{}}"
    _rewrite("accounts", name, root)
    with kept.within(kept_folder):
        frame = _frame(root, running=False)
    past = SimpleNamespace(chosen="L3", calibrators={"L3": Recalibration("none")}, grace_days=30)
    model = churn.fit(frame, past, n_refits=5)  # type: ignore[arg-type]
    churn.save(model, root / MODEL)
    return root


def _frame(root: Path, *, running: bool) -> pd.DataFrame:
    source = run_file.load(root / "parameters/run.yml").resolved_source()
    tables = sources.read(source, as_of=AS_OF, timezone="UTC", currency="USD")
    if running:
        chosen = cohort.running(tables, AS_OF, decision="before_renewal", days=90)
    else:
        chosen = cohort.terms(tables, AS_OF, decision="before_renewal", days=90)
    return panel.build(tables, chosen, windows_days=(28, 90), first_days=(60,), relations=True)


@pytest.fixture
def project(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the project that a test may spoil; the working directory is in it."""
    shutil.copytree(book, tmp_path / "p")
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


def _score(model: str, *words: str) -> int:
    return cli.call(["score", "parameters/run.yml", "--model", model, "-o", "out/s.csv", *words])


def _only_required() -> None:
    """Take all other tables away, where what is looked at is told without reading them."""
    for path in Path("data/book").glob("*.parquet"):
        if path.stem not in ("accounts", "subscriptions", "events"):
            path.unlink()


def _rewrite(table: str, select: str, root: Path = Path()) -> None:
    path = root / f"data/book/{table}.parquet"
    with duckdb.connect() as connection:
        rows = connection.sql(select.format(f"'{path}'")).to_arrow_table()
        connection.sql(f"COPY rows TO '{path}' (FORMAT parquet)")
    assert len(rows)


@pytest.fixture(scope="module")
def scored(book: Path, kept_folder: Path) -> tuple[bytes, str, str]:
    """Return the file of the untouched project's scores, and the words that went with it."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
        kept.within(kept_folder),
    ):
        patch.chdir(book)
        assert _score("reports/one") == 0
        said = Path("out/s.csv").read_bytes()
        shutil.rmtree("out")
    return said, out.getvalue(), err.getvalue()


def _table(scored: tuple[bytes, str, str]) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(scored[0]), dtype={"account_id": str}, keep_default_na=False)


def test_each_running_term_gets_what_the_model_says_of_it(book, scored, kept_folder):
    """The chances of the notebook, most at risk first, with parts that add up and reasons."""
    _, out, err = scored
    assert out.strip() == "out/s.csv"
    assert "running terms" in err
    table = _table(scored)
    stored = churn.load(book / MODEL)
    with kept.within(kept_folder):
        frame = _frame(book, running=True)
    expected = churn.score(stored, frame).set_index("subscription_id").loc[table["subscription_id"]]
    no_chance = table["not_read_because"].isin(["decided", "notice", "short"])
    given = ~no_chance.to_numpy()
    for name in ("p_churn", "p_low", "p_high"):
        table[name] = pd.to_numeric(table[name])
        np.testing.assert_allclose(table[name][given], expected[name].to_numpy()[given], rtol=1e-12)
        assert table.loc[no_chance, name].isna().all()
    read = table["not_read_because"] == ""
    assert read.any()
    assert table.loc[read, "p_churn"].is_monotonic_decreasing
    assert not read[~read.cummin()].any()
    drivers = table[list(churn.DRIVERS)].sum(axis=1) + table["base"]
    told_p = 1 / (1 + np.exp(-drivers[given]))
    np.testing.assert_allclose(told_p, table["p_churn"][given], atol=1e-6)
    ends = pd.to_datetime(table["term_end"])
    away = (ends - pd.Timestamp(AS_OF)).dt.days
    assert away[read].between(44, 136).all()
    assert (away[table["not_read_because"] == "later"] > 136).all()
    largest = table[list(churn.DRIVERS)].max(axis=1)
    assert ((table["reason_1"] != "") == (largest >= 0.05)).all()
    assert table["reason_1"].str.contains("typical of those who renewed").any()


def test_a_name_cannot_become_a_formula_in_a_spreadsheet(scored):
    """An account called =HYPERLINK(…) stands in the file as text."""
    assert set(_table(scored)["account_name"]) == {"'" + FORMULA}


def test_the_order_of_rows_and_columns_in_the_source_changes_no_score(project, scored):
    """Columns are found by name: reversed tables give the same file."""
    with duckdb.connect() as connection:
        names = [
            row[0]
            for row in connection.sql("DESCRIBE FROM 'data/book/subscriptions.parquet'").fetchall()
        ]
    _rewrite(
        "subscriptions",
        f"SELECT {', '.join(reversed(names))} FROM {{}} ORDER BY hash(subscription_id)",
    )
    assert _score(MODEL) == 0
    assert Path("out/s.csv").read_bytes() == scored[0]


def test_a_source_without_what_the_model_reads_exits_3_and_names_it(project, capsys):
    """A feature or a table that is no longer mapped is no score of nought; the old file stays."""
    Path("out").mkdir()
    Path("out/s.csv").write_text("before")
    Path("data/book/tickets.parquet").unlink()
    assert _score("reports/one") == 3
    told = capsys.readouterr().err
    assert "does not hold what the model reads" in told
    assert "ticket" in told
    _only_required()
    feature = churn.load(MODEL).recipe["features"][0]
    _rewrite("events", f"SELECT * FROM {{}} WHERE feature <> '{feature}'")
    assert _score("reports/one") == 3
    assert feature in capsys.readouterr().err
    assert Path("out/s.csv").read_text() == "before"


def test_nobody_to_score_exits_4(project, capsys):
    """A book without a running contract is too little data, not an empty list."""
    _only_required()
    assert _score("reports/one", "--set", "as_of=2080-01-01") == 4
    assert "no contract runs" in capsys.readouterr().err
    assert not Path("out/s.csv").exists()


@pytest.mark.parametrize("named", ["reports/one", "reports/one/03_churn_predictors", MODEL])
def test_a_model_is_found_from_its_run_its_report_or_itself(book, named):
    """Whichever folder a person names, the same model is meant."""
    assert scoring.find(book / named).resolve() == (book / MODEL).resolve()


def test_a_model_that_is_absent_or_changed_exits_3(project, capsys):
    """The repair says where to take a good one from."""
    assert _score("reports") == 3
    assert "no model.json" in capsys.readouterr().err
    path = Path(MODEL, "model.json")
    path.write_text(path.read_text().replace('"n_churned": ', '"n_churned": 1'))
    assert _score("reports/one") == 3
    assert "was changed" in capsys.readouterr().err


def test_a_model_file_made_to_run_something_runs_nothing(project, capsys):
    """Even with hashes that fit: exit 3, no file, no marker."""
    folder = Path(MODEL)
    data = skops.io.dumps(functools.partial(os.system, "touch marker"))
    (folder / "model.skops").write_bytes(data)
    header = files.read_sealed_json(folder / "model.json", largest=10**8)
    header["estimators"] = {"sha256": hashlib.sha256(data).hexdigest()}
    files.write_sealed_json_atomic(folder / "model.json", header)
    assert _score("reports/one") == 3
    assert "what no churn model has" in capsys.readouterr().err
    assert not Path("marker").exists()
    assert not Path("out/s.csv").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipe", {}),
        ("recipe", {"wings": 2}),
        ("encoder", {}),
        ("fitted", {"kind": "boosted"}),
        ("calibrator", None),
        ("trained_to", "soon"),
    ],
)
def test_a_description_that_is_no_model_exits_3(project, capsys, name, value):
    """Sealed or not, what it says of itself is checked when it is put together."""
    path = Path(MODEL, "model.json")
    header = files.read_sealed_json(path, largest=10**8)
    header["model"][name] = value
    files.write_sealed_json_atomic(path, header)
    assert _score(str(path.parent)) == 3
    assert "model.json" in capsys.readouterr().err
