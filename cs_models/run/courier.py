"""The process that carries a notice: `python -m cs_models.run.courier`, told by standard input.

It is a process of its own so that a receiver that hangs can be left behind, and so that whatever
the library or a plugin prints or raises, addresses included, is seen by nobody.  In: one JSON
object with ``urls``, and ``title`` and ``body`` where something is to be sent.  Out: one JSON line
an address, ``place`` and ``ok``, as soon as it is known.
"""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any


def main() -> None:
    """Check the addresses, or send one notice to all of them side by side."""
    import apprise

    logging.disable(logging.CRITICAL)
    asked = json.load(sys.stdin)
    asset = apprise.AppriseAsset(app_id="cs-models", app_desc="Renewals workbench")
    plugins = [_plugin(apprise, url, asset) for url in asked["urls"]]
    if "body" not in asked:
        for place, plugin in enumerate(plugins):
            _say(place, ok=plugin is not None)
        return
    with ThreadPoolExecutor(max_workers=max(1, len(plugins))) as pool:
        waiting = {
            pool.submit(_send, apprise, plugin, asked): place
            for place, plugin in enumerate(plugins)
        }
        for done in as_completed(waiting):
            _say(waiting[done], ok=done.result())


def _plugin(apprise: Any, url: str, asset: Any) -> Any:
    try:
        return apprise.Apprise.instantiate(url, asset=asset)
    except Exception:  # a plugin may raise anything for an address it cannot read
        return None


def _send(apprise: Any, plugin: Any, asked: dict[str, Any]) -> bool:
    try:
        one = apprise.Apprise()
        one.add(plugin)
        sent = one.notify(
            title=asked["title"], body=asked["body"], body_format=apprise.NotifyFormat.TEXT
        )
    except Exception:  # whatever a plugin raises, this address was not reached
        return False
    return bool(sent)


def _say(place: int, *, ok: bool) -> None:
    sys.stdout.write(json.dumps({"place": place, "ok": ok}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
