"""What calls by the chance are worth: a recount by hand, and what the page says of it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.health import Play
from cs_models.report.display import Exhibit, Number, Statement
from cs_models.report.evidence import net_benefit as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.exhibits import net_benefit as exhibits
from cs_models.report.figures import net_benefit as figures
from cs_models.report.findings import net_benefit as findings

# Two quarters of four; three of eight leave.  By hand, from a chance of 50 % (odds 1): called are
# a, b, c and e, of whom a, b and e left.  From 20 % (odds 1/4) called are all but h.
SEEN = pd.DataFrame(
    {
        "origin": ["q1"] * 4 + ["q2"] * 4,
        "account_id": list("abcdefgh"),
        "churned": [1, 1, 0, 0, 1, 0, 0, 0],
        "p_churn": [0.9, 0.6, 0.5, 0.3, 0.7, 0.4, 0.2, 0.1],
        "arr": [10_000.0] * 8,
    }
)
# The CRM's score, growing with risk: it has d before a, b, c; and f, then e.  None for h.
SCORE = pd.Series([3.0, 2.0, 1.0, 4.0, 1.0, 2.0, 0.0, np.nan])
PLAY = Play(cost=Decimal(1500), margin=0.75, save_rate_low=0.4, save_rate_high=0.6)


@pytest.fixture
def found() -> evidence.Benefit:
    """Return what calls were worth on the literal frame, with the CRM's score beside them."""
    return evidence.weigh(SEEN, PLAY, score=SCORE, rng=np.random.default_rng(1))


def called_by(found: evidence.Benefit | None) -> Calls:
    """Return calls of which only their worth matters."""
    empty = pd.DataFrame()
    return Calls(empty, empty, empty, k=1, n_quarters=2, everyone=False, benefit=found)


def test_the_worth_is_what_a_recount_by_hand_gives(found: evidence.Benefit) -> None:
    """Leavers called less wrong calls at their odds, per 100 contracts, for every way of calling.

    From 50 %: the chance (3 - 1) / 8; all (3 - 5) / 8; the CRM calls d, a, b of the first quarter
    and f of the second, (2 - 2) / 8.  From 20 %: the chance (3 - 4 / 4) / 8; all
    (3 - 5 / 4) / 8; the CRM calls everyone but h, as the chance does.
    """
    at = found.table.set_index((100 * found.table["threshold"]).round().astype(int))
    for percent, model, everyone, crm in ((50, 25.0, -25.0, 0.0), (20, 25.0, 21.875, 25.0)):
        assert at.loc[percent, "model"] == pytest.approx(model)
        assert at.loc[percent, "all"] == pytest.approx(everyone)
        assert at.loc[percent, "crm"] == pytest.approx(crm)
        assert at.loc[percent, "none"] == 0
        assert at.loc[percent, "ahead"] == pytest.approx(model - max(everyone, 0))
    assert at["share_called"].loc[[20, 50]].tolist() == [7 / 8, 4 / 8]


def test_calling_all_is_worth_prevalence_less_the_rest_at_the_odds(found: evidence.Benefit) -> None:
    """At every threshold t: prevalence - (1 - prevalence) t / (1 - t), per 100 contracts."""
    t, prevalence = found.table["threshold"], SEEN["churned"].mean()
    assert t.min() == 0.05 and t.max() == 0.6
    expected = 100 * (prevalence - (1 - prevalence) * t / (1 - t))
    assert found.table["all"].tolist() == pytest.approx(expected.tolist())


def test_the_sentence_speaks_of_the_chance_from_which_the_play_pays() -> None:
    """1,500 over half of 7,500 is 40 %; a play out of the table's range, or none, leaves 25 %."""
    rng = np.random.default_rng(1)
    at = evidence.weigh(SEEN, PLAY, rng=rng)
    assert (at.at, at.save_rate) == (pytest.approx(0.4), pytest.approx(0.5))
    for play in (None, replace(PLAY, cost=Decimal(15_000)), replace(PLAY, cost=Decimal(0))):
        other = evidence.weigh(SEEN, play, rng=rng)
        assert (other.at, other.save_rate) == (0.25, None)
        assert "mean ARR" not in findings.said(other).text


def test_sentence_table_figure_and_finding_say_one_number(found: evidence.Benefit) -> None:
    """Every digit links to the table whose first row is spoken of, and the finding is its gap."""
    said, exhibit = exhibits.net_benefit(called_by(found))
    assert isinstance(said, Statement) and isinstance(exhibit, Exhibit)
    links = {part.href for part in said.parts if isinstance(part, Number)}
    assert links == {f"#{exhibit.table.id}"}
    assert not re.search(r"\d", "".join(p for p in said.parts if not isinstance(p, Number)))
    assert "by the CRM's score" in said.text
    first = dict(zip(exhibit.table.columns, exhibit.table.rows[0], strict=True))
    (finding,) = findings.findings(called_by(found))
    assert finding.value == pytest.approx(first["ahead"]) and finding.n == 8
    assert (finding.low, finding.high) == pytest.approx((first["ahead_low"], first["ahead_high"]))
    drawn = {trace.name: trace for trace in figures.net_benefit(found.table, found.at).data}
    assert list(drawn["by the chance"].y) == found.table["model"].tolist()
    assert first["threshold"] == pytest.approx(found.at)


def test_luck_is_named_where_the_interval_holds_nought(found: evidence.Benefit) -> None:
    """A gap is more than luck would make only where its whole interval lies on one side."""
    for ahead, low, high, words in (
        (1.0, -1.0, 2.0, "by 1.0 (−1.0 to 2.0), which luck may have made"),
        (1.0, 0.5, 2.0, "by 1.0 (0.5 to 2.0), more than luck would make"),
        (-1.0, -2.0, -0.5, "less than calling nobody, the better of the two, by 1.0 (0.5 to 2.0)"),
        (1.0, np.nan, np.nan, "so few customers"),
    ):
        table = found.table.assign(all=-1.0, ahead=ahead, ahead_low=low, ahead_high=high)
        assert words in findings.said(replace(found, table=table)).text


def test_nothing_foretold_shows_nothing() -> None:
    """Without a backtest there is neither sentence nor finding; without a CRM no column of it."""
    assert exhibits.net_benefit(None) == exhibits.net_benefit(called_by(None)) == ()
    assert findings.findings(None) == []
    plain = evidence.weigh(SEEN, None, rng=np.random.default_rng(1))
    _, exhibit = exhibits.net_benefit(called_by(plain))
    assert isinstance(exhibit, Exhibit) and "crm" not in exhibit.table.columns
    assert "CRM" not in findings.said(plain).text
