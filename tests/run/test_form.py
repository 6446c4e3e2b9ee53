"""The form of a run file is made from the parameter models and writes what a run accepts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_models import errors
from cs_models.run import form, parameters
from cs_models.run.lab import described, run_form, text
from cs_models.run.reading import complaints, run_file, yaml_file

# --- text -------------------------------------------------------------------------------------

_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_NAMES = _WORDS.filter(bool)
_SHARE = st.floats(0, 1)
_ODD = st.sampled_from(
    ["1e5", "000123", "no", "yes", "~", "null", "12:30:45", "2026-06-30", " a", "a ", "#", "- x",
     "a: b", "\u2028", "\x85", "'", '"', "\\", "\t", ".5", "+1", "|", "a\nb", "a\n b\n", "\n",
     "é\n\n"]
)  # fmt: skip
_TEXTS = st.one_of(_WORDS, _ODD)
_TABLES = st.fixed_dictionaries(
    {"sql": st.one_of(_NAMES, _ODD)},
    optional={
        "columns": st.dictionaries(st.just("account_id"), st.none() | _TEXTS),
        "values": st.just({}) | st.fixed_dictionaries(
            {"account_id": st.dictionaries(_WORDS, st.none() | _TEXTS, max_size=3)}
        ),
        "nulls": st.fixed_dictionaries({"account_id": st.lists(_TEXTS, max_size=3)}),
    },
)  # fmt: skip
_SOURCE = st.fixed_dictionaries(
    {"path": st.one_of(_NAMES, _ODD)},
    optional={
        "kind": st.sampled_from(["parquet", "csv", "duckdb"]),
        "tables": st.dictionaries(st.sampled_from(["accounts", "events"]), _TABLES),
        "delimiter": st.sampled_from([";", "\t", "|", "#", "'"]),
    },
)
_LEVEL = st.floats(-1e12, 1e12)
_CONDITION = st.builds(lambda c, v: {"column": c, "at_least": v}, _NAMES, _LEVEL)
_PLAY = st.builds(
    lambda cost, margin, rates: {
        "cost": str(cost), "margin": margin, "save_rate_low": min(rates),
        "save_rate_high": max(rates),
    },
    st.integers(0, 10**6), st.floats(0.01, 1), st.tuples(_SHARE, _SHARE),
)  # fmt: skip
_RISING = st.sets(st.integers(1, 60), min_size=1, max_size=6).map(sorted)
_CONTENT = st.fixed_dictionaries(
    {
        "source": _SOURCE,
        "as_of": st.dates(date(2001, 1, 1), date(2100, 12, 31)).map(date.isoformat),
        "seed": st.integers(0, 2**32 - 1),
    },
    optional={
        "adoption_definition": st.fixed_dictionaries(
            {"name": _NAMES, "all_of": st.lists(_CONDITION, min_size=1, max_size=3)}
        ),
        "adoption_thresholds": st.fixed_dictionaries(
            {"window_days": _RISING, "play": st.none() | _PLAY},
            optional={
                "features": st.none() | st.lists(_NAMES, min_size=1, max_size=4, unique=True),
                "combine": st.none() | st.lists(_NAMES, max_size=4, unique=True),
                "segment_by": st.none() | st.just("region"),
            },
        ),
        "journey_and_personas": st.fixed_dictionaries(
            {"role_weights": st.dictionaries(st.just("champion"), st.floats(0.1, 1000))}
        ),
    },
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(_CONTENT)
def test_what_is_written_reads_back_equal(content: dict[str, Any]) -> None:
    """Any values that make valid models come back as equal values, and so do the models."""
    try:
        models = run_file.checked(content, Path.cwd(), follow=False)
    except errors.ParameterError:
        models = None  # two names alike once folded, a secret-looking word: no valid file
    read = yaml_file.parse(form.yaml_text(content), "written").content
    assert read == content
    if models is not None:
        assert run_file.checked(read, Path.cwd(), follow=False) == models


@settings(max_examples=20, deadline=None)
@given(_CONTENT, st.sampled_from(sorted(parameters.SECTIONS)))
def test_a_model_reads_back_from_all_its_fields(content: dict[str, Any], name: str) -> None:
    """A model written with every default comes back as the same model."""
    kind = parameters.SECTIONS[name]
    own = content.get(name, {})
    common = {key: value for key, value in content.items() if key not in parameters.SECTIONS}
    try:
        model = kind.checked({**common, **own})
    except errors.ParameterError:
        return
    plain = {key: value for key, value in model.plain().items() if key != "output_dir"}
    own = {key: plain.pop(key) for key in parameters.own_fields(name)}
    read = yaml_file.parse(form.yaml_text({**plain, name: own}), "written").content
    own = read.pop(name, {})
    assert kind.checked({**read, **own}) == model


@settings(max_examples=30, deadline=None)
@given(_CONTENT, st.booleans())
def test_what_a_script_has_is_written_as_a_file_holds_it(
    content: dict[str, Any], as_model: bool
) -> None:
    """Days, exact numbers, tuples and models come back as the values that a run file holds."""
    try:
        models = run_file.checked(content, Path.cwd(), follow=False)
    except errors.ParameterError:
        return
    own = {**content, "as_of": date.fromisoformat(content["as_of"])}
    if as_model:
        own["source"] = models["adoption_thresholds"].source
    if "adoption_thresholds" in content:
        part = {**content["adoption_thresholds"]}
        part["window_days"] = tuple(part["window_days"])
        if part["play"]:
            part["play"] = {**part["play"], "cost": Decimal(part["play"]["cost"])}
        own["adoption_thresholds"] = part
    read = yaml_file.parse(form.yaml_text(own), "written").content
    assert read["as_of"] == content["as_of"]
    assert run_file.checked(read, Path.cwd(), follow=False) == models


def test_a_moment_or_a_number_without_end_is_refused_by_name(project: Path) -> None:
    """A date with a time is no date of a run file; nothing is written."""
    for value in (datetime(2026, 6, 30, 12), float("nan"), b"2026-06-30"):
        with pytest.raises(errors.ParameterError, match="as_of"):
            form.write({**GOOD, "as_of": value}, project / "parameters/mine.yml")
    assert list((project / "parameters").iterdir()) == []


def test_a_field_is_written_with_its_unit_and_help(project_root: Path) -> None:
    """Each name has a comment of what is allowed, in which unit, and what it is for."""
    content = yaml_file.read(project_root / "parameters/sample.yml").content
    lines = form.yaml_text(content).splitlines()
    assert "  grace_days: 30  # 0 to 180 days; days after the renewal date for a late renewal to " \
        "arrive" in lines  # fmt: skip
    assert 'as_of: "2026-06-30"  # ISO date; the day from which the history is looked back on; ' \
        "never 'now'" in lines  # fmt: skip
    assert max(map(len, lines)) <= 100


def test_long_keys_are_written_too() -> None:
    """A value of the source of any length, used as a key, is read back."""
    table = {"sql": "SELECT 1", "values": {"account_id": {"k" * 3000: "a", "": None}}}
    content = {"source": {"path": "x", "tables": {"accounts": table}}}
    assert yaml_file.parse(form.yaml_text(content), "written").content == content


# --- writing ----------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty project that is the working directory."""
    for name in ("notebooks", "parameters", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


GOOD: dict[str, Any] = {"source": {"path": "data"}, "as_of": "2026-06-30"}


def test_a_written_file_is_loaded(project: Path) -> None:
    """`cs-models` loads what was written, and a temporary file is not left behind."""
    path = form.write({**GOOD, "backtest": {"call_weeks": 4}}, project / "parameters/mine.yml")
    run = run_file.load(path)
    assert run.common.as_of == date(2026, 6, 30)
    assert run.sections["backtest"].call_weeks == 4
    assert [p.name for p in path.parent.iterdir()] == ["mine.yml"]


def test_a_file_is_replaced_only_when_asked(project: Path) -> None:
    """A file that is there stays as it is until replacing it is allowed."""
    path = form.write(GOOD, project / "parameters/mine.yml")
    before = path.read_bytes()
    with pytest.raises(errors.ParameterError, match="there already"):
        form.write({**GOOD, "seed": 3}, path)
    assert path.read_bytes() == before
    form.write({**GOOD, "seed": 3}, path, replace=True)
    assert run_file.load(path).common.seed == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"as_of": "2026-06-30"}, "source is not allowed"),
        ({**GOOD, "sead": 3}, "did you mean seed"),
        ({**GOOD, "seed": -1}, "seed is not allowed"),
        ({**GOOD, "db_password": "x"}, "looks like a secret"),
        ({**GOOD, "source": {"path": "postgres://me:hidden@host/db"}}, "password inside"),
        ({**GOOD, "seed": float("nan")}, "finite"),
    ],
)
def test_what_a_run_refuses_is_not_written(
    project: Path, content: dict[str, Any], words: str
) -> None:
    """Nothing wrong, and no secret, reaches the disk; the words are those of the command line."""
    with pytest.raises(errors.ParameterError, match=words):
        form.write(content, project / "parameters/mine.yml")
    assert list((project / "parameters").iterdir()) == []


