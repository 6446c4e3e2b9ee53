"""What is asked of predictors, money and hazards, and the bars (``methods.md`` section 7)."""

from __future__ import annotations

from planted.bars import Bar, Figure
from planted.renewals import TRUTH
from planted.trials import SHOCKS

_PREDICTORS = ("predictors",)
_MONEY = tuple(f"money, shock {shock:g}" for shock in SHOCKS)
_HAZARDS = ("hazards",)
SETTINGS = (*_PREDICTORS, *_MONEY, *_HAZARDS)
WORLDS = 10  # with which a figure of the predictors decides
SLOPE, RATIO = Bar(0.85, 1.15, least=WORLDS), Bar(0.9, 1.1, least=WORLDS)


def _number(what: str, column: str, bar: Bar | None = None) -> Figure:
    return Figure(_PREDICTORS, what, column, unit="number", whole=True, bar=bar)


_LATE = "with 3,000 terms or more to learn from: "
_FORETOLD = (
    _number(_LATE + "terms foretold", "late_n_terms"),
    _number(_LATE + "of these lost", "late_n_churned"),
    _number(_LATE + "AUC of what was said at the time", "late_auc"),
    _number(
        _LATE + "AUC short of the oracle of what is recorded", "late_gap_recorded",
        Bar(high=0.03, least=WORLDS),
    ),
    _number("  the same within each quarter", "late_within_recorded"),
    _number("  short of the oracle that knows all, also what nobody records", "late_gap_hidden"),
    _number("  short of the oracle that knows the mood besides", "late_gap_mood"),
    _number("  short of a regression of the law's own form", "late_gap_form"),
    _number("  that regression, short of the oracle of what is recorded", "late_form_gap"),
    _number("  regression (L3) short of the oracle", "late_gap_L3"),
    _number("  boosting (L4) short of the oracle", "late_gap_L4"),
    _number("  the level said at the time was boosting", "late_boosted"),
    _number(_LATE + "calibration slope", "late_slope", SLOPE),
    _number(_LATE + "observed to expected", "late_ratio", RATIO),
    _number("  the oracle's calibration slope", "late_oracle_slope"),
    _number("  the oracle's observed to expected", "late_oracle_ratio"),
    _number("  spread of observed to expected between worlds", "late_ratio_off"),
    _number("  the same with the quarters' shocks told", "late_unshocked_off"),
    _number("all quarters: terms foretold", "n_terms"),
    _number("all quarters: AUC of what was said at the time", "auc"),
    _number("all quarters: AUC short of the oracle of what is recorded", "gap_recorded"),
    _number("  the same within each quarter", "within_recorded"),
    _number("all quarters: calibration slope", "slope", SLOPE),
    _number("all quarters: observed to expected", "ratio", RATIO),
    _number("seconds of one core for a backtest", "cpu_seconds"),
)  # fmt: skip
_KEPT = (
    Figure(
        _MONEY, "80 % interval of GRR holds the quarter that came", "coverage", per="n_runs",
        whole=True, bar=Bar(0.72, 0.88),
    ),
    Figure(_MONEY, "the same for NRR", "nrr_coverage", per="n_runs", whole=True),
    Figure(
        _MONEY, "the same if contracts were independent", "independent_coverage", per="n_runs",
        whole=True,
    ),
    Figure(_MONEY, "width of the interval", "width", "n_runs", unit="points", whole=True),
    Figure(
        _MONEY, "width if contracts were independent", "independent_width", "n_runs",
        unit="points", whole=True,
    ),
    Figure(_MONEY, "shock estimated", "sigma_mean", "n_runs", unit="number", whole=True),
)  # fmt: skip
_LEFT = tuple(
    figure
    for name in TRUTH
    for figure in (
        Figure(
            _HAZARDS, f"{name}: bias, as a share of the effect", f"bias {name}", unit="number",
            whole=True, bar=Bar(high=0.10, absolute=True),
        ),
        Figure(
            _HAZARDS, f"{name}: 95 % interval holds the effect", f"covered {name}",
            whole=True, bar=Bar(0.92, 0.98),
        ),
    )
)  # fmt: skip
FIGURES = (*_FORETOLD, *_KEPT, *_LEFT)
