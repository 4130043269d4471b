"""What the answers of channels and of parts say as one."""

from domain.node import NodeResult
from domain.transcript import ModelOutput, ModelSegment
from services.answers import node_names, warnings_of
from services.dispatch import Answer

SAID = (ModelSegment(0, 900, "您好"),)


def answer(node: str, *warnings: str, segments: tuple[ModelSegment, ...] = ()) -> Answer[NodeResult]:
    output = ModelOutput("spoken", segments, "zh", warnings)
    return Answer(NodeResult(output, "demo", "f1", "cpu", 1.0, 5), node)


def test_each_node_is_named_once_also_where_an_answer_is_of_several() -> None:
    assert node_names([answer("a, b"), answer("b, c"), answer("a")]) == "a, b, c"


def test_silence_in_one_is_no_warning_while_somebody_speaks_in_another() -> None:
    silent, suspect = answer("a", "no_speech"), answer("b", "suspect", segments=SAID)
    assert warnings_of([silent, silent]) == ("no_speech",)
    assert warnings_of([silent, suspect]) == ("suspect",)