# --- the form ---------------------------------------------------------------------------------


class _Part(pydantic.BaseModel):
    """A part.

    Parameters
    ----------
    first, second : int
        Two numbers of a part.
    """

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    first: int
    second: int = 2
    again: _Part | None = None


class _Top(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    who: str = pydantic.Field(description="whose <b>it</b> is")
    day: date | None = None


class _Section(_Top):
    size: Annotated[int, pydantic.Field(ge=1, le=9)] = pydantic.Field(
        3, description="how large", json_schema_extra={"unit": "boxes"}
    )
    rate: float = 0.5
    most: int | None = None
    on: bool = True
    sure: bool | None = None
    way: Literal["up", "down"] = "up"
    days: tuple[int, ...] = (1, 2)
    ways: tuple[Literal["up", "down"], ...] = ("up",)
    weights: dict[str, float] = {}
    either: int | list[str] = 1
    part: _Part | None = None
    parts: dict[str, _Part] | None = None
    row: tuple[_Part, ...] = ()


def _made_up() -> run_form.Form:
    def check(content: Any) -> None:
        try:
            _Section.model_validate_json(
                __import__("json").dumps({**content, **content.get("made_up", {})} | {"made_up": 0})
            )
        except pydantic.ValidationError as error:
            own = [f for f in complaints.faults_of(error) if f.path != ("made_up",)]
            found = [
                f._replace(path=f.path if f.path[0] in ("who", "day") else ("made_up", *f.path))
                for f in own
            ]
            if found:
                raise complaints.ParameterFaults(found) from None

    return run_form.Form(_Top, {"made_up": _Section}, check)


def _input(made: run_form.Form, name: str) -> Any:
    return made.sections["made_up"].group.parts[name].input


def test_a_field_of_a_model_is_a_field_of_the_form() -> None:
    """Every field of a made-up model stands in the form by itself, by the kind of its type."""
    made = _made_up()
    parts = made.sections["made_up"].group.parts
    assert list(made.top.parts) == ["who", "day"]
    assert list(parts) == [name for name in _Section.model_fields if name not in ("who", "day")]
    kinds = {
        name: type(part.input).__name__ for name, part in parts.items() if hasattr(part, "input")
    }
    assert kinds == {
        "size": "IntText", "rate": "FloatText", "most": "Text", "on": "Checkbox",
        "sure": "Dropdown", "way": "Dropdown", "days": "Text", "ways": "Text",
        "weights": "Textarea", "either": "Textarea",
    }  # fmt: skip
    assert type(made.top.parts["day"].input).__name__ == "DatePicker"
    assert made.top.parts["who"].input.description == "who *"
    assert _input(made, "size").tooltip == "1 to 9 boxes; how large"


def test_help_is_escaped() -> None:
    """A help line is text, whatever it holds."""
    told = _made_up().top.parts["who"].widget.children[1].value
    assert "&lt;b&gt;it&lt;/b&gt;" in told
    assert "<b>" not in told


def test_a_form_gives_back_what_it_was_given() -> None:
    """Values of every kind, nested ones too, come out of the form as they went in."""
    own = {
        "size": 4, "rate": 0.25, "most": 7, "on": False, "sure": False, "way": "down",
        "days": [1, 5], "ways": ["up", "down"], "weights": {"a": 1.5, "000": 2.0},
        "either": ["x", "1"], "part": {"first": 1, "second": 5, "again": {"first": 9}},
        "parts": {"one": {"first": 1, "second": 2}, "two": {"first": 3, "second": 4}},
        "row": [{"first": 1, "second": 2}, {"first": 5, "second": 6}],
    }  # fmt: skip
    made = _made_up()
    content = {"who": "me", "day": "2026-06-30", "made_up": own}
    made.put(content)
    assert made.content() == content  # not looked at yet
    made.sections["made_up"].group  # noqa: B018 - looked at
    assert made.content() == content
    assert made.checked() == content


@pytest.fixture(scope="module")
def seen_form() -> run_form.Form:
    """Return the form of a run file with two sections that somebody looks at."""
    made = run_form.Form(
        parameters.NotebookParameters, parameters.SECTIONS, lambda _: None,
        leave_out=parameters.SET_BY_THE_RUN,
    )  # fmt: skip
    for name in ("adoption_thresholds", "journey_and_personas"):
        made.sections[name].group  # noqa: B018 - looked at
    return made


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_CONTENT)
def test_what_was_set_is_in_the_file_that_the_form_writes(
    seen_form: run_form.Form, content: dict[str, Any]
) -> None:
    """Form, YAML and typed models: each set value is there, equal, and so are the models."""
    try:
        models = run_file.checked(content, Path.cwd(), follow=False)
    except errors.ParameterError:
        return
    seen_form.put(content)
    read = yaml_file.parse(form.yaml_text(seen_form.content()), "written").content
    assert _holds(read, content)
    assert run_file.checked(read, Path.cwd(), follow=False) == models


