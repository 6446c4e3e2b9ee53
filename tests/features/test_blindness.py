"""What computes a feature cannot reach an outcome."""

from __future__ import annotations

import subprocess
import sys


def test_features_import_neither_cohort_nor_outcomes() -> None:
    """Importing what computes use, tickets and onboarding leaves cohort and outcomes unimported."""
    code = (
        "import sys; from cs_models.features import relationship;"
        "from cs_models.features.relations import columns as told, records;"
        "from cs_models.features.usage import columns, counts;"
        "print([name for name in sys.modules if name.startswith('cs_models.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "cs_models.features.usage.counts" in done.stdout
    assert "cs_models.features.relationship" in done.stdout
    assert "cs_models.features.relations.people" in done.stdout
    assert "outcomes" not in done.stdout
    assert "cohort" not in done.stdout
