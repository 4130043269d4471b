"""Chinese numbers in their context: one scan over the text; the first rule that fits a place decides."""

import re

from speech.itn.chinese_chars import as_it_came, simplified
from speech.itn.chinese_pattern import everything, one_by_one
from speech.itn.chinese_rules import RULES
from speech.itn.chinese_together import RULES_TOGETHER


def write_chinese(text: str) -> str:
    """``text`` with its Chinese numbers written."""
    read = simplified(text)
    parts: list[str] = []
    done = at = 0
    while match := everything().search(read, at):
        written = _write(match, parts, done)
        if written is None and match.lastgroup in RULES_TOGETHER:
            start = match.start()
            match = one_by_one().match(read, start)
            if match is None:
                at = start + 1
                continue
            written = _write(match, parts, done)
        at = match.end()
        if written is None:
            continue
        start = match.start()
        parts += (text[done:start], as_it_came(written, text[start:at], match[0]))
        done = at
    return "".join((*parts, text[done:])) if parts else text


def _write(match: re.Match[str], parts: list[str], done: int) -> str | None:
    name = match.lastgroup or ""
    rule = RULES_TOGETHER.get(name) or RULES.get(name)
    written = rule(match) if rule else None
    return None if written is None or _would_merge(written, match, parts, done) else written


def _would_merge(written: str, match: re.Match[str], parts: list[str], done: int) -> bool:
    """Whether digits beside the place would run into the written number and make another one of it."""
    before = (
        parts[-1][-1:] if parts and done == match.start() else match.string[max(0, match.start() - 1) : match.start()]
    )
    after = match.string[match.end() : match.end() + 1]
    return (before.isdecimal() and written[0] in "0123456789-±") or (after.isdecimal() and written[-1].isdecimal())