def _holds(shown: Any, given_: Any) -> bool:
    if isinstance(given_, dict):
        return isinstance(shown, dict) and all(
            name in shown and _holds(shown[name], value) for name, value in given_.items()
        )
    if isinstance(given_, list):
        pairs = isinstance(shown, list) and len(shown) == len(given_)
        return pairs and all(map(_holds, shown, given_))
    return bool(shown == given_)


def test_what_equals_the_default_or_is_empty_was_set_all_the_same() -> None:
    """A value that somebody set stays in the file, be it the default, empty or null."""
    own: dict[str, Any] = {
        "size": 3, "rate": 0.5, "most": None, "sure": None, "days": [1, 2], "ways": [],
        "weights": {}, "part": None, "parts": {}, "row": [],
    }  # fmt: skip
    made = _made_up()
    made.put({"who": "me", "day": None, "made_up": own})
    made.sections["made_up"].group  # noqa: B018 - looked at
    content = made.content()
    assert content["day"] is None
    assert {name: content["made_up"][name] for name in own} == own
    # A person who then fills in a field, and another who empties it, are heard.
    _input(made, "most").value = "7"
    _input(made, "days").value = "5"
    assert made.content()["made_up"]["most"] == 7
    assert made.content()["made_up"]["days"] == [5]
    made.put({"who": "me"})
    assert not {"most", "sure", "part", "parts", "row"} & made.content()["made_up"].keys()


