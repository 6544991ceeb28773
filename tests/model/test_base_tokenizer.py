"""The tokenizer's part of a base's identity, merge by merge."""

from __future__ import annotations

import json
from pathlib import Path

from prefopt.model.identity_parts import effective_tokenizer
from tests.gptoss import make_tokenizer


def test_every_merge_counts(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    merges, found = content["model"]["merges"], {effective_tokenizer(tmp_path, tokenizer)}
    for place in range(len(merges)):
        model = content["model"] | {"merges": merges[:place] + merges[place + 1 :]}
        file.write_text(json.dumps(content | {"model": model}), encoding="utf-8")
        found.add(effective_tokenizer(tmp_path, tokenizer))
    assert len(merges) > 50
    assert len(found) == len(merges) + 1
