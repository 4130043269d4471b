"""The secret that signs cookies: given by the operator, or made once and kept."""

import os
import secrets
from pathlib import Path

#: Its name below the data directory.
SECRET_FILE = "secret"
_SECRET_BYTES = 32


def load_secret(data_dir: Path, configured: str = "") -> bytes:
    """The configured secret, else the one kept in ``data_dir`` (mode 0600), which is made at the first call.

    Replicas that share no directory need a configured one, or a cookie of one is worth nothing at the other.
    """
    if configured:
        return configured.encode()
    path = data_dir / SECRET_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    secret = path.read_bytes()
    if len(secret) < _SECRET_BYTES:
        raise ValueError(f"{path} holds no secret; remove it, and a new one is made (visitors then start anew)")
    return secret


def _create(path: Path) -> None:
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
        # A link appears whole or not at all, and loses against a process that was faster.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
