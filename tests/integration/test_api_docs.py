"""The examples of ``docs/api.md``, run as they stand."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.server import ROOT, Server

_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = _BLOCK.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("language", "example"), EXAMPLES)
def test_every_example_gives_the_text(language: str, example: str, server: Server, tmp_path: Path) -> None:
    shutil.copy(ROOT / "samples" / "numbers.flac", tmp_path / "meeting.mp3")
    command = ["bash", "-ec", example] if language == "bash" else [sys.executable, "-c", example]
    command[-1] = example.replace("http://127.0.0.1:7860", server.url)
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert "今天是2025年3月5日" in answer.stdout, answer.stdout + answer.stderr
