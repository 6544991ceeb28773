"""vLLM's own server on a CPU, as a process that can be killed and started again on its port.

It has an environment of its own, without prefopt: `make engines-nightly` makes one and names its Python in PREFOPT_VLLM_PYTHON.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from tests.llama_server import free_address

PYTHON = os.environ.get("PREFOPT_VLLM_PYTHON", "")
ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
}


class VllmServer:
    """A running server, of bfloat16 weights.

    Args:
        model: a checkpoint.
        name: that it is served under.
        adapters: names and folders of adapters that it starts with; None: it runs without LoRA.
        context: most tokens of one request.
        log: file of what it prints.
    """

    def __init__(self, model: Path, name: str, adapters: dict[str, Path] | None, *, log: Path, context: int = 1024) -> None:
        self.url, self.log = free_address(), log
        self.words = ["--model", str(model), "--served-model-name", name, "--max-model-len", str(context)]
        if adapters is not None:
            self.words += ["--enable-lora", "--max-lora-rank", "8", "--max-loras", "2"]
            self.words += ["--lora-modules", *(f"{key}={path}" for key, path in adapters.items())] if adapters else []
        self.start()

    def start(self) -> None:
        plain: Sequence[str] = ["--host", "127.0.0.1", "--port", self.url.rpartition(":")[2], "--dtype", "bfloat16", "--enforce-eager"]
        command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", *plain, *self.words]
        env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "XDG_CACHE_HOME")} | ENVIRONMENT
        with self.log.open("ab") as log:  # a session of its own: its engine is a process that outlives it
            self._process = subprocess.Popen(command, env=env, cwd=self.log.parent, stdout=log, stderr=log, start_new_session=True)
        while True:
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health", timeout=60).status_code == 200:
                    return
            time.sleep(0.5)

    def kill(self) -> None:
        """SIGKILL to all its processes; nothing where they are gone."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
