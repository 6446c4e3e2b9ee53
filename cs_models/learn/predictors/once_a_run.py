"""The walk through the past quarters, made once a run: several notebooks ask for the same.

Grain: a panel in, a ``ladder.Walk`` out.  Source: docs/decisions/0011-worked-out-once-a-run.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from cs_models import kept
from cs_models.learn.evaluation.recalibration import Recalibration
from cs_models.learn.predictors.ladder import Walk

_FRAMES = ("predictions", "ladder", "origins", "importance")


def walk(frame: pd.DataFrame, decides: tuple[object, ...], make: Callable[[], Walk]) -> Walk:
    """Return the walk, made by the first process of this run that asks for it.

    Parameters
    ----------
    frame : pandas.DataFrame
        The panel that it is made from.
    decides : tuple
        Everything else that decides it.
    make : callable
        Makes it.

    Returns
    -------
    Walk
        What `make` returns; outside of a run it is made here.
    """
    if kept.folder() is None:
        return make()
    known = kept.content(frame)
    named = kept.name("churn.backtest", known, *decides) if known else ""
    frames, plain = kept.bundle(named, lambda: _parts(make()))
    return _whole(frames, plain)


def _parts(walked: Walk) -> tuple[dict[str, pd.DataFrame], Any]:
    plain = {
        "chosen": walked.chosen,
        "n_embargoed": walked.n_embargoed,
        "calibrators": {
            level: asdict(fitted) | {"at": list(fitted.at), "rate": list(fitted.rate)}
            for level, fitted in walked.calibrators.items()
        },
    }
    return {name: getattr(walked, name) for name in _FRAMES}, plain


def _whole(frames: dict[str, pd.DataFrame], plain: Any) -> Walk:
    calibrators = {
        level: Recalibration(**{**told, "at": tuple(told["at"]), "rate": tuple(told["rate"])})
        for level, told in plain["calibrators"].items()
    }
    return Walk(
        **frames,
        chosen=plain["chosen"],
        calibrators=calibrators,
        n_embargoed=plain["n_embargoed"],
    )
