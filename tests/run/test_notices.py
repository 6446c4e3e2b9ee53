"""Notices to receivers of this machine: what they are told, and what nobody may ever see."""

from __future__ import annotations

import importlib.util
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cs_models import errors
from cs_models.run import notices
from cs_models.run.sections.notify import URLS, Notify
from tests.run.receivers import CANARY, Webhook, dead_address

pytest.importorskip("apprise", reason="the extra notify is not installed")

FAILED = notices.Outcome(
    "parameters/weekly.yml", "failed", 5, reason="02: no column\n  got: 'Ashford Mills'",
    folder=Path("/srv/reports/20260701-060000-weekly"), latest="20260624-060000-weekly",
)  # fmt: skip
GOOD = notices.Outcome("parameters/weekly.yml", "complete", 0, headline="75 % is likely kept.")


class _Mail(socketserver.StreamRequestHandler):
    """Just enough of SMTP to be handed one message."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self._say("250-here\r\n250 AUTH PLAIN LOGIN")
            elif word == "AUTH":
                self._say("235 you are you")
            elif word == "DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.letters.append(b"".join(lines).decode())  # type: ignore[attr-defined]
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 well")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Return a receiver of webhooks."""
    receiver = Webhook()
    yield receiver
    receiver.close()


def _notifier(*urls: str, on: str = "failure") -> notices.Notifier:
    return notices.Notifier(on, urls, URLS)


def test_a_webhook_is_told_how_the_run_ended_and_no_value_of_the_data(webhook: Webhook) -> None:
    """Run file, status, exit code and its meaning, reason, where; never what was found there."""
    assert _notifier(webhook.url).tell(FAILED, seconds=30) == []
    (told,) = webhook.got
    assert told["title"] == "Renewals report weekly.yml: failed, exit code 5"
    assert told["message"].splitlines() == [
        "Run file: parameters/weekly.yml",
        "Run: 20260701-060000-weekly",
        "Status: failed",
        "Exit code: 5, a notebook failed",
        "Reason: 02: no column",
        "Report: /srv/reports/20260701-060000-weekly/index.html",
        "Latest still shows: 20260624-060000-weekly",
    ]


def test_a_letter_is_sent_and_who_cannot_be_reached_is_named_without_secrets() -> None:
    """E-mail, a refused connection beside it, and a chat whose host would be its token."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail)
    server.letters = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = (
        f"mailto://me:{CANARY}@127.0.0.1:{server.server_address[1]}"
        "?smtp=127.0.0.1&from=reports@example.com&to=team@example.com"
    )
    missed = _notifier(mail, dead_address()).tell(GOOD, seconds=40)
    server.shutdown()
    server.server_close()
    assert missed == ["json://127.0.0.1 (number 2 of 2)"]
    (letter,) = server.letters  # type: ignore[attr-defined]
    assert "To: team@example.com" in letter
    assert "Renewals report weekly.yml: complete" in letter
    assert notices._shown(f"slack://{CANARY}/{CANARY}/x") == "slack://…"


def test_a_receiver_that_hangs_is_left_behind_and_the_others_are_reached(webhook: Webhook) -> None:
    """The time limit is for all together; whoever answered within it was reached."""
    hanging = Webhook(answer=False)
    missed = _notifier(hanging.url, webhook.url).tell(FAILED, seconds=8)
    hanging.close()
    assert missed == ["json://127.0.0.1 (number 1 of 2)"]
    assert len(webhook.got) == 1


@pytest.mark.parametrize(
    ("on", "outcome", "wanted"),
    [
        ("failure", GOOD, False),
        ("failure", FAILED, True),
        ("always", GOOD, True),
        ("change", GOOD, False),
        ("change", notices.Outcome("p", "complete", 0, changes=("MM: 30, before 20.",)), True),
        ("change", FAILED, True),
    ],
)
def test_who_asked_for_what(on: str, outcome: notices.Outcome, wanted: bool) -> None:
    """A failure is always told; the others as the run file asks."""
    assert _notifier("json://x", on=on).wants(outcome) is wanted


def test_asked_for_and_impossible_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No address, an address that cannot be read, a file that is not there, no Apprise: exit 2."""
    asked = Notify()
    with pytest.raises(errors.ParameterError, match="no address is given") as nothing:
        notices.ready(asked, {})
    assert nothing.value.exit_code == 2
    with pytest.raises(errors.ParameterError, match=r"number 2 \(an address\) of 2") as unread:
        notices.ready(asked, {URLS: f"json://127.0.0.1 {CANARY}"})
    assert CANARY not in str(unread.value)
    with pytest.raises(errors.ParameterError, match="file of addresses"):
        notices.ready(asked, {notices.FILE: str(tmp_path / "nowhere")})
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(errors.ParameterError, match=r"pip install 'cs-models\[notify\]'"):
        notices.ready(asked, {URLS: "json://127.0.0.1"})
    assert notices.ready(None, {}) is None
    assert notices.ready(Notify(on="never"), {}) is None


