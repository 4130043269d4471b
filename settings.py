"""The only reader of the environment and of ``config.yaml``; frozen once read.

Order: environment (``ASR_*``) over ``config.yaml`` (keys without the prefix, in lower case) over the defaults.
The file lies beside this one, or where ``ASR_CONFIG`` says; relative folders in it count from where it lies.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from domain.access import parse_api_keys
from domain.audio_address import S3Address, parse_audio_store, without_credentials
from domain.node import NodeIntent
from domain.node_setting import parse_address, parse_node
from domain.redis_url import parse_redis_url

PROJECT = Path(__file__).resolve().parent
#: The file that may hold settings.
CONFIG_FILE = PROJECT / "config.yaml"
#: Settings that name a folder.
_FOLDERS = ("data_dir", "audio_store")
#: Settings that hold secrets, by how their names end: a message never repeats what was given.
_SECRETS = ("TOKEN", "SECRET", "KEY", "KEYS", "REDIS_URL", "NODES")
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class BadSetting(ValueError):
    """A setting cannot be used. The message names key, value and what would be right."""


class _ConfigFile(YamlConfigSettingsSource):
    """The file, in the same place whatever folder the program is started in."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        named = os.environ.get("ASR_CONFIG")
        if named and not Path(named).exists():
            raise BadSetting(f"ASR_CONFIG is {named!r}: there is no such file")
        super().__init__(settings_cls, yaml_file=Path(named).absolute() if named else CONFIG_FILE)

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            found: object = super()._read_file(file_path)
        except (OSError, ValueError, YAMLError) as error:
            raise BadSetting(f"{file_path} cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise BadSetting(f"{file_path}: lines such as `port: 8000` are expected")
        values = {str(key): value for key, value in found.items()}
        for name in _FOLDERS:
            value = values.get(name)
            if isinstance(value, str) and value and "://" not in value:
                values[name] = str(file_path.parent / value)
        return values


class Settings(BaseSettings):
    """Every setting, typed. Times are in seconds, sizes in the unit of their name."""

    model_config = SettingsConfigDict(env_prefix="ASR_", extra="forbid", frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="address to serve on")
    port: int = Field(7860, ge=0, le=65535, description="port of the web UI (0 takes a free one)")
    data_dir: Path = Field(PROJECT / "data", description="where everything that outlives the process lies")
    database_url: str = Field("", description="SQLAlchemy URL (sqlite, postgresql+psycopg2); empty: SQLite")
    audio_store: str = Field(
        "", description="path, file:// or s3://bucket[/prefix]?endpoint=http://host:9000; empty: below data_dir"
    )
    s3_access_key: SecretStr = Field(SecretStr(""), description="access key of s3://; empty: as AWS's tools find it")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="the secret key that belongs to it")
    nodes: Annotated[tuple[NodeIntent, ...], NoDecode] = Field(
        (), description="url[;weight=3][;slots=2][;backup][;name=…][;token=…], comma-separated"
    )
    replicas: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses of the web UIs, comma-separated, for `app.py nginx`"
    )
    own_node: Literal["auto", "yes", "no"] = Field(
        "auto", description="whether the web UI starts a node of its own; auto: where no other can be expected"
    )
    node_url: str = Field("", description="where the web UIs reach this node, which it announces; empty: found out")
    node_name: str = Field("", max_length=80, description="what people call this node; empty: the machine's name")
    model: str = Field("auto", description="preset name, a local directory, or auto")
    model_load: Literal["start", "demand"] = Field("start", description="when a node loads its model")
    model_hub: Literal["ms", "hf"] = Field("ms", description="where models are downloaded from")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    slots: int = Field(0, ge=0, le=64, description="jobs a node takes at once (0: 1 on CPU, 4 on a GPU)")
    batch_segments: int = Field(8, ge=1, le=256, description="segments recognised in one batch where the model can")
    itn_by: Literal["preset", "model", "rules"] = Field("preset", description="who makes the written text")
    node_token: SecretStr = Field(SecretStr(""), description="shared secret of web UI and nodes")
    admin_token: SecretStr = Field(SecretStr(""), description="secret that makes a visitor an administrator")
    secret: SecretStr = Field(SecretStr(""), description="signs visitor cookies; empty: made once, kept in data_dir")
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="name:key pairs, comma-separated, for API callers"
    )
    allow_open: bool = Field(False, description="serve off loopback without accounts")
    redis_url: SecretStr = Field(
        SecretStr(""), description="redis://, rediss:// or redis+sentinel:// that replicas share; empty: none"
    )
    cache_redis_url: SecretStr = Field(SecretStr(""), description="another Redis for the cache; empty: redis_url's")
    cache_scope: Literal["all", "user"] = Field(
        "all", description="all: a cached result answers everybody; user: only whoever had it made"
    )
    cache_ttl: float = Field(7 * 86400.0, ge=0, description="seconds a result is cached")
    negative_ttl: float = Field(3600.0, ge=0, description="seconds it is remembered that there is nothing to hear")
    cache_max_mb: int = Field(1024, ge=1, description="size of the embedded cache")
    audio_retention: float = Field(
        7 * 86400.0, ge=0, description="seconds a recording is kept; 0: until the work is done"
    )
    history_retention: float = Field(0.0, ge=0, description="seconds a text is kept; 0: for ever")
    min_free_mb: int = Field(
        1000, ge=0, description="free space on the disk of data_dir below which no upload or export begins"
    )
    max_upload_mb: int = Field(1024, ge=1, description="largest upload")
    max_audio_seconds: float = Field(4 * 3600.0, gt=0, description="longest recording")
    queue_seconds: float = Field(1800.0, gt=0, description="longest time a recognition waits for a node")
    language: Literal["auto", "zh", "en"] = Field("auto", description="language of the pages; auto: the browser's")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, _ConfigFile(settings_cls)

    @field_validator("nodes", mode="before")
    @classmethod
    def _parse_nodes(cls, value: object) -> object:
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        if isinstance(value, (list, tuple)):
            return tuple(item if isinstance(item, NodeIntent) else parse_node(item) for item in value)
        return value

    @field_validator("replicas", mode="before")
    @classmethod
    def _parse_replicas(cls, value: object) -> object:
        parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        return tuple(parse_address(str(part)) for part in parts) if isinstance(parts, (tuple, list)) else parts

    @field_validator("api_keys", mode="before")
    @classmethod
    def _parse_keys(cls, value: object) -> object:
        parts = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if isinstance(parts, (tuple, list)):
            parse_api_keys(str(part) for part in parts)
        return parts

    @field_validator("node_url")
    @classmethod
    def _check_node_url(cls, value: str) -> str:
        return parse_address(value) if value else value

    @field_validator("audio_store")
    @classmethod
    def _check_audio_store(cls, value: str) -> str:
        parse_audio_store(value)
        return value

    @model_validator(mode="after")
    def _check_s3_keys(self) -> Self:
        if bool(self.s3_access_key.get_secret_value()) != bool(self.s3_secret_key.get_secret_value()):
            raise ValueError("ASR_S3_ACCESS_KEY and ASR_S3_SECRET_KEY go together: one of them is empty")
        return self

    @field_validator("redis_url", "cache_redis_url")
    @classmethod
    def _check_redis_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            parse_redis_url(value.get_secret_value())
        return value

    def check_doors(self, role: Literal["serve", "node"]) -> None:
        """Refuses to serve other machines without any lock on the door. Raises :class:`BadSetting`."""
        if self.is_loopback:
            return
        if role == "node" and not self.node_token.get_secret_value():
            raise BadSetting(
                f"ASR_HOST is {self.host!r}, which other machines can reach: set ASR_NODE_TOKEN, the same on the node "
                "and on the web UI, or keep ASR_HOST=127.0.0.1"
            )
        if role == "serve" and not self.allow_open:
            raise BadSetting(
                f"ASR_HOST is {self.host!r}, which other machines can reach, and there are no accounts: "
                "set ASR_ALLOW_OPEN=1 to serve it openly, or keep ASR_HOST=127.0.0.1"
            )

    @property
    def has_own_node(self) -> bool:
        """Whether the web UI starts a node as its child.

        None is expected elsewhere where none is named, and none can announce itself.
        """
        if self.own_node != "auto":
            return self.own_node == "yes"
        return not self.nodes and not self.nodes_announce

    @property
    def nodes_announce(self) -> bool:
        """Whether nodes and web UIs have what it takes: a Redis in common, and a secret to know each other by."""
        return bool(self.redis_url.get_secret_value() and self.node_token.get_secret_value())

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback_host(self.host)

    @property
    def sql_url(self) -> str:
        """The database, with its default."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'history.db').absolute()}"

    @property
    def audio_place(self) -> Path | S3Address:
        """Where recordings lie."""
        return parse_audio_store(self.audio_store) if self.audio_store else self.data_dir / "audio"


#: What a node reads of the settings, besides its token.
_OF_THE_NODE = ("data_dir", "model", "model_load", "model_hub", "device", "slots", "batch_segments", "log_level")


def child_environment(settings: Settings, **extra: str) -> dict[str, str]:
    """The environment of the node that this program starts: its own, the settings in force, and ``extra``.

    Said aloud, because a setting may come from a command line, and a path in it counts from this folder.
    """
    values = {f"ASR_{name.upper()}": getattr(settings, name) for name in _OF_THE_NODE}
    values["ASR_DATA_DIR"] = settings.data_dir.absolute()
    return {**os.environ, **{name: str(value) for name, value in values.items()}, **extra}


def prepare_libraries(uploads: Path) -> None:
    """Tells the libraries what they take from the environment only: where uploads lie, and that nobody is called."""
    uploads.mkdir(parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def is_loopback_host(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    return host in ("localhost", "::1") or host.startswith("127.")


def load_settings(**overrides: object) -> Settings:
    """Reads the settings; ``overrides`` (from the command line) win. Raises :class:`BadSetting`."""
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise BadSetting("\n".join(_sentence(item) for item in error.errors())) from None


def _sentence(item: object) -> str:
    assert isinstance(item, dict)
    if not item["loc"]:
        return str(item["msg"]).removeprefix("Value error, ")
    key = "ASR_" + str(item["loc"][0]).upper()
    if item["type"] == "extra_forbidden":
        return f"{key} is not a setting; see `python app.py serve --help`"
    secret = isinstance(item.get("input"), SecretStr) or key.endswith(_SECRETS)
    given = item.get("input")
    given = without_credentials(given) if key == "ASR_AUDIO_STORE" and isinstance(given, str) else given
    value = "" if secret else f" is {given!r}"
    field = Settings.model_fields.get(str(item["loc"][0]))
    meaning = f" ({field.description})" if field and field.description else ""
    return f"{key}{value}: {str(item['msg']).removeprefix('Value error, ')}{meaning}"
