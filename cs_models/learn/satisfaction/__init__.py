"""What customers say beside what they can do and what they do.

Grain in: one row per user, survey answer, feature or contract term.  Grain out: the cube of
satisfaction, proficiency and usage; gaps in NPS by feature; what use and renewal say to product;
where word and deed disagree.

Who answers is not drawn by lot: every share is one of those who answered, and the share who did
stands beside it.  Source: ``methods.md`` 1.4, 2.3; ``customer_success.md`` M9, Q6, Q16, Q17.
"""

from cs_models.learn.satisfaction.cube import (
    CORNERS,
    SATISFIED,
    UPPER_HALF,
    Cube,
    cube,
    percentile,
    rescaled,
    response,
)
from cs_models.learn.satisfaction.gaps import GAP_COLUMNS, Gaps, feature_gaps, nps_points
from cs_models.learn.satisfaction.product import SHAPES, Links, feedback, links, use_now
from cs_models.learn.satisfaction.saydo import done, meetings, said, surprises

__all__ = [
    "CORNERS",
    "GAP_COLUMNS",
    "SATISFIED",
    "SHAPES",
    "UPPER_HALF",
    "Cube",
    "Gaps",
    "Links",
    "cube",
    "done",
    "feature_gaps",
    "feedback",
    "links",
    "meetings",
    "nps_points",
    "percentile",
    "rescaled",
    "response",
    "said",
    "surprises",
    "use_now",
]
