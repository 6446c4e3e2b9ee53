"""Secrets: refused as parameters, removed from whatever a run writes.

A parameter ends in the notebook's metadata, in the injected cell and in the report, so a
name that looks like a secret is refused before its value is looked at.  Values of
environment variables with such names, and passwords inside connection strings, are taken
out of notebooks, logs and messages (`reliability.md` C9, G1).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"

_WORDS = re.compile(
    "password|passwd|passphrase|pwd|pw|tokens?|secrets?|credentials?|apikey|dsn|bearer|auth"
    "|authorization"
)
_BEFORE_KEY = frozenset(
    ("api", "access", "private", "secret", "encryption", "signing", "ssh", "auth")
)
# It starts at a fixed text and is bounded: a notebook holds long words, such as encoded arrays.
_CONNECTION = re.compile(r"://[^\s/:@'\"]{0,200}:[^\s@'\"]{1,500}@")
_SHORTEST_SECRET = 6
_FOLDERS = ("PWD", "OLDPWD")  # the working directory, whatever the name looks like


def looks_secret(name: str) -> bool:
    """Tell whether a field or variable of this name would hold a secret.

    ``DB_PASSWORD``, ``accessToken``, ``api-key`` and ``key`` do; ``key_features`` and
    ``monkey`` do not.
    """
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    words = [part.lower() for part in parts]
    if any(_WORDS.fullmatch(word) for word in words) or words in (["key"], ["keys"]):
        return True
    pairs = itertools.pairwise(words)
    return any(second in ("key", "keys") and first in _BEFORE_KEY for first, second in pairs)


def holds_secret(text: str) -> bool:
    """Tell whether a value carries a password inside a connection string."""
    return bool(_CONNECTION.search(text))


def environment_secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the values of secret-looking environment variables, longest first.

    Values shorter than six characters are left alone: replacing every ``1`` of a report
    would destroy it and hide nothing.
    """
    environment = os.environ if environment is None else environment
    names = [name for name in environment if looks_secret(name) and name not in _FOLDERS]
    values = {environment[name].strip() for name in names}
    return sorted((v for v in values if len(v) >= _SHORTEST_SECRET), key=len, reverse=True)


def redactor(
    secrets: Iterable[str], paths: Mapping[str, str] | None = None
) -> Callable[[str], str]:
    """Return a function that takes secrets and this machine's paths out of a text.

    Parameters
    ----------
    secrets : iterable of str
        Values to replace by ``[redacted]``.
    paths : mapping of str to str, optional
        Absolute paths and what to write in their place, so that a report does not tell
        where on which machine it was made.
    """
    replacements = dict.fromkeys(secrets, REDACTED)
    for path, text in sorted((paths or {}).items(), key=lambda item: -len(item[0])):
        replacements.setdefault(path, text)
    known = re.compile("|".join(map(re.escape, replacements))) if replacements else None

    def redact(text: str) -> str:
        if known is not None:
            text = known.sub(lambda match: replacements[match.group()], text)
        return _CONNECTION.sub(f"://{REDACTED}@", text)

    return redact


def redact_values(value: Any, redact: Callable[[str], str]) -> Any:
    """Return JSON-like `value` with every text in it, keys included, redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): redact_values(part, redact) for key, part in value.items()}
    if isinstance(value, list):
        return [redact_values(part, redact) for part in value]
    return value
