"""The people behind the accounts: every login as it stood on a day, and where each person served.

Accounts renew, people use.  :func:`frame` says of every login what was known strictly before a
decision date; :func:`episodes` follows a person from account to account, over merged records.
Nothing here knows an outcome.

The contract has no log-in event: a day with any use stands for a log-in.

Source: ``methods.md`` 1.1 (point in time), 4 (episodes), 5; ``customer_success.md`` Q9, Q10, Q14.
"""

from cs_models.features.people.contracts import CONTRACT_COLUMNS, contracts
from cs_models.features.people.episodes import EPISODE_COLUMNS, Served, episodes, served, successors
from cs_models.features.people.frames import COLUMNS, NO_USERS, frame
from cs_models.features.people.monthly import MONTHLY_COLUMNS, monthly

__all__ = [
    "COLUMNS",
    "CONTRACT_COLUMNS",
    "EPISODE_COLUMNS",
    "MONTHLY_COLUMNS",
    "NO_USERS",
    "Served",
    "contracts",
    "episodes",
    "frame",
    "monthly",
    "served",
    "successors",
]
