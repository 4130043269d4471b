"""How a cached value lies in a store: JSON, compressed where it is long. The first byte says which."""

import json
import struct
import zlib
from typing import Any, cast

import orjson

#: Values above this are compressed.
COMPRESS_ABOVE_BYTES = 4_096
#: What reading garbage may raise.
GARBAGE = (ValueError, TypeError, RecursionError, OverflowError, zlib.error, struct.error)


def packed(value: dict[str, Any]) -> bytes:
    """The value as bytes."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"z" + zlib.compress(data, 1) if len(data) > COMPRESS_ABOVE_BYTES else b"j" + data


def unpacked(data: bytes) -> dict[str, Any]:
    """The inverse of :func:`packed`. Raises one of ``GARBAGE``."""
    kind, body = data[:1], data[1:]
    if kind not in (b"j", b"z"):
        raise ValueError("no value of this cache")
    text = zlib.decompress(body) if kind == b"z" else body
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        # Half a surrogate pair, as a file name may hold, is no UTF-8.
        value = json.loads(text.decode("utf-8", "surrogatepass"))
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return cast("dict[str, Any]", value)
