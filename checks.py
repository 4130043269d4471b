"""What `doctor` looks at on this machine."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cluster.foreign import fitting
from cluster.foreign_probe import AppProbe
from cluster.health import HealthProbe
from domain.errors import SpeechError
from domain.node import NodeIntent
from domain.presets import PRESETS
from domain.redis_url import parse_redis_url
from engine.local_models import find_preset, resolve_model
from listener import listen, runs_already
from services.disk_space import DiskSpace
from settings import Settings
from storage.audio_report import try_audio_store
from storage.migrations import newest_revision, upgrade
from storage.redis_report import advice, redis_report, remark
from wiring import open_audio


def checks(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """What `doctor` looks at: each check returns what it found, or raises with what to do."""

    def data() -> str:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        space = DiskSpace(settings.data_dir, settings.min_free_mb * 1_000_000)
        free = space.free_bytes()
        if free < space.min_free_bytes:
            raise OSError(
                f"only {free / 1e9:.1f} GB are free below {settings.data_dir}, so that uploads are refused "
                f"(ASR_MIN_FREE_MB={settings.min_free_mb}); make room or move ASR_DATA_DIR"
            )
        return f"{settings.data_dir.absolute()}, {free / 1e9:.0f} GB free"

    def database() -> str:
        upgrade(settings.sql_url)
        kind = settings.sql_url.partition(":")[0]
        return f"{kind}, schema {newest_revision()}"

    def recordings() -> str:
        place = settings.audio_place
        try:
            asyncio.run(try_audio_store(open_audio(settings)))
        except (SpeechError, ValueError) as error:
            raise OSError(f"{place}: {error}{_hint(str(error))}") from None
        return f"{place}, written, read and deleted{_alone(settings)}"

    def model() -> str:
        name = resolve_model(settings.model, settings.model_hub)
        preset = PRESETS.get(name)
        if preset and find_preset(preset, settings.model_hub) is None:
            raise FileNotFoundError(f"{name} is not on this machine: run `python app.py model download {name}`")
        small = preset is not None and preset.hub_ids is None
        return f"{name}" + (
            " (knows about 500 words; `python app.py model download` brings the real one)" if small else ""
        )

    def device() -> str:
        from engine.device import choose_device

        return choose_device(settings.device)

    def port() -> str:
        if runs_already(settings):
            return f"this program is running on {settings.host}:{settings.port}"
        listen(settings).close()
        return f"{settings.host}:{settings.port} is free"

    found = [
        ("data", data),
        ("database", database),
        ("recordings", recordings),
        ("model", model),
        ("device", device),
        ("port", port),
    ]
    return [*found, *_redis_checks(settings)] + [
        (f"node {intent.url}", partial(_ask_node, intent, settings.node_token.get_secret_value()))
        for intent in settings.nodes
    ]


#: What to do when an object store says so.
_HINTS = {
    "NoSuchBucket": "make the bucket, or name another in ASR_AUDIO_STORE",
    "AccessDenied": "ASR_S3_ACCESS_KEY may not read, write, list and delete there",
    "InvalidAccessKeyId": "set ASR_S3_ACCESS_KEY and ASR_S3_SECRET_KEY",
    "SignatureDoesNotMatch": "ASR_S3_SECRET_KEY is another one, or region is missing in ASR_AUDIO_STORE",
    "no keys for it were found": "set ASR_S3_ACCESS_KEY and ASR_S3_SECRET_KEY",
}


def _alone(settings: Settings) -> str:
    """What to mind where recordings may be shared and the database cannot be: each sweeps what it has no row of."""
    if isinstance(settings.audio_place, Path) or not settings.sql_url.startswith("sqlite"):
        return ""
    return "; MIND: for this one program only, since its database is SQLite: replicas need one PostgreSQL for all"


def _hint(said: str) -> str:
    return next((f"; {what}" for code, what in _HINTS.items() if code in said), "")


def _redis_checks(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """One for each Redis that the settings name; one that coordinates and caches is one."""
    url, cache_url = settings.redis_url.get_secret_value(), settings.cache_redis_url.get_secret_value()
    both = bool(url) and cache_url in ("", url)
    found: list[tuple[str, Callable[[], str]]] = []
    if url:
        found.append(("redis", partial(_ask_redis, url, coordinates=True, caches=both)))
    if cache_url and not both:
        found.append(("redis for the cache", partial(_ask_redis, cache_url, coordinates=False, caches=True)))
    return found


def _ask_redis(url: str, *, coordinates: bool, caches: bool) -> str:
    address = parse_redis_url(url)
    report = asyncio.run(redis_report(address))
    if wrong := advice(report, coordinates=coordinates, caches=caches):
        raise ValueError(f"{address}: {wrong}")
    return f"{address}, version {report.version}{remark(report, coordinates=coordinates)}"


def _ask_node(node: NodeIntent, token: str) -> str:
    """How a node is; of a foreign app, whether its mapping fits what it says of its API."""

    async def ask() -> str:
        probe = HealthProbe(ssl.create_default_context())
        try:
            if node.app:
                return await fitting(node.app, AppProbe(node.url, node.token, probe.read))
            report = await probe.report(node.url, node.token or token)
        finally:
            await probe.close()
        return f"{report.health.value}, {report.model} on {report.device}"

    return asyncio.run(ask())
