"""How much of the GPU's memory is used, told by the driver and not by torch: other processes count too."""

from typing import NamedTuple


class GpuMemory(NamedTuple):
    """Bytes."""

    used_bytes: int
    total_bytes: int


def gpu_memory(device: str) -> GpuMemory | None:
    """The memory of ``cuda`` or ``cuda:N``; ``None`` for other devices and where the driver does not answer."""
    if not device.startswith("cuda"):
        return None
    index = int(device.partition(":")[2] or 0)
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        try:
            memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(index))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
    return GpuMemory(int(memory.used), int(memory.total))
