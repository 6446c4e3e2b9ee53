"""Is this customer like those who renewed, or like those who left, at the same point of the term.

Each of these compares a term with past terms of the same kind (``peers``): where its measures
stand among renewers and leavers (:func:`position` over :func:`bands`), which past terms were most
like it and what became of them (:func:`nearest`, an illustration, which says how much it is
worth), whether its adoption keeps pace with its contract (:func:`adoption_cycle`), and whether
heavy use looks like that of past leavers (:func:`heavy_but_leaving`).

Grain in: one row per (subscription_id, as_of_date).  ``methods.md`` 1.3, 1.4 and 6.
"""

from cs_models.learn.profile.cycle import adoption_cycle
from cs_models.learn.profile.leaving import HeavyUse, heavy_but_leaving
from cs_models.learn.profile.neighbours import Neighbours, nearest
from cs_models.learn.profile.quantiles import bands
from cs_models.learn.profile.standing import position

__all__ = [
    "HeavyUse",
    "Neighbours",
    "adoption_cycle",
    "bands",
    "heavy_but_leaving",
    "nearest",
    "position",
]
