"""A recording's sounds through the nodes: one, or one for each channel of a call, merged by time."""

from collections.abc import Sequence

from domain.node import NodeResult
from domain.recognition import Recognition
from domain.transcript import ModelOutput
from services.answers import node_names, warnings_of
from services.dispatch import Answer, Dispatch
from services.known_audio import Question
from services.long_recordings import LongRecordings
from services.runner import Report
from services.segments_so_far import SegmentsSoFar, on_channel, place_of
from services.sound_work import OnWaiting, SoundWork
from services.together import together
from speech.decode import Decoded


async def recognise_sounds(
    dispatch: Dispatch,
    long_recordings: LongRecordings,
    row: Recognition,
    question: Question,
    decoded: Decoded,
    *,
    tells_speakers: bool,
    on_waiting: OnWaiting,
    report: Report,
) -> Answer[NodeResult]:
    """Has every sound recognised, at the same time where there are slots; one answer for the recording.

    ``tells_speakers``: whether the model's nodes can. The first failure ends the other sound. Raises as
    :meth:`Dispatch.run`.
    """
    channels, options = [sound.channel for sound in decoded.sounds], row.options
    if channels != [None]:
        # The channel says who speaks; speaker "1" of one channel is not that of the other.
        options = options.with_changes(speakers=1)
    so_far = SegmentsSoFar(report, question.track, options.language, channels)

    async def answer_for(work: SoundWork) -> Answer[NodeResult]:
        answer = await long_recordings.recognise(work, tells_speakers=tells_speakers)
        return answer or await work.recognise_whole()

    answers = await together(
        [
            answer_for(
                SoundWork(dispatch, row, question, options, sound, number, decoded.info.seconds, so_far, on_waiting)
            )
            for number, sound in enumerate(decoded.sounds)
        ]
    )
    return merged(list(zip(channels, answers, strict=True)))


def merged(answers: Sequence[tuple[int | None, Answer[NodeResult]]]) -> Answer[NodeResult]:
    """One answer for the recording: segments with their channel, by time; ``elapsed_ms`` is the nodes' work together.

    The fingerprint is that of all, or empty where they differ.
    """
    parts = [answer for _, answer in answers]
    results = [answer.result for answer in parts]
    first, outputs = results[0], [result.output for result in results]
    segments = [on_channel(channel, s) for channel, answer in answers for s in answer.result.output.segments]
    most = max(outputs, key=lambda output: sum(len(segment.text) for segment in output.segments))
    agreed = {(result.model, result.fingerprint) for result in results} == {(first.model, first.fingerprint)}
    output = ModelOutput(first.output.track, tuple(sorted(segments, key=place_of)), most.language, warnings_of(parts))
    result = NodeResult(
        output,
        first.model,
        first.fingerprint if agreed else "",
        first.device,
        first.audio_seconds,
        sum(result.elapsed_ms for result in results),
    )
    return Answer(result, node_names(parts))
