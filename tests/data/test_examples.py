"""The two foreign data sets, mapped with YAML alone."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from cs_models.data import sources
from cs_models.data.mapping import Source


def example(project_root, name: str, folder) -> tuple[Source, date]:
    """Return the source and the as_of of an example run file."""
    path = project_root / "parameters" / "examples" / f"{name}.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["source"]["path"] = str(folder)
    return Source.model_validate(content["source"]), date.fromisoformat(content["as_of"])


@pytest.fixture(scope="module")
def ravenstack(project_root, shared_data):
    """Return the checked RavenStack tables."""
    source, as_of = example(project_root, "ravenstack", shared_data / "ravenstack")
    return sources.read(source, as_of=as_of)


@pytest.fixture(scope="module")
def churnsim(project_root, shared_data):
    """Return the checked churnsim tables."""
    source, as_of = example(project_root, "churnsim", shared_data / "churnsim_crm5_s11")
    return sources.read(source, as_of=as_of)


def value(expression):
    """Return one computed value."""
    return expression.to_pyarrow().as_py()


def test_ravenstack_is_whole(ravenstack) -> None:
    """Every row is accounted for: 500 accounts, 25,000 days of use, 2,000 cases."""
    counts = ravenstack.checks.counts
    assert counts["accounts"]["kept"] == 500
    assert counts["events"] == {"read": 25000, "kept": 24998, "quarantined": 0, "excluded": 2}
    assert counts["tickets"]["kept"] == 2000
    assert counts["surveys"]["kept"] == 1175
    assert not ravenstack.checks.refusals


def test_ravenstack_terms_follow_the_subscriptions(ravenstack) -> None:
    """Each paid subscription is a chain of terms that ends in its one cancellation, if any."""
    terms = ravenstack["subscriptions"]
    chain = terms.subscription_id.split("/")[0]
    assert value(chain.nunique()) == 4222
    left = terms.filter(terms.outcome == "churned")
    assert value(left.count()) == 408
    assert value(left.subscription_id.split("/")[0].nunique()) == 408
    running = terms.filter(terms.outcome == "pending")
    assert value(running.count()) == 4222 - 408


def test_churnsim_outcomes_are_derived(churnsim) -> None:
    """1,697 terms ended by the data's end; 40 accounts left; each account has one chain."""
    terms = churnsim["subscriptions"]
    assert value(terms.filter(terms.outcome == "churned").count()) == 40
    assert value(terms.account_id.nunique()) == 116
    events = churnsim["events"]
    assert value(events.count()) == 2_773_311
    assert value(events.user_id.nunique()) == 2430
    assert value(events.feature.nunique()) == 25
    assert value(terms.arr.min()) > 0
