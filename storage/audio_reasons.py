"""What an object store's library says, in one line."""

import re

_CODE, _MESSAGE = (re.compile(f"<{name}>([^<]*)</{name}>") for name in ("Code", "Message"))


#: Where the library looks for a machine's role when nothing else gave it keys.
_ROLES = "http://169.254.169.254/"


def reason_of(error: BaseException) -> str:
    """The store's own words where it has some, without the address of the object: callers see it, too.

    (The library's go on with a dump of the source over many lines.)
    """
    text = str(error)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if code:
        return f"{code[1]}: {message[1]}" if message else code[1]
    if _ROLES in text:
        return "no keys for it were found"
    line = text.partition("\n")[0]
    return line.rpartition(" - ")[2].strip()
