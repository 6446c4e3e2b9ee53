"""Telling somebody how a run ended, by whatever Apprise can reach: a webhook, an e-mail, a chat.

An address holds secrets.  It is read from the environment (or from a file that the environment
names), handed to a process of its own through a pipe, and written nowhere: where an address cannot
be reached, only its kind and, where that is no secret, its host are named.  A notice that does not
arrive changes nothing about the run; one that hangs is left behind.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cs_models import errors
from cs_models.run.sections.notify import Notify

FILE: Final = "CS_MODELS_NOTIFY_FILE"

CHECK_SECONDS: Final = 20.0
SEND_SECONDS: Final = 20.0
SIGNAL_SECONDS: Final = 6.0  # of the grace that a scheduler gives between SIGTERM and SIGKILL
MOST_ADDRESSES: Final = 20
MEANING: Final[Mapping[int, str]] = {
    0: "done",
    1: "an unexpected fault",
    2: "usage or parameters",
    3: "bad data",
    4: "too little data",
    5: "a notebook failed",
    6: "out of resources",
    7: "another run holds the lock",
    130: "interrupted",
    143: "interrupted",
}
# Of other kinds of address the host may be a part of the secret (a chat's token stands there).
_HOST_IS_PLAIN: Final = frozenset(
    ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "http", "https")
)
_BETWEEN: Final = re.compile(r"\s+|,(?=\s*[a-z][a-z0-9+.-]*://)")
_SHORTEST_SECRET: Final = 6
_SHORTEST_PART: Final = 8
_LONGEST_LINE: Final = 300
_MOST_LINES: Final = 5


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    run_file : str
        The run file, as the project names it.
    status : str
        ``complete``, ``failed`` or ``interrupted``.
    exit_code : int
    reason : str
        Why it did not end well.
    headline : str
        What a complete run found, in one sentence.
    changes : tuple of str
        Levels and verdicts that changed since the run before.
    folder : Path or None
        The run's folder; None where it came to none.
    latest : str or None
        The run that ``latest`` shows after it; "" for none, None where that is not known.
    why_not_shown : str
        Why ``latest`` does not show a complete run, in words that follow "this run".
    """

    run_file: str
    status: str
    exit_code: int
    reason: str = ""
    headline: str = ""
    changes: tuple[str, ...] = ()
    folder: Path | None = None
    latest: str | None = None
    why_not_shown: str = ""

    @property
    def shown(self) -> bool:
        """Say whether ``latest`` shows this run, as far as that is known."""
        return self.latest is None or bool(self.folder and self.latest == self.folder.name)


class Notifier:
    """The addresses to tell, and when.

    Parameters
    ----------
    on : str
        ``failure``, ``change`` or ``always``.
    urls : sequence of str
        Addresses as Apprise writes them.
    variable : str
        The environment variable that they may stand in.
    """

    def __init__(self, on: str, urls: Sequence[str], variable: str) -> None:
        self.on = on
        self.hidden = frozenset({variable, FILE})
        self._urls = tuple(urls)

    def __repr__(self) -> str:
        """Say how many addresses there are, and none of them."""
        return f"Notifier(on={self.on!r}, {len(self._urls)} addresses)"

    @property
    def secrets(self) -> list[str]:
        """Return what must stand in no file: the addresses and the secrets inside them."""
        found = {*self._urls, *(part for url in self._urls for part in _secret_parts(url))}
        return sorted(found, key=len, reverse=True)

    def wants(self, outcome: Outcome) -> bool:
        """Say whether this end of a run is to be told."""
        if outcome.status != "complete" or self.on == "always":
            return True
        return self.on == "change" and bool(outcome.changes)

    def check(self) -> None:
        """Refuse addresses that Apprise cannot read, before the run begins.

        Raises
        ------
        ParameterError
            Naming the place of the address among the others, never the address.
        """
        answers = _carry({"urls": self._urls}, CHECK_SECONDS)
        unread = [place for place in range(len(self._urls)) if not answers.get(place)]
        if unread:
            which = ", ".join(
                f"number {place + 1} ({_shown(self._urls[place])})" for place in unread
            )
            raise errors.ParameterError(
                "an address to notify cannot be read",
                where="notify",
                got=f"{which} of {len(self._urls)}",
                repair="write it as Apprise does, for example json://host/path or "
                "mailtos://user:word@host?to=who@where; https://appriseit.com lists all",
            )

    def tell(self, outcome: Outcome, *, seconds: float) -> list[str]:
        """Send a notice to all addresses.

        Parameters
        ----------
        outcome : Outcome
            How the run ended.
        seconds : float
            The longest that may take; whoever has not answered by then was not reached.

        Returns
        -------
        list of str
            The addresses that were not reached, by kind and host, and by their number where
            there are several.
        """
        asked = {"urls": self._urls, "title": title(outcome), "body": body(outcome)}
        answers = _carry(asked, seconds)
        return [self._named(place) for place in range(len(self._urls)) if not answers.get(place)]

    def _named(self, place: int) -> str:
        """Return an address without its secrets; of several by its number as well."""
        shown, n = _shown(self._urls[place]), len(self._urls)
        return shown if n == 1 else f"{shown} (number {place + 1} of {n})"


