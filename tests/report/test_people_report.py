"""What is said and shown of people, on small evidence whose truth is plain."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.features import people as features
from cs_models.learn import advocates, champions, person_value, personas
from cs_models.learn.valuing import clusters
from cs_models.learn.valuing.contrast import Contrast
from cs_models.report import results
from cs_models.report.evidence import people as evidence
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence.people import People
from cs_models.report.evidence.person_value import Worth, dearest
from cs_models.report.exhibits import people as exhibits
from cs_models.report.exhibits import person_value as value_exhibits
from cs_models.report.findings import people as findings
from cs_models.report.findings import people_saved
from cs_models.report.findings import person_value as value_findings
from cs_models.run.sections.journey import JourneyAndPersonas

NOBODY = Contrast(*([np.nan] * 5), 3, 40, 43)


def users(n: int = 60) -> pd.DataFrame:
    """Return logins of two paying customers: the first half busy, the second silent."""
    quiet = np.arange(n) >= n // 2
    frame = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(n)], "person_id": [f"p{i}" for i in range(n)],
            "account_id": np.where(np.arange(n) % 2, "A", "B"), "account_name": "=Evil & <b>Co</b>",
            "role": "decision_maker", "deactivated": False, "arr": 1000.0,
            "days_since_created": 40, "days_to_renewal": 30,
            "active_days__last_28d": np.where(quiet, 0, np.arange(n) % 20 + 1),
            "distinct_features__last_90d": np.where(quiet, 0, 5),
            "days_since_last_use": np.where(quiet, 80, 2), "events__last_90d": 9.0,
            "nps__to_date": np.nan, "open_tickets__to_date": 0,
        }
    )  # fmt: skip
    frame.attrs = {"why_not": "", "unknown": {}, "data_start": "2023-01-01"}
    return frame


def found(**more: Any) -> People:
    """Return evidence about the small world."""
    cuts = personas.Cuts()
    live = personas.tiers(users(), cuts)
    inside = personas.members(live, cuts)
    rows = pd.DataFrame(
        {"group": ["all", "SMB", "ENT"], "n": [90, 50, 40], "n_accounts": [80, 45, 35],
         "months": [900.0, 500.0, 400.0], "left": [9, 5, 4], "hazard": [0.01, 0.01, 0.01],
         "low": [0.005, 0.004, 0.003], "high": [0.02, 0.02, 0.03]}
    )  # fmt: skip
    told = champions.Departures(rows, rows.head(0), 40, 30, "champion")
    champion = pd.Series(True, live.index)
    empty = clusters.groups(np.zeros((3, 2)), [1, 2, 3], np.random.default_rng(0))
    made = People(
        "", live, evidence._tiers(live), personas.shares(live, inside, cuts),
        personas.below(live, inside, cuts), advocates.candidates(live, inside),
        champions.silent(live, champion), personas.by_account(live, inside, cuts),
        pd.Series({"asked to cancel": 2, "complains on average": 0}), champion, told, NOBODY, empty,
        cuts, None,
    )  # fmt: skip
    return dataclasses.replace(made, **more)


def words(shown: Any) -> str:
    """Return what a cell says."""
    return " ".join(getattr(item, "text", "") for item in shown)


def test_silent_users_are_said_in_the_share_of_the_table() -> None:
    """Half of sixty users are silent, and the sentence links to the table that says so."""
    said = findings.tiers(found())[0]
    assert "Of 60 users" in said.text
    assert "50" in said.text
    links = [part.href for part in said.parts if not isinstance(part, str)]
    assert set(links) == {f"#{anchors.TIERS}"}


def test_groups_within_noise_are_said_to_be_so() -> None:
    """Two customers cannot tell a group from all users."""
    text = findings.peers(found())[0].text
    assert "cannot be told apart" in text
    assert "lower than their peers" not in text


def test_departures_are_given_by_the_month_and_the_year() -> None:
    """One per cent a month is about 11 % within a year."""
    text = words(findings.champions(found()))
    assert "about 11" in text
    assert "9 departures of 90 people" in text


def test_silent_has_one_meaning_and_each_champion_is_counted_once() -> None:
    """Days without use say who is silent; a champion who pauses is not among the least active."""
    live = found().live.assign(days_since_last_use=2, tier="low")
    live.loc[live.index[:3], "days_since_last_use"] = [15, 59, 14]
    none = found(live=live, silent=live.iloc[:0])
    text = findings.champions(none)[0].text
    assert "none has been silent for 60 days or more; 2 have been silent for 15 to 59 days" in text
    assert "and 58 others never came or are among the least active" in text
    assert none.n_quiet + none.n_at_risk == 60
    both = findings.champions(found(live=live, silent=live.iloc[1:2]))[0].text
    assert "1 has been silent for 60 days or more; 1 has been silent for 15 to 59 days" in both


def test_silence_that_is_not_to_be_trusted_is_a_caution() -> None:
    """Thirty of forty silent champions came back: silence says little."""
    caution = next(s for s in findings.champions(found()) if s.id == "silence-said")
    assert caution.role == "caution"
    assert "silence says little" in caution.text


def test_too_few_renewals_are_not_compared_aloud() -> None:
    """Three renewals after a departure are no finding."""
    said = findings.after(found())
    assert said.verdict == "too_little_data"
    gap = Contrast(-0.2, -0.3, -0.1, 0.6, 0.8, 40, 400, 300)
    clear = findings.after(found(after=gap)).text
    assert "went with the departure" in clear
    assert "because" not in clear


def test_people_are_shown_by_number_never_by_address() -> None:
    """No table of people has a column of mail, and long ones fold."""
    shown = [*exhibits.peers(found(), "USD"), *exhibits.champions(found(), "USD"),
             *exhibits.candidates(found(), "USD")]  # fmt: skip
    text = json.dumps([item._repr_mimebundle_() for item in shown], default=str)
    assert "@" not in text
    tables = [item for item in shown if hasattr(item, "fold_after")]
    assert tables
    assert all(table.fold_after <= 15 and len(table.rows) <= 100 for table in tables)


def test_files_of_people_are_safe_to_open() -> None:
    """A customer's name that starts a formula is marked in the file."""
    csv = results.csv(evidence.shown(found().below)).decode()
    assert "'=Evil" in csv


