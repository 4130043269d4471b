"""What every route is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.requests import HTTPConnection

from domain.access import Visitor
from services.bundle import Services
from services.disk_space import DiskSpace
from webui.access import Access


class MetricsSource(Protocol):
    """The process's metrics (``metrics.PrometheusObserver``)."""

    content_type: str

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        ...

    def render(self) -> bytes:
        """All metrics as Prometheus text."""
        ...


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """``upload_dir``: where Gradio keeps uploads. ``temp_dir``: where uploads lie until they are in the audio store."""

    max_upload_bytes: int
    upload_dir: Path
    temp_dir: Path
    #: Longest time that one request waits for a text.
    wait_limit_seconds: float = 3600.0
    #: Largest JSON body; a recording inside it has to fit into memory, three times over.
    max_json_bytes: int = 48 * 1024 * 1024
    #: Where uploads are written; none come in while it is nearly full.
    space: DiskSpace | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """Services, access and limits, for the route files."""

    services: Services
    access: Access
    config: ApiConfig
    metrics: MetricsSource

    def visitor(self, request: HTTPConnection) -> Visitor:
        """Who asks."""
        return self.access.visitor(request)
