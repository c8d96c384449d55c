"""Device, threads and batches. Nothing here may change a result beyond float rounding."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from stages.config.errors import InputError
from stages.config.params import read_params

if TYPE_CHECKING:
    import torch

# Parameters of glibc's mallopt: the number of mapped blocks, and the free memory above which it is returned.
M_MMAP_MAX = -4
M_TRIM_THRESHOLD = -1


def keep_freed_memory() -> None:
    """Let the process keep freed memory: mapping every activation afresh costs a quarter of the time on a CPU."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.system() == "Linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@lru_cache(maxsize=1)
def limit_threads(threads: int) -> None:
    """Set the number of threads of torch and of numpy's linear algebra; results round differently with others."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def pick_device() -> torch.device:
    """Return the device of runtime.device; ``auto`` is CUDA if available, else the CPU."""
    import torch

    runtime = read_params().runtime
    keep_freed_memory()
    limit_threads(runtime.threads)
    torch.backends.cudnn.deterministic = True
    if runtime.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=runtime.device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"runtime.device: {runtime.device} is not usable here ({reason})") from None
    return torch.device(runtime.device)


def batches(n: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the batches of runtime.batch_size that cover 0..n-1."""
    runtime = read_params().runtime
    for start in range(0, n, runtime.batch_size):
        yield start, min(start + runtime.batch_size, n)


def versions(*packages: str) -> dict[str, str]:
    """Return the versions that decide a result's bits: of Python, torch and ``packages``, and the machine type."""
    import torch

    found = {"python": platform.python_version(), "machine": platform.machine(), "torch": torch.__version__}
    return found | {package: version(package) for package in packages}
