"""Builds FunASR's models: the recogniser and the speech detector; punctuation and speakers where they are there."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import forced_align
from engine.device import choose_device
from engine.funasr_import import import_funasr, with_everything_if_needed
from engine.local_models import LocalModel


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """FunASR's ``AutoModel`` objects, each used by one thread at a time."""

    recogniser: Any
    vad: Any
    punctuation: Any | None
    speakers: Any | None
    #: Where the recogniser really runs: FunASR takes the CPU without a word when a device is missing.
    device: str
    #: Whether ``generate`` decodes several segments in one pass.
    batches: bool
    #: Precision of the LLM part, where there is one: the encoder has operations that need 32 bits.
    llm_dtype: str | None


_import_lock = threading.Lock()


def load_models(local: LocalModel, device: str) -> LoadedModels:
    """Loads everything; takes seconds. ``device``: auto, cpu, cuda, cuda:1, mps.

    Raises :class:`InvalidOptions` for a device that is not here, and what FunASR raises.
    """
    with _import_lock:
        import torch

        wanted = choose_device(device)
        auto_model = import_funasr(local.preset.family, speakers=local.speaker_directory is not None)
        if local.preset.family == "nano":
            forced_align.install()

    def build(directory: Path) -> Any:
        return with_everything_if_needed(
            lambda: auto_model(
                model=str(directory),
                device=wanted,
                ncpu=model_threads(),
                disable_update=True,
                disable_pbar=True,
                log_level="WARNING",
                # Said aloud, because a directory's own config.yaml could ask for it.
                trust_remote_code=False,
            )
        )

    recogniser = build(local.directory)
    real = next(recogniser.model.parameters()).device
    on_gpu = real.type == "cuda"
    is_nano = local.preset.family == "nano"
    has_ctc = getattr(recogniser.model, "ctc_decoder", None) is not None
    return LoadedModels(
        recogniser=recogniser,
        vad=build(local.vad_directory),
        punctuation=build(local.punctuation_directory) if local.punctuation_directory else None,
        speakers=build(local.speaker_directory) if local.speaker_directory else None,
        device=str(real),
        # On a CPU a batch only adds padding; with a CTC decoder FunASRNano goes one by one itself.
        batches=on_gpu and not (is_nano and has_ctc),
        llm_dtype="bf16" if is_nano and on_gpu and torch.cuda.is_bf16_supported() else None,
    )


def model_threads() -> int:
    """CPU threads for the model: all cores but one, which is left to the event loop that answers /healthz."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, available - 1)
