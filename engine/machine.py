"""How busy the node's machine is, as its system and the GPU's driver say: other processes count too."""

from typing import Any, NamedTuple

import psutil


class GpuUse(NamedTuple):
    """Bytes, and the share of the last moments in which it computed, in percent."""

    used_bytes: int
    total_bytes: int
    percent: float | None


class MachineUse(NamedTuple):
    """All processors together in percent, since the last time it was asked; memory in bytes."""

    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int


def machine_use() -> MachineUse:
    """The machine as a whole. The first answer of a process counts from when it began."""
    memory = psutil.virtual_memory()
    return MachineUse(psutil.cpu_percent(None), memory.total - memory.available, memory.total)


def gpu_use(device: str) -> GpuUse | None:
    """The use of ``cuda`` or ``cuda:N``; ``None`` for other devices and where the driver does not answer."""
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
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(gpu)
            return GpuUse(int(memory.used), int(memory.total), _percent(pynvml, gpu))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None


def _percent(pynvml: Any, gpu: object) -> float | None:
    try:
        return float(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu)
    except pynvml.NVMLError:
        # A slice of a GPU (MIG) has memory of its own and no figure of its own.
        return None