def test_whom_a_run_tells_stays_in_the_file(project: Path) -> None:
    """What the form has no field for comes out as it was loaded, and goes with another file."""
    (project / "data/accounts.csv").write_text("account_id\n")
    path = form.write({**GOOD, "notify": {"on": "failure"}}, project / "parameters/mine.yml")
    made = run_form.RunForm(project)
    made.start.value = "parameters/mine.yml"
    made.replace.value = True
    made.write.click()
    assert "Written" in made.said.value
    assert yaml_file.read(path).content["notify"] == {"on": "failure"}
    made.start.value = made.start.options[0]
    assert "notify" not in made.form.content()


def test_faults_stand_beside_their_field_in_the_words_of_the_command_line() -> None:
    """A wrong value says what, got and repair below its own field, and nowhere once repaired."""
    made = _made_up()
    made.put({"who": "me"})
    _input(made, "size").value = 12
    beside = made.sections["made_up"].group.parts["size"].widget.children[1]
    assert "made_up.size is not allowed as it stands" in beside.value
    assert "got: 12" in beside.value
    assert "less than or equal to 9" in beside.value
    assert made.checked() is None
    _input(made, "days").value = "1, <x>"
    other = made.sections["made_up"].group.parts["days"].widget.children[1]
    assert "a whole number" in other.value
    assert "&lt;x&gt;" in other.value
    _input(made, "days").value = "1, 2"
    _input(made, "size").value = 9
    assert "is not allowed" not in beside.value + other.value
    assert made.checked() is not None


