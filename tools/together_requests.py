"""Write tests/recipes/data/together-requests.json: what Together's official SDK sends for a job, step by step.

The SDK needs rich < 15 and is no dependency of prefopt. In an environment of its own:

    pip install together==3.1.1 -e . pytest
    python -m tools.together_requests tests/recipes/data/together-requests.json

Each answer of the tests' server is also read by the SDK's own types, so that the server cannot say what Together would not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROWS = b'{"messages": [{"role": "user", "content": "1 + 1"}, {"role": "assistant", "content": "2"}]}\n'
NAME = "prefopt-mathclass-round-001-0123456789ab.jsonl"


def main(target: Path) -> None:
    """Have the SDK do what prefopt does, and write down its requests."""
    from together import Together  # type: ignore[import-not-found]  # see above

    from tests.together_service import KEY, Service, serve, tar_of

    found: dict[str, list[Any]] = {}
    with serve(Service()) as service, tempfile.TemporaryDirectory() as folder:
        client = Together(api_key=KEY, base_url=service.url, max_retries=0)
        rows = Path(folder) / NAME
        rows.write_bytes(ROWS)
        shared: dict[str, Any] = {"learning_rate": 1e-5, "batch_size": "max", "suffix": "prefopt-mathclass-round-001", "random_seed": 7}
        file = _kept(service, found, "upload", lambda: client.files.upload(rows, purpose="fine-tune"))
        modules = "k_proj,o_proj,q_proj,v_proj,w_gate,w_up,w_down"
        lora = {"lora": True, "lora_r": 16, "lora_alpha": 32, "lora_trainable_modules": modules, "model": "openai/gpt-oss-20b"}
        sft = _kept(
            service,
            found,
            "sft",
            lambda: client.fine_tuning.create(
                training_file=file.id, n_epochs=2, training_method="sft", train_on_inputs="auto", **lora, **shared
            ),
        )
        service.end(sft.id)
        dpo = _kept(
            service,
            found,
            "dpo",
            lambda: client.fine_tuning.create(
                training_file=file.id, training_method="dpo", dpo_beta=0.2, rpo_alpha=0.5, from_checkpoint=sft.id, **shared
            ),
        )
        _kept(service, found, "list", client.fine_tuning.list)
        _kept(service, found, "files", client.files.list)
        _kept(service, found, "job", lambda: client.fine_tuning.retrieve(dpo.id))
        _kept(service, found, "events", lambda: client.fine_tuning.list_events(dpo.id))
        _kept(service, found, "metrics", lambda: client.fine_tuning.list_metrics(sft.id))
        _kept(service, found, "cancel", lambda: client.fine_tuning.cancel(dpo.id))
        service.adapter = tar_of(rows.parent)
        content = _kept(service, found, "download", lambda: client.fine_tuning.content(ft_id=sft.id, checkpoint="adapter"))
        assert content.read() == service.adapter  # noqa: S101 - a tool for developers
        _read_by_types(service)
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _kept(service: Any, found: dict[str, list[Any]], step: str, call: Any) -> Any:
    """The result of a call of the SDK, whose requests are kept under the name of the step."""
    before = len(service.asked)
    result = call()
    found[step] = [list(request) for request in service.asked[before:]]
    return result


def _read_by_types(service: Any) -> None:
    """Raise pydantic's ValidationError where an answer of the tests' server is not one of Together's."""
    from pydantic import TypeAdapter
    from together.types import (  # type: ignore[import-not-found]  # as above
        FileList,
        FinetuneModelLimits,
        FinetuneResponse,
        FineTuningEstimatePriceResponse,
        FineTuningListEventsResponse,
        FineTuningListMetricsResponse,
        FineTuningListResponse,
    )

    headers = {"Authorization": "Bearer tgp-school"}
    paths: dict[str, Any] = {"/v1/files": FileList, "/v1/fine-tunes": FineTuningListResponse, "/v1/fine-tunes/ft-1": FinetuneResponse}
    paths["/v1/fine-tunes/ft-1/events"] = FineTuningListEventsResponse
    paths["/v1/fine-tunes/ft-1/metrics"] = FineTuningListMetricsResponse
    for path, kind in paths.items():
        status, answer, _ = service.answer("GET", path, {}, headers, b"")
        assert status == 200  # noqa: S101 - as above
        TypeAdapter(kind).validate_python(answer)
    TypeAdapter(FinetuneModelLimits).validate_python(service.limits)
    for answer in ({"estimation_available": False, "unavailable_reason": "train_file_not_validated"}, service.estimate):
        TypeAdapter(FineTuningEstimatePriceResponse).validate_python(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
