"""What every test may use: one running server, and speech that the demo model knows."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from httpx._transports import default as transports

from tests.helpers.postgres import PostgresServer, running_postgres
from tests.helpers.redis_server import RedisServer, running_redis
from tests.helpers.s3_server import S3Server, running_s3
from tests.helpers.server import Server, running_server
from tests.helpers.speech import SPEECH_TEXT, say, write_wav

#: The developer's own config.yaml has no say in what the tests start.
os.environ["ASR_CONFIG"] = os.devnull
#: Each client would read all certificates of the system, which takes twenty times as long as the request itself.
transports.create_ssl_context = cache(transports.create_ssl_context)  # pyright: ignore[reportPrivateImportUsage]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real web UI with its node, shared by all tests that only use it."""
    with running_server(tmp_path_factory.mktemp("server") / "data", ASR_MAX_AUDIO_SECONDS="3600") as running:
        yield running


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of ``SPEECH_TEXT``, 16 kHz mono."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_wav(path, say(SPEECH_TEXT))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def one_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One bucket; who uses it takes a folder of his own in it."""
    with running_s3() as server:
        yield server


@pytest.fixture
def redis_server(one_redis: RedisServer) -> RedisServer:
    """Empty, and for tests that do not hurt it."""
    one_redis.command("FLUSHALL")
    return one_redis
