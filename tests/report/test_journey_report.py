"""What the page on journeys says and shows, also where the records tell little."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.features.adoption import Condition, Definition
from cs_models.features.daily.known import Known
from cs_models.report.display import Exhibit, Statement
from cs_models.report.evidence import journey as evidence
from cs_models.report.evidence import journey_chances as chances
from cs_models.report.evidence import paying
from cs_models.report.exhibits import journey as exhibits
from cs_models.report.exhibits import journey_rests as rests
from cs_models.report.exhibits import journey_users as user_way
from cs_models.report.figures import journey as figures
from cs_models.report.findings import journey as findings
from cs_models.report.findings import journey_breaks as breaks
from cs_models.report.findings import journey_saved as saved
from cs_models.run import stages

AS_OF = date(2026, 6, 30)
OPTIONAL = ("users", "tickets", "surveys", "touchpoints", "milestones")
DEFINED = Definition("d", (Condition(column="events__report_shared__first_60d", at_least=20),))


@pytest.fixture(scope="module")
def tables(tenth: Any) -> dict[str, Any]:
    """Return a tenth of the invented customers."""
    return dict(tenth)


@pytest.fixture(scope="module")
def journeys(project_root: Path) -> stages.Journeys:
    """Return the stages that the project ships."""
    return stages.read(project_root / "parameters/journey/default.yml")


def _told(tables: dict[str, Any], definition: Definition | None = DEFINED) -> Known:
    return evidence.records(
        tables, AS_OF, definition=definition, why_undefined="none is stated",
        data_start=date(2022, 7, 1), grace_days=30,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tables: dict[str, Any]) -> Known:
    """Return what is known of them."""
    return _told(tables)


@pytest.fixture(scope="module")
def followed(told: Known, journeys: stages.Journeys) -> evidence.Journey:
    """Return the accounts' journeys."""
    return evidence.of_accounts(told, journeys.accounts, "segment")


def _page(told: Known, journeys: stages.Journeys) -> list[Any]:
    """Return everything that the notebook displays."""
    rng = np.random.default_rng(1)
    accounts = evidence.of_accounts(told, journeys.accounts, "segment")
    people = evidence.of_users(told, journeys.users)
    lasting = evidence.lasting(accounts, rng)
    today = evidence.today(accounts, lasting)
    adopted = chances.adopted(accounts, 90)
    broken = evidence.breaks(accounts, rng)
    stuck = evidence.stuck(accounts, lasting)
    own = evidence.lasting(people, rng)
    paid = paying.of_terms(told.terms, AS_OF, grace_days=30)
    return [
        *findings.answer(accounts, today, adopted, lasting, broken, "USD", 90),
        *findings.untold(accounts, people), *exhibits.today(accounts, today, paid, "USD"),
        *exhibits.course(accounts, chances.course(accounts, rng)),
        *exhibits.adopted(adopted, "none is stated", 90), *exhibits.lasting(accounts, lasting),
        *exhibits.ahead(accounts, chances.ahead(accounts, since=90, days=90)),
        *exhibits.breaks(broken, "USD"),
        *exhibits.stuck(stuck, evidence.after_long(accounts, lasting), "USD"),
        *user_way.users(people, evidence.today(people, own), own),
        *user_way.user_steps(people, chances.steps(people)),
        rests.moves(evidence.moves(accounts)),
        rests.counted(evidence.counts(accounts, people)),
    ]  # fmt: skip


def _words(shown: list[Any]) -> str:
    return " ".join(one.text for one in shown if isinstance(one, Statement))


def test_every_account_day_is_in_one_stage(followed: evidence.Journey, told: Known) -> None:
    """Stays follow each other without a gap, from the first watched day to the data date."""
    for _, own in followed.stays.groupby("account_id"):
        ends, begins = own["last_day"].to_numpy()[:-1], own["entered_on"].to_numpy()[1:]
        assert (begins - ends == np.timedelta64(1, "D")).all()
        assert own["last_day"].iloc[-1] == pd.Timestamp(AS_OF)
        first = max(own["entered_on"].iloc[0], pd.Timestamp(told.data_start))
        assert own["entered_on"].iloc[0] == first
    whole = (followed.stays["last_day"] - followed.stays["entered_on"]).dt.days + 1
    assert whole.sum() == followed.n_days


def test_the_stages_of_today_add_up(followed: evidence.Journey) -> None:
    """Accounts of all stages are all accounts, their money is that of running contracts."""
    today = evidence.today(followed, evidence.lasting(followed, np.random.default_rng(1)))
    assert today["n"].sum() == len(followed.now)
    assert today["share"].sum() == pytest.approx(1.0)
    assert today.set_index("stage").loc["left", "arr"] == 0


def test_the_stages_hold_the_customers_of_today_and_their_money(
    followed: evidence.Journey, told: Known
) -> None:
    """What the stages that have not ended add up to is said of today's customers on every page."""
    today = evidence.today(followed, evidence.lasting(followed, np.random.default_rng(1)))
    own = today[~today["stage"].isin(followed.rules.of("ended"))]
    paid = paying.of_terms(told.terms, AS_OF, grace_days=30)
    assert paid.n_customers == own["n"].sum()
    assert paid.arr == pytest.approx(own["arr"].sum())
    shown = exhibits.today(followed, today, paid, "USD")[0]
    assert isinstance(shown, Exhibit)
    assert f"{paid.n_customers} customers pay" in shown.table.note


