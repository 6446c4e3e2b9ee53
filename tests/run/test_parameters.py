"""The models, and their agreement with the notebooks and the sample's run file."""

from __future__ import annotations

import json
import subprocess
import sys
import tokenize
from decimal import Decimal
from io import StringIO
from pathlib import Path
from uuid import uuid4

import nbformat
import numpy as np
import pandas as pd
import papermill.translators
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models import errors
from cs_models.run import parameters
from cs_models.run.reading import project, run_file
from cs_models.run.worker import prepare

BASE = {"source": {"path": "data/sample"}, "as_of": "2026-06-30"}

WRONG = [
    ("as_of", "30.06.2026", "ISO date"),
    ("as_of", "2026-6-30", "ISO date"),
    ("as_of", "20260630", "ISO date"),
    ("as_of", "2026-W27-2", "ISO date"),
    ("as_of", "2026-02-30", "ISO date"),
    ("as_of", "now", "ISO date"),
    ("as_of", 20260630, "ISO date"),
    ("as_of", "1999-12-31", "2000-01-01"),
    ("as_of", "9999-12-31", "2100-12-31"),
    ("as_of", None, "ISO date"),
    ("timezone", "Mars/Olympus", "IANA"),
    ("timezone", "../../etc/passwd", "IANA"),
    ("currency", "usd", "ISO 4217"),
    ("currency", "UDS", "ISO 4217"),
    ("seed", -1, "greater than or equal to 0"),
    ("seed", 2**32, "4294967295"),
    ("seed", True, "valid integer"),
    ("seed", "7", "valid integer"),
    ("seed", 7.0, "valid integer"),
    ("seed", 10**5000, "19 digits"),
    ("landmark_days", 13, "greater than or equal to 14"),
    ("landmark_days", 181, "less than or equal to 180"),
    ("window_days", [], "at least 1"),
    ("window_days", [14, 7], "ascending"),
    ("window_days", [7, 7], "ascending"),
    ("window_days", [7, 61], "landmark_days"),
    ("window_days", [0], "greater than or equal to 1"),
    ("window_days", 7, "valid"),
    ("min_users", [3, 1], "ascending"),
    ("alpha", 0.0, "0.001"),
    ("alpha", 0.5, "0.2"),
    ("alpha", float("nan"), "finite"),
    ("alpha", float("inf"), "finite"),
    ("alpha", "0.05", "valid number"),
    ("n_permutations", 198, "199"),
    ("segment_by", "shoe_size", "segment"),
    ("strata", ["segment", "segment"], "once"),
    ("features", [], "at least 1"),
    ("features", ["a", "a"], "once"),
    ("features", ["\ud800"], "surrogate"),
    ("features", ["a\0b"], "NUL"),
    ("data_start", "2026-06-30", "before as_of"),
    ("source", "data/sample", "an object"),
]

NOT_JSON = [
    (1, 2),
    b"abc",
    {1: "a"},
    {1, 2},
    Decimal("0.1"),
    np.int64(3),
    np.float64(0.1),
    np.bool_(True),
    pd.Timestamp("2026-06-30"),
    Path("a"),
    uuid4(),
]


def _with(**changed) -> dict:
    return {**BASE, **changed}


@pytest.mark.parametrize(("name", "value", "word"), WRONG, ids=range(len(WRONG)))
def test_a_value_that_is_not_allowed_is_refused_with_its_field(name, value, word):
    """The message names the field, and what is allowed."""
    with pytest.raises(errors.ParameterError) as refusal:
        parameters.AdoptionThresholds.checked(_with(**{name: value}))
    assert name in str(refusal.value)
    assert word in str(refusal.value)


@pytest.mark.parametrize("value", NOT_JSON, ids=lambda value: type(value).__name__)
def test_what_is_not_json_is_refused(value):
    """Papermill would turn tuples and bytes into text without a word; none is taken here."""
    with pytest.raises(errors.ParameterError, match="features"):
        parameters.AdoptionThresholds.checked(_with(features=value))


