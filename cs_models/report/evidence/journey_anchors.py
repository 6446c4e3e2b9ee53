"""Names of the tables of the page on journeys, which its sentences link to."""

from __future__ import annotations

TODAY, COURSE, ADOPTED, LASTING, MOVES, AHEAD, BREAKS, STUCK, USERS, USER_STEPS, COUNTS = (
    "stages-table", "course-table", "adopted-table", "lasting-table", "moves", "ahead-table",
    "breaks-table", "stuck", "users-table", "user-steps-table", "counts",
)  # fmt: skip
RULES, USER_RULES, PAST = "rules", "user-rules", "past"
PASSING, RATES, AFTER = "passing", "loss-rates", "after-long"
