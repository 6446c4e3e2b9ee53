"""The numbers that make a world: one frozen dataclass, eight named scenarios.

The process is `methods.md` section 7.  Where a number here differs from the default proposed
there, the reason stands beside it; ``truth.json`` of every written world holds all of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from typing import Any

from cs_models.errors import ParameterError

SEGMENTS = ("SMB", "MM", "ENT")
KEY_FEATURE = "report_shared"
GRADUAL_FEATURE = "workflow_built"
U_SHAPED_FEATURE = "data_export"
RARE_FEATURE = "labs_preview"
LEAK_FEATURE = "offboarding_export"
WINDOW_DAYS = 60


@dataclass(frozen=True)
class FeatureRates:
    """How one feature is used: a log-normal level per term, in rows a user and day.

    Parameters
    ----------
    name : str
        The event's `feature` text.
    rows : float
        Median rows in 60 days of a small account at its steady level.
    vigour : float
        Log-loading on the account's latent vigour v.
    account_sd, term_sd : float
        Standard deviations of the feature's own log-noise, persistent and term by term.
    """

    name: str
    rows: float
    vigour: float
    account_sd: float
    term_sd: float


# Nine decoys, correlated .3 to .7 with v and without an effect of their own.
DECOYS = (
    FeatureRates("dashboard_viewed", 8.0, 0.60, 0.35, 0.30),
    FeatureRates("search_run", 7.0, 0.50, 0.35, 0.35),
    FeatureRates("comment_added", 5.0, 0.60, 0.40, 0.40),
    FeatureRates("filter_saved", 4.0, 0.30, 0.40, 0.40),
    FeatureRates("file_uploaded", 4.0, 0.40, 0.40, 0.40),
    FeatureRates("mobile_session", 4.0, 0.35, 0.50, 0.40),
    FeatureRates("integration_synced", 5.0, 0.45, 0.50, 0.35),
    FeatureRates("template_used", 3.0, 0.40, 0.40, 0.40),
    FeatureRates("alert_configured", 3.0, 0.50, 0.40, 0.40),
)
CAUSES = (
    FeatureRates(KEY_FEATURE, 8.0, 0.45, 0.30, 0.50),
    FeatureRates(GRADUAL_FEATURE, 5.0, 0.35, 0.40, 0.40),
    FeatureRates(U_SHAPED_FEATURE, 4.0, 0.30, 0.40, 0.40),
)
FEATURES = CAUSES + DECOYS  # the causes come first: usage.py relies on it


@dataclass(frozen=True)
class Scenario:
    """All numbers of a world.

    Triples run over SMB, MM, ENT.  Log-odds are of *leaving* at a renewal.

    Parameters
    ----------
    name : str
        The scenario's name.
    n_accounts : int
        Accounts when the caller names no number.
    data_start, as_of : date
        First day of telemetry, and the day on which the records were taken.
    history_days : int
        How long before `data_start` the first accounts began (left truncation).
    segment_mix : triple of float
        Shares of the segments.
    churn : triple of float
        Voluntary churn per yearly renewal opportunity to which the intercepts are calibrated.
    cuts : triple of int
        The planted threshold: actions of the key feature in the first 60 days of the term.
    key_median : triple of float
        Median steady 60-day count of the key feature.
    beta_threshold : float
        Log-odds added below the cut.
    beta_slope : float
        Log-odds per standard deviation of log1p(key feature); only scenario ``linear``.
    beta_vigour, beta_gradual, beta_u, beta_tickets, beta_champion, beta_nps : float
        Log-odds of latent vigour, of the gradual feature, of the squared score of the U-shaped
        one, of early tickets, of a champion lost during the term, of the account's sentiment.
    beta_tier, tier_usage : float
        Effect of the CSM tier (-1, 0, 1) on leaving and on log usage: the confounder.
    sigma_quarter, sigma_account : float
        Standard deviations of the quarter's shock and of the account's own frailty.
    monthly_share, two_year_share, three_year_share : triple of float
        Contract lengths other than 12 months.
    early_cancel_monthly : triple of float
        Hazard per month of an early cancellation, whatever the use.
    involuntary_yearly : float
        Hazard per year of an account bought or bankrupt.
    ramp_days : float
        Median days of the adoption ramp.
    ramp_repeats : bool
        Whether every term begins with the ramp (else only the first one).
    spike_and_decline : bool
        Whether leavers' use declines and spikes before the end of the term.
    leak : bool
        Whether a nightly job writes a back-dated event for those who left.
    drift : float
        Log-odds added to every renewal in the last two quarters.
    """

    name: str
    n_accounts: int = 2000
    data_start: date = date(2022, 7, 1)
    as_of: date = date(2026, 6, 30)
    history_days: int = 365
    segment_mix: tuple[float, float, float] = (0.50, 0.35, 0.15)
    churn: tuple[float, float, float] = (0.22, 0.12, 0.07)
    cuts: tuple[int, int, int] = (20, 20, 20)
    key_median: tuple[float, float, float] = (24.0, 24.0, 24.0)
    beta_threshold: float = 0.0
    beta_slope: float = 0.0
    beta_vigour: float = 0.0
    beta_gradual: float = 0.0
    beta_u: float = 0.0
    beta_tickets: float = 0.0
    beta_champion: float = 0.0
    beta_nps: float = 0.0
    beta_tier: float = 0.0
    tier_usage: float = 0.0
    sigma_quarter: float = 0.25
    sigma_account: float = 0.5
    monthly_share: tuple[float, float, float] = (0.40, 0.0, 0.0)
    two_year_share: tuple[float, float, float] = (0.0, 0.05, 0.20)
    three_year_share: tuple[float, float, float] = (0.0, 0.0, 0.10)
    early_cancel_monthly: tuple[float, float, float] = (0.005, 0.0, 0.0)
    involuntary_yearly: float = 0.01
    ramp_days: float = 30.0
    ramp_repeats: bool = False
    spike_and_decline: bool = True
    leak: bool = False
    drift: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return every number, JSON-able, dates as ISO text."""
        plain = asdict(self)
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in plain.items()}


