"""docs/scheduling.md: every example is taken out of the page and tried as far as this machine can.

Commands are run as the scheduler would (cron's bare environment and `/bin/sh -c`), on a tiny
project; units are read by systemd itself where it is there.
"""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from cs_models import cli
from cs_models.run import parameters
from cs_models.run.sections.notify import URLS, Notify

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scheduling.md").read_text(encoding="utf-8")
PROJECT, REPORTS = "/srv/renewals", "/srv/reports"
END = """
from pathlib import Path
Path(output_dir, "results.json").write_text(
    '{"headline": "Nothing.", "as_of": "", "counts": {}, "findings": []}'
)
"""


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def _commands(text: str) -> list[list[str]]:
    """Return the words of every call of cs-models in a text, what the shell works out left in."""
    found = re.findall(
        r"(?:^|[ ;&'\"])(?:\.venv/bin/)?cs-models ((?:run|check|prune) [^\n#>]*)", text
    )
    return [
        shlex.split(re.sub(r"\$+\([^)]*\)", "2026-06-30", call).strip("'\" ")) for call in found
    ]


def _cron() -> tuple[dict[str, str], str]:
    """Return the variables of the crontab and its command, `%` undone as cron does it."""
    (block,) = _blocks("crontab")
    *settings, line = block.strip().splitlines()
    variables = dict(setting.split("=", 1) for setting in settings)
    fields = line.split(None, 5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
    command = fields[5]
    assert not re.search(r"(?<!\\)%", command), "cron takes a bare % for a new line"
    return variables, command.replace("\\%", "%")


@pytest.fixture(scope="module")
def house(make_project: Any) -> Any:
    """Return a tiny project that stands as the page says: run file, command, one notebook."""
    project = make_project()
    project.add("00_data_readiness", end=END, bare=True)
    (project.root / "parameters/sample.yml").rename(project.root / "parameters/weekly.yml")
    command = project.root / ".venv/bin/cs-models"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cs_models "$@"\n')
    command.chmod(0o755)
    return project


def _as_cron(house: Any, command: str, variables: dict[str, str]) -> Any:
    """Run a command with nothing but what cron gives."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(house.root), "LOGNAME": "renewals"}
    here = command.replace(PROJECT, str(house.root)).replace(REPORTS, f"{house.root}/published")
    return subprocess.run(
        [variables.get("SHELL", "/bin/sh"), "-c", here], env={**bare, **variables},
        capture_output=True, text=True, timeout=240, cwd="/",
    )  # fmt: skip


@pytest.mark.notebook
def test_the_crontab_line_makes_a_report_in_crons_bare_environment(house: Any) -> None:
    """Exit 0, silence for cron to mail, latest in its place, the day of the command."""
    variables, command = _cron()
    done = _as_cron(house, command, variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    published = house.root / "published"
    noted = json.loads((published / "latest/manifest.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", noted["as_of"])
    assert noted["set"] == ["as_of"]
    assert (published / "index.html").is_file()


def test_the_crontab_line_passes_exit_codes_on(house: Any) -> None:
    """What goes wrong is the exit code, and said on standard error, which cron mails."""
    variables, command = _cron()
    wrong = re.sub(r"--set \S+ -u -d yesterday \S+", "--set as_of=yesterday", command)
    done = _as_cron(house, wrong, variables)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("cs-models: ")


def test_every_command_of_the_page_is_one_that_there_is() -> None:
    """Names, options and how many words: read by the command line itself, nothing is run."""
    calls = _commands(PAGE)
    assert {call[0] for call in calls} == {"run", "check", "prune"}
    known = get_command(cli.app)
    for name, *words in calls:
        command = known.commands[name]  # type: ignore[attr-defined]
        command.make_context(name, list(words))


def test_the_table_of_exit_codes_is_that_of_the_command_line() -> None:
    """Every code of the command's own list stands in the table, and no other."""
    listed = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
    told = {int(code) for cell in listed for code in cell.split(",")}
    own = {int(code) for code in re.findall(r"\b\d{1,3}\b", str(cli.call.__doc__))}
    assert told == own


def test_the_notify_section_is_read_as_the_page_says() -> None:
    """The block is the section's own defaults, and the variable the page exports."""
    (block,) = [text for text in _blocks("yaml") if text.startswith("notify:")]
    section = yaml.load(block, Loader=yaml.BaseLoader)["notify"]  # `on` is a word here too
    assert Notify.model_validate_json(json.dumps(section)) == Notify()
    assert f"export {URLS}=" in PAGE


def _units() -> list[str]:
    return _blocks("ini")


def test_the_units_hold_what_systemd_reads() -> None:
    """One job that ends, SIGTERM to the run alone, percent signs doubled, every Monday."""
    service, timer = (configparser.ConfigParser(interpolation=None, strict=False) for _ in "ab")
    for parser, text in zip((service, timer), _units(), strict=True):
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        parser.read_string(text)
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["KillMode"] == "mixed"
    assert "%%F" in service["Service"]["ExecStart"]
    assert timer["Timer"]["OnCalendar"].startswith("Mon ")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_itself_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing of either, and can tell when the timer elapses."""
    for text, name in zip(_units(), ("cs-models.service", "cs-models.timer"), strict=True):
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in ("cs-models.service", "cs-models.timer")]
    verify = ["systemd-analyze", "--man=no", "verify", *paths]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, env={**os.environ})
    ours = [line for line in done.stderr.splitlines() if "cs-models" in line]
    assert ours == [], done.stderr
    moment = re.search(r"OnCalendar=(.*)", _units()[1]).group(1)  # type: ignore[union-attr]
    told = subprocess.run(
        ["systemd-analyze", "calendar", moment], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.notebook
def test_the_command_of_the_unit_runs(house: Any) -> None:
    """What systemd would start, with its percent and dollar signs undone, up to its exit code."""
    line = re.search(r"ExecStart=(.*)", _units()[0]).group(1)  # type: ignore[union-attr]
    *_, command = shlex.split(line.replace("%%", "%").replace("$$", "$"))
    done = _as_cron(
        house, f"cd {PROJECT} && {command.replace(' run ', ' check ').split(' --out')[0]}", {}
    )
    assert done.returncode == 0, done.stderr


def test_the_workflow_runs_commands_of_the_readme() -> None:
    """YAML that GitHub reads: a schedule, one run at a time, steps that exist, no address in it."""
    (block,) = [text for text in _blocks("yaml") if "runs-on" in text]
    flow = yaml.load(block, Loader=yaml.BaseLoader)
    (job,) = flow["jobs"].values()
    runs = [step["run"] for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    for run in runs:
        if run.startswith("make "):
            assert run.split()[1] in targets
        else:
            assert " ".join(run.split()[:2]) in re.sub(r" +", " ", readme)
    assert flow["on"]["schedule"][0]["cron"].split() == ["15", "6", "*", "*", "1"]
    assert flow["concurrency"]["cancel-in-progress"] == "false"
    assert job["steps"][-1]["env"][URLS] == f"${{{{ secrets.{URLS} }}}}"


def test_the_dags_compile_and_call_the_documented_command() -> None:
    """The BashOperator's words are those of the cron line; the other names declared parameters."""
    bash, papermill = (ast.parse(text) for text in _blocks("python"))
    words = next(
        ast.literal_eval(node.value)
        for node in bash.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "RUN"  # type: ignore[attr-defined]
    )
    rendered = words.replace("{{ macros.ds_add(ds, -1) }}", "2026-06-30").replace("exec ", "")
    _, cron = _cron()
    spelt = cron.replace("$(date -u -d yesterday +%F)", "2026-06-30").removesuffix(" >/dev/null")
    assert rendered == spelt
    given = {
        key.value
        for node in ast.walk(papermill)
        if isinstance(node, ast.keyword) and node.arg == "parameters"
        for key in node.value.keys  # type: ignore[attr-defined]
    }
    assert given <= set(parameters.SECTIONS["data_readiness"].model_fields)


def test_the_job_of_jupyter_scheduler_names_what_is_there() -> None:
    """A notebook of this project, parameters that it declares, and only kinds the tool takes."""
    (block,) = _blocks("json")
    job = json.loads(block)
    notebook = ROOT / job["input_uri"]
    assert notebook.is_file()
    assert set(job["parameters"]) <= set(parameters.SECTIONS[notebook.stem[3:]].model_fields)
    for value in job["parameters"].values():
        assert isinstance(value, str | int | float | bool)
        if isinstance(value, str):  # it stands in the notebook as it is typed
            assert isinstance(ast.literal_eval(value), str)
