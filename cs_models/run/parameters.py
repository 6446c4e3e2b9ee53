"""The parameters of every notebook: the only place where a default, range and help line live.

One frozen, strict model a notebook, named in `SECTIONS` as the notebook without its number.
A notebook's cell tagged ``parameters`` holds the same names as plain values; the next cell
builds the model from them with ``Model.of(locals())``, which validates again.  Fields are
JSON values: dates are ISO text, sequences are lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, ConfigDict, Field

from cs_models.data.mapping import Source
from cs_models.features.adoption import Definition
from cs_models.run.definition import AdoptionDefinition
from cs_models.run.fields import (
    AscendingDays,
    Combined,
    Currency,
    Grouping,
    IsoDate,
    Names,
    Stratum,
    TimeZone,
    ascending,
    distinct,
)
from cs_models.run.play import PlayParameters
from cs_models.run.reading import complaints, project, values


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


class NotebookParameters(pydantic.BaseModel):
    """What every notebook is told.

    The fields of this class stand at the top of a run file; those of its subclasses stand in
    the section of their notebook.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    source: Source = Field(description="where the customer records are and how they map")
    as_of: IsoDate = Field(
        description="the day from which the history is looked back on; never 'now'",
        json_schema_extra=_unit("ISO date"),
    )
    timezone: TimeZone = Field(
        "UTC",
        description="the time zone whose calendar days the report speaks of",
        json_schema_extra=_unit("IANA name"),
    )
    currency: Currency = Field(
        "USD", description="the currency of all money", json_schema_extra=_unit("ISO 4217")
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="where every random number starts",
        json_schema_extra=_unit("whole number"),
    )
    output_dir: str | None = Field(
        None,
        description="the folder for results.json and tables; set by the run, empty in the lab",
        json_schema_extra=_unit("folder"),
    )
    adoption_definition: AdoptionDefinition | None = Field(
        None,
        description="what adopted means: conditions, or the thresholds that an earlier run learnt",
        json_schema_extra=_unit("conditions, or a path"),
    )

    @classmethod
    def of(cls, namespace: Mapping[str, Any]) -> Self:
        """Build the model from a notebook's names; names it does not declare are ignored.

        Relative paths (``source.path``, ``adoption_definition.learned``) are taken from the
        project's folder, wherever in the project the notebook runs.

        Raises
        ------
        ParameterError
            When a value is not allowed, naming the field, what it got and what is allowed.
        """
        declared = {name: namespace[name] for name in cls.model_fields if name in namespace}
        model = cls.checked(declared)
        path = project.inside(model.source.path, Path.cwd())
        located: dict[str, Any] = {"source": model.source.model_copy(update={"path": path})}
        defined = model.adoption_definition
        if defined is not None:
            located["adoption_definition"] = defined.located(Path.cwd())
        return model.model_copy(update=located)

    @classmethod
    def checked(cls, content: Mapping[str, Any]) -> Self:
        """Build the model from plain JSON values, strictly.

        Raises
        ------
        ParameterError
            With all faults together.
        """
        faults = list(values.faults(dict(content)))
        if not faults:
            try:
                return cls.model_validate_json(json.dumps(dict(content), allow_nan=False))
            except pydantic.ValidationError as error:
                faults = complaints.faults_of(error)
        raise complaints.ParameterFaults(faults)

    def definition(self) -> Definition | None:
        """Return the definition of adoption in force; None where none is set.

        Raises
        ------
        ParameterError, DataError
            When it is to be learnt from a run that found no threshold, or is not there.
        """
        return None if self.adoption_definition is None else self.adoption_definition.resolve()

    def plain(self) -> dict[str, Any]:
        """Return all fields as plain JSON values, as they are injected into a notebook."""
        plain: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return plain

    @classmethod
    def unit(cls, name: str) -> str:
        """Return the unit of a field in words."""
        extra = cls.model_fields[name].json_schema_extra
        return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else ""


