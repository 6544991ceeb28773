"""A local OpenAI-compatible chat server whose answers are a function of the instructions and the user's text."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Say = Callable[[str, str], "str | tuple[str, str] | int | bytes"]
"""(system, user) -> the text; (text, finish_reason); a status to refuse with; raw bytes in place of JSON."""


class ChatServer:
    """Serves on a free port until it is closed. `asked` has the body and the key of every request."""

    def __init__(self, say: Say) -> None:
        self.say, self.asked = say, []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()  # close() waits for one poll
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body | {"key": self.headers.get("Authorization")})
                answer = outer.say(body["messages"][0]["content"], body["messages"][1]["content"])
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                text, reason = answer if isinstance(answer, tuple) else (answer, "stop")
                content = answer if isinstance(answer, bytes) else json.dumps(
                    {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}]}
                ).encode()  # fmt: skip
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
