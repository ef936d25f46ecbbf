"""How many requests a model's memory holds at once."""

from __future__ import annotations

import gc
import logging

GROW_AFTER = 16  # full batches without an error
_log = logging.getLogger(__name__)
_OUT_OF_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


class BatchLimit:
    """How many requests a model is given at once: halved when memory runs out, then doubled again.

    Args:
        most: requests, at most.
    """

    def __init__(self, most: int) -> None:
        self.most = self.now = most
        self._passed = 0

    def passed(self, size: int) -> None:
        """A batch was answered: after GROW_AFTER of the present limit's size, that doubles."""
        self._passed += size >= self.now
        if self._passed >= GROW_AFTER:
            self._passed, self.now = 0, min(self.most, 2 * self.now)

    def exceeded(self, size: int) -> None:
        """A batch took more memory than there is."""
        self._passed, self.now = 0, max(1, size // 2)
        if size > 1:
            _log.warning("memory ran out with %d questions at once; now %d", size, self.now)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a device or of the process."""
    kinds = {cls.__name__ for cls in type(error).__mro__}  # torch need not be imported
    return bool({"MemoryError", "OutOfMemoryError"} & kinds) or any(
        text in str(error) for text in _OUT_OF_MEMORY
    )


def release_memory() -> None:
    """Give CUDA's cached memory back; called when the error that held tensors is gone."""
    import torch  # takes seconds to import

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