def test_what_is_missing_is_said_when_the_file_is_to_be_written() -> None:
    """An empty form does not complain before somebody asks for the file."""
    made = _made_up()
    _input(made, "size").value = 5
    beside = made.top.parts["who"].widget.children[1]
    assert "nothing" not in beside.value
    assert made.checked() is None
    assert "got: nothing" in beside.value


def test_the_run_form_knows_every_field_of_every_model() -> None:
    """Nothing that a run file may hold is missing in the form."""
    made = run_form.Form(
        parameters.NotebookParameters, parameters.SECTIONS, lambda _: None,
        leave_out=parameters.SET_BY_THE_RUN,
    )  # fmt: skip
    assert set(made.top.parts) == set(parameters.COMMON) - parameters.SET_BY_THE_RUN
    for name, later in made.sections.items():
        assert tuple(later.group.parts) == parameters.own_fields(name)
    undescribed = [
        (name, field)
        for name, model in parameters.SECTIONS.items()
        for field in described.fields(model)
        if not described.help_line(model, field)
    ]
    assert undescribed == []


@pytest.mark.parametrize("name", ["parameters/sample.yml", "parameters/weekly.yml"])
def test_a_run_file_comes_through_the_form(name: str, project_root: Path) -> None:
    """A loaded file comes out with every value that it went in with, and nothing null added."""
    form_ = run_form.RunForm(project_root)
    form_.start.value = name
    assert "Loaded" in form_.said.value
    content, given_ = form_.form.checked(), yaml_file.read(project_root / name).content
    assert content is not None
    assert _holds(content, given_)
    assert run_file.checked(content, project_root, follow=False) == run_file.checked(
        given_, project_root, follow=False
    )


def test_the_form_writes_and_refuses(project: Path) -> None:
    """The buttons write a file inside the project, and nowhere else, in the words of a run."""
    (project / "data/accounts.csv").write_text("account_id\n")
    made = run_form.RunForm(project)
    made.write.click()
    assert "Not written" in made.said.value
    made.form.top.parts["source"].inner.parts["path"].input.value = "data"
    made.form.top.parts["as_of"].input.value = date(2026, 6, 30)
    made.target.value = "../elsewhere.yml"
    made.write.click()
    assert "inside the project" in made.said.value
    made.target.value = "parameters/mine.yml"
    made.write.click()
    assert "Written: parameters/mine.yml" in made.said.value
    assert run_file.load(project / "parameters/mine.yml").common.source.path == "data"
    made.write.click()
    assert "there already" in made.said.value
    made.replace.value = True
    made.write.click()
    assert "Written" in made.said.value
    made.check.click()
    assert "breaks the data contract" in made.said.value


def test_defaults_are_the_models_own() -> None:
    """A field of the form that nobody touched holds the default of its model."""
    for model in parameters.SECTIONS.values():
        valid = model.checked({"source": {"path": "x"}, "as_of": "2026-06-30"})
        for name, value in described.defaults(model).items():
            if name not in ("source", "as_of"):
                assert text.values_of(valid.plain()[name]) == value
