"""Parts of ``benchmarks/recovery.py``: worlds with planted truth, books, judging, bars."""
