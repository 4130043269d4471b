"""Small steps that browser tests share."""

from pathlib import Path

from playwright.sync_api import Page


def go(page: Page, url: str) -> None:
    """Opens an address and waits until Gradio has connected the page: the model chip is the server's first word."""
    page.goto(url)
    page.wait_for_selector(".asr-chip")


def upload(page: Page, path: Path) -> None:
    """Puts a file into the empty upload field."""
    page.set_input_files("#asr-upload input[type=file]", path)
    page.wait_for_selector("#asr-upload .file-preview")


def recognise(page: Page, path: Path) -> None:
    """Uploads a file and waits for its text."""
    upload(page, path)
    page.click("#asr-start")
    page.wait_for_selector(".asr-result")


def badge(page: Page) -> str | None:
    """``miss``, ``hit`` or ``shared``."""
    return page.locator("#asr-panel .asr-badge[data-badge]").get_attribute("data-badge")
