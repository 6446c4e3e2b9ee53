"""Stages of the journey: rules, stays, moves, chances and breaks."""
