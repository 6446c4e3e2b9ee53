"""Models of staying come back from their file as they were, and from no other file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models import files
from cs_models.errors import DataError
from cs_models.learn import survival
from cs_models.learn.hazards import plain, stored

RULE = {"as_of": "2026-06-30", "decision": "before_renewal", "decision_days": 90}
EXACT = 1e-12


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Return 600 renewals of odd lengths, with names, gaps and times."""
    rng = np.random.default_rng(3)
    n = 600
    use = rng.normal(20, 8, n)
    life = rng.exponential(400 * np.exp((use - 20) / 20), n).clip(1)
    return pd.DataFrame(
        {
            "account_id": [f"a{k // 2}" for k in range(n)],
            "opportunity": rng.integers(1, 7, n),
            "term_months": rng.choice([1.0, 12.0, 13.0, 24.0], n),
            "months_as_customer": 12.0 * rng.integers(1, 5, n),
            "segment": rng.choice(["ENT", "MM", "über <SMB>"], n),
            "use": np.where(rng.random(n) < 0.1, np.nan, use),
            "event": (rng.random(n) < 1 / (1 + np.exp((use - 15) / 6))).astype(int),
            "duration_days": np.minimum(life, 900),
            "gone": (life < 900).astype(int),
            "length": rng.choice([1.0, 12.0], n),
        }
    )


@pytest.fixture(scope="module")
def models(rows: pd.DataFrame) -> dict[str, plain.Model]:
    """Return one model of each kind."""
    timed: dict[str, Any] = {"event": "gone", "cluster": "account_id"}
    return {
        "hazard": survival.renewal_hazard(rows, ["use", "segment"], penalty=0.5),
        "grouped": survival.renewal_hazard(rows, ["use"], link="cloglog"),
        "cox": survival.cox(rows, ["use", "segment"], **timed),
        "strata": survival.cox(rows, ["use", "segment"], strata="length", **timed),
        "time": survival.accelerated(rows, ["segment"], event="gone"),
        "sorting": survival.sorting_test([1000, 600, 450], [400, 150, 90]),
    }


@pytest.fixture
def folder(tmp_path: Path, models: dict[str, plain.Model]) -> Path:
    """Return a folder with the models."""
    own = {"use": {"panel_column": "active_days__first_60d", "unit": "days"}}
    survival.save_models(models, tmp_path / "model", rule=RULE, columns=own)
    return tmp_path / "model"


def chances(model: plain.Model, rows: pd.DataFrame) -> Any:
    """Return what a model says of rows over time."""
    unseen = pd.concat([rows, rows.head(5).assign(segment="never seen", use=np.nan)])
    if isinstance(model, survival.RenewalHazard):
        return model.survival(unseen, 5)["survival"].to_numpy()
    if isinstance(model, survival.Sorting):
        return np.r_[model.survival([1, 2, 3, 9]), model.retention([1, 7])]
    if isinstance(model, survival.Accelerated):
        return model.remaining(unseen, np.full(len(unseen), 90.0), [30, 200, 700])
    return model.survival(unseen, [1.0, 99.5, 365.0, 2000.0])


def test_every_model_comes_back_with_the_same_curves(
    folder: Path, models: dict[str, plain.Model], rows: pd.DataFrame
) -> None:
    """Chances over time, unseen names and gaps included, are equal to 1e-12; so are the tables."""
    kept = survival.load_models(folder)
    assert list(kept.models) == sorted(models)
    for name, model in models.items():
        back = kept.models[name]
        assert type(back) is type(model)
        np.testing.assert_allclose(chances(back, rows), chances(model, rows), rtol=0, atol=EXACT)
        if not isinstance(model, survival.Sorting):
            assert not isinstance(back, survival.Sorting)
            pd.testing.assert_frame_equal(back.coefficients, model.coefficients, rtol=0, atol=EXACT)


