"""What the documentation says of the program is true of the program."""

import argparse
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from cli.main import build_parser
from domain.presets import PRESETS, RECOMMENDED
from domain.sizes import size_text

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
PAGES = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def helps(parser: argparse.ArgumentParser, name: str = "") -> dict[str, str]:
    """The help of every command that does something, and of the program itself, by name."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    found = {} if groups and name else {name or parser.prog: parser.format_help()}
    for group in groups:
        for command, inner in group.choices.items():
            found |= helps(inner, f"{name} {command}".strip())
    return found


def test_the_page_of_commands_is_what_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"^## (.+?)\n+```\n(.*?)```$", page, re.MULTILINE | re.DOTALL))
    assert written == helps(build_parser())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [target for target, _ in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in links if target and not (page.parent / unquote(target)).exists()] == []


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs" / "operation.md"], ids=lambda page: page.name)
def test_the_size_of_the_download_is_the_one_the_program_tells(page: Path) -> None:
    (line,) = [line for line in page.read_text(encoding="utf-8").splitlines() if "model download " in line]
    assert size_text(PRESETS[RECOMMENDED].download_bytes) in line
