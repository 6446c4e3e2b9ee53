"""Verdicts in words: each sentence with the table behind it.

Grain in: the frames of ``report/evidence/`` and the rows of ``Search.table``.
Grain out: statements for the page and findings for ``results.json``, made from the same
numbers.  Words are the field's and never causal: what is found went together with renewal.
"""
