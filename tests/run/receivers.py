"""Receivers of notices on this machine, whose addresses hold a word that nobody may ever see."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from typing import Any

CANARY = "c4nary-Tok3n-9f2"


class Webhook:
    """A receiver of webhooks; `answer` False hangs until it is closed."""

    def __init__(self, *, answer: bool = True) -> None:
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._over = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(json.loads(body))
                outer.paths.append(self.path)
                if not answer:
                    outer._over.wait(60)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"json://me:{CANARY}@127.0.0.1:{self._server.server_address[1]}/{CANARY}"

    def close(self) -> None:
        """Stop listening, and let go of whoever waits for an answer."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


def dead_address() -> str:
    """Return an address with secrets at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"json://me:{CANARY}@127.0.0.1:{port}/{CANARY}"
