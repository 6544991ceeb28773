"""The end of a process of a training that `accelerate launch` started."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

import torch


def leave_process_group() -> None:
    """Close the connections to the other processes of this run, if there are any. Call it before the process ends."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def end_process(status: int) -> NoReturn:
    """End this process with an exit status and all that was registered for its exit, but without shutting the interpreter down.

    Gloo's worker threads hold tensors of their last collectives, and live as long as anything holds the process group; a trainer that waits
    for the garbage collector does. A thread that lets go of a tensor while the interpreter shuts down waits for the GIL, is ended there by
    CPython inside a C++ destructor, and std::terminate aborts the process (SIGABRT) after its work is done: seldom on an idle machine, more
    often on a busy one. https://github.com/pytorch/pytorch/pull/179291 describes the same.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
