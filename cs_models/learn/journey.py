"""The journey: where customers and their users are, how they move, and where it breaks.

The public names of `cs_models.learn.staging`.  Grain in: stretches of days without a change
(``features.daily``).  Grain out: one row per stay in a stage, and what is learnt from these.

Source: ``methods.md`` 5; ``customer_success.md`` Q7.
"""

from __future__ import annotations

from cs_models.learn.staging.breaks import Breaks, breaks
from cs_models.learn.staging.chances import occupation, transition
from cs_models.learn.staging.landmark import Landmark, landmark
from cs_models.learn.staging.lasting import lasting
from cs_models.learn.staging.moves import moves, reached
from cs_models.learn.staging.past import Past, past
from cs_models.learn.staging.rules import (
    ADOPTED,
    BESIDE,
    ENDED,
    PATH,
    Rules,
    Stage,
    Usable,
    assign,
    levels,
    usable,
)
from cs_models.learn.staging.stays import days_in, stays

__all__ = [
    "ADOPTED", "BESIDE", "ENDED", "PATH",
    "Breaks", "Landmark", "Past", "Rules", "Stage", "Usable",
    "assign", "breaks", "days_in", "landmark", "lasting", "levels", "moves", "occupation",
    "past", "reached", "stays", "transition", "usable",
]  # fmt: skip
