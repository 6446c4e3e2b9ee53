"""Pages of a report, given out by the server of `make lab` so that their links lead on.

Jupyter shows a file in a sandbox, so that its scripts cannot touch the server, and refuses a
request that does not say which of its pages it comes from, so that no other site can draw a file
into a page of its own.  A page in a sandbox has no origin to name: every link from a report's start
to its pages would end in "403 : Forbidden".  The sandbox stays; what is let in besides is a person
who goes to a page of a report in a tab, which the browser itself says and no page can make it say.
"""

from __future__ import annotations

from jupyter_server.base.handlers import AuthenticatedFileHandler

_REPORTS = "/files/reports/"


class Pages(AuthenticatedFileHandler):
    """Gives out files as Jupyter does, to whoever has shown the token; pages link to each other."""

    @property
    def content_security_policy(self) -> str:
        """The sandbox, out of which a reader may save the tables behind a page."""
        return f"{super().content_security_policy} allow-downloads"

    def check_referer(self) -> bool:
        """Tell whether the request comes from a page of this server, or goes to a report."""
        return _goes_to_a_report(self) or super().check_referer()


def _goes_to_a_report(handler: Pages) -> bool:
    """Tell whether a tab goes to a file of a report; not a frame, an image or a script."""
    request = handler.request
    place = request.path.removeprefix(handler.base_url.rstrip("/"))
    tab = ("navigate", "document")
    return place.startswith(_REPORTS) and tab == (
        request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    )  # fmt: skip
