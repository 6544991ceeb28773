"""The process group of a training that `accelerate launch` started."""

from __future__ import annotations

import torch


def leave_process_group() -> None:
    """Close the connections to the other processes of this run, if there are any. Call it before the process ends.

    Gloo's worker threads hold tensors of their last collectives. One that lets go of a tensor while the interpreter shuts down waits for
    the GIL, is ended there by CPython inside a C++ destructor, and std::terminate aborts the process (SIGABRT) after its work is done:
    seldom on an idle machine, more often on a busy one. https://github.com/pytorch/pytorch/pull/179291 describes the same.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
