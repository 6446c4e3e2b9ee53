"""The definition of adoption in force against the level that was learnt, in words."""

from __future__ import annotations

import pandas as pd

from cs_models.features import adoption
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors, standing
from cs_models.report.evidence.rules import records
from cs_models.report.findings.words import Part, cited, linked
from cs_models.report.values import integer, percent

_JUDGED = (standing.REACHED, standing.BELOW)


def definition(met: pd.DataFrame, defined: adoption.Definition | None) -> list[Statement]:
    """Say how many running customers meet the definition in force, and whether the rules agree.

    Parameters
    ----------
    met : DataFrame
        What ``evidence.standing.agreement`` returned.
    defined : Definition or None
        None where none is set.
    """
    if defined is None:
        return []
    by = {(row["met"], row["status"]): row for row in records(met)}
    n_met = sum(int(row["n_terms"]) for key, row in by.items() if key[0] == "yes")
    n_known = sum(int(row["n_terms"]) for key, row in by.items() if key[0] != "not known")
    table = anchors.AGREEMENT
    parts: list[Part] = [
        "By the definition in force (“", *cited(table, defined.name), "”) ",
        linked(integer(n_met), table), " of the ", linked(integer(n_known), table),
        " running terms that can be judged have adopted.",
    ]  # fmt: skip
    both = [row for key, row in by.items() if key[0] != "not known" and key[1] in _JUDGED]
    n_both = sum(int(row["n_terms"]) for row in both)
    if not n_both:
        return [Statement.of("finding", *parts, id="definition-said")]
    agree = sum(int(row["n_terms"]) for row in both if (row["met"] == "yes") == (
        row["status"] == "reached"))  # fmt: skip
    missed = by.get(("yes", "below"))
    parts += [" The level learnt here says the same of ", linked(percent(agree / n_both), table),
              " of the ", linked(integer(n_both), table), " that both can judge."]  # fmt: skip
    if missed is not None and missed["n_terms"]:
        parts += [" ", linked(integer(missed["n_terms"]), table), " meet the definition and yet "
                  "stand on the side of the level that renewed less."]  # fmt: skip
    return [Statement.of("finding", *parts, id="definition-said")]
