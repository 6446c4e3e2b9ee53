"""What looks like a secret, and how it is taken out of texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models.run import secrets

SECRET_NAMES = [
    *("password", "DB_PASSWORD", "dbPassword", "passwd", "pwd", "token", "accessToken"),
    *("client-secret", "API_KEY", "apiKey", "apikey", "key", "private_key", "dsn", "POSTGRES_DSN"),
    *("aws_secret_access_key", "credentials", "auth", "bearer", "SecretName", "GITHUB_TOKEN"),
]
PLAIN_NAMES = [
    *("key_features", "monkey", "keyboard", "tokenizer", "secretary", "author", "passage"),
    *("account_id", "source", "seed", "path", "as_of", "strata", "sample", "key_action_days"),
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names_are_seen(name):
    """In every way of writing words together."""
    assert secrets.looks_secret(name)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_plain_names_are_not(name):
    """A word inside another word is not that word."""
    assert not secrets.looks_secret(name)


def test_addresses_with_a_password_are_seen():
    """The password goes, the rest of the address stays readable."""
    redact = secrets.redactor([])
    assert redact("at postgresql+psycopg://me:p:w/x@host:5432/db now") == (
        "at postgresql+psycopg://[redacted]@host:5432/db now"
    )
    assert redact("https://host:8080/path, mail me@host") == "https://host:8080/path, mail me@host"
    assert secrets.holds_secret("mysql://u:p@h")
    assert not secrets.holds_secret("postgres://me@host/db")


@pytest.mark.parametrize("piece", ["x", "a:", "://", "://a:", "x://y:z", "@", "x.", "[redacted]"])
def test_long_texts_are_read_in_one_pass(piece):
    """A notebook holds megabytes of encoded arrays; none may take more than a moment."""
    redact = secrets.redactor(["hunter22"], {"/home/me": "~"})
    begun = time.process_time()
    redact(piece * (200_000 // len(piece)))
    assert time.process_time() - begun < 5  # a quadratic search takes hours


def test_only_values_of_secret_variables_are_taken_longest_first():
    """The working directory is no secret although its name is PWD, nor is a value of `1`."""
    environment = {
        "DB_PASSWORD": "hunter22",
        "API_TOKEN": "hunter22-longer",
        "A_SECRET": "1",
        "PWD": "/home/somebody",
        "HOME": "/home/somebody",
    }
    assert secrets.environment_secrets(environment) == ["hunter22-longer", "hunter22"]


def test_paths_are_shown_as_told_and_the_longest_wins():
    """A notebook's folder is inside the project's; each gets its own text."""
    redact = secrets.redactor([], {"/home/me/p": ".", "/home/me/p/reports/1": "reports/1"})
    assert redact("/home/me/p/reports/1/a, /home/me/p/data") == "reports/1/a, ./data"


letters = st.characters(exclude_characters="\0[redacted]")


@given(text=st.text(letters), secret=st.text(letters, min_size=6, max_size=20))
def test_no_secret_survives_in_any_text(text, secret):
    """Wherever it stands, and whatever letters it has."""
    redacted = secrets.redactor([secret])(text + secret + text)
    assert secrets.REDACTED in redacted
    assert secret not in redacted.replace(secrets.REDACTED, "\0")


def test_values_are_redacted_at_every_depth():
    """Keys too: a mapping may be named by what must not be seen."""
    redact = secrets.redactor(["hunter22"])
    given = {"a": ["x hunter22", 1, None], "hunter22": {"b": "hunter22"}}
    assert secrets.redact_values(given, redact) == {
        "a": ["x [redacted]", 1, None],
        "[redacted]": {"b": "[redacted]"},
    }
