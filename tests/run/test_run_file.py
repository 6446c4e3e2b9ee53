"""A run file is refused as a whole, before any kernel, with the place of every fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from cs_models import errors
from cs_models.run.reading import project, run_file

HEAD = 'source: {path: data/tiny}\nas_of: "2026-06-30"\n'
SECRET = "hunter2-canary"


@pytest.fixture
def load(tmp_path):
    """Return a reader of run files given as text, inside a project."""
    for name in ("notebooks", "parameters", "data/tiny"):
        (tmp_path / name).mkdir(parents=True)

    def read(text: str = HEAD, *sets: str) -> run_file.Run:
        path = tmp_path / "parameters/run.yml"
        path.write_text(text, encoding="utf-8")
        return run_file.load(path, sets)

    return read


def _refusal(load, text: str = HEAD, *sets: str) -> errors.ParameterError:
    with pytest.raises(errors.ParameterError) as refusal:
        load(text, *sets)
    return refusal.value


def test_an_unquoted_date_means_the_quoted_one(load):
    """`as_of: 2026-06-30` and `as_of: "2026-06-30"` are the same run."""
    assert load(HEAD.replace('"', "")).sections == load(HEAD).sections


def test_sections_get_the_common_fields(load):
    """Every notebook is told the source, the date and the seed of the whole run."""
    run = load(HEAD + "seed: 3\nadoption_thresholds: {alpha: 0.1}\n")
    assert {section.seed for section in run.sections.values()} == {3}
    assert run.sections["adoption_thresholds"].alpha == 0.1


def test_an_override_wins_over_the_file_and_the_last_over_the_first(load):
    """`--set` twice for one name takes the second."""
    run = load(HEAD + "seed: 1\n", "seed=2", "seed=3")
    assert run.common.seed == 3
    assert run.assignments == ("seed", "seed")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tresholds.alpha=0.1", "adoption_thresholds.alpha"),
        ("adoption_thresholds.alpa=0.1", "adoption_thresholds.alpha"),
        ("alpha=0.1", "adoption_thresholds.alpha"),
        ("sed=3", "seed"),
        ("source.pth=x", "source.path"),
        ("adoption_treshold.n_permutation=999", "adoption_thresholds.n_permutations"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_name_that_was_meant(load, typed, meant):
    """Papermill would only log a warning and go on with the default."""
    refusal = _refusal(load, HEAD, typed)
    assert typed.partition("=")[0] in str(refusal)
    assert refusal.repair == f"did you mean {meant}?"


def test_a_misspelt_name_in_the_file_is_refused_with_its_line(load):
    """The line is that of the name."""
    refusal = _refusal(load, HEAD + "adoption_thresholds:\n  alpha: 0.1\n  alfa: 0.1\n")
    assert refusal.where == "run.yml, line 5"
    assert "adoption_thresholds.alfa" in refusal.what


def test_all_faults_are_told_together(load):
    """An unknown name does not hide a wrong value, nor one section another."""
    text = HEAD + "foo: 1\ndata_readiness: {landmark_days: 3}\nadoption_thresholds: {alpha: 7}\n"
    refusal = str(_refusal(load, text, "seed=-1"))
    assert "4 parameters are wrong" in refusal
    assert all(
        name in refusal
        for name in ("foo", "seed", "data_readiness.landmark_days", "adoption_thresholds.alpha")
    )


def test_a_refusal_says_what_the_field_is(load):
    """Somebody who does not know the field can repair it from the message."""
    refusal = _refusal(load, HEAD, "adoption_thresholds.alpha=7")
    assert refusal.where == "--set adoption_thresholds.alpha"
    assert "announce a threshold" in refusal.repair


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('as_of: "2026-06-30"\n', "source"),
        ("source: {path: x}\n", "as_of"),
        (HEAD + "output_dir: /tmp\n", "set by the run"),
        (HEAD + "adoption_thresholds: 7\n", "mapping"),
        (HEAD + "adoption_thresholds: {seed: 7}\n", "top of the file"),
        (HEAD.replace("data/tiny", "''"), "source.path"),
    ],
)
def test_what_is_missing_or_misplaced_is_refused(load, text, word):
    """Required fields, fields of the run itself, and common fields inside a section."""
    assert word in str(_refusal(load, text))


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        (HEAD + f"db_password: {SECRET}\n", ()),
        (HEAD + f"adoption_thresholds: {{apiToken: {SECRET}}}\n", ()),
        (HEAD + f"a: [{{b: {{client-secret: {SECRET}}}}}]\n", ()),
        (HEAD, (f"source.api_key={SECRET}",)),
        (HEAD, (f"token={SECRET}",)),
        (HEAD, (f'source={{"path": "x", "password": "{SECRET}"}}',)),
        (HEAD.replace("data/tiny", f"postgres://me:{SECRET}@host/db"), ()),
        (HEAD, (f"source.path=postgres://me:{SECRET}@host/db",)),
    ],
)
def test_a_secret_is_refused_wherever_it_stands_and_never_echoed(load, text, sets):
    """By its name or by a password in an address; the message does not hold its value."""
    refusal = _refusal(load, text, *sets)
    assert "environment variable" in refusal.repair
    assert SECRET not in str(refusal)
    assert SECRET not in repr(refusal)


def test_words_of_the_source_are_not_names_of_secrets(load):
    """A feature may be called `api key`; it is a value of the source, not a field."""
    tables = "{events: {from: e.csv, values: {feature: {api key: key_made, token: t}}}}"
    run = load(HEAD.replace("data/tiny}", f"data/tiny, tables: {tables}}}"))
    assert run.common.source.tables["events"].values["feature"]["token"] == "t"


@pytest.mark.parametrize(
    "given",
    ["../secret.csv", "/etc/passwd", "a/../../b.csv", "C:\\\\b.csv", "..\\\\b.csv", "out/x.csv"],
)
def test_a_table_outside_the_source_is_refused(load, tmp_path, given):
    """By dots, by a leading slash, the way Windows writes it, or through a link."""
    (tmp_path / "data/tiny/out").symlink_to(tmp_path)
    text = HEAD.replace("data/tiny}", f'data/tiny, tables: {{events: {{from: "{given}"}}}}}}')
    assert "source.tables.events.from" in str(_refusal(load, text))


def test_a_table_inside_the_source_is_read(load):
    """A sub-folder or a pattern is allowed."""
    for given in ("e.csv", "sub/e.csv", "events/*.parquet", "main.events"):
        text = HEAD.replace("data/tiny}", f'data/tiny, tables: {{events: {{from: "{given}"}}}}}}')
        assert load(text).common.source.tables["events"].from_ == given


def test_paths_start_at_the_project(load, tmp_path, monkeypatch):
    """Wherever the command is given, data/tiny is the project's; reports show it as typed."""
    monkeypatch.chdir("/")
    run = load()
    assert run.resolved_source().path == str(tmp_path / "data/tiny")
    assert run.common.source.path == "data/tiny"
    assert run.shown_path == "parameters/run.yml"


