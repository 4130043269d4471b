"""Hotwords out of what people write: prompts that are lists."""

import re

from domain.options import MAX_HOTWORD_CHARS

#: What separates the words of a list; the middle dot is part of names (卡尔·马克思).
_LIST_MARKS = re.compile(r"[,，、;；\n\r\t|/]+")
_LABEL = re.compile(
    r"^\s*(?:热词|关键词|术语|词表|hot ?words?|keywords?|glossary|vocabulary|terms)\s*[:：]\s*", re.IGNORECASE
)
_END_MARKS = "。.!！?？…"
#: A list's item is a name or term, not a clause: at most this many words, or Chinese characters.
_MAX_WORDS, _MAX_HAN = 4, 12
_HAN = re.compile(r"[㐀-鿿]")
_CLAUSE = re.compile(
    r"[。！？!?]|\.\s|(?:^|\s)(?:the|is|are|was|were|and|then|we|you|they|he|she|it|this|that|please|but|so)(?:\s|$)",
    re.IGNORECASE,
)
#: Chinese clauses have these; names and terms hardly ever do.
_HAN_CLAUSE = re.compile(
    r"我们|你们|他们|这是|那是|然后|但是|所以|因为|如果|请|了$|吗$|呢$|吧$|的$|^我|^你|^他|^她|是一"
)


def looks_like_hotwords(prompt: str) -> tuple[str, ...]:
    """The words of an OpenAI ``prompt`` that is a list (``"张三, 李四"``, also one name a line); ``()`` for a sentence.

    Whisper's prompts are often a list of names, but may be the text that came before: that would be a bad hotword.
    """
    text, labelled = _LABEL.subn("", prompt.strip(), count=1)
    items = [item.strip().strip("\"'“”‘’").strip() for item in _LIST_MARKS.split(text.rstrip(_END_MARKS))]
    items = [item for item in items if item]
    if not items or (len(items) == 1 and not labelled and not _is_single(items[0])):
        return ()
    return tuple(dict.fromkeys(items)) if all(map(_is_term, items)) else ()


def _is_single(item: str) -> bool:
    """A prompt of one word is a hotword; a few words without a comma could be a sentence."""
    return len(_HAN.findall(item)) <= 4 and len(item.split()) <= 2


def _is_term(item: str) -> bool:
    return (
        len(item) <= MAX_HOTWORD_CHARS
        and len(item.split()) <= _MAX_WORDS
        and len(_HAN.findall(item)) <= _MAX_HAN
        and not _CLAUSE.search(item)
        and not _HAN_CLAUSE.search(item)
    )
