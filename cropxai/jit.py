"""Compilation of the inner loops, kept on disk where a folder for it can be written."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function on its first call, without the interpreter's lock, and keep the machine code on disk.

    Division by zero gives what numpy gives: a check of every divisor would take a third of the time of some loops.
    Where neither the folder of the package, nor the user's cache, nor ``NUMBA_CACHE_DIR`` can be written, numba refuses
    to keep anything: then the function is compiled anew in each process (some seconds).
    """
    try:
        return cast(Callable[P, R], njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError:  # "cannot cache function …: no locator available"
        return cast(Callable[P, R], njit(nogil=True, error_model="numpy")(function))
