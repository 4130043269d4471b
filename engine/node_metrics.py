"""A node's counters in Prometheus' text format (exposition format 0.0.4)."""

from domain.node import NodeReport
from engine.recogniser import Recogniser

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(report: NodeReport, recogniser: Recogniser) -> str:
    """All metrics of one node; cheap."""
    lines: list[str] = []

    def family(name: str, kind: str, meaning: str, samples: dict[str, float]) -> None:
        lines.extend([f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"])
        lines.extend(f"{name}{labels} {value:g}" for labels, value in samples.items())

    labels = f'{{model="{_escaped(report.model)}",device="{_escaped(report.device)}"}}'
    family("asr_node_info", "gauge", "The model this node runs.", {labels: 1})
    family("asr_node_ready", "gauge", "1 while the node takes jobs.", {"": 1 if report.health.value == "ready" else 0})
    family("asr_node_slots", "gauge", "Jobs taken at once.", {"": report.slots})
    family("asr_node_running", "gauge", "Jobs under way.", {"": len(report.running)})
    family(
        "asr_node_jobs_total",
        "counter",
        "Jobs ended, by outcome.",
        {f'{{outcome="{_escaped(word)}"}}': count for word, count in sorted(recogniser.jobs_done.items())},
    )
    family(
        "asr_node_second_hearings_total",
        "counter",
        "Segments heard again because their text was doubtful, by the doubt and by how it ended.",
        {
            f'{{reason="{reason}",outcome="{outcome}"}}': count
            for (reason, outcome), count in sorted(recogniser.second_hearings.all().items())
        },
    )
    family("asr_node_audio_seconds_total", "counter", "Sound recognised.", {"": recogniser.audio_seconds_done})
    family("asr_node_memory_bytes", "gauge", "Resident memory of the process.", {"": report.memory_bytes})
    if report.gpu_memory_used_bytes is not None and report.gpu_memory_total_bytes is not None:
        family("asr_node_gpu_memory_used_bytes", "gauge", "GPU memory used.", {"": report.gpu_memory_used_bytes})
        family("asr_node_gpu_memory_bytes", "gauge", "GPU memory there is.", {"": report.gpu_memory_total_bytes})
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