class _History(NotebookParameters):
    """What the notebooks that look at terms at a landmark share."""

    landmark_days: int = Field(
        60,
        ge=14,
        le=180,
        description="days after the start of a term at which adoption is judged",
        json_schema_extra=_unit("days"),
    )
    window_days: AscendingDays = Field(
        (7, 14, 30, 60),
        description="the windows, from the start of the term, in which use is counted",
        json_schema_extra=_unit("days"),
    )
    grace_days: int = Field(
        30,
        ge=0,
        le=180,
        description="days after the renewal date for a late renewal to arrive",
        json_schema_extra=_unit("days"),
    )
    data_start: IsoDate | None = Field(
        None,
        description="the first day of complete records; found in the events when empty",
        json_schema_extra=_unit("ISO date"),
    )
    min_accounts: int = Field(
        20,
        ge=1,
        le=100_000,
        description="a feature used by fewer accounts is left out by name",
        json_schema_extra=_unit("accounts"),
    )

    segment_by: Grouping | None = Field(
        "segment",
        description="the column whose values get answers of their own; null for none",
        json_schema_extra=_unit("column"),
    )

    strata: Annotated[tuple[Stratum, ...], AfterValidator(distinct)] = Field(
        ("segment", "term_months"),
        description="accounts are compared within these columns only",
        json_schema_extra=_unit("columns"),
    )

    @pydantic.model_validator(mode="after")
    def _windows_and_dates_agree(self) -> Self:
        if self.window_days[-1] > self.landmark_days:
            raise ValueError(
                f"window_days: at most landmark_days ({self.landmark_days}), "
                f"got {self.window_days[-1]}"
            )
        if self.data_start is not None and self.data_start >= self.as_of:
            raise ValueError(f"data_start: before as_of ({self.as_of}), got {self.data_start}")
        return self


class DataReadiness(_History):
    """Parameters of `00_data_readiness`."""

    min_churned_accounts: int = Field(
        40,
        ge=1,
        le=100_000,
        description="accounts that left, below which nothing is learnt",
        json_schema_extra=_unit("accounts"),
    )


class AdoptionThresholds(_History):
    """Parameters of `02_adoption_thresholds`."""

    min_users: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...],
        Field(min_length=1, max_length=8),
        AfterValidator(ascending),
    ] = Field(
        (1, 2, 3, 5),
        description="the least numbers of users that a rule may ask for",
        json_schema_extra=_unit("users"),
    )
    alpha: float = Field(
        0.05,
        ge=0.001,
        le=0.2,
        description="how often a search of pure noise may announce a threshold",
        json_schema_extra=_unit("probability"),
    )
    n_permutations: int = Field(
        1999,
        ge=199,
        le=99_999,
        description="shuffles of the history against which a threshold is judged",
        json_schema_extra=_unit("permutations"),
    )
    features: Names | None = Field(
        None,
        description="the features to search; null for all that reach enough accounts",
        json_schema_extra=_unit("feature names"),
    )
    combine: Combined | None = Field(
        None,
        description="features that 'at least 2 of these 3' rules may combine; null lets the "
        "search choose them, [] makes no such rules",
        json_schema_extra=_unit("feature names"),
    )
    engine: Literal["auto", "permutation", "multiplier"] = Field(
        "auto",
        description="what a rule must stand out against: shuffled histories, the calendar and mix "
        "of customers (multiplier), or both (auto)",
        json_schema_extra=_unit("name"),
    )
    by_days: AscendingDays = Field(
        (7, 14, 30, 45, 60, 90),
        description="days of the term on which the leading use is read, to say how early is "
        "enough; those beyond twice landmark_days are left out",
        json_schema_extra=_unit("days"),
    )
    play: PlayParameters | None = Field(
        None,
        description="what is done for a customer at risk: its cost as decimal text, the margin, "
        "and the range of the share of leavers it is believed to keep; null for none",
        json_schema_extra=_unit("cost, margin and shares"),
    )

    @pydantic.model_validator(mode="after")
    def _enough_permutations(self) -> Self:
        if self.alpha * (self.n_permutations + 1) < 1:
            raise ValueError(
                f"n_permutations: at least {int(1 / self.alpha)} for alpha {self.alpha}, "
                f"got {self.n_permutations}"
            )
        return self


SECTIONS: Mapping[str, type[NotebookParameters]] = {
    "data_readiness": DataReadiness,
    "adoption_thresholds": AdoptionThresholds,
}
COMMON: tuple[str, ...] = tuple(NotebookParameters.model_fields)
SET_BY_THE_RUN: frozenset[str] = frozenset({"output_dir"})


def own_fields(section: str) -> tuple[str, ...]:
    """Return the fields that stand in a section of the run file, not at its top."""
    return tuple(name for name in SECTIONS[section].model_fields if name not in COMMON)
