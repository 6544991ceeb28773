"""A process that imports the libraries once, then runs each command line in a fork: a process of its own, without seconds of imports.

Reads one JSON object a line: {"run": {...}} starts a command and answers its pid; {"wait": pid} answers its exit status (-9 for SIGKILL).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORTED = (
    "argilla",
    "datasets",
    "peft",
    "transformers.models.gpt_oss.modeling_gpt_oss",
    "trl.experimental.orpo",
    "trl.trainer.dpo_trainer",
    "trl.trainer.kto_trainer",
    "trl.trainer.sft_trainer",
    "prefopt.calibration.evaluate",
    "prefopt.cli.app",
    "prefopt.deploy.predictor",
    "prefopt.model.load",
    "prefopt.report.page",
    "prefopt.rounds.machine",
    "prefopt.serve.server",
    "recipes.dpo",
    "recipes.kto",
    "recipes.orpo",
    "recipes.sft",
    "recipes.training",
)


def become(order: dict[str, Any]) -> None:
    """Make this process what `python -m MODULE WORDS` (or `python SCRIPT WORDS`) is in a folder, up to its first line."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    for handle, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND if handle else os.O_RDONLY)
        os.dup2(opened, handle)
        os.close(opened)
    script = order["module"] if order["module"].endswith(".py") else ""
    sys.argv = [script or order["module"], *order["words"]]
    sys.path[0] = str(Path(script).parent) if script else order["folder"]


def serve() -> dict[str, Any] | None:
    """Answer until the input ends. Returns what to run in a process that was started for a command, and None in the server itself."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            return dict(order["run"])
        print(pid, flush=True)
    return None


def run(module: str) -> int:
    """Run a module or a script as the main program; returns its exit code."""
    try:
        if module.endswith(".py"):
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def threads() -> list[str]:
    """Names of this process's other threads, without that of pyarrow's allocator, which stops for a fork and starts again after it."""
    names = [Path(task, "comm").read_text().strip() for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    return [name for name in names if name != "jemalloc_bg_thd"]


def main() -> None:
    with warnings.catch_warnings():  # the commands have the filters of a new interpreter
        warnings.simplefilter("ignore")
        for name in IMPORTED:
            import_module(name)
    import_module("torch").set_num_threads(1)
    if names := threads():  # a fork has none of them, and would wait for ever for a lock that one of them held
        raise RuntimeError(f"the imports started threads: {', '.join(names)}")
    gc.freeze()  # or each command would go through all that was imported, and so copy it
    print("ready", flush=True)
    order = serve()
    if order is None:
        return
    become(order)
    code = run(order["module"])
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # not through the interpreter's end, which takes down all modules one by one


if __name__ == "__main__":
    main()