# Effects of the parts of the process other than the key feature.  beta_vigour is .1 where the
# methods propose .5, and the gradual feature's slope -.15 where they propose -.35: each decoy is
# a sign of v, so that with a strong v every decoy tells something that is true, and naming one
# beside the key feature would be no mistake of the method.
_WORLD: dict[str, float] = {
    "beta_vigour": 0.1,
    "beta_gradual": -0.15,
    "beta_u": 0.10,
    "beta_tickets": 0.15,
    "beta_champion": 0.9,
    "beta_nps": -0.25,
}
# No use of the product goes with the outcome, not even by way of tenure: were only first terms
# ramped, accounts seen late in life would differ in use *and* in the number of terms they left.
_NO_EFFECT: dict[str, Any] = {"ramp_repeats": True, "spike_and_decline": False}

_STEP = Scenario("step", beta_threshold=1.4, **_WORLD)  # type: ignore[arg-type]

_ALL = (
    Scenario("null", **_NO_EFFECT),
    replace(_STEP, name="linear", beta_threshold=0.0, beta_slope=-0.6),
    _STEP,
    replace(
        _STEP,
        name="step-by-segment",
        n_accounts=1400,
        segment_mix=(0.38, 0.34, 0.28),
        churn=(0.26, 0.24, 0.22),
        cuts=(12, 30, 90),
        key_median=(15.0, 37.0, 110.0),
        beta_threshold=1.9,
        beta_champion=0.6,
        sigma_quarter=0.15,
        sigma_account=0.3,
        monthly_share=(0.12, 0.0, 0.0),
        two_year_share=(0.0, 0.03, 0.10),
        three_year_share=(0.0, 0.0, 0.03),
    ),
    # Naive lifts of 15 to 20 points, none of them an effect of use.
    Scenario(
        "confounded",
        beta_tier=-1.3,
        tier_usage=0.9,
        churn=(0.28, 0.22, 0.18),
        **_NO_EFFECT,
    ),
    Scenario("immortal", early_cancel_monthly=(0.012, 0.012, 0.012), **_NO_EFFECT),
    replace(_STEP, name="leak", leak=True),
    replace(_STEP, name="drift", drift=0.4),
)
BY_NAME = {scenario.name: scenario for scenario in _ALL}
SCENARIOS = tuple(BY_NAME)


def named(name: str, **changes: Any) -> Scenario:
    """Return a scenario by its name, with some of its numbers changed.

    Raises
    ------
    ParameterError
        When there is no such scenario or no such number.
    """
    if name not in BY_NAME:
        raise ParameterError(
            "no such scenario", where="scenario", got=repr(name), repair=", ".join(SCENARIOS)
        )
    known = {field.name for field in fields(Scenario)} - {"name"}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ParameterError(
            "a scenario has no such number",
            where="scenario",
            got=", ".join(unknown),
            repair=f"one of {', '.join(sorted(known))}",
        )
    return replace(BY_NAME[name], **changes)
