from typing import cast

import pytest

from domain.ports import Observer
from metrics import MAX_WORDS, METRICS, PrometheusObserver


def test_counts_measures_and_gauges_come_out_as_prometheus_text() -> None:
    metrics = PrometheusObserver(strict=True)
    metrics.count("asr_recognitions_total", status="succeeded", source="web")
    metrics.count("asr_recognitions_total", 2, status="succeeded", source="web")
    metrics.gauge("asr_queue_length", 7)
    metrics.observe("asr_recognition_seconds", 0.3)
    text = metrics.render().decode()
    assert 'asr_recognitions_total{source="web",status="succeeded"} 3.0' in text
    assert "asr_queue_length 7.0" in text
    assert 'asr_recognition_seconds_bucket{le="0.25"} 0.0' in text
    assert 'asr_recognition_seconds_bucket{le="0.5"} 1.0' in text


def test_every_metric_has_its_meaning_in_the_output() -> None:
    text = PrometheusObserver().render().decode()
    for name, declared in METRICS.items():
        family = name.removesuffix("_total") if declared.kind == "counter" else name
        assert f"# HELP {family}" in text or f"# HELP {name} " in text
        assert declared.help in text


def test_two_observers_share_nothing() -> None:
    first, second = PrometheusObserver(), PrometheusObserver()
    first.count("asr_audio_seconds_total", 5)
    assert b"asr_audio_seconds_total 0.0" in second.render()


@pytest.mark.parametrize(
    ("name", "labels"),
    [("asr_typo_total", {}), ("asr_recognitions_total", {"status": "succeeded"}), ("asr_queue_length", {"user": "x"})],
)
def test_what_is_not_declared_raises_in_tests_and_is_logged_once_elsewhere(
    name: str, labels: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyError, match=name):
        PrometheusObserver(strict=True).count(name, **labels)
    metrics = PrometheusObserver()
    metrics.count(name, **labels)
    metrics.count(name, **labels)
    assert [record.getMessage().count(name) for record in caplog.records] == [1]


def test_labels_are_bounded() -> None:
    metrics = PrometheusObserver(strict=True)
    for number in range(MAX_WORDS + 50):
        metrics.count("asr_node_requests_total", node=f"node-{number}", outcome="ok")
    metrics.count("asr_recognitions_total", status="a word of the caller's", source="web")
    text = metrics.render().decode()
    assert sum(line.startswith("asr_node_requests_total{") for line in text.splitlines()) == MAX_WORDS + 1
    assert 'asr_node_requests_total{node="other",outcome="ok"} 50.0' in text
    assert 'status="other"' in text
    assert "caller" not in text


def test_it_is_an_observer() -> None:
    observer = cast(Observer, PrometheusObserver(strict=True))
    observer.count("asr_cache_lookups_total", outcome="hit")
    observer.gauge("asr_nodes", 2, availability="ready")
    observer.observe("asr_recognition_seconds", 1)