def test_all_faults_are_told_together():
    """Three wrong fields are one refusal."""
    with pytest.raises(errors.ParameterError) as refusal:
        parameters.AdoptionThresholds.checked(_with(seed=-1, alpha=9.0, currency="X"))
    assert "3 parameters are wrong" in str(refusal.value)
    assert all(name in str(refusal.value) for name in ("seed", "alpha", "currency"))


def test_too_few_permutations_for_alpha_are_refused():
    """With 199 shuffles no p-value can be as small as 0.001."""
    with pytest.raises(errors.ParameterError, match="n_permutations"):
        parameters.AdoptionThresholds.checked(_with(alpha=0.001, n_permutations=199))
    assert parameters.AdoptionThresholds.checked(_with(alpha=0.001, n_permutations=999))


def test_a_model_is_frozen():
    """Nothing in a notebook changes a parameter after it was checked."""
    model = parameters.DataReadiness.checked(BASE)
    with pytest.raises(ValueError, match="frozen"):
        model.seed = 3


def test_of_takes_its_own_names_and_finds_the_source_from_the_project(
    project_root, tmp_path, monkeypatch
):
    """Other names of a notebook are ignored; a relative path starts at the project's folder."""
    monkeypatch.chdir(project_root / "notebooks")
    model = parameters.DataReadiness.of({**BASE, "alpha": 7, "In": [], "__name__": "x"})
    assert Path(model.source.path) == project_root / "data/sample"
    monkeypatch.chdir(tmp_path)
    assert parameters.DataReadiness.of(BASE).source.path == "data/sample"


@pytest.mark.parametrize("section", parameters.SECTIONS)
def test_every_field_says_what_it_is_and_in_which_unit(section):
    """A field without a help line or unit cannot be shown to a person."""
    model = parameters.SECTIONS[section]
    for name, field in model.model_fields.items():
        assert field.description, name
        assert model.unit(name) or name == "source", name


@pytest.mark.parametrize("section", parameters.SECTIONS)
def test_plain_values_survive_a_round_trip(section):
    """What is injected into a notebook builds the same model there."""
    model = parameters.SECTIONS[section].checked(BASE)
    assert parameters.SECTIONS[section].checked(json.loads(json.dumps(model.plain()))) == model


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_arrives_in_the_notebook_as_it_was(text):
    """Papermill writes parameters as code; run as code they are the same values, and no more."""
    model = parameters.AdoptionThresholds.checked(_with(features=[text[:200]]))
    code = papermill.translators.PythonTranslator.codify(model.plain())
    namespace: dict = {}
    exec(code, {"__builtins__": {}}, namespace)
    assert namespace == model.plain()


def _notebooks() -> list[project.Notebook]:
    return project.notebooks(Path(__file__).resolve().parents[2])


def test_there_are_notebooks_to_agree_with():
    """The tests below look at something, and no notebook is without a section."""
    assert {notebook.section for notebook in _notebooks()} == set(parameters.SECTIONS)


@pytest.mark.parametrize("notebook", _notebooks(), ids=lambda notebook: notebook.name)
def test_model_cell_and_sample_file_agree(notebook, project_root):
    """A notebook opened by hand starts with the values of parameters/sample.yml, all declared."""
    model = parameters.SECTIONS[notebook.section]
    cell = _parameters_cell(notebook)
    declared = prepare.declared(cell)
    assert list(declared) == list(model.model_fields)
    sample = run_file.load(project_root / "parameters/sample.yml")
    assert model.checked(declared) == sample.for_notebook(notebook)


@pytest.mark.parametrize("notebook", _notebooks(), ids=lambda notebook: notebook.name)
def test_every_parameter_of_a_notebook_is_explained_beside_it(notebook):
    """Each line of the parameters cell ends with a comment that says what it is, or its unit."""
    source = _parameters_cell(notebook)
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    commented = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
    n_lines = len(source.strip().splitlines())
    assert commented == set(range(1, n_lines + 1))


