"""A stored model predicts as it did; a file that was touched or made up is refused, unrun."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import operator
import os
import pickle
import zipfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from cs_models import files
from cs_models.errors import DataError
from cs_models.learn.predictors import card, encoding, forest, stored, trusted
from cs_models.learn.predictors.encoding import Encoder

COLUMNS = ["arr", "events__last_28d", "nps__to_date", "plan"]


@dataclass(frozen=True)
class Fitted:
    """A model as `churn.fit` gives it, as far as storing is concerned."""

    encoder: Encoder
    trees: list[Any]
    level: str = "L4"
    name: str = "boosting"
    decision_days: int = 90
    grace_days: int = 30
    trained_from: date = date(2024, 1, 31)
    trained_to: date = date(2026, 5, 31)
    n_terms: int = 300
    n_accounts: int = 150
    n_churned: int = 60
    random_state: int = 3
    recipe: dict[str, Any] = field(
        default_factory=lambda: {"windows_days": [28, 90], "first_days": [60], "features": []}
    )
    weight: float = 0.1

    def plain(self) -> dict[str, Any]:
        """Return all that is plain."""
        return {"encoder": self.encoder.plain(), "weight": self.weight, "sizes": (1, 2)}

    def estimators(self) -> list[Any]:
        """Return the trees."""
        return self.trees


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return 300 panel rows with gaps."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "account_id": [f"a{number // 2}" for number in range(300)],
            "arr": rng.lognormal(9, 1, 300),
            "events__last_28d": rng.poisson(20, 300).astype(float),
            "nps__to_date": rng.normal(30, 20, 300),
            "plan": rng.choice(["basic", "pro"], 300),
        }
    )
    rows.loc[::7, "nps__to_date"] = np.nan
    return rows


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> Fitted:
    """Return boosted trees and two refits, one of them with fewer trees."""
    encoder = encoding.learn(frame, COLUMNS)
    raw = encoder.raw(frame)
    left = np.nan_to_num(raw[:, 1]) + 5 * np.random.default_rng(1).normal(size=300) < 18
    trees = [
        HistGradientBoostingClassifier(
            max_iter=number, max_leaf_nodes=4, early_stopping=False, monotonic_cst=[0, -1, 0, 0, 0]
        ).fit(raw, left.astype(float), sample_weight=weight)
        for number, weight in ((12, None), (12, raw[:, 0]), (9, np.arange(300) % 3))
    ]
    return Fitted(encoder, trees)


@pytest.fixture
def folder(model: Fitted, tmp_path: Path) -> Path:
    """Return a folder with the model in it."""
    return stored.save(model, tmp_path / "model")


def _replace_trees(folder: Path, data: bytes) -> None:
    """Exchange the trees as somebody would who can also write their hash."""
    header = files.read_sealed_json(folder / stored.HEADER, largest=10**7)
    header["estimators"]["sha256"] = hashlib.sha256(data).hexdigest()
    files.write_sealed_json_atomic(folder / stored.HEADER, header)
    (folder / stored.TREES).write_bytes(data)


def _refusal(folder: Path) -> str:
    with pytest.raises(DataError) as refusal:
        stored.read(folder)
    assert refusal.value.repair
    return str(refusal.value)


def test_a_stored_model_predicts_bit_for_bit_as_it_did(model, folder, frame):
    """The model and each refit give the same log-odds, from the encoder in the file."""
    plain, estimators = stored.read(folder)
    assert plain == json.loads(json.dumps(model.plain()))
    raw = Encoder.from_plain(plain["encoder"]).raw(frame)
    assert len(estimators) == len(model.trees)
    for found, kept in zip(estimators, model.trees, strict=True):
        np.testing.assert_array_equal(found.decision_function(raw), kept.decision_function(raw))
        assert found.n_iter_ == kept.n_iter_


def test_the_order_of_a_panel_s_columns_does_not_matter_and_a_missing_one_is_named(folder, frame):
    """Columns are found by name, never by place."""
    plain, (first, *_) = stored.read(folder)
    encoder = Encoder.from_plain(plain["encoder"])
    swapped = frame[frame.columns[::-1]]
    np.testing.assert_array_equal(
        first.decision_function(encoder.raw(swapped)), first.decision_function(encoder.raw(frame))
    )
    with pytest.raises(DataError, match="nps__to_date"):
        encoder.raw(frame.drop(columns="nps__to_date"))


def test_the_description_says_what_is_read_when_and_from_which_history(folder, frame):
    """Columns with unit, driver and range; the day of judgement; terms, accounts and versions."""
    header = stored.header(folder)
    columns = {item["name"]: item for item in header["schema"]}
    assert list(columns) == COLUMNS
    assert columns["nps__to_date"]["driver"] == "sentiment"
    assert columns["nps__to_date"]["may_be_missing"]
    assert columns["arr"]["median"] == pytest.approx(frame["arr"].median(), rel=1e-3)
    assert columns["plan"]["words"] == ["basic", "pro"]
    assert header["rule"]["decision_days"] == 90
    assert header["rule"]["recipe"]["windows_days"] == [28, 90]
    assert header["training"]["n_churned"] == 60
    assert set(header["written_with"]) == {"python", "cs-models", "numpy", "scikit-learn", "skops"}


def test_a_model_of_numbers_alone_has_no_file_of_trees(model, folder):
    """It replaces one with trees whole, and no version of scikit-learn matters to it."""
    stored.save(Fitted(model.encoder, [], level="L3"), folder)
    assert not (folder / stored.TREES).exists()
    header = files.read_sealed_json(folder / stored.HEADER, largest=10**7)
    header["written_with"]["scikit-learn"] = "0.1"
    files.write_sealed_json_atomic(folder / stored.HEADER, header)
    assert stored.read(folder)[1] == []


def test_the_list_of_types_is_exact(model):
    """Boosted trees need every type of the list and no other."""
    data = trusted.dumps(forest.pack(model.trees))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        named = trusted._named(json.loads(archive.read("schema.json")))
    assert named == trusted.TYPES


def test_other_estimators_are_not_kept(model, tmp_path):
    """A regression is kept as its coefficients; nothing is written when something cannot be."""
    for strange in (LogisticRegression(), object()):
        with pytest.raises(TypeError, match="coefficients"):
            stored.save(Fitted(model.encoder, [strange]), tmp_path / "none")
    with pytest.raises(TypeError, match="one kind"):
        other = HistGradientBoostingClassifier(max_leaf_nodes=3).fit(
            np.arange(80.0)[:, None], np.arange(80) % 2
        )
        stored.save(Fitted(model.encoder, [model.trees[0], other]), tmp_path / "none")
    with pytest.raises(ValueError, match="JSON"):
        stored.save(Fitted(model.encoder, [], weight=float("nan")), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", [stored.HEADER, stored.TREES])
@pytest.mark.parametrize("kind", ["flipped", "cut", "empty", "absent"])
def test_a_damaged_file_is_refused_with_its_name(folder, name, kind):
    """A flipped bit anywhere, a cut or a lost file: exit code 3, before anything is parsed."""
    path = folder / name
    data = path.read_bytes()
    if kind == "flipped":
        for at in np.random.default_rng(0).integers(len(data), size=25):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert name in _refusal(folder)
    elif kind == "absent":
        path.unlink()
        assert "no model here" in _refusal(folder)
    else:
        path.write_bytes(data[: len(data) // 2] if kind == "cut" else b"")
        assert name in _refusal(folder)


class _Evil:
    """What a pickle would run when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def _zipped(schema: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", schema)
    return made.getvalue()


def _calling(loader: str, module: str, name: str, marker: Path) -> bytes:
    text = {
        "__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
        "content": json.dumps(f"touch {marker}"), "is_json": True, "__id__": 1,
    }  # fmt: skip
    call = {
        "__class__": name, "__module__": module, "__loader__": loader, "protocol": 2,
        "content": {"func": text, "obj": text, "args": text, "attrs": text, "content": text},
        "constructor": text, "args": text, "attrs": text, "_skops_version": "0.16.0", "__id__": 2,
    }  # fmt: skip
    return _zipped(json.dumps(call))


def test_a_file_made_to_run_something_is_refused_and_runs_nothing(folder, tmp_path):
    """With hashes that fit: pickles, calls hidden in every node that calls, types beyond ours."""
    marker = tmp_path / "marker"
    evil = [
        pickle.dumps(_Evil(marker)),
        skops.io.dumps(functools.partial(os.system, f"touch {marker}")),
        skops.io.dumps(operator.methodcaller("touch")),
        skops.io.dumps(LogisticRegression()),
        skops.io.dumps({"shell": np.random.default_rng(0)}),
        *(
            _calling(loader, module, name, marker)
            for loader in (
                "FunctionNode", "MethodNode", "OperatorFuncNode", "PartialNode", "TypeNode",
                "ConstructorFromReduceNode", "ObjectNode", "UfuncNode", "JsonNode", "Nothing",
            )
            for module, name in (("os", "system"), ("builtins", "eval"), ("operator", "call"))
        ),
    ]  # fmt: skip
    for data in evil:
        _replace_trees(folder, data)
        assert "model.skops" in _refusal(folder)
    assert not marker.exists()


def test_types_of_ours_by_other_means_are_refused(folder, tmp_path):
    """A type of the list, called as a function, is not of the list; nor is one without a name."""
    marker = tmp_path / "marker"
    for loader, module, name in (
        ("FunctionNode", "builtins", "str"),
        ("MethodNode", "sklearn.preprocessing._label", "LabelEncoder"),
        ("TypeNode", "os", "system"),
    ):
        _replace_trees(folder, _calling(loader, module, name, marker))
        assert "no churn model has" in _refusal(folder)
    _replace_trees(folder, _zipped('{"__loader__": "ObjectNode", "protocol": 2}'))
    assert "no churn model has" in _refusal(folder)


def test_archives_that_would_harm_their_reader_are_refused(folder):
    """Nesting without end, members of other names, names twice, more bytes than memory."""
    _replace_trees(folder, _zipped("[" * 200_000))
    assert "cannot be read" in _refusal(folder)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("../evil.npy", b"")
    _replace_trees(folder, made.getvalue())
    assert "cannot be read" in _refusal(folder)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("schema.json", "{}")
        archive.writestr("schema.json", "{}")
    _replace_trees(folder, made.getvalue())
    assert "cannot be read" in _refusal(folder)


def test_an_archive_that_unpacks_to_too_much_is_refused(folder, monkeypatch):
    """A small file of noughts may be a large array."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("1.npy", b"\0" * 2_000_000)
    monkeypatch.setattr(trusted, "LARGEST_BYTES", 1_000_000)
    _replace_trees(folder, made.getvalue())
    assert "cannot be read" in _refusal(folder)
    (folder / stored.TREES).write_bytes(b"\0" * 1_000_001)
    assert "larger than" in _refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("left", 0),
        ("left", 2**31),
        ("right", 1000),
        ("feature_idx", -1),
        ("feature_idx", 5),
        ("is_categorical", 1),
        ("value", np.nan),
    ],
)
def test_trees_that_point_elsewhere_are_refused(model, folder, name, value):
    """Compiled prediction follows indices without a look: they are held inside their tree first."""
    packed = forest.pack(model.trees)
    packed["nodes"][name][0] = value
    _replace_trees(folder, trusted.dumps(packed))
    assert "cannot be read" in _refusal(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tree_sizes", lambda sizes: sizes + 1),
        ("tree_sizes", lambda sizes: np.append(sizes, [-1, 1])),
        ("tree_sizes", lambda sizes: sizes.astype("float64")),
        ("n_trees", lambda counts: counts[:-1]),
        ("n_trees", lambda counts: 0 * counts + [2**62, 2**62, 33 - 2**63]),
        ("baselines", lambda starts: starts[:-1]),
        ("baselines", lambda starts: starts * np.inf),
        ("nodes", lambda nodes: nodes.view("uint8")),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(model, folder, name, change):
    """An array of another shape or kind is no forest."""
    packed = forest.pack(model.trees)
    _replace_trees(folder, trusted.dumps({**packed, name: change(packed[name])}))
    assert "cannot be read" in _refusal(folder)


@pytest.mark.parametrize("packed", [{}, [1], None, {"shell": "text"}])
def test_something_else_than_a_forest_is_refused(folder, packed):
    """Types of the list alone do not make a model."""
    _replace_trees(folder, skops.io.dumps(packed))
    assert "cannot be read" in _refusal(folder)


def test_another_version_is_refused_with_the_way_out(folder):
    """Trees need the minor version that wrote them; an unknown format needs its own program."""
    header = files.read_sealed_json(folder / stored.HEADER, largest=10**7)
    header["written_with"]["scikit-learn"] = "1.2.9"
    files.write_sealed_json_atomic(folder / stored.HEADER, header)
    assert "install scikit-learn 1.2.9" in _refusal(folder)
    files.write_sealed_json_atomic(folder / stored.HEADER, {**header, "format": 2})
    assert "format 1 is read" in _refusal(folder)


def test_the_card_says_what_the_model_is_for_and_what_not(model, tmp_path):
    """Measures stand with their intervals; names out of the data cannot become markup."""
    metrics = pd.DataFrame({"metric": ["auc"], "value": [0.71], "low": [0.66], "high": [np.nan]})
    segments = pd.DataFrame({"segment": ["SMB | <b>`x`"], "n_terms": [40], "auc": [0.7]})
    folder = stored.save(model, tmp_path, metrics=metrics, by_segment=segments)
    text = (folder / card.TEXT_NAME).read_text()
    assert "| auc | 0.71 | 0.66 | not known |" in text
    assert "SMB &#124; &lt;b&gt;&#96;x&#96; | 40 | 0.7 |" in text
    assert "not causal" in text
    assert "not for other products" in text
    assert "300 contract terms of 150 accounts, of which 60 were not renewed" in text
    told = json.loads((folder / card.JSON_NAME).read_text())
    assert told["metrics"] == [{"metric": "auc", "value": 0.71, "low": 0.66, "high": None}]
    assert told["drivers"]["commercial"] == ["arr", "plan"]
    bare = (stored.save(model, tmp_path) / card.TEXT_NAME).read_text()
    assert "No out-of-time measures" in bare
