"""At which stage did lost customers fall behind: from onboarding to the relationship.

Any rule of being behind finds something in customers who renewed as well.  Each share of lost
terms therefore stands beside the share of renewed ones that the same rule would have blamed;
only the excess tells of leaving.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per lost term, and one
per stage.  Question Q8 of the customer success questions; ``methods.md`` 1.4 and 5.
"""

from cs_models.learn.postmortem.review import PostMortem, lost
from cs_models.learn.postmortem.stages import STAGES, columns

__all__ = ["STAGES", "PostMortem", "columns", "lost"]
