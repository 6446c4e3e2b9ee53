"""Fitted models of staying as numbers and names, and back: what a file of them holds.

Grain: a model in, a dict of lists and scalars out, which ``json`` writes and reads without loss.
Everything is checked on the way back, for a file may say anything: what is restored gives the
same chances to the last digit, or there is no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.learn.hazards.accelerated import Accelerated
from cs_models.learn.hazards.design import Category, Design, Number
from cs_models.learn.hazards.discrete import RenewalHazard
from cs_models.learn.hazards.proportional import Cox
from cs_models.learn.hazards.sorting import Sorting

Model = RenewalHazard | Cox | Accelerated | Sorting

_KINDS: Final[Mapping[str, type[Model]]] = {
    "renewal hazard": RenewalHazard,
    "proportional hazards": Cox,
    "accelerated time": Accelerated,
    "sorting": Sorting,
}
_PARTS: Final = {"number": Number, "category": Category}
_VALUES: Final = {
    RenewalHazard: "log_odds",
    Cox: "log_hazard",
    Accelerated: "log_time",
}
_NAMED: Final = {
    "link": ("logit", "cloglog"),
    "family": ("weibull", "lognormal"),
    "verdict": ("no trend", "sorting", "not sorting alone"),
}
_MISSING_ALLOWED: Final = ("fit_p", "integrated_brier")


def of(model: Model) -> dict[str, Any]:
    """Return a model as lists and scalars.

    Parameters
    ----------
    model : RenewalHazard, Cox, Accelerated or Sorting

    Returns
    -------
    dict
        ``kind`` and the model's attributes; missing numbers are None.

    Raises
    ------
    TypeError
        It is of no kind that is kept.
    """
    kind = next((name for name, own in _KINDS.items() if type(model) is own), None)
    if kind is None:
        raise TypeError(f"no model of staying that is kept: {type(model).__name__}")
    parts = {part.name: _written(getattr(model, part.name)) for part in fields(model)}
    return {"kind": kind, **parts}


def restored(plain: Mapping[str, Any]) -> Model:
    """Return the model that :func:`of` wrote.

    Raises
    ------
    ValueError, TypeError, KeyError
        It is not whole: of another kind, a part is absent or unknown, a number is none, or its
        coefficients are not those of its columns.
    """
    own = _KINDS[plain["kind"]]
    wanted = {part.name: str(part.type) for part in fields(own)}
    given = {name: value for name, value in plain.items() if name != "kind"}
    if set(given) != set(wanted):
        raise ValueError(f"its parts are {', '.join(sorted(given))}"[:200])
    model = own(**{name: _read(name, wanted[name], value) for name, value in given.items()})
    if not isinstance(model, Sorting):
        _agree(model)
    return model


def schema(model: Model) -> list[dict[str, Any]]:
    """Return the columns of a frame that a model reads: name, and number or names with its levels.

    A number that is missing is read as ``missing_as``; a name that is none of ``levels`` stands
    at ``others_as``.
    """
    if isinstance(model, Sorting):
        return [{"name": "opportunity", "kind": "number"}]
    columns: list[dict[str, Any]] = [
        {"name": part.column, "kind": "number", "missing_as": part.fill}
        if isinstance(part, Number)
        else {
            "name": part.column,
            "kind": "names",
            "levels": [part.reference, *part.levels],
            "others_as": part.rest,
        }
        for part in model.design.parts
    ]
    stratum = model.strata if isinstance(model, Cox) else None
    return columns if stratum is None else [*columns, {"name": stratum, "kind": "stratum"}]


def _written(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        # Keys of a file are sorted; a table's columns keep their order.
        return [{"name": str(name), "values": _values(own)} for name, own in value.items()]
    if isinstance(value, Design):
        kinds = {own: name for name, own in _PARTS.items()}
        return {
            "parts": [{"kind": kinds[type(part)], **asdict(part)} for part in value.parts],
            "columns": list(value.columns),
            "notices": list(value.notices),
        }
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return list(value)
    return _scalar(value)


def _values(column: pd.Series) -> list[Any]:
    return [_scalar(value) for value in column.tolist()]


def _scalar(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and np.isnan(plain) else plain


def _read(name: str, kind: str, value: Any) -> Any:
    reader = _READERS.get(kind)
    return _choice(name, value) if reader is None else reader(name, value)


def _choice(name: str, value: Any) -> Any:
    if value not in _NAMED[name]:
        raise ValueError(f"{name} is {value}"[:200])
    return value


def _number(name: str, value: Any) -> float:
    if value is None and name in _MISSING_ALLOWED:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise TypeError(f"{name} is no number")
    return float(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} is no count")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return tuple(_text(name, one) for one in value)


def _array(name: str, value: Any) -> Any:
    found = np.asarray(value, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds what is no number")
    return found


def _frame(name: str, value: Any) -> pd.DataFrame:
    if not isinstance(value, list) or any(set(one) != {"name", "values"} for one in value):
        raise TypeError(f"{name} is no table")
    if len({len(one["values"]) for one in value}) > 1:
        raise ValueError(f"columns of {name} differ in length")
    return pd.DataFrame({_text(name, one["name"]): _column(one["values"]) for one in value})


def _column(values: Sequence[Any]) -> Any:
    """Return a column with None as a missing number, where it holds numbers."""
    if all(value is None or type(value) is float for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return list(values)


def _design(name: str, value: Any) -> Design:
    if not isinstance(value, dict) or set(value) != {"parts", "columns", "notices"}:
        raise TypeError(f"{name} is not whole")
    parts = tuple(_part(dict(part)) for part in value["parts"])
    return Design(parts, _texts(name, value["columns"]), _texts(name, value["notices"]))


def _part(plain: dict[str, Any]) -> Number | Category:
    kind, column = plain.pop("kind"), _text("column", plain.pop("column"))
    if kind == "number":
        (fill, flag) = (plain.pop("fill"), plain.pop("flag"))
        if plain or not isinstance(flag, bool):
            raise ValueError("a column's description")
        return Number(column, _number("fill", fill), flag)
    if kind != "category" or set(plain) != {"reference", "levels", "rest"}:
        raise ValueError("a column's description")
    levels = _texts("levels", plain["levels"])
    rest = _text("rest", plain["rest"])
    if rest not in (plain["reference"], *levels):
        raise ValueError("a level that is none")
    return Category(column, _text("reference", plain["reference"]), levels, rest)


_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "float": _number,
    "int": _whole,
    "str": _text,
    "str | None": lambda name, value: None if value is None else _text(name, value),
    "tuple[str, ...]": _texts,
    "Float": _array,
    "pd.DataFrame": _frame,
    "Design": _design,
}


def _agree(model: RenewalHazard | Cox | Accelerated) -> None:
    """Refuse coefficients that are not those of the columns: one each, and each a number."""
    table, own = model.coefficients, model.design.columns
    names = own if isinstance(model, Cox) else ("(intercept)", *own)
    values = _array("coefficients", table[_VALUES[type(model)]])
    if tuple(table["column"]) != tuple(names) or len(values) != len(names):
        raise ValueError("its coefficients are not those of its columns")
    # What the design can make, and nothing else: a name that it cannot would fail at use.
    empty = pd.DataFrame({part.column: [] for part in model.design.parts}, dtype=float)
    model.design.matrix(empty)
    if isinstance(model, Cox):
        if model.centre.shape != (len(own),):
            raise ValueError("its centre is not that of its columns")
        _array("baseline", model.baseline[["time", "cumulative_hazard"]])
        if (model.strata is None) == ("stratum" in model.baseline):
            raise ValueError("its strata are not those of its baseline")
    if isinstance(model, RenewalHazard) and model.covariance.shape != (len(names),) * 2:
        raise ValueError("its covariance is not that of its columns")
    if isinstance(model, Accelerated) and not model.scale > 0:
        raise ValueError("its scale is none")
