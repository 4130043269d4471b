"""Every way a recognition can fail, as one tree.

    SpeechError
    ├─ InvalidInput: BadAudio, AudioTooLong, UploadTooLarge, InvalidOptions
    ├─ NodeError: NodeUnreachable, NodeBusy, FingerprintMismatch  (another node may do it)
    │             RecognitionFailed                               (no node will)
    ├─ NoNodeAvailable, RecognitionCancelled, DeadlineExceeded, AccessDenied, NotFound, Overtaken
    └─ StorageUnavailable: LowDisk

``code`` is stable: the API, the pages, the rows and the node protocol share it. ``details`` hold
the plain values that a sentence in the reader's language needs (a limit, a reason, a number).
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class SpeechError(Exception):
    """Something went wrong that no rule below names; the log has the cause."""

    code: ClassVar[str] = "internal_error"
    retry_elsewhere: ClassVar[bool] = False

    def __init__(self, message: str = "", **details: Any) -> None:
        self.message = message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.details = details
        super().__init__(self.message)

    def to_json(self) -> dict[str, Any]:
        """``{code, message, details}``, the same in the API, the row and the node protocol."""
        return {"code": self.code, "message": self.message, "details": self.details}


class InvalidInput(SpeechError):
    """The request itself cannot be served, on any node, at any time."""

    code = "invalid_input"


class BadAudio(InvalidInput):
    """The file holds no sound that can be decoded. ``details['reason']`` is one of ``BAD_AUDIO_REASONS``."""

    code = "bad_audio"


#: Why a file was refused; each has its own sentence in both languages.
BAD_AUDIO_REASONS = (
    "empty",  # zero bytes
    "not_audio",  # no container or codec that is known
    "no_audio_track",  # a video without sound
    "headerless_pcm",  # looks like raw samples: needs a header first
    "bad_header",  # sample rate or channel count that no recording has
    "too_damaged",  # most packets cannot be decoded
    "too_short",  # less sound than one analysis window
)


class AudioTooLong(InvalidInput):
    """The recording is longer than this server accepts."""

    code = "audio_too_long"


class UploadTooLarge(InvalidInput):
    """The file is larger than this server accepts."""

    code = "upload_too_large"


class InvalidOptions(InvalidInput):
    """An option has a value that cannot be used. ``details['field']`` names it."""

    code = "invalid_options"


class NodeError(SpeechError):
    """A node did not do its job."""

    code = "node_error"


class NodeUnreachable(NodeError):
    """The node did not answer, or the connection to it broke."""

    code = "node_unreachable"
    retry_elsewhere = True


class NodeBusy(NodeError):
    """The node has no free slot, is loading its model or is draining."""

    code = "node_busy"
    retry_elsewhere = True


class FingerprintMismatch(NodeError):
    """The node runs another model than the one the cluster expects."""

    code = "fingerprint_mismatch"
    retry_elsewhere = True


class RecognitionFailed(NodeError):
    """The recogniser itself failed on this audio; another node would fail too."""

    code = "recognition_failed"


class NoNodeAvailable(SpeechError):
    """No recognition node could take the work in time."""

    code = "no_node_available"


class RecognitionCancelled(SpeechError):
    """The recognition was cancelled."""

    code = "cancelled"


class DeadlineExceeded(SpeechError):
    """The recognition did not finish within its time limit."""

    code = "deadline_exceeded"


class AccessDenied(SpeechError):
    """The caller may not do this."""

    code = "access_denied"


class NotFound(SpeechError):
    """There is no such recognition, or it belongs to somebody else."""

    code = "not_found"


class Overtaken(SpeechError):
    """Somebody else changed it meanwhile. ``details`` say what (``line``, from 0) and how it is now (``text``)."""

    code = "overtaken"


class StorageUnavailable(SpeechError):
    """The database, the cache or the audio store cannot be reached or is full."""

    code = "storage_unavailable"


class LowDisk(StorageUnavailable):
    """The disk is nearly full: nothing new is taken until there is room."""

    code = "low_disk"


def _tree(root: type[SpeechError]) -> Iterator[type[SpeechError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def error_from_code(code: str, message: str = "", details: Mapping[str, Any] | None = None) -> SpeechError:
    """The error that ``code`` stands for; an unknown code becomes the root error.

    ``details`` may come from anywhere; what cannot be kept beside code and message is left out.
    """
    kept = {str(key): value for key, value in (details or {}).items() if key not in ("self", "code", "message")}
    for kind in _tree(SpeechError):
        if kind.code == code:
            return kind(message, **kept)
    return SpeechError(message or code, **kept)
