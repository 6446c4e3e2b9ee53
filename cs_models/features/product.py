"""Which features of the product the events name, and which of them a panel is asked for.

Grain: canonical events in, features' texts out; nothing about any account.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import ibis.expr.types as ir

from cs_models.errors import ParameterError

_PROOF_ROWS: Final = 1_000_000
_CLOSE: Final = 5  # names in a message


def named_once(features: Sequence[str], *, where: str = "features") -> tuple[str, ...]:
    """Return the features asked for, refusing one that is named twice.

    Parameters
    ----------
    features : sequence of str
    where : str, default "features"
        The parameter, for the message.

    Returns
    -------
    tuple of str

    Raises
    ------
    ParameterError
        If a feature is named twice.
    """
    chosen = tuple(features)
    if len(set(chosen)) < len(chosen):
        raise ParameterError("a feature is named twice", where=where, got=repr(chosen))
    return chosen


def all_there(features: Sequence[str], known: set[str], *, where: str = "features") -> None:
    """Refuse a feature that the events never name: misspelt, it would be used by nobody.

    Parameters
    ----------
    features : sequence of str
        Asked for.
    known : set of str
        Named by the events.
    where : str, default "features"
        The parameter, for the message.

    Raises
    ------
    ParameterError
        With the names that come close.
    """
    absent = [name for name in features if name not in known]
    if not absent:
        return
    folded = {name.casefold(): name for name in sorted(known)}
    close = [
        folded[near]
        for name in absent
        for near in get_close_matches(name.casefold(), folded, n=_CLOSE)
    ]
    said = ", ".join(list(dict.fromkeys(close))[:_CLOSE])
    raise ParameterError(
        "a feature that is asked for never occurs in the events",
        where=where,
        got=", ".join(absent[:_CLOSE]),
        repair=f"do you mean {said}?" if said else "name features as the events name them",
    )


def reached(events: ir.Table, min_accounts: int) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the features that reach enough accounts, and the others with their accounts.

    Counting every feature's accounts is as dear as counting users.  Most features prove
    themselves in any million rows, whichever the engine reads first, and only the others need
    the whole history: the answer does not depend on which rows those were.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events.
    min_accounts : int
        Accounts that a feature must reach.

    Returns
    -------
    tuple[tuple[str, ...], dict[str, int]]
        The features that do, in the order of their text; the others with their accounts.
    """
    some = _accounts_of(events.limit(_PROOF_ROWS))
    proven = {name for name, n in some.items() if n >= min_accounts}
    names = events.select("feature").drop_null().distinct().to_pyarrow()["feature"].to_pylist()
    unproven = sorted(set(names) - proven)
    others = _accounts_of(events.filter(events.feature.isin(unproven))) if unproven else {}
    kept = proven | {name for name, n in others.items() if n >= min_accounts}
    return tuple(sorted(kept)), {name: n for name, n in others.items() if name not in kept}


def _accounts_of(events: ir.Table) -> dict[str, int]:
    """Return how many accounts used each feature, in the order of the features' text."""
    counted = events.drop_null("feature").group_by("feature").agg(n=events.account_id.nunique())
    found = counted.to_pyarrow()
    return dict(sorted(zip(found["feature"].to_pylist(), found["n"].to_pylist(), strict=True)))