@pytest.mark.parametrize("notebook", _notebooks(), ids=lambda notebook: notebook.name)
def test_every_notebook_can_be_prepared_for_a_headless_run(notebook):
    """It declares what is injected, and its last cell is its sentinel."""
    assert prepare.prepare(notebook.path, parameters.SECTIONS[notebook.section].model_fields)


@pytest.mark.parametrize("name", ["sample.yml", "weekly.yml"])
def test_the_run_files_of_the_project_are_good(project_root, name):
    """A template that is refused helps nobody."""
    assert run_file.load(project_root / "parameters" / name).common.seed == 7


def test_the_sample_is_looked_back_on_from_its_own_date(project_root):
    """as_of of parameters/sample.yml is the date at which the sample's records end."""
    truth = json.loads((project_root / "data/sample/truth.json").read_text())
    sample = run_file.load(project_root / "parameters/sample.yml")
    assert sample.common.as_of.isoformat() == truth["as_of"]


def _parameters_cell(notebook: project.Notebook) -> str:
    made = nbformat.read(notebook.path, as_version=4)
    (source,) = [
        cell.source for cell in made.cells if "parameters" in cell.metadata.get("tags", ())
    ]
    return source


STATED = {
    "name": "set up and daily",
    "all_of": [
        {"column": "active_days__first_60d", "at_least": 20},
        {"column": "events__report_shared__first_60d", "at_least": 3, "by_users": 2},
    ],
}
WRONG_DEFINITIONS = [
    ({"learned": "/etc/run"}, "adoption_definition.learned", "inside the project"),
    ({"learned": "../run"}, "adoption_definition.learned", "without .."),
    ({"learned": "C:\\run"}, "adoption_definition.learned", "inside the project"),
    ({"learned": ""}, "adoption_definition.learned", "at least 1"),
    ({}, "adoption_definition", "either learned"),
    ({**STATED, "learned": "reports/latest"}, "adoption_definition", "either learned"),
    ({"name": "empty", "all_of": []}, "adoption_definition.all_of", "at least 1"),
    ({"name": "x"}, "adoption_definition", "all_of"),
    ({"any_of": [], **STATED}, "adoption_definition.any_of", "unknown"),
    ("reports/latest", "adoption_definition", "object"),
]
WRONG_CONDITIONS = [
    ({"column": "logins__first_60d", "at_least": 1}, "column", "seat_utilisation"),
    ({"column": "segment", "at_least": 1}, "column", "first_{n}d"),
    ({"column": "days_since_last_use__to_date", "fewer_than": 9}, "column", "last_{n}d"),
    ({"column": "events__first_60d"}, "at_least", "exactly one"),
    ({"column": "events__first_60d", "at_least": 1, "fewer_than": 3}, "at_least", "exactly one"),
    ({"column": "events__first_60d", "at_least": "1"}, "at_least", "number"),
    ({"column": "events__first_60d", "at_least": True}, "at_least", "number"),
    ({"column": "events__first_60d", "at_least": 1, "by_users": 0}, "by_users", "1"),
    ({"column": "active_days__first_60d", "at_least": 1, "by_users": 2}, "by_users", "events"),
    ({"column": "events__first_60d", "more_than": 1}, "more_than", "unknown"),
    ({"at_least": 1}, "column", "exactly one"),
]


@pytest.mark.parametrize(("value", "name", "word"), WRONG_DEFINITIONS, ids=str)
def test_a_definition_that_is_not_one_is_refused(value, name, word):
    """A definition is a path inside the project, or a name and conditions; nothing beside."""
    with pytest.raises(errors.ParameterError) as refusal:
        parameters.DataReadiness.checked(_with(adoption_definition=value))
    assert name in str(refusal.value)
    assert word in str(refusal.value)


