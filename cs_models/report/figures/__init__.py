"""Figures: a frame in, a plotly figure out; nothing is read, computed or saved here.

Every function draws the columns that its docstring names and no others, so that a page
carries no hidden data.  The frames come from ``report/evidence/``, and the same frame is the
table behind the figure.  Doubt is drawn: intervals as bars, what chance alone would show in grey.
"""
