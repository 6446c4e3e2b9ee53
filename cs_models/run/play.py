"""The play as it stands in a run file: what is done for a customer at risk, and what it saves."""

from __future__ import annotations

from typing import Annotated, Self

import pydantic
from pydantic import ConfigDict, Field

# Money as text: a binary number would not be the sum that somebody wrote.
Money = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")]
Share = Annotated[float, Field(ge=0, le=1)]


class PlayParameters(pydantic.BaseModel):
    """What a play costs and is believed to save.

    Parameters
    ----------
    cost : str
        Cost for each customer, in the run's currency, as decimal text: ``"1500"``.
    margin : float
        Gross margin, above 0 and up to 1.
    save_rate_low, save_rate_high : float
        Range of the share (0 to 1) of would-be leavers whom the play keeps: an assumption, for
        nothing but an experiment can tell it.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    cost: Money
    margin: Annotated[float, Field(gt=0, le=1)]
    save_rate_low: Share
    save_rate_high: Share

    @pydantic.model_validator(mode="after")
    def _rates_ascend(self) -> Self:
        if self.save_rate_low > self.save_rate_high:
            raise ValueError(
                f"save_rate_low: at most save_rate_high ({self.save_rate_high:g}), "
                f"got {self.save_rate_low:g}"
            )
        return self
