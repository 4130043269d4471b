"""Which device a setting means; nothing becomes the CPU without a word."""

import pytest
import torch

from domain.errors import InvalidOptions
from engine.device import choose_device


def test_what_is_here() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_the_number_of_gpus_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(name) for name in ("cuda", "cuda:0", "cuda:1")] == ["cuda", "cuda:0", "cuda:1"]
    with pytest.raises(InvalidOptions, match="shows 2 GPUs"):
        choose_device("cuda:2")


@pytest.mark.parametrize(
    "setting", ["cuda:99", "nonsense", "", "CPU", "cpu:1", "cuda:", "cuda:-1", "cuda:x", "cuda:1.5", "auto:0", "mps:0"]
)
def test_what_is_not_here_is_an_error(setting: str) -> None:
    with pytest.raises(InvalidOptions, match="ASR_DEVICE") as caught:
        choose_device(setting)
    assert caught.value.details["field"] == "device"
