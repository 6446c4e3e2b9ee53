"""One thing is said in the singular, none as none: "1 customer", never "Only 0 contracts"."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cs_models.report.findings import amounts, engagement, people, predictors


@pytest.mark.parametrize(("n", "said"), [(0, "0 customers"), (1, "1 customer"), (2310, "2,310")])
def test_things_are_counted(n: int, said: str) -> None:
    """The name stands in the number of what is counted; several may have a name of their own."""
    assert amounts.counted(n, "customer").startswith(said)
    assert amounts.counted(n, "person", "people").endswith("person" if n == 1 else "people")
    assert amounts.contracts(n).endswith("contract" if n == 1 else "contracts")


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "No contract came near its renewal with a case older than a week still open"),
     (1, "Only 1 contract came near the renewal"), (3, "Only 3 contracts came near the renewal")],
)  # fmt: skip
def test_few_open_cases_are_said_in_their_number(n: int, said: str) -> None:
    """None, one and a few contracts with an open case before their renewal."""
    told: Any = SimpleNamespace(
        why={}, load=pd.DataFrame({"opened": [1], "open": [0], "open_severe": [0]}),
        handled=pd.DataFrame({"state": ["some left open", "all handled"], "n": [n, 50.0]}),
        volume={"value": float("nan"), "low": float("nan"), "high": float("nan"), "p": 1.0},
    )  # fmt: skip
    text = "".join(getattr(part, "text", part) for part in engagement.support_parts(told))
    assert said in text
    assert "Only 0" not in text and "1 case; open now" in text


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "No renewal came after"), (1, "Only 1 renewal came"), (4, "Only 4 renewals")],
)
def test_few_renewals_after_a_departure_are_said_in_their_number(n: int, said: str) -> None:
    """None, one and a few renewals after a champion's departure."""
    found: Any = SimpleNamespace(after=SimpleNamespace(difference=float("nan"), n_with=n))
    assert people.after(found).text.startswith(said)


@pytest.mark.parametrize(("n", "said"), [(1, "1 customer ("), (2, "2 customers (")])
def test_whom_the_page_leaves_out_is_said_in_its_number(n: int, said: str) -> None:
    """One customer has given notice; two have."""
    out = pd.DataFrame({"n_terms": [n], "n_accounts": [n], "arr": [9810.0],
                        "reason": ["have given notice already"]})  # fmt: skip
    coming: Any = SimpleNamespace(left_out=out)
    (one,) = predictors.due(coming, "USD")
    assert said in one.text
    assert ("who has given" if n == 1 else "who have given") in one.text
