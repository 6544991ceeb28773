"""`prefopt serve` as a process: its address, its keys, its start and its end."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn

from prefopt.deploy.predictor import Predictor
from prefopt.errors import ConfigError
from prefopt.io.addresses import server_addresses
from prefopt.project.project import Project
from prefopt.rounds.promotion import promoted_round
from prefopt.serve.app import make_app
from prefopt.serve.following import Follower
from prefopt.serve.journal import FOLDER, server_lock
from prefopt.serve.metrics import Metrics
from prefopt.serve.service import Service

KEY = "PREFOPT_SERVE_KEY"
"""Environment variable with the key that clients send, or several separated by commas, so that one can replace another."""
LAST_REQUESTS = 60
"""Seconds that requests have to end once the process is asked to."""


def serve_keys() -> tuple[str, ...]:
    """The keys of the environment. Raises ConfigError for one that no client could send."""
    keys = tuple(key.strip() for key in os.environ.get(KEY, "").split(",") if key.strip())
    if any(not key.isascii() or not key.isprintable() or " " in key for key in keys):
        raise ConfigError(f"{KEY} has characters that a header cannot have", hint=f'export {KEY}="$(openssl rand -hex 16)"')
    return keys


def serve(
    project: Project,
    host: str,
    port: int,
    *,
    engine: str = "",
    engine_adapter: str = "",
    on_listen: Callable[[str, Predictor], None],
    say: Callable[[str], None],
) -> None:
    """Serve a project until the process is asked to end.

    Args:
        project: its adapter in use answers.
        host: address to listen on.
        port: 0 for any that is free.
        engine: URLs of the servers that score, in place of serve.engine and model.server.
        engine_adapter: name there of the adapter in use, in place of serve.engine_adapter; empty: its id.
        on_listen: called with the address once requests are taken; the model may still be loading.
        say: called with what happens later.

    Raises:
        ConfigError: the address is not this machine's own and there is no key, or it cannot be listened on.
        ProjectError, CalibrationError, ModelError: as Predictor.of, another process serves the project, or the model cannot be loaded.
    """
    keys, settings = serve_keys(), project.config
    if engine:
        server_addresses(engine, "--engine")
    if (engine_adapter or settings.serve.engine_adapter) and not (engine or settings.serve.engine or settings.model.server):
        raise ConfigError(
            "an engine's adapter is named, and no engine", hint="name it: --engine URL, or serve.engine in prefopt.toml; or name no adapter"
        )
    if not keys and not _is_here(host):
        raise ConfigError(
            f"{host} can be reached by other machines, and there is no key",
            hint=f'export {KEY}="$(openssl rand -hex 16)", or --host 127.0.0.1',
        )
    with server_lock(project.root / FOLDER), _listening(host, port) as listener:
        service = Service(project, Metrics(), engine=engine, engine_adapter=engine_adapter)
        predictor = service.predictor_of(promoted_round(project))
        config = uvicorn.Config(
            make_app(service, keys, host), log_level="warning", access_log=False, timeout_graceful_shutdown=LAST_REQUESTS, lifespan="off"
        )
        server = uvicorn.Server(config)
        loading = _Loading(service, predictor, server, say)
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends on it, then raises it once more
        loading.start()
        try:
            on_listen(url, predictor)
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            loading.end()
    if loading.error is not None:
        raise loading.error


class _Loading(threading.Thread):
    """Loads the adapter while the doors are open already, then follows promotions."""

    def __init__(self, service: Service, predictor: Predictor, server: uvicorn.Server, say: Callable[[str], None]) -> None:
        super().__init__(name="loading", daemon=True)
        self._service, self._predictor, self._server, self._say = service, predictor, server, say
        self._follower = Follower(service, say)
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._service.start(self._predictor)
        except Exception as error:
            self.error = error
            self._server.should_exit = True
            return
        scored = f", scored by {self._predictor.server}" if self._predictor.server else ""
        self._say(f"ready: round {self._predictor.round.name} answers{scored}")
        for what in self._service.not_checked:
            self._say(what)
        self._follower.start()

    def end(self) -> None:
        """Stop following, and answer what waits."""
        if self._follower.is_alive():
            self._follower.stop()
        if self._service.current is not None:
            self._service.close()


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be listened on: {error.strerror}", hint="give another address: --host, --port") from None