def test_any_two_stages_look_different(followed: evidence.Journey) -> None:
    """By colour, or by hatching where two share one: overdue is not drawn as in notice."""
    told = followed.rules
    shades = figures.colours(told.path, told.of("beside"), told.of("ended"))
    hatched = figures.hatches(shades)
    looks = {name: (shades[name], hatched[name]) for name in told.order}
    assert {"overdue", "in_notice", "left", "renewed_no_further_term"} <= set(looks)
    assert len(set(looks.values())) == len(looks)
    assert hatched["in_notice"] == ""
    assert hatched["overdue"]
    today = evidence.today(followed, evidence.lasting(followed, np.random.default_rng(1)))
    named = today.assign(called=today["stage"], written="")
    bars = figures.today(named, shades, of="customers", amount="").data[0].marker
    assert dict(zip(named["stage"], bars.pattern.shape, strict=True)) == hatched


def test_every_user_day_is_in_one_stage(told: Known, journeys: stages.Journeys) -> None:
    """Users' stays follow each other without a gap too."""
    people = evidence.of_users(told, journeys.users)
    same = people.stays["user_id"].eq(people.stays["user_id"].shift())
    gap = people.stays["entered_on"] - people.stays["last_day"].shift()
    assert (gap[same] == timedelta(days=1)).all()
    assert (people.now.groupby("user_id", observed=True).size() == 1).all()


@pytest.mark.parametrize("missing", OPTIONAL)
def test_the_page_stands_without_any_one_table(
    tables: dict[str, Any], journeys: stages.Journeys, missing: str
) -> None:
    """Without a table the page says which stages it cannot tell, and shows all the rest."""
    less = {name: rows for name, rows in tables.items() if name != missing}
    shown = _page(_told(less), journeys)
    said = _words(shown)
    assert any(isinstance(one, Exhibit) and one.id == "stages" for one in shown)
    if missing == "milestones":
        assert "“onboarding” of customers cannot be told" in said
        assert "“value realised” of customers cannot be told" in said
    if missing == "surveys":
        assert "“advocate” of customers cannot be told" in said
    if missing == "tickets":
        assert "“use dropped” of customers is told without a part of its rule" in said
    if missing == "users":
        assert "cannot be said: there is no table of users" in said


def test_the_page_stands_without_a_definition(
    tables: dict[str, Any], journeys: stages.Journeys
) -> None:
    """Without a definition the adopted stage is left out by name, with the reason."""
    said = _words(_page(_told(tables, None), journeys))
    assert "“adopted” of customers cannot be told and is left out: none is stated" in said
    assert "How many are adopted early cannot be said: none is stated" in said


def test_a_definition_that_cannot_be_dated_is_said(
    tables: dict[str, Any], journeys: stages.Journeys
) -> None:
    """A level over the last days before a decision date has no day on which it is reached."""
    late = Definition("late", (Condition(column="events__last_28d", at_least=3),))
    said = _words(_page(_told(tables, late), journeys))
    assert "events__last_28d is not counted from the start of a contract" in said


def test_figures_keep_to_the_trace_types_of_the_page(
    told: Known, journeys: stages.Journeys
) -> None:
    """Bars and lines only: any other type would stop the export; axes have titles."""
    for one in _page(told, journeys):
        if isinstance(one, Exhibit):
            assert {trace.type for trace in one.figure.data} <= {"bar", "scatter"}
            assert one.figure.layout.xaxis.title.text


def test_an_answer_that_chance_would_give_is_no_break(followed: evidence.Journey) -> None:
    """Where no interval lies above nought the answer says so, and colours nothing."""
    broken = evidence.breaks(followed, np.random.default_rng(1))
    unclear = replace(broken, table=broken.table.assign(clear=False, low=-1.0))
    said = "".join(str(getattr(part, "text", part)) for part in breaks.break_parts(unclear, "USD"))
    assert said.startswith("From no stage are clearly more customers lost")


def test_findings_are_those_of_the_page(followed: evidence.Journey) -> None:
    """Saved findings have ids of their own, and the counts of the table."""
    rng = np.random.default_rng(1)
    lasting = evidence.lasting(followed, rng)
    today = evidence.today(followed, lasting)
    found = saved.of_journey(
        today, chances.adopted(followed, 90), lasting, evidence.breaks(followed, rng),
        evidence.stuck(followed, lasting), "USD", 90,
    )  # fmt: skip
    ids = [one.id for one in found]
    assert len(ids) == len(set(ids))
    counted = {one.id: one.value for one in found if one.id.startswith("stage-")}
    assert sum(counted.values()) == len(followed.now)


def test_a_file_of_stages_is_refused_by_name(tmp_path: Path) -> None:
    """An unknown column is named with the nearest that is known; so is a stage without a rule."""
    form = (
        "accounts:\n  path: [on]\n  otherwise: on\n  stages:\n"
        "    - {{stage: off, words: w, when: {{column: {column}, is: true}}}}\n"
        "    - {{stage: on, words: w}}\n{more}"
        "users:\n  path: [on]\n  otherwise: on\n  stages:\n"
        "    - {{stage: off, words: w, when: {{column: deactivated, is: true}}}}\n"
        "    - {{stage: on, words: w}}\n"
    )
    path = tmp_path / "stages.yml"
    path.write_text(form.format(column="in_notic", more=""))
    with pytest.raises(ParameterError, match="did you mean in_notice"):
        stages.read(path)
    path.write_text(form.format(column="in_notice", more="    - {stage: more, words: w}\n"))
    with pytest.raises(ParameterError, match="exactly one stage has no rule"):
        stages.read(path)
    path.write_text(form.format(column="in_notice", more=""))
    assert stages.read(path).accounts.order == ("on", "off")
