"""llama.cpp's own server (package xllamacpp) as a process that can be killed and started again on its port.

    python -m tests.llama_server MODEL ALIAS PORT CONTEXT [ADAPTER.gguf …]

CONTEXT is what one request may take. Adapters are loaded and not applied, as with --lora-init-without-apply.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

SLOTS = 2


def free_address() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class LlamaServer:
    """A running server.

    Args:
        model: a GGUF file.
        alias: the name that it is served under.
        adapters: GGUF files.
        context: most tokens of one request.
    """

    def __init__(self, model: Path, alias: str, adapters: list[Path] | None = None, context: int = 1024) -> None:
        self.url = free_address()
        self.words, self.adapters = [str(model), alias, self.url.rpartition(":")[2], str(context)], list(adapters or [])
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.llama_server", *self.words, *map(str, self.adapters)]
        root = Path(__file__).resolve().parents[1]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            assert self._process.poll() is None, f"the server ended: {' '.join(command)}"
            try:
                if httpx.get(f"{self.url}/health", timeout=60).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL, which cannot be caught; nothing where it has been killed."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def serve(model: str, alias: str, port: int, context: int, adapters: list[str]) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias, params.port = model, {alias}, port
    params.n_parallel, params.n_ctx, params.cpuparams.n_threads = SLOTS, SLOTS * context, 1
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in adapters]
    server = xllamacpp.Server(params)
    assert server.listening_address.endswith(f":{port}")
    signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
