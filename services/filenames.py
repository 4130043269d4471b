"""File names as people gave them: shown and stored, never used as a path."""

import re
import unicodedata

#: Longest name kept, in characters.
MAX_NAME_CHARS = 200
#: Stored where a recording came without a name.
UNNAMED = "audio"
#: What browsers call a form's part that is no file.
_NAMES_OF_NOTHING = ("", "blob")


def name_in_form(name: str) -> str:
    """The name of a form's file, :data:`UNNAMED` where its sender gave none."""
    return UNNAMED if name in _NAMES_OF_NOTHING else name


def clean_filename(name: str) -> str:
    """The last part of a name without control characters; never empty. ``../../a b.wav`` → ``a b.wav``."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")).strip(" .")
    if len(visible) > MAX_NAME_CHARS:
        stem, dot, suffix = visible.rpartition(".")
        keep = MAX_NAME_CHARS - len(suffix) - 2
        visible = f"{stem[:keep]}….{suffix}" if dot and 0 < len(suffix) <= 8 else visible[: MAX_NAME_CHARS - 1] + "…"
    return visible or UNNAMED


def suffix_of(name: str) -> str:
    """``.wav`` of ``a.WAV``: up to 8 letters or digits in lower case, else nothing."""
    match = re.search(r"\.([A-Za-z0-9]{1,8})$", name)
    return f".{match[1].lower()}" if match else ""
