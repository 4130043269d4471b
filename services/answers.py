"""What several answers say as one, be they of channels or of parts."""

from collections.abc import Sequence

from domain.node import NodeResult
from services.dispatch import Answer


def warnings_of(answers: Sequence[Answer[NodeResult]]) -> tuple[str, ...]:
    """All warnings, each once. Nothing heard in one of them is none while somebody speaks in another."""
    outputs = [answer.result.output for answer in answers]
    warnings = dict.fromkeys(name for output in outputs for name in output.warnings)
    if any(output.segments for output in outputs):
        warnings.pop("no_speech", None)
    return tuple(warnings)


def node_names(answers: Sequence[Answer[NodeResult]]) -> str:
    """The nodes that had a hand in them, each once; an answer may be of several nodes itself."""
    return ", ".join(dict.fromkeys(name for answer in answers for name in answer.node_name.split(", ")))
