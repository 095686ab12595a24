# ruff: noqa: N803 - matrices are X and W here
"""Products of embeddings with a few weight vectors, as fast as the processor can, with a bound of their rounding."""

import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_ROWS = 100_000  # from here on half precision is worth importing torch
_HALF = 2.0**-9  # unit roundoff of bfloat16
_SINGLE = 2.0**-24  # and of float32


@dataclass(frozen=True)
class Product:
    """Multiplies blocks of rows with fixed weights.

    Each product x.w is off by at most ``relative * |x| + rounding * |x.w|``.

    Attributes
    ----------
    multiply : callable
        From rows (m, d) to float32 (c, m), a new array.
    relative, rounding : numpy.float32
        See above.
    """

    multiply: Callable[[NDArray[Any]], NDArray[np.float32]]
    relative: np.float32
    rounding: np.float32

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Return ``W @ block.T``: float32 (c, m)."""
        return self.multiply(block)


@contextmanager
def with_weights(W: NDArray[np.float32], rows: int) -> Iterator[Product]:
    """Give the fastest product with weights ``W`` (c, d) for so many rows, to use inside a ``with`` statement.

    bfloat16 where there are many and the processor multiplies it (AVX512-BF16, AMX): on two cores 100,000 rows of
    1,280 numbers with 20 weight vectors took 30 ms instead of 100. Its numbers have float32's range, so nothing
    overflows. torch then keeps to one thread a call in the whole process. Else float32.
    """
    longest = float(np.linalg.norm(W, axis=1).max())
    # Sums of d products in float32, here and in the classifier, however they are ordered.
    summing = 2 * W.shape[1] * _SINGLE * longest
    if rows < HALF_ROWS or not _has_half():
        yield Product(lambda block: _single(W, block), np.float32(summing), np.float32(0))
        return
    import torch

    half = torch.from_numpy(np.ascontiguousarray(W, np.float32)).bfloat16()
    lost = float(np.linalg.norm(W - half.float().numpy(), axis=1).max())
    kept = threading.local()  # memory fresh from the system would cost more than the product

    def multiply(block: NDArray[Any]) -> NDArray[np.float32]:
        if len(getattr(kept, "rows", ())) < len(block):
            kept.rows = torch.empty(block.shape, dtype=torch.bfloat16)
        rows = kept.rows[: len(block)].copy_(torch.from_numpy(np.ascontiguousarray(block)))
        product: NDArray[np.float32] = torch.mm(half, rows.T).float().numpy()
        return product

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield Product(multiply, np.float32(_HALF * longest + (1 + _HALF) * lost + summing), np.float32(1.01 * _HALF))
    finally:
        torch.set_num_threads(before)


def _single(W: NDArray[np.float32], block: NDArray[Any]) -> NDArray[np.float32]:
    # Skinny products are faster in this order; the copy that the rows of classes need is small.
    return np.ascontiguousarray((np.asarray(block, np.float32) @ W.T).T)


@functools.cache
def _has_half() -> bool:
    try:
        import torch
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # memory maps are not writeable: torch says so once a process, so here
        torch.from_numpy(np.frombuffer(b"1234", np.float32))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
