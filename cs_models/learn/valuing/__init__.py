"""What a person's work is worth: who leaves, whose use it was, what is still to come.

Grain: people, account-months and contract terms in; people out.  ``methods.md`` 4 (uLTV).
"""
