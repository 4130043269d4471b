"""What a node needs of the settings; ``settings.Settings`` has it all."""

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr


class NodeSettings(Protocol):
    """The part of the settings that the engine reads."""

    @property
    def data_dir(self) -> Path:
        """Where everything that outlives the process lies."""
        ...

    @property
    def model(self) -> str:
        """Preset name, a local directory, or auto."""
        ...

    @property
    def model_hub(self) -> str:
        """``ms`` or ``hf``."""
        ...

    @property
    def model_load(self) -> str:
        """``start`` or ``demand``."""
        ...

    @property
    def device(self) -> str:
        """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
        ...

    @property
    def slots(self) -> int:
        """Jobs at once; 0: one on a CPU, four on a GPU."""
        ...

    @property
    def batch_segments(self) -> int:
        """Segments recognised in one batch where the model can."""
        ...

    @property
    def node_token(self) -> SecretStr:
        """Shared secret of web UI and nodes; may be empty on loopback."""
        ...
