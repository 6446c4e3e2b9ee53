"""The doors into the project say the same thing: pyproject, environment.yml, lock, README."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# conda-forge's name where it differs from the name in pyproject.toml.
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "ibis-framework": "ibis-duckdb",  # the extra [duckdb] is a package of its own there
    "jupyter-server": "jupyter_server",
    "tzdata": "python-tzdata",
}


def _pyproject(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_environment_yml_equals_pyproject(project_root: Path) -> None:
    """environment.yml asks for the same packages and versions as pyproject.toml."""
    project = _pyproject(project_root)["project"]
    wanted = {f"python{project['requires-python']}"}
    for line in project["dependencies"]:
        requirement = Requirement(line)
        bounds = re.sub(r"^[^<>=!~]+", "", line)
        wanted.add(CONDA_NAMES.get(requirement.name, requirement.name) + bounds)
    environment = yaml.safe_load((project_root / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert set(conda) - {"pip"} == wanted
    assert [e for e in environment["dependencies"] if isinstance(e, dict)] == [
        {"pip": ["--no-deps -e ."]}
    ]


def test_lock_pins_every_declared_dependency_within_its_bounds(project_root: Path) -> None:
    """Every dependency of pyproject.toml is pinned in the lock by a version it allows."""
    text = (project_root / "requirements.lock").read_text()
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, flags=re.M):
        pins.setdefault(canonicalize_name(name), []).append(version)
    content = _pyproject(project_root)
    declared = content["project"]["dependencies"] + content["dependency-groups"]["dev"]
    for requirement in map(Requirement, declared):
        versions = pins[canonicalize_name(requirement.name)]
        assert versions
        assert all(version in requirement.specifier for version in versions), requirement


def test_lock_has_hashes_and_no_host(project_root: Path) -> None:
    """The lock can be checked anywhere: each pin carries hashes, and no line names a host."""
    lines = (project_root / "requirements.lock").read_text().splitlines()
    assert not [line for line in lines if "://" in line or "index-url" in line]
    pins = [number for number, line in enumerate(lines) if re.match(r"^[A-Za-z0-9]", line)]
    assert pins
    assert all("--hash=sha256:" in lines[number + 1] for number in pins)


def test_every_dependency_has_a_reason(project_root: Path) -> None:
    """The decision record on dependencies gives a reason for each one that is declared."""
    record = (project_root / "docs/decisions/0002-dependencies.md").read_text()
    reasons = set(re.findall(r"^\| ([a-z0-9-]+) \|", record, flags=re.M))
    declared = {Requirement(d).name for d in _pyproject(project_root)["project"]["dependencies"]}
    assert declared == reasons - {"package"}


def test_every_optional_dependency_has_a_reason(project_root: Path) -> None:
    """What an extra brings is named, with why; in the lock it stands only where tests use it."""
    record = (project_root / "docs/decisions/0002-dependencies.md").read_text()
    lock = (project_root / "requirements.lock").read_text()
    project = _pyproject(project_root)
    extras = project["project"]["optional-dependencies"]
    tested = {Requirement(line).name for line in project["dependency-groups"]["dev"]}
    for extra, lines in extras.items():
        assert f".[{extra}]" in record
        for requirement in map(Requirement, lines):
            assert requirement.name in record
            assert (f"\n{requirement.name}==" in lock) == (requirement.name in tested)
