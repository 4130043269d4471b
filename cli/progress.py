"""A progress bar on standard error, silent where nobody sees it."""

import sys

BAR_CHARS = 30


def bar(share: float, text: str) -> None:
    """Draws ``share`` (0 to 1) and a text over the line before."""
    if not sys.stderr.isatty():
        return
    full = round(max(0.0, min(share, 1.0)) * BAR_CHARS)
    print(f"\r\033[K[{'█' * full}{'·' * (BAR_CHARS - full)}] {text}", end="", file=sys.stderr, flush=True)


def clear() -> None:
    """Removes the bar."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