def test_without_users_everything_says_why_and_nothing_breaks() -> None:
    """Each cell shows the reason or nothing; results.json holds it."""
    frame = users().iloc[:0]
    frame.attrs = {"why_not": features.NO_USERS, "unknown": {}, "data_start": ""}
    none = found(why_not=features.NO_USERS, histories=None, leaving=None, after=None)
    worth = Worth(features.NO_USERS, "", "", None, None, pd.DataFrame(columns=["role", "hazard"]))
    assert features.NO_USERS in words(exhibits.tiers(none))
    for section in (exhibits.peers, exhibits.champions, exhibits.candidates):
        assert f"cannot be said: {features.NO_USERS}" in words(section(none, "USD"))
    assert features.NO_USERS in words(value_exhibits.persons(worth, dearest(worth, none), "USD"))
    assert value_exhibits.rests(worth, "USD") == ()
    assert people_saved.people(none, worth)["why_not"] == features.NO_USERS
    assert len(people_saved.findings(none, worth, "USD")) == 2
    assert personas.tiers(frame).empty


def valued(**more: Any) -> Worth:
    """Return the worth of two persons of one account."""
    persons = pd.DataFrame(
        {"person_id": ["p", "q"], "value": [70.0, 20.0], "equal_weights": [70.0, 20.0],
         "use_alone": [10.0, 80.0]}
    )  # fmt: skip
    accounts = pd.DataFrame(
        {"paid": [60.0], "to_come": [40.0], "handed_paid": [60.0], "handed_to_come": [30.0]}
    )
    value = person_value.PersonValue(
        persons, accounts, person_value.Assumptions(), 0, True, more.pop("beyond", 0.1)
    )
    made = Worth("", "", "", value, None, pd.DataFrame({"role": ["member"], "hazard": [0.01]}))
    return dataclasses.replace(made, **more)


def test_a_look_far_ahead_is_warned_of() -> None:
    """Above 30 % beyond the time followed, amounts are not to be read."""
    assert "beyond" not in words(value_findings.worth(valued(), "USD"))
    text = words(value_findings.worth(valued(beyond=0.4), "USD"))
    assert "40" in text
    assert "read the order of persons" in text


def test_how_much_the_order_hangs_on_the_weights_is_said() -> None:
    """Of the one person first, use alone keeps none; of both, it keeps both."""
    value = valued().value
    assert value is not None
    assert [value.kept("equal_weights", 1), value.kept("use_alone", 1)] == [1, 0]
    text = words(value_findings.worth(valued(), "USD"))
    assert "by role first" in text
    assert "Of the 2 persons first in this order, 2 stay" in text


def test_candidates_are_said_to_be_active_and_no_more() -> None:
    """Without a promoter nobody is named for a reference, and who is left out is counted."""
    live = found().live.assign(tier="high")
    busy = advocates.candidates(live, personas.members(live))
    text = words(findings.candidates(found(candidates=busy)))
    assert "0 of them gave a promoter's answer" in text
    assert "active, which is not the same as content" in text
    assert "2 customers: 2 that asked to cancel" in text
    assert "complain" not in text
    assert "06" in text


def test_assumptions_and_what_is_nobodys_are_shown() -> None:
    """Ten of forty to come are nobody's; the margin stands among the assumptions."""
    assumed, handed = value_exhibits.rests(valued(), "USD")
    rows = {row[0]: row for row in handed.rows}
    assert rows["to come"][3] == pytest.approx(10)
    assert assumed.rows[0][0] == "Margin kept of revenue"


def test_the_run_file_refuses_what_cannot_be() -> None:
    """Tiers in the wrong order and unknown roles are refused by name."""
    content = {"source": {"path": "data/sample"}, "as_of": "2026-06-30"}
    with pytest.raises(ParameterError, match="medium_tier"):
        JourneyAndPersonas.checked(content | {"medium_tier": 0.8})
    with pytest.raises(ParameterError, match="wizard"):
        JourneyAndPersonas.checked(content | {"role_weights": {"wizard": 1.0}})
    made = JourneyAndPersonas.checked(content | {"referral_credit": 0.5, "high_tier": 0.9})
    assert made.assumptions.referral_credit == 0.5
    assert made.cuts.high == 0.9
    assert made.assumptions == dataclasses.replace(person_value.Assumptions(), referral_credit=0.5)
