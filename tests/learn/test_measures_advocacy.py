"""The list of who could speak for us, as it is shipped: ten customers placed by hand (Q13)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cs_models.learn import lists
from cs_models.run import lists_file


def test_promoters_with_deep_use_and_no_open_wound_are_listed(project_root: Path) -> None:
    """One fault each keeps a customer off the list; who never answered is unknown, not refused."""
    shipped = {one.name: one for one in lists_file.read(project_root / "parameters/lists")}
    good = {
        "in_notice": False, "nps__to_date": 9.0, "nps_age_days__to_date": 30.0, "depth_rank": 0.9,
        "open_severe_tickets__to_date": 0,
    }  # fmt: skip
    rows = [
        {}, {"nps__to_date": 10.0, "depth_rank": 0.75, "nps_age_days__to_date": 180.0},
        {"in_notice": True}, {"nps__to_date": 8.0}, {"nps_age_days__to_date": 181.0},
        {"depth_rank": 0.74}, {"open_severe_tickets__to_date": 1}, {"nps__to_date": None},
        {"days_since_our_contact__to_date": 29.0}, {"days_since_our_contact__to_date": 31.0},
    ]  # fmt: skip
    frame = pd.DataFrame(
        [
            {"subscription_id": f"s{n}", "account_id": f"a{n}", "account_name": f"Customer {n}",
             "arr": 100.0, **good, "days_since_our_contact__to_date": float("nan"), **row}
            for n, row in enumerate(rows)
        ]
    ).astype({"nps__to_date": "float64"})  # fmt: skip
    made = lists.make(shipped["advocacy"], frame)
    assert made.rows["account_id"].tolist() == ["a1", "a0", "a9"]
    assert made.n_unknown == 1 and made.n_quiet == 1
