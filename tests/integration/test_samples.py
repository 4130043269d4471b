"""The samples of the first page do what the page says of them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

SAMPLES = Path(__file__).parents[2] / "samples"
TEXTS = {
    "numbers.flac": (
        "今天是2025年3月5日。会议时间是下午3:30。增长了8.5%。",
        "今天是二零二五年三月五日。会议时间是下午三点半。增长了百分之八点五。",
    ),
    "hotword.flac": ("请给李敬打电话。",) * 2,
    "english.flac": ("good morning. turn on the light. the weather is good today.",) * 2,
}


def recognise(url: str, name: str, **form: str) -> dict[str, Any]:
    with (SAMPLES / name).open("rb") as file:
        return httpx.post(f"{url}/v1/recognitions?wait=60", files={"file": file}, data=form, timeout=90).json()


@pytest.mark.parametrize(
    "sample", json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8")), ids=lambda s: s["file"]
)
def test_what_is_said(server_url: str, sample: dict[str, str]) -> None:
    row = recognise(server_url, sample["file"], hotwords=sample["hotwords"], language=sample["language"])
    assert (row["normalized_text"], row["raw_text"]) == TEXTS[sample["file"]]


def test_the_hotword_makes_the_difference(server_url: str) -> None:
    assert recognise(server_url, "hotword.flac", language="zh")["text"] == "请给李静打电话。"
