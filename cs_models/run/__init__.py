"""Parameters, headless execution, publishing and provenance."""
