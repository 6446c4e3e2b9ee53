"""Whom a run tells how it ended: the section `notify` of a run file.

It is about the run, not about a notebook, so it is no section of a notebook and stands in no
report.  The addresses hold secrets and never stand in a run file: only the name of the variable
that holds them does.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import pydantic
from pydantic import ConfigDict, Field

URLS: Final = "CS_MODELS_NOTIFY_URLS"
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{2,63}")


class Notify(pydantic.BaseModel):
    """When somebody is told how a run ended, and where the addresses are."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    on: Literal["failure", "change", "always", "never"] = Field(
        "failure",
        description="after a run that failed or was interrupted; besides, after one whose levels "
        "or verdicts changed; after each; or never",
    )
    urls_env: str = Field(
        URLS,
        description="the environment variable of the addresses, as Apprise writes them",
    )

    @pydantic.model_validator(mode="after")
    def _names_a_variable(self) -> Notify:
        # What was typed is not repeated: it may be an address with its secret.
        if not _VARIABLE.fullmatch(self.urls_env):
            raise ValueError(
                "urls_env: the name of an environment variable, capital letters, digits and _, "
                f"for example {URLS}; an address never stands in a run file, got something else"
            )
        return self