def test_the_file_says_when_a_row_is_judged_and_what_is_read(folder: Path) -> None:
    """The rule and each model's columns, with what the caller knows of them, come back too."""
    kept = survival.load_models(folder)
    assert kept.rule == RULE
    columns = {column["name"]: column for column in kept.schema["hazard"]}
    assert list(columns) == ["opportunity", "term_months", "use", "segment"]
    assert columns["use"]["panel_column"] == "active_days__first_60d"
    assert columns["segment"]["levels"][1:] != []
    assert {"name": "length", "kind": "stratum"} in kept.schema["strata"]


def test_nothing_in_the_file_is_anything_but_json(folder: Path) -> None:
    """Strict JSON alone, sealed: no other file beside it, and a byte changed is told."""
    assert [path.name for path in folder.iterdir()] == [stored.NAME]
    text = (folder / stored.NAME).read_text()
    assert "NaN" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(name))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the content and seal it anew, as somebody who knows how could."""
    content = files.read_sealed_json(folder / stored.NAME, largest=2**26)
    change(content)
    files.write_sealed_json_atomic(folder / stored.NAME, content)


def column(content: dict[str, Any], name: str) -> list[Any]:
    """Return a column of the first model's coefficients."""
    table = content["models"]["hazard"]["coefficients"]
    found: list[Any] = next(one["values"] for one in table if one["name"] == name)
    return found


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another kind": lambda content: content.update(kind="churn model"),
    "another format": lambda content: content.update(format=2),
    "an unknown model": lambda content: content["models"]["hazard"].update(kind="os.system"),
    "a part too many": lambda content: content["models"]["hazard"].update(run="rm"),
    "a part too few": lambda content: content["models"]["cox"].pop("centre"),
    "a coefficient too few": lambda content: column(content, "log_odds").pop(),
    "no number": lambda content: column(content, "log_odds").__setitem__(1, None),
    "text for a number": lambda content: content["models"]["time"].update(scale="1"),
    "columns in another order": lambda content: column(content, "column").reverse(),
    "a link of its own": lambda content: content["models"]["hazard"].update(link="identity"),
    "a column that is not made": lambda content: content["models"]["cox"]["design"][
        "columns"
    ].__setitem__(0, "eval"),
    "no models": lambda content: content.pop("models"),
    "no rule": lambda content: content.pop("rule"),
    "a list": lambda content: content.update(models=[]),
}


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_a_file_that_is_no_whole_model_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    """Also where it was sealed anew: bad data, with the file and a repair."""
    rewritten(folder, change)
    with pytest.raises(DataError) as refused:
        survival.load_models(folder)
    assert refused.value.exit_code == 3
    assert stored.NAME in refused.value.where
    assert "04_time_to_churn" in refused.value.repair


def test_an_edited_file_is_refused_before_it_is_read(folder: Path) -> None:
    """One digit changed by hand: the hash no longer fits."""
    file = folder / stored.NAME
    file.write_text(file.read_text().replace('"decision_days": 90', '"decision_days": 91'))
    with pytest.raises(DataError, match="not whole") as refused:
        survival.load_models(folder)
    assert "another sha256" in refused.value.got


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"sha256": 1}', "\x80pickle"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str | None) -> None:
    """None at all, an empty one, another's: each with exit code 3."""
    if text is not None:
        (tmp_path / stored.NAME).write_text(text)
    with pytest.raises(DataError) as refused:
        survival.load_models(tmp_path)
    assert refused.value.exit_code == 3


def test_what_cannot_be_kept_leaves_the_earlier_file(
    folder: Path, models: dict[str, plain.Model]
) -> None:
    """An object of another kind is no model: the file before it stays as it was."""
    before = (folder / stored.NAME).read_bytes()
    with pytest.raises(TypeError):
        survival.save_models({**models, "x": object()}, folder, rule=RULE)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="JSON"):
        survival.save_models(models, folder, rule={"days": float("inf")})
    assert (folder / stored.NAME).read_bytes() == before