def test_a_run_file_outside_takes_the_project_of_the_working_directory(tmp_path, monkeypatch):
    """Without any project the command says what a project is."""
    for name in ("p/notebooks", "p/parameters", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    path = tmp_path / "elsewhere/run.yml"
    path.write_text(HEAD)
    monkeypatch.chdir(tmp_path / "p/notebooks")
    assert run_file.load(path).root == tmp_path / "p"
    assert run_file.load(path).shown_path == "run.yml"
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(errors.ParameterError, match="no project here"):
        run_file.load(path)


def test_notebooks_are_chosen_by_name_only(tmp_path):
    """A name is compared with the names there are; it never becomes a path."""
    (tmp_path / "notebooks").mkdir()
    for name in ("02_b", "00_a", "scratch", "1_c"):
        (tmp_path / f"notebooks/{name}.ipynb").touch()
    found = project.notebooks(tmp_path)
    assert [notebook.name for notebook in found] == ["00_a", "02_b"]
    assert [n.name for n in project.choose(found, ["b", "notebooks/00_a.ipynb"])] == [
        "00_a",
        "02_b",
    ]
    assert project.choose(found, []) == found
    for name in ("../00_a", "/etc/passwd", "scratch", "00_a/../02_b", "", "00_A", "*"):
        with pytest.raises(errors.ParameterError, match="no such notebook"):
            project.choose(found, [name])
    with pytest.raises(errors.ParameterError, match="no notebook to run"):
        project.choose([], [])


def test_a_notebook_without_a_model_is_refused(load):
    """It would run without any check of what it is told."""
    notebook = project.Notebook("09_else", "else", Path("notebooks/09_else.ipynb"))
    with pytest.raises(errors.ParameterError, match="declares no parameters"):
        load().for_notebook(notebook)
