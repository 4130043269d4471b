"""What ``benchmarks/chaos.py`` hurts: PostgreSQL, Redis, two replicas, and nodes behind links that break."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos_node import command
from tests.helpers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.helpers.node_process import NodeProcess, node_process
from tests.helpers.postgres import PostgresServer, running_postgres
from tests.helpers.redis_server import RedisServer, free_port, running_redis
from tests.helpers.server import Server

REPLICAS = 2
#: Each start takes seconds of a processor; all at once would each be too slow.
STARTS_AT_ONCE = 3
TOKEN = "of the chaos"


class Node:
    """One node: always at the same address, which is that of the proxy before it."""

    def __init__(self, folder: Path, rtf: float, segment_ms: int, proxy: FaultyProxy, env: dict[str, str]) -> None:
        self.proxy = proxy
        self.url = f"http://127.0.0.1:{proxy.port}"
        self._mood = folder / "mood"
        self._rtf = rtf
        self._segment_ms = segment_ms
        # A killed process leaves its folder behind; this one goes with the rest.
        self._env = {**env, "TMPDIR": str(folder)}
        self._life = ExitStack()
        #: Whether another endpoint stands before those of a node.
        self.has_decoy = False
        self._process: NodeProcess | None = None

    def start(self, *, decoy: bool = False) -> None:
        """Starts it; returns when it listens."""
        self.has_decoy = decoy
        line = command(rtf=self._rtf, segment_ms=self._segment_ms, mood=self._mood, decoy=decoy)
        process = node_process(line, port=self.proxy.target_port, **self._env)
        self._process = self._life.enter_context(process)

    def kill(self) -> None:
        """Ends it without a word (kill -9)."""
        self._life.close()

    def hold(self) -> None:
        """It hangs."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """It goes on where it was."""
        self._send(signal.SIGCONT)

    def feel(self, mood: str) -> None:
        """See ``benchmarks/chaos_node.py``."""
        self._mood.write_text(mood)

    def _send(self, sig: signal.Signals) -> None:
        assert self._process
        self._process.process.send_signal(sig)


@dataclass
class Replica:
    """One web UI, always at the same address."""

    server: Server
    url: str

    def come_back(self) -> None:
        """Starts it as a supervisor does: again, while the database that it needs to begin is away."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.server.start(ready=False)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise


@dataclass
class Cluster:
    """All of it, running."""

    folder: Path
    postgres: PostgresServer
    database_url: str
    redis: RedisServer
    nodes: list[Node]
    replicas: list[Replica]
    #: PostgreSQL ends with the thread that started it: this one lasts.
    lasting: ThreadPoolExecutor

    def postgres_again(self) -> None:
        """Starts PostgreSQL on what it had."""
        self.lasting.submit(self.postgres.start).result()

    def outboxes(self) -> list[Path]:
        """Rows that wait on a replica's disk for the database."""
        return [path for one in self.replicas for path in (one.server.data_dir / "outbox").rglob("*") if path.is_file()]


@contextmanager
def running_cluster(
    folder: Path, *, nodes: int, rtf: float, segment_ms: int, queue_seconds: float
) -> Iterator[Cluster]:
    """Started side by side, ready, and all gone afterwards.

    One half of the nodes is named in the settings, the others announce themselves.
    """
    with ExitStack() as life, ThreadPoolExecutor(STARTS_AT_ONCE) as starts:
        lasting = life.enter_context(ThreadPoolExecutor(1, "lasting"))
        redis, postgres = life.enter_context(running_redis()), life.enter_context(running_postgres())
        node_env = {"ASR_NODE_TOKEN": TOKEN, "OPENBLAS_NUM_THREADS": "1", "ASR_CONFIG": "/dev/null"}
        made: list[Node] = []
        for number in range(nodes):
            proxy = life.enter_context(faulty_proxy(free_port()))
            url = f"http://127.0.0.1:{proxy.port}"
            env = {"ASR_REDIS_URL": redis.url(), "ASR_NODE_URL": url} if number % 2 else {}
            place = folder / f"node-{number}"
            place.mkdir()
            made.append(Node(place, rtf, segment_ms, proxy, {**node_env, **env, "ASR_NODE_NAME": f"node-{number}"}))
            life.callback(made[-1].kill)
        database_url = postgres.url()
        shared = {
            "ASR_DATABASE_URL": database_url,
            "ASR_REDIS_URL": redis.url(),
            "ASR_NODE_TOKEN": TOKEN,
            "ASR_NODES": ",".join(f"{node.url};name=node-{2 * at}" for at, node in enumerate(made[::2])),
            "ASR_OWN_NODE": "no",
            "ASR_MODEL": "demo",
            "ASR_QUEUE_SECONDS": str(queue_seconds),
            "ASR_AUDIO_STORE": str(folder / "recordings"),
            "ASR_SECRET": "the same for both replicas",
        }
        replicas: list[Replica] = []
        for number in range(REPLICAS):
            port = free_port()
            server = Server(folder / f"replica-{number}", ("serve", "--port", str(port)), **shared)
            replicas.append(Replica(server, f"http://127.0.0.1:{port}"))
            life.callback(_ended, server)
        begun = [starts.submit(node.start) for node in made]
        begun += [starts.submit(_ready, replica.server) for replica in replicas]
        for start in begun:
            start.result()
        yield Cluster(folder, postgres, database_url, redis, made, replicas, lasting)


def _ready(server: Server) -> None:
    server.start()


def _ended(server: Server) -> None:
    if server.process:
        server.stop()
