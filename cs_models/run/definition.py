"""The definition of adoption as it stands in a run file: stated, or taken from an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import pydantic
from pydantic import ConfigDict, Field

from cs_models import errors
from cs_models.features import adoption
from cs_models.run.fields import InsidePath
from cs_models.run.reading import project, values

Text = Annotated[str, Field(min_length=1, max_length=200)]
Column = Annotated[str, Field(min_length=1, max_length=300)]
_STRICT = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class LevelParameters(pydantic.BaseModel):
    """One of several columns that are counted together."""

    model_config = _STRICT

    column: Column
    at_least: float


class ConditionParameters(pydantic.BaseModel):
    """One condition: a column of the panel, and the side of a level on which it must be."""

    model_config = _STRICT

    column: Column | None = None
    of: Annotated[tuple[LevelParameters, ...], Field(min_length=2, max_length=50)] | None = None
    at_least: float | None = None
    fewer_than: float | None = None
    by_users: Annotated[int, Field(ge=1, le=1000)] = 1
    segment: Text | None = None

    @pydantic.model_validator(mode="after")
    def _is_one_side_of_one_line(self) -> Self:
        try:
            self.condition()
        except errors.ParameterError as error:
            got = values.shown(error.got)
            raise ValueError(f"{error.where}: {error.what}; {error.repair}, got {got}") from None
        return self

    def condition(self) -> adoption.Condition:
        """Return the condition that a panel is asked."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "of"}
        of = tuple(adoption.Level(part.column, part.at_least) for part in self.of or ())
        return adoption.Condition(of=of, **fields)


class AdoptionDefinition(pydantic.BaseModel):
    """What "adopted" means in this run.

    Parameters
    ----------
    learned : str, optional
        ``results.json`` of ``02_adoption_thresholds`` or the folder of its run, inside the project:
        the thresholds found there are the definition.
    name : str, optional
        What a stated definition is called.
    all_of : list, optional
        The conditions of a stated definition; all must hold.
    """

    model_config = _STRICT

    learned: InsidePath | None = None
    name: Text | None = None
    all_of: (
        Annotated[tuple[ConditionParameters, ...], Field(min_length=1, max_length=50)] | None
    ) = None

    @pydantic.model_validator(mode="after")
    def _learned_or_stated(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if given not in ({"learned"}, {"name", "all_of"}):
            raise ValueError(
                "either learned (a path), or name and all_of (a list of conditions), "
                f"got {' and '.join(sorted(given)) or 'neither'}"
            )
        return self

    def located(self, start: Path) -> Self:
        """Return the same with its path taken from the project that holds `start`.

        Raises
        ------
        ParameterError
            When a link leads the path out of the project.
        """
        if self.learned is None:
            return self
        path = project.kept_inside(self.learned, start, "adoption_definition.learned")
        return self.model_copy(update={"learned": path})

    def resolve(self) -> adoption.Definition:
        """Return the definition, read from the earlier run when it is learnt.

        Raises
        ------
        ParameterError, DataError
            As :func:`cs_models.features.adoption.from_results` does.
        """
        if self.learned is not None:
            return adoption.from_results(self.learned)
        stated = self.all_of or ()
        return adoption.Definition(self.name or "", tuple(part.condition() for part in stated))