def test_addresses_come_from_a_variable_or_a_file_of_lines(tmp_path: Path) -> None:
    """Apart by spaces, lines, or commas before another address; the variable goes first."""
    named = tmp_path / "addresses"
    named.write_text("# the team\njson://127.0.0.1/a?to=x,y\n\njson://127.0.0.1/b\n")
    found = notices._addresses(Notify(), {notices.FILE: str(named)})
    assert found == ["json://127.0.0.1/a?to=x,y", "json://127.0.0.1/b"]
    both = {notices.FILE: str(named), URLS: "json://c, json://d json://e"}
    assert notices._addresses(Notify(), both) == ["json://c", "json://d", "json://e"]


def test_what_is_secret_in_an_address_is_known_and_plain_words_are_not() -> None:
    """Passwords and tokens are taken out of reports; `services` and hosts are not."""
    secrets = _notifier(
        f"jsons://me:pass%40word@hooks.example.com/services/{CANARY}?key=B0FFA1234"
    ).secrets
    assert {"pass%40word", "pass@word", CANARY, "B0FFA1234"} <= set(secrets)
    assert not {"services", "hooks.example.com", "example.com"} & set(secrets)


RUN_FILE = """source: {path: data/tiny}
as_of: 2026-06-30
notify: {on: failure}
"""
FAILING = """
import os
raise ValueError(f"seen: {[name for name in os.environ if 'NOTIFY' in name]}")
"""


@pytest.fixture(scope="module")
def failed(make_project: Any) -> Iterator[tuple[Any, Any, list[dict[str, Any]]]]:
    """Return, of a run that failed, project, finished command and notices."""
    project, receiver = make_project(), Webhook()
    (project.root / "parameters/sample.yml").write_text(RUN_FILE)
    project.add("00_data_readiness", FAILING, bare=True)
    urls = {URLS: f"{receiver.url} {dead_address()}"}
    yield project, project.call("run", "parameters/sample.yml", env=urls), receiver.got
    receiver.close()


@pytest.mark.notebook
def test_a_failed_run_tells_why_and_keeps_its_exit_code(failed: Any) -> None:
    """One receiver is dead: a warning, and the code is that of the notebook all the same."""
    project, done, (notice,) = failed
    assert done.returncode == 5
    assert "Status: failed" in notice["message"]
    assert "00_data_readiness: " in notice["message"]
    assert str(project.only_run() / "index.html") in notice["message"]
    warning = "warning: the notice did not reach json://127.0.0.1 (number 2 of 2)"
    assert warning in done.stdout + done.stderr
    assert warning in (project.only_run() / "run.log").read_text()


@pytest.mark.notebook
def test_no_artefact_log_or_message_holds_an_address(failed: Any) -> None:
    """The word and the token inside the addresses stand nowhere; kernels never had them."""
    project, done, _ = failed
    found = subprocess.run(
        ["grep", "-rl", CANARY, str(project.root)], capture_output=True, text=True
    )
    assert found.stdout == ""
    assert CANARY not in done.stdout + done.stderr
    log = (project.only_run() / "run.log").read_text()
    assert "seen: []" in log + (project.only_run() / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("{on: sometimes}", "notify.on is not allowed"),
        (f"{{urls_env: 'json://{CANARY}'}}", "notify.urls_env is not allowed"),
        ("{urls: x}", "unknown parameter notify.urls"),
        ("yes", "notify is not allowed"),
    ],
)
def test_a_wrong_section_is_refused_by_name_and_an_address_is_not_repeated(
    make_project: Any, section: str, word: str
) -> None:
    """The field, what is allowed; whatever was typed as an address is not shown."""
    from cs_models.run.reading import run_file

    project = make_project()
    path = project.root / "parameters/sample.yml"
    path.write_text(RUN_FILE.replace("{on: failure}", section))
    with pytest.raises(errors.ParameterError) as refused:
        run_file.load(path)
    assert word in str(refused.value)
    assert CANARY not in str(refused.value)
    path.write_text(RUN_FILE)
    assert run_file.load(path, ["notify.on=always"]).notify == Notify(on="always")
    assert run_file.load(path, ["notify=null"]).notify is None
