"""The stages of the journey as they stand in a YAML file of their own.

Grain in: a file inside the project.  Grain out: checked rules for accounts and for users, or one
refusal that names the stage and the field.

The form::

    accounts:
      settles_days: 14
      path: [onboarding, adopting, adopted]
      otherwise: adopting
      stages:
        - {stage: left, part: ended, settles_days: 1, words: ..., when: {column: left, is: true}}
        - {stage: onboarding, words: ..., when: {column: onboarding_share, fewer_than: 1}}
        - {stage: adopting, words: ...}
    users: ...
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import ConfigDict, Field

from cs_models.errors import CsModelsError, ParameterError
from cs_models.features.daily import accounts, users
from cs_models.features.daily.stretches import check
from cs_models.learn.staging.rules import Rules, Stage, levels
from cs_models.run.criteria import CriterionParameters
from cs_models.run.reading import complaints, values, yaml_file

_STRICT = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Days = Annotated[int, Field(ge=1, le=90)]


class StageParameters(pydantic.BaseModel):
    """One stage: its name, what it means, and its rule."""

    model_config = _STRICT

    stage: Name
    words: Annotated[str, Field(min_length=1, max_length=200)]
    part: Literal["beside", "ended"] = "beside"
    settles_days: Days | None = None
    leaves_after_days: Days = 1
    losing: bool | None = None
    when: CriterionParameters | None = None


class RulesParameters(pydantic.BaseModel):
    """The stages of one kind of thing, in the order in which they are asked."""

    model_config = _STRICT

    path: Annotated[tuple[Name, ...], Field(min_length=1, max_length=12)]
    otherwise: Name
    stages: Annotated[tuple[StageParameters, ...], Field(min_length=2, max_length=30)]
    settles_days: Days = 1

    @pydantic.model_validator(mode="after")
    def _are_a_partition(self) -> RulesParameters:
        ruled = {stage.stage for stage in self.stages if stage.when is not None}
        if self.otherwise in ruled:
            raise ValueError(f"otherwise: a stage without `when`, got {self.otherwise}")
        try:
            self.rules()
        except CsModelsError as error:
            got = values.shown(error.got)
            raise ValueError(f"{error.where}: {error.what}; {error.repair}, got {got}") from None
        return self

    def rules(self) -> Rules:
        """Return the rules that a frame is asked."""
        return Rules(
            tuple(
                Stage(
                    one.stage,
                    None if one.when is None else one.when.criterion(),
                    one.words,
                    "path" if one.stage in self.path else one.part,
                    one.settles_days or self.settles_days,
                    one.leaves_after_days,
                    one.losing,
                )
                for one in self.stages
            ),
            self.path,
        )


class JourneyParameters(pydantic.BaseModel):
    """A file of stages."""

    model_config = _STRICT

    accounts: RulesParameters
    users: RulesParameters


@dataclass(frozen=True)
class Journeys:
    """The rules of accounts and of users."""

    accounts: Rules
    users: Rules


def read(path: str | Path) -> Journeys:
    """Read a file of stages.

    Parameters
    ----------
    path : str or Path
        The YAML file.

    Returns
    -------
    Journeys

    Raises
    ------
    ParameterError
        The file is not there, or a field is wrong: named, with what it got and what is allowed; a
        column that is not known of an account (a user) on a day, with the nearest that is.
    """
    document = yaml_file.read(Path(path))
    try:
        model = JourneyParameters.model_validate_json(json.dumps(dict(document.content)))
    except pydantic.ValidationError as error:
        faults = complaints.faults_of(error)
        raise complaints.ParameterFaults(faults, where=Path(path).name) from None
    found = Journeys(model.accounts.rules(), model.users.rules())
    for rules, columns, what in (
        (found.accounts, accounts.COLUMNS, "an account"),
        (found.users, users.COLUMNS, "a user"),
    ):
        try:
            check(levels(rules), columns, what)
        except ParameterError as error:
            raise ParameterError(
                error.what, where=f"{Path(path).name}, {error.where}", got=error.got or "",
                repair=error.repair or "",
            ) from None  # fmt: skip
    return found
