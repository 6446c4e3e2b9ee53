"""One number and one colour for each customer, and whether they were worth anything.

Health is 100 · (1 - probability of leaving), so it can be right or wrong: it is held against what
past customers did, and against the score that the CRM keeps by hand.  Colours follow what a play
costs (:func:`boundaries`), change only when that is more than noise (:func:`settle`), and each
driver's points add up to the distance from a renewed customer (:func:`score`).

Grain in: one row per running term (:func:`score`, :func:`settle`), or per past term as it was
judged before its outcome (:func:`validate`).  ``methods.md`` 5.
"""

from cs_models.learn.health.colours import COLOURS, Boundaries, Play, boundaries
from cs_models.learn.health.judged import Validation, validate
from cs_models.learn.health.points import score
from cs_models.learn.health.steady import settle

__all__ = [
    "COLOURS",
    "Boundaries",
    "Play",
    "Validation",
    "boundaries",
    "score",
    "settle",
    "validate",
]
