"""An inference server on the tiny model, with real log-probabilities, in the shapes of vLLM (also an earlier one) and SGLang.

    python -m tests.token_server PORT SHAPE [ID=FOLDER …]

It computes with transformers' own forward pass over whole rows: no label tree, no cache, no shared prompt. Tests tell it to misbehave.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import torch
from llguidance import LLMatcher

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.model.generation import ConstrainedText, SampledText, write
from prefopt.model.policy import Policy
from prefopt.taxonomy import builtin_taxonomy

ROOT = Path(__file__).resolve().parents[1]


def opened(adapter: Path | None = None, settings: ModelSettings | None = None) -> Policy:
    settings = settings or ModelSettings(device="cpu")
    return Policy.open(settings, adapter, PromptSettings(), AnswerSettings(), builtin_taxonomy())


class LastToken:
    """A language model whose next token depends on the last one alone: in place of the tiny one where a test is not about its numbers."""

    def __init__(self, vocabulary: int) -> None:
        chance = torch.Generator().manual_seed(0)
        self._before, self._after = (torch.randn(*size, generator=chance) for size in ((vocabulary, 16), (16, vocabulary)))

    def __call__(self, ids: torch.Tensor, logits_to_keep: int = 0, *, use_cache: bool) -> SimpleNamespace:
        return SimpleNamespace(logits=self._before[ids[:, -logits_to_keep:]] @ self._after)


class TokenServer:
    """What a server does. `asked` has path and body of every request; the other attributes are what a test changes.

    Attributes:
        faults: statuses of the first answers; 0 drops the connection.
        reply: changes the content of every answer to a request with a body, given its path.
        scale: temperature of the log-probabilities of next tokens.
        hides: leaves log-probabilities out.
        adds: a token that it puts before every prompt.
        keeps: tokens of a prompt that it reads; it cuts off those before.
        context: most tokens of a prompt (--max-model-len).
        allowed: most log-probabilities of an answer (--max-logprobs).
        key: that requests must have (--api-key); empty for none.
        loads: whether adapters can be loaded.
        keeps_to_grammar: whether it knows regular expressions.
    """

    def __init__(self, shape: str = "vllm", policies: dict[str, Policy] | None = None) -> None:
        self.shape, self.policies = shape, policies or {"base": opened()}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[int] = []
        self.reply: Callable[[str, Any], Any] = lambda _, content: content
        self.scale, self.hides, self.allowed = 1.0, False, 20
        self.adds: int | None = None
        self.key = ""
        self.keeps = self.context = 10**6
        self.draw = np.random.default_rng(0)
        self.loads, self.keeps_to_grammar, self.pause = True, True, 0.0
        self.lock = threading.Lock()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and content."""
        status, content = self._answer(path, body)
        return status, self.reply(path, content) if body else content

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """One request at a time: the tiny model has one adapter active."""
        time.sleep(self.pause)
        with self.lock:
            self.asked.append((path, body))
            if self.faults and body:
                status = self.faults.pop(0)
                return status, {"error": "told to fail"}
            if path == "/v1/models":
                return 200, {"data": [{"id": name} for name in ("other", *self.policies)]}
            if path == "/misbehave":
                for name, value in body.items():
                    setattr(self, name, value)
                return 200, {}
            if path == "/asked":
                return 200, {"asked": [p for p, _ in self.asked]}
            if path in ("/v1/load_lora_adapter", "/load_lora_adapter", "/v1/unload_lora_adapter", "/unload_lora_adapter"):
                return self._adapters(path, body)
            if self.shape == "sglang" and path == "/get_model_info":
                return 200, {"model_path": "tiny"}
            if self.shape == "sglang" and path == "/generate":
                return self._generate(body)
            if path == "/v1/completions":
                return self._complete(body)
            return 404, {"error": path}

    def _adapters(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if not self.loads or path.startswith("/v1/") == (self.shape == "sglang"):
            return 404, {"detail": "Not Found"}
        if "unload" in path:
            return (200, "done") if self.policies.pop(body["lora_name"], None) else (404, "no such adapter")
        if not Path(body["lora_path"]).is_dir():
            return 404, {"message": "No adapter found"}
        self.policies[body["lora_name"]] = opened(Path(body["lora_path"]))
        return 200, "done"

    def _complete(self, body: dict[str, Any]) -> tuple[int, Any]:
        policy = self.policies.get(body["lora_path"] if self.shape == "sglang" and "lora_path" in body else body["model"])
        if policy is None:
            return 404, {"message": f"The model {body['model']} does not exist."}
        prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
        if (longest := max(map(len, prompts))) > self.context:
            return 400, {"message": f"This model's maximum context length is {self.context} tokens, your prompt has {longest}."}
        prompts = [[*([] if self.adds is None else [self.adds]), *p[-self.keeps :]] for p in prompts]
        usage = {"prompt_tokens": sum(map(len, prompts)), "completion_tokens": len(prompts)}
        if "logprobs" not in body and "prompt_logprobs" not in body:
            ids, reason = self._write(policy, body)
            return 200, {"usage": usage, "choices": [{"index": 0, "text": policy.renderer.decode(ids), "finish_reason": reason}]}
        if self.shape == "sglang":
            return 400, {"message": "logprobs of token ids are at /generate"}
        chosen = body.get("logprob_token_ids") if self.shape == "vllm" else None
        if not chosen and body.get("logprobs", 0) > self.allowed:
            return 400, {"message": f"Requested sample logprobs of {body['logprobs']}, which is greater than max allowed: {self.allowed}"}
        if chosen and len(chosen) > 128:
            return 400, {"message": "too many logprob_token_ids"}
        choices: list[dict[str, Any]] = [{"index": i, "text": "", "finish_reason": "length"} for i in range(len(prompts))]
        if "prompt_logprobs" in body and not self.hides:
            for choice, prompt, row in zip(choices, prompts, whole(policy, prompts), strict=True):
                choice["prompt_logprobs"] = [None] + [
                    {str(t): {"logprob": p, "rank": 1, "decoded_token": policy.renderer.decode([t])}}
                    for t, p in zip(prompt[1:], row, strict=True)
                ]
        if "logprobs" in body and not self.hides:
            for choice, logits in zip(choices, following(policy, prompts), strict=True):
                scores = (logits / self.scale).log_softmax(-1)
                listed = chosen or scores.topk(body["logprobs"]).indices.tolist()
                chance = scores.exp().numpy()
                listed = [int(self.draw.choice(len(chance), p=chance / chance.sum())), *listed]  # the sampled token is always there
                choice["logprobs"] = {"top_logprobs": [{f"token_id:{t}": float(scores[t]) for t in listed}]}
        return 200, {"usage": usage, "choices": choices[::-1]}  # their order is that of `index`

    def _generate(self, body: dict[str, Any]) -> tuple[int, Any]:
        policy = self.policies.get(body.get("lora_path", "base"))
        if policy is None:
            return 400, {"message": "The following requested LoRA adapters are not loaded"}
        prompts, found = [prompt[-self.keeps :] for prompt in body["input_ids"]], []
        if "token_ids_logprob" in body:
            scale = self.scale * body["sampling_params"]["temperature"]
            for logits, wanted in zip(following(policy, prompts), body["token_ids_logprob"], strict=True):
                row = (logits / scale).log_softmax(-1)
                found.append({"output_token_ids_logprobs": [[[float(row[t]), t, None] for t in wanted[self.hides :]]]})
        else:
            for prompt, row in zip(prompts, whole(policy, prompts), strict=True):
                texts = [policy.renderer.decode([t]) for t in prompt]
                rows = [[p, t, text] for p, t, text in zip([None, *row], prompt, texts, strict=True)]
                found.append({"input_token_logprobs": rows[self.hides :]})
        lengths = [{"prompt_tokens": len(prompt)} for prompt in prompts]
        return 200, [{"text": "", "meta_info": meta | length} for meta, length in zip(found, lengths, strict=True)]

    def _write(self, policy: Policy, body: dict[str, Any]) -> tuple[list[int], str]:
        plain = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
        assert plain.items() <= body.items()  # what is absent is taken from generation_config.json
        regex = body.get("regex") if self.shape == "sglang" else body.get("structured_outputs", {}).get("regex")
        if regex and self.keeps_to_grammar:
            matcher = LLMatcher(policy.grammar.tokenizer, LLMatcher.grammar_from_regex(regex))
            return write(policy.model, [body["prompt"]], ConstrainedText([matcher]), batch_size=1)[0], "stop"
        if regex:
            return policy.renderer.encode(', "level": "Z"}'), "stop"
        generator = torch.Generator().manual_seed(body["seed"])
        banned = [int(token) for token in body["logit_bias"]]
        writer = SampledText(
            [generator], temperature=body["temperature"], ends=body["stop_token_ids"], banned=banned, max_tokens=body["max_tokens"]
        )
        (text,) = write(policy.model, [body["prompt"]], writer, batch_size=1)
        return text, "stop" if writer.ended[0] else "length"


@torch.no_grad()
def following(policy: Policy, prompts: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Logits float64 [V] after each prompt; prompts of one length share a batch."""
    found: dict[int, torch.Tensor] = {}
    lengths = sorted({len(prompt) for prompt in prompts})
    for length in lengths:
        rows = [i for i, prompt in enumerate(prompts) if len(prompt) == length]
        for start in range(0, len(rows), 16):
            some = rows[start : start + 16]
            logits = policy.model(torch.tensor([list(prompts[i]) for i in some]), logits_to_keep=1, use_cache=False).logits[:, -1].double()
            found |= dict(zip(some, logits, strict=True))
    return [found[i] for i in range(len(prompts))]


@torch.no_grad()
def whole(policy: Policy, prompts: Sequence[Sequence[int]]) -> Iterator[list[float]]:
    """log P of each token but the first of each prompt."""
    for prompt in prompts:
        ids = torch.tensor([list(prompt)])
        scores = policy.model(ids, use_cache=False).logits[0, :-1].double().log_softmax(-1)
        yield scores.gather(1, ids[0, 1:, None])[:, 0].tolist()


def listening(server: TokenServer, port: int = 0) -> ThreadingHTTPServer:
    """An HTTP server on a port, or on a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*self._answer({}))

        def do_POST(self) -> None:
            self._send(*self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def _answer(self, body: dict[str, Any]) -> tuple[int, Any]:
            if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                return 401, {"error": "Unauthorized"}
            return server.answer(self.path, body)

        def _send(self, status: int, content: Any) -> None:
            if status == 0:
                self.connection.close()
                return
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


@contextmanager
def serving(server: TokenServer) -> Iterator[str]:
    """URL of a server in a thread of this process."""
    http = listening(server)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()


class ServerProcess:
    """A server that is a process of its own, and can be killed and started again on its port."""

    def __init__(self, shape: str = "vllm", adapters: Sequence[str] = ()) -> None:
        self._words, self.port = [shape, *adapters], 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.token_server", str(self.port), *self._words]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def misbehave(self, **how: Any) -> None:
        httpx.post(f"{self.url}/misbehave", json=how).raise_for_status()

    def asked(self) -> list[str]:
        found: list[str] = httpx.get(f"{self.url}/asked", timeout=60).json()["asked"]
        return found

    def kill(self) -> None:
        """SIGKILL, which cannot be caught; nothing where it has been killed."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


if __name__ == "__main__":
    torch.set_num_threads(1)
    named = [word.split("=", 1) for word in sys.argv[3:]]
    http = listening(
        TokenServer(sys.argv[2], {"base": opened()} | {name: opened(Path(folder)) for name, folder in named}), int(sys.argv[1])
    )
    print(http.server_address[1], flush=True)
    http.serve_forever()
