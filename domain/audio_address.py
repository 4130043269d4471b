"""Where the recordings are, as a setting says it: a folder, or a bucket of an object store that speaks S3.

``/path``, ``file:///path``, or ``s3://bucket[/prefix]`` with options after ``?``: ``endpoint`` (``http://host:9000``;
without it AWS), ``region``, ``ca`` (the certificate of a private authority, as a PEM file) and ``style`` (``path``, or
``virtual`` where the bucket is part of the host's name).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

OPTIONS = ("endpoint", "region", "ca", "style")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", re.ASCII)
#: What of a wrong address may be shown; with an @ anywhere, not even what looks like the bucket's name.
_PLAIN = re.compile(r"[^:/]*://(?:[A-Za-z0-9._-]*(?=[/?#]|$)(?!.*(?:@|%40)))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket, and the folder in it below which the recordings lie. ``endpoint`` is empty for AWS itself."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    ca: str = ""
    virtual: bool = False

    def __str__(self) -> str:
        """For logs and people."""
        place = f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")
        return f"{place} at {self.endpoint}" if self.endpoint else place


def parse_audio_store(text: str) -> Path | S3Address:
    """Raises ``ValueError`` with what would be right; the message never holds what may be a secret."""
    scheme, found, rest = text.strip().partition("://")
    if not found:
        return Path(text)
    if scheme == "file":
        return _folder(rest)
    if scheme != "s3":
        raise ValueError("a path, file:///path or s3://bucket/prefix is expected")
    parts = urlsplit(text.strip())
    _without_credentials(parts.netloc)
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("the name of a bucket is 3 to 63 small letters, digits, dots and hyphens: s3://bucket/prefix")
    return _with_options(parts.netloc, "/".join(step for step in unquote(parts.path).split("/") if step), parts.query)


def without_credentials(text: str) -> str:
    """A wrong address as a message may show it: its scheme and bucket. People write keys into all of the rest."""
    plain = _PLAIN.match(text)
    return text if plain is None or plain[0] == text else f"{plain[0]}…"


def _folder(path: str) -> Path:
    if not path.startswith("/"):
        raise ValueError("file:// is followed by the whole path: file:///srv/recordings")
    return Path(unquote(path))


def _with_options(bucket: str, prefix: str, query: str) -> S3Address:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if set(options) - set(OPTIONS):
        raise ValueError(f"an option is not known; {', '.join(OPTIONS)} are")
    endpoint = options.get("endpoint", "").rstrip("/")
    place = urlsplit(endpoint)
    _without_credentials(place.netloc)
    if endpoint and (place.scheme not in ("http", "https") or not place.hostname or place.path or place.query):
        raise ValueError("the endpoint is an address such as http://minio:9000")
    style = options.get("style", "path")
    if style not in ("path", "virtual"):
        raise ValueError("style is path or virtual")
    return S3Address(bucket, prefix, endpoint, options.get("region", ""), options.get("ca", ""), style == "virtual")


def _without_credentials(netloc: str) -> None:
    if "@" in netloc:
        raise ValueError("keys belong into ASR_S3_ACCESS_KEY and ASR_S3_SECRET_KEY, not into the address")
