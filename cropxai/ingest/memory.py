"""Memory that has been used for a while, and is needed no more."""

import ctypes
import sys

import pyarrow


def give_back_memory() -> None:
    """Give the system what is free: the allocators of Arrow and of C would keep half of all that is held."""
    pyarrow.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
        if trim is not None:
            trim(0)
