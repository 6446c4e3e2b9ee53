"""Lists to act on, made from what is known on a day and held against what past ones came to.

>>> made = lists.make(asked, frame)                                 # doctest: +SKIP
>>> lists.share([(asked, made)], book, capacity=26, weeks=13)       # doctest: +SKIP
>>> lists.compare(listed, came, account, cell)                      # doctest: +SKIP

Grain: a frame of one row per running term (:func:`accounts.frame`) or per user
(:func:`people.frame`) in; one row per account or user on a list out.

Source: ``methods.md`` 6; ``customer_success.md`` Q11 to Q15.
"""

from __future__ import annotations

from cs_models.learn.listing import accounts, callees, contacts, people
from cs_models.learn.listing.asked import OF_ACCOUNT, CustomerList, feature_of
from cs_models.learn.listing.instead import by_chance, by_size
from cs_models.learn.listing.judged import FEWEST, Ahead, Caught, Past, ahead, caught, compare
from cs_models.learn.listing.made import Made, made_again, make
from cs_models.learn.listing.shared import CALLED, HIGH, TECH, largest, share

__all__ = [
    "CALLED",
    "FEWEST",
    "HIGH",
    "OF_ACCOUNT",
    "TECH",
    "Ahead",
    "Caught",
    "CustomerList",
    "Made",
    "Past",
    "accounts",
    "ahead",
    "by_chance",
    "by_size",
    "callees",
    "caught",
    "compare",
    "contacts",
    "feature_of",
    "largest",
    "made_again",
    "make",
    "people",
    "share",
]
