"""What goes with the arrival of somebody who knew the product from another account.

Grain in: people, contracts, use and renewals.  Grain out: two contrasts, of use and of renewals.

Accounts that a mover came to are set beside those of their segment and number of the term; who
moves where is nobody's draw, so what is found is an association.  Source: ``methods.md`` 4, 2.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.people import Served
from cs_models.learn.valuing import attribution
from cs_models.learn.valuing.contrast import Contrast, within_strata

COMPARED_MONTHS: Final = 3


@dataclass(frozen=True)
class MoverEffect:
    """What went with the arrival of somebody who knew the product from another account.

    Attributes
    ----------
    use : Contrast
        Change of the logarithm of an account's monthly use, from one term's first months to the
        next one's, with an arrival in between less without.
    renewals : Contrast
        Share of terms renewed, with an arrival during the term less without, 0 to 1.
    """

    use: Contrast
    renewals: Contrast

    @property
    def use_ratio(self) -> tuple[float, float, float]:
        """Return the change of use as a ratio, with its limits; 1 is no difference."""
        found = (self.use.difference, self.use.low, self.use.high)
        return tuple(float(np.exp(value)) for value in found)  # type: ignore[return-value]


def mover_effect(
    served: Served,
    monthly: pd.DataFrame,
    contracts: pd.DataFrame,
    opportunities: pd.DataFrame,
    *,
    as_of: date,
    data_start: date,
    decision_days: int = 90,
) -> MoverEffect:
    """Compare accounts that somebody from another account came to with those of their kind.

    Parameters
    ----------
    served, monthly, contracts
        From ``people.served``, ``people.monthly`` and ``people.contracts``.
    opportunities : pandas.DataFrame
        From ``tenure.opportunities``.
    as_of, data_start : datetime.date
        The data date, and the first day of recorded use.
    decision_days : int, default 90
        An arrival counts for a renewal when it came so many days before the renewal date.

    Returns
    -------
    MoverEffect
        Strata: segment and number of the term.

    Notes
    -----
    Use: the first three whole months of two terms in a row, both recorded; an arrival during the
    months that are compared with is left out.  Source: ``methods.md`` 4, 2.10.
    """
    came = served.episodes.loc[served.episodes["came_from"].notna(), ["account_id", "from_on"]]
    use = _use_pairs(served, monthly, contracts, as_of=as_of, data_start=data_start)
    inside = _between(use, came, "measured_until", "term_start")
    before = _between(use, came, "before_start", "measured_until")
    use, exposed = use[~before], inside[~before]
    renewed = opportunities.assign(
        decided=opportunities["opportunity_date"] - pd.Timedelta(days=decision_days)
    )
    if len(served.former):
        now = renewed["account_id"].map(served.former)
        renewed["account_id"] = now.fillna(renewed["account_id"])
    watched = renewed["term_start"] >= pd.Timestamp(data_start)
    renewed = renewed[watched & ~renewed["early"].astype(bool)]
    return MoverEffect(
        within_strata(use["change"], exposed, _kind(use, "number"), use["account_id"]),
        within_strata(
            1 - renewed["lost"].astype("float64"),
            _between(renewed, came, "term_start", "decided"),
            _kind(renewed, "opportunity"), renewed["account_id"],
        ),
    )  # fmt: skip


def _kind(rows: pd.DataFrame, number: str) -> pd.Series:
    """Return the stratum of every row: segment, and number of the term up to the 4th."""
    late = rows[number].clip(upper=4).astype("string")
    return rows["segment"].astype("string").fillna("") + " " + late


def _between(rows: pd.DataFrame, came: pd.DataFrame, after: str, until: str) -> pd.Series:
    """Say of every row whether somebody came to its account in the days from one to the other."""
    keyed = rows[["account_id", after, until]].reset_index(names="row")
    pairs = keyed.merge(came, on="account_id")
    hit = (pairs["from_on"] >= pairs[after]) & (pairs["from_on"] < pairs[until])
    return pd.Series(rows.index.isin(pairs.loc[hit, "row"]), index=rows.index)


def _use_pairs(
    served: Served, monthly: pd.DataFrame, contracts: pd.DataFrame, *, as_of: date, data_start: date
) -> pd.DataFrame:
    """Return terms with a term before, and how the use of their first months changed."""
    terms = contracts.assign(
        number=contracts.groupby("account_id").cumcount() + 1,
        first=attribution.month_number(contracts["term_start"]) + 1,
    )
    logins = served.logins
    accounts, names = pd.factorize(logins["account_id"])
    place = pd.Index(logins["user_id"]).get_indexer(pd.Index(monthly["user_id"]))
    named = place >= 0
    month = attribution.month_number(monthly["month"]).to_numpy()[named]
    by_month = np.zeros((len(names) + 1, as_of.year * 12 + 24))
    uses = monthly["uses"].to_numpy(np.float64)[named]
    np.add.at(by_month, (accounts[place[named]], month), uses)
    own = pd.Index(names).get_indexer(pd.Index(terms["account_id"]))
    total = sum(by_month[own, terms["first"] + step] for step in range(COMPARED_MONTHS))
    opens = data_start.year * 12 + data_start.month - 1
    closes = as_of.year * 12 + as_of.month - 1
    known = (terms["first"] > opens) & (terms["first"] + COMPARED_MONTHS <= closes)
    served_long = (terms["closed_on"] - terms["term_start"]).dt.days.fillna(9999) >= 31 * (
        COMPARED_MONTHS + 1
    )
    terms["level"] = pd.Series(np.log1p(total), terms.index).where(known & served_long)
    earlier = terms.groupby("account_id")[["level", "term_start"]].shift()
    until = earlier["term_start"] + pd.Timedelta(days=31 * (COMPARED_MONTHS + 1))
    terms = terms.assign(
        change=terms["level"] - earlier["level"], before_start=earlier["term_start"],
        measured_until=until,
    )  # fmt: skip
    return terms[terms["change"].notna()].reset_index(drop=True)
