"""Findings, figures and the exported page."""
