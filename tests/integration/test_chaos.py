"""A short run of ``benchmarks/chaos.py``: the main faults while people work; and its audit finds what there is."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from benchmarks.chaos import Plan, run
from benchmarks.chaos_audit import audited
from benchmarks.chaos_clients import Job
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source, Status, utc_now
from domain.transcript import Segment, Transcript

SHORT = Plan(
    jobs=36,
    nodes=3,
    clients=6,
    shortest=2.0,
    longest=4.0,
    rtf=0.1,
    pause=1.0,
    one_long_in=0,
    longest_fault=2.0,
    faults=(
        "node with other endpoints",
        "node stopped",
        "node refuses",
        "node answers garbage",
        "redis killed",
        "redis flushed",
        "postgres restarted",
        "replica killed",
    ),
    decks=1,
    limit=400,
)


# It waits for processes to start, and nothing in it depends on how fast that is.
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_wrong_or_late_while_everything_breaks() -> None:
    figures, findings = run(SHORT)
    assert not any(findings.all().values()), (figures, findings)
    assert len(figures["fault_counts"]) > len(SHORT.faults) / 2, figures
    assert figures["rows"] >= SHORT.jobs


NOW = utc_now()


def right(job: Job) -> Recognition:
    transcript = Transcript((Segment(0, 1000, job.text, job.text),))
    return Recognition(
        job.id, "local", Source.API, job.name, RecognitionOptions(), Status.SUCCEEDED, 1,
        transcript=transcript, created_at=NOW, finished_at=NOW,
    )  # fmt: skip


def texts(text: str) -> Transcript:
    return Transcript((Segment(0, 1000, text, text),))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda row: [], "lost"),
        (lambda row: [row.with_changes(status=Status.RUNNING, transcript=Transcript())], "lost"),
        (lambda row: [row.with_changes(status=Status.FAILED, error={"code": "x"})], "lost"),
        (lambda row: [row, row.with_changes(id="another")], "doubled"),
        (lambda row: [row, row.with_changes(id="another", filename="nobody's")], "doubled"),
        (lambda row: [row.with_changes(transcript=texts("another"))], "wrong"),
        (lambda row: [row.with_changes(finished_at=NOW + timedelta(seconds=101))], "late"),
    ],
)
def test_the_audit_finds_it(change: Callable[[Recognition], list[Recognition]], kind: str) -> None:
    job = Job(0, 2.0, 1, 1500, names=["a"], id="1", name="a", text="right")
    job.told, job.took = [{"status": "succeeded", "text": "right", "error": None}], 1.0
    assert not any(audited([job], [right(job)], lambda _: 100.0).all().values())
    found = audited([job], change(right(job)), lambda _: 100.0).all()
    assert [name for name, words in found.items() if words] == [kind], found


def test_the_audit_finds_what_clients_were_told_wrong() -> None:
    job = Job(0, 2.0, 1, 1500, names=["a"], id="1", name="a", text="right")
    assert audited([job], [right(job)], lambda _: 100.0).lost == ["a 1: its client never heard of an end"]
    job.told = [{"status": "succeeded", "text": "another", "error": None}]
    assert len(audited([job], [right(job)], lambda _: 100.0).wrong) == 1
    job.told = [{"status": "failed", "text": "", "error": {"code": "x"}}]
    assert len(audited([job], [right(job)], lambda _: 100.0).lost) == 1
