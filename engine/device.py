"""Where a model runs."""

import re

from domain.errors import InvalidOptions


def choose_device(setting: str) -> str:
    """The torch device that ``ASR_DEVICE`` means: ``auto`` takes the GPU where one answers.

    Raises :class:`InvalidOptions` for a device that is not here; FunASR would take the CPU without a word.
    """
    import torch

    if setting == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    cuda = re.fullmatch(r"cuda(?::([0-9]+))?", setting)
    if cuda:
        count = torch.cuda.device_count()
        if int(cuda[1] or 0) >= count:
            raise InvalidOptions(f"ASR_DEVICE is {setting!r}, and this machine shows {count} GPUs", field="device")
    elif setting == "mps" and not torch.backends.mps.is_available():
        raise InvalidOptions("ASR_DEVICE is 'mps', which this machine has not", field="device")
    elif setting not in ("cpu", "mps"):
        raise InvalidOptions(f"ASR_DEVICE is {setting!r}; auto, cpu, cuda, cuda:1 or mps is expected", field="device")
    return setting
