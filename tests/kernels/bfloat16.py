"""Bfloat16 under Triton's interpreter, which multiplies it as integers, cuts where a GPU rounds, and drops subnormal numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

_binary_op, _cast, _dot = InterpreterBuilder.binary_op, InterpreterBuilder.cast_impl, InterpreterBuilder.create_dot


def _is_bfloat16(handle: Any) -> bool:
    return bool(handle.dtype.scalar == tl.bfloat16)


def _widened(handle: Any) -> np.ndarray:
    """The values of a handle in float32, if they are in bfloat16; otherwise as they are."""
    return (handle.data.astype(np.uint32) << 16).view(np.float32) if _is_bfloat16(handle) else handle.data


def _rounded(values: np.ndarray) -> np.ndarray:
    """Float32 as the interpreter stores bfloat16, rounded to the nearest."""
    narrow = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).bfloat16()
    return narrow.view(torch.int16).numpy().view(np.uint16)


def _binary_op_of_values(self: Any, lhs: Any, rhs: Any, op: Any) -> Any:
    if not _is_bfloat16(lhs):
        return _binary_op(self, lhs, rhs, op)
    result = op(_widened(lhs), _widened(rhs))
    return TensorHandle(result if result.dtype == bool else _rounded(result), lhs.dtype.scalar)


def _cast_of_values(self: Any, src: Any, dst_type: Any) -> Any:
    if _is_bfloat16(src) and dst_type.scalar == tl.float32:
        return TensorHandle(_widened(src), tl.float32)
    if src.dtype.scalar == tl.float32 and dst_type.scalar == tl.bfloat16:
        return TensorHandle(_rounded(src.data), tl.bfloat16)
    return _cast(self, src, dst_type)


def _dot_of_values(self: Any, a: Any, b: Any, d: Any, *options: Any) -> Any:
    """Added up in float32, as on a GPU."""
    if not _is_bfloat16(a):
        return _dot(self, a, b, d, *options)
    return TensorHandle(np.matmul(_widened(a), _widened(b)) + d.data, d.dtype.scalar)


def compute_bfloat16() -> None:
    """From now on, the interpreter of this process computes bfloat16 as a GPU does."""
    InterpreterBuilder.binary_op = _binary_op_of_values
    InterpreterBuilder.cast_impl = _cast_of_values
    InterpreterBuilder.create_dot = _dot_of_values
    InterpreterBuilder.get_bf16 = lambda _, value: TensorHandle(_rounded(np.array([value])), tl.bfloat16)
