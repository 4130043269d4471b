"""Everything that the pages and the API may call."""

from dataclasses import dataclass

from services.activity import Activity
from services.corrections import Corrections
from services.export_files import ExportFiles
from services.exports import Exports
from services.history import History
from services.holds import Holds
from services.labels import Labels
from services.model_download import ModelDownload
from services.node_admin import NodeAdmin
from services.nodes import Nodes
from services.retention import Retention
from services.transcription import Transcription
from services.upload_digests import UploadDigests
from services.versions import Versions


@dataclass(frozen=True, slots=True)
class Services:
    """One of each use case, wired by ``wiring.py``."""

    transcription: Transcription
    history: History
    nodes: Nodes
    node_admin: NodeAdmin
    activity: Activity
    downloads: ModelDownload
    labels: Labels
    corrections: Corrections
    versions: Versions
    exports: Exports
    export_files: ExportFiles
    holds: Holds
    retention: Retention
    uploads: UploadDigests
