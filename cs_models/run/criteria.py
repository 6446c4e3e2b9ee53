"""Criteria as they stand in a YAML file: strict, and the same thing as ``features.criteria``.

Grain in: plain JSON values.  Grain out: one checked model, whose :meth:`criterion` is what a frame
is asked.  The forms::

    {column: days_since_created, at_least: 30, at_most: 90}
    {column: segment, one_of: [SMB, MM]}
    {column: nps__to_date, missing: true}
    {column: adopted, is: true}
    {all_of: [...]}    {any_of: [...]}    {not: {...}}
"""

from __future__ import annotations

from typing import Annotated, Self

import pydantic
from pydantic import ConfigDict, Field

from cs_models import errors
from cs_models.features import criteria
from cs_models.run.reading import values

Column = Annotated[str, Field(min_length=1, max_length=300)]
Bound = Annotated[int | float | Annotated[str, Field(max_length=10)], Field(union_mode="smart")]
Value = Annotated[
    bool | int | float | Annotated[str, Field(max_length=200)], Field(union_mode="smart")
]

_FORM = (
    "a column with a range, one_of, is or missing; or all_of, any_of or not, and nothing beside it"
)
_COMBINED = ("all_of", "any_of", "not_")


class CriterionParameters(pydantic.BaseModel):
    """One criterion: a column and what is asked of it, or others combined."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_by_name=False,
        validate_by_alias=True,
    )  # fmt: skip

    column: Column | None = None
    at_least: Bound | None = None
    more_than: Bound | None = None
    at_most: Bound | None = None
    fewer_than: Bound | None = None
    one_of: Annotated[tuple[Value, ...], Field(min_length=1, max_length=200)] | None = None
    is_: bool | None = Field(None, alias="is")
    missing: bool | None = None
    all_of: Parts | None = None
    any_of: Parts | None = None
    not_: CriterionParameters | None = Field(None, alias="not")

    @pydantic.model_validator(mode="after")
    def _is_one_form(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        combined = given & set(_COMBINED)
        if "column" not in given and len(given) == 1 == len(combined):
            return self
        if combined or "column" not in given:
            shown = " and ".join(sorted(name.rstrip("_") for name in given)) or "nothing"
            raise ValueError(f"criterion: {_FORM}, got {shown}")
        try:
            self.criterion()
        except errors.ParameterError as error:
            got = values.shown(error.got)
            raise ValueError(f"{error.where}: {error.what}; {error.repair}, got {got}") from None
        return self

    def criterion(self) -> criteria.Criterion:
        """Return the criterion that a frame is asked."""
        if self.all_of is not None:
            return criteria.AllOf(tuple(part.criterion() for part in self.all_of))
        if self.any_of is not None:
            return criteria.AnyOf(tuple(part.criterion() for part in self.any_of))
        if self.not_ is not None:
            return criteria.Not(self.not_.criterion())
        return criteria.Leaf(
            self.column or "", self.at_least, self.more_than, self.at_most, self.fewer_than,
            self.one_of or (), self.is_, self.missing,
        )  # fmt: skip


Parts = Annotated[tuple[CriterionParameters, ...], Field(min_length=1, max_length=50)]
CriterionParameters.model_rebuild()