def ready(notify: Notify | None, environment: Mapping[str, str] | None = None) -> Notifier | None:
    """Return who is to be told, checked; None where nobody is.

    Parameters
    ----------
    notify : Notify or None
        The run file's section.
    environment : mapping, optional
        The process's own by default.

    Raises
    ------
    ParameterError
        When Apprise is not installed, no address is given, or one cannot be read.
    """
    if notify is None or notify.on == "never":
        return None
    environment = os.environ if environment is None else environment
    if importlib.util.find_spec("apprise") is None:
        raise errors.ParameterError(
            "the run file asks for notices, and Apprise, which sends them, is not installed",
            where="notify",
            repair="pip install 'cs-models[notify]', or run with --set notify.on=never",
        )
    urls = _addresses(notify, environment)
    notifier = Notifier(notify.on, urls, notify.urls_env)
    notifier.check()
    return notifier


def title(outcome: Outcome) -> str:
    """Return the subject of a notice."""
    name = Path(outcome.run_file).name or "a run"
    if outcome.status == "complete":
        changed = f", {len(outcome.changes)} changed" if outcome.changes else ""
        shown = "" if outcome.shown else ", latest shows another run"
        return f"Renewals report {name}: complete{changed}{shown}"
    return f"Renewals report {name}: {outcome.status}, exit code {outcome.exit_code}"


def body(outcome: Outcome) -> str:
    """Return the text of a notice: how the run ended and where its report is; no row of data."""
    meaning = MEANING.get(outcome.exit_code, "see docs/scheduling.md")
    where = str(outcome.folder / "index.html") if outcome.folder else ""
    lines = [
        ("Run file", outcome.run_file),
        ("Run", outcome.folder.name if outcome.folder else ""),
        ("Status", outcome.status),
        ("Exit code", f"{outcome.exit_code}, {meaning}"),
        ("Reason", _brief(outcome.reason)),
        ("Headline", _brief(outcome.headline)),
        ("Changed", "\n  ".join(outcome.changes[:_MOST_LINES])),
        ("Report", where),
        _latest(outcome),
    ]
    return "\n".join(f"{name}: {text}" for name, text in lines if text)


def _latest(outcome: Outcome) -> tuple[str, str]:
    """Return what `latest` shows where it is not this run: its readers see none of it."""
    if outcome.shown:
        return "", ""
    if not outcome.latest:
        return "Latest shows", "no run yet"
    why = f"; this run {outcome.why_not_shown}" if outcome.why_not_shown else ""
    return "Latest still shows", f"{outcome.latest}{why}"


def _addresses(notify: Notify, environment: Mapping[str, str]) -> list[str]:
    text = environment.get(notify.urls_env, "")
    named = environment.get(FILE, "")
    if not text.strip() and named:
        try:
            lines = Path(named).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            raise errors.ParameterError(
                "the file of addresses to notify cannot be read",
                where=FILE,
                repair="let it name a UTF-8 file with an address a line",
            ) from None
        text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    urls = [part for part in _BETWEEN.split(text) if part]
    if not urls or len(urls) > MOST_ADDRESSES:
        raise errors.ParameterError(
            "the run file asks for notices, and no address is given" if not urls
            else f"more than {MOST_ADDRESSES} addresses to notify",
            where=f"environment variable {notify.urls_env}",
            repair=f"set {notify.urls_env} to addresses as Apprise writes them, or {FILE} to a "
            "file of them, or run with --set notify.on=never",
        )  # fmt: skip
    return urls


def _carry(asked: Mapping[str, object], seconds: float) -> dict[int, bool]:
    """Ask the courier; return what it said of each place before its time was up."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cs_models.run.courier"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # a Ctrl-C at the terminal is for the run, not for its notice
    )
    try:
        said, _ = process.communicate(json.dumps(asked), timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    answers: dict[int, bool] = {}
    for line in said.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            answer = json.loads(line)
            answers[int(answer["place"])] = answer["ok"] is True
    return answers


def _shown(url: str) -> str:
    """Return the kind of an address and, where that is no secret, its host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "an address"
    kind = parts.scheme.lower()
    if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", kind):
        return "an address"
    return f"{kind}://{host}" if kind in _HOST_IS_PLAIN and host else f"{kind}://…"


def _secret_parts(url: str) -> list[str]:
    """Return the parts of an address that are secrets by their look: passwords and tokens."""
    try:
        parts = urlsplit(url)
        password = parts.password or ""
    except ValueError:
        return []
    words = re.split(r"[/?&=@:,;#]", f"{parts.netloc}/{parts.path}/{parts.query}")
    # A word like `services` is no token: redacting it would spoil every report.
    tokens = [
        word for word in words
        if len(word) >= _SHORTEST_PART and re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
        and "." not in word
    ]  # fmt: skip
    passwords = [password] if len(password) >= _SHORTEST_SECRET else []
    return [part for word in (*passwords, *tokens) for part in {word, unquote(word)}]


def _brief(text: str) -> str:
    """Return the first lines of a text; what is indented, as the values found, is left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line[0].isspace()]
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …" for line in lines]
    more = [f"and {len(cut) - _MOST_LINES} more lines"] if len(cut) > _MOST_LINES else []
    return "\n  ".join([*cut[:_MOST_LINES], *more])