@pytest.mark.parametrize(("condition", "name", "word"), WRONG_CONDITIONS, ids=str)
def test_a_condition_that_no_panel_can_answer_is_refused(condition, name, word):
    """The refusal names the field inside the list and the words that the catalogue knows."""
    definition = {"name": "x", "all_of": [STATED["all_of"][0], condition]}
    with pytest.raises(errors.ParameterError) as refusal:
        parameters.DataReadiness.checked(_with(adoption_definition=definition))
    assert f"adoption_definition.all_of[1].{name}" in str(refusal.value)
    assert word in str(refusal.value)


def test_a_stated_definition_reaches_every_notebook():
    """Each model turns it into the same conditions, and survives being injected."""
    for model in parameters.SECTIONS.values():
        made = model.checked(_with(adoption_definition=STATED))
        found = model.checked(json.loads(json.dumps(made.plain()))).definition()
        assert found.name == "set up and daily"
        assert [part.columns for part in found.conditions] == [
            ("active_days__first_60d",),
            ("events__report_shared__first_60d", "users__report_shared__first_60d"),
        ]


def test_no_definition_is_in_force_unless_one_is_set():
    """A run file without one defines nothing."""
    assert parameters.DataReadiness.checked(BASE).definition() is None


def test_a_learned_definition_is_read_from_the_project(tmp_path, monkeypatch):
    """Its path starts at the project's folder, wherever in the project the notebook runs."""
    folder = _project(tmp_path)
    _learnt(folder / "reports/latest/02_adoption_thresholds")
    monkeypatch.chdir(folder / "notebooks")
    given = {"learned": "reports/latest"}
    model = parameters.DataReadiness.of(_with(adoption_definition=given))
    assert model.definition().conditions[0].columns == ("active_days__first_60d",)


def test_a_link_out_of_the_project_is_refused(tmp_path, monkeypatch):
    """A path that stays inside in words may not leave by a symbolic link."""
    folder = _project(tmp_path / "project")
    _learnt(tmp_path / "elsewhere")
    (folder / "reports").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(folder)
    with pytest.raises(errors.ParameterError, match="leads out of the project"):
        parameters.DataReadiness.of(_with(adoption_definition={"learned": "reports"}))


def test_a_run_without_its_learned_definition_is_refused_before_any_notebook(tmp_path):
    """The run file is not accepted when the results that it names are not there."""
    folder = _project(tmp_path)
    path = folder / "parameters" / "run.yml"
    path.write_text(
        "source: {path: data}\nas_of: '2026-06-30'\nadoption_definition: {learned: reports/a}\n"
    )
    with pytest.raises(errors.ParameterError, match="no learnt thresholds") as refusal:
        run_file.load(path)
    assert "reports/a" in str(refusal.value)
    _learnt(folder / "reports/a")
    assert run_file.load(path).common.adoption_definition.learned == "reports/a"


def _project(folder: Path) -> Path:
    for name in ("notebooks", "parameters"):
        (folder / name).mkdir(parents=True)
    return folder


def _learnt(folder: Path) -> None:
    row = {
        "role": "signal", "verdict": "associated", "direction": "at_least", "cut": 9.0,
        "column": "active_days__first_60d", "min_users": 1, "segment": None,
        "segment_by": "segment", "rule": "at least 9 active days",
    }  # fmt: skip
    folder.mkdir(parents=True)
    content = {"as_of": "2026-06-30", "thresholds": [row]}
    (folder / "results.json").write_text(json.dumps(content))


def test_reading_the_models_of_all_sections_does_not_load_what_one_answers_with() -> None:
    """Every process of a run reads them; statistics cost three seconds of a core to load.

    So does every command read the files that sections name: the stages and the lists.
    """
    code = (
        "import sys; from cs_models.run import lists_file, parameters, stages; "
        "print(sorted({'scipy.stats', 'sklearn', 'plotly'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_weights_of_roles_are_those_that_a_person_s_value_takes_by_itself() -> None:
    """The section's default, which a reader sees, is the default of what it is handed to."""
    from cs_models.learn.person_value import ROLE_WEIGHTS

    assert parameters.JourneyAndPersonas.of(BASE).role_weights == dict(ROLE_WEIGHTS)
