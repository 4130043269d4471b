"""What ``benchmarks/pool.py`` measures: PostgreSQL, Redis, two replicas, nginx, and up to eight sleeping nodes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.sleeping_node import command
from domain.node import NodeIntent
from services.nginx_conf import nodes_conf, parse_place
from settings import PROJECT
from tests.helpers.nginx import running_nginx
from tests.helpers.node_process import node_process
from tests.helpers.postgres import PostgresServer, running_postgres
from tests.helpers.redis_server import RedisServer, free_port, running_redis
from tests.helpers.server import Server

REPLICAS, NODES = 2, 8
#: Jobs that a node takes at once from whoever comes: it must not refuse what nginx sends it. The board gives it one.
OPEN_SLOTS = 32


@dataclass
class Cluster:
    """``start_nodes`` starts more of them; the replicas know all of their addresses from the beginning."""

    folder: Path
    rtf: float
    redis: RedisServer
    postgres: PostgresServer
    life: ExitStack
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(NODES)])
    started: int = 0

    @property
    def urls(self) -> list[str]:
        """Of all nodes, running or not."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def start_nodes(self, count: int) -> None:
        """Until so many run."""
        env = {"ASR_SLOTS": str(OPEN_SLOTS), "OPENBLAS_NUM_THREADS": "1", "ASR_CONFIG": "/dev/null"}
        with ThreadPoolExecutor(NODES) as starts:
            line = command(rtf=self.rtf)
            made = [node_process(line, port=port, **env) for port in self.ports[self.started : count]]
            for begun in [starts.submit(self.life.enter_context, one) for one in made]:
                begun.result()
        self.started = count

    def settings(self, nodes: int) -> dict[str, str]:
        """Those of a web UI on a database of its own."""
        return {
            "nodes": ",".join(f"{url};slots=1" for url in self.urls[:nodes]),
            "own_node": "no",
            "model": "demo",
        }

    def start_replicas(self) -> list[str]:
        """Two, with what they share; their addresses."""
        shared = {
            **{f"ASR_{key.upper()}": value for key, value in self.settings(NODES).items()},
            "ASR_DATABASE_URL": self.postgres.url(),
            "ASR_REDIS_URL": self.redis.url(db=1),
            "ASR_AUDIO_STORE": str(self.folder / "recordings"),
            "ASR_SECRET": "the same for both replicas",
            "ASR_LOG_LEVEL": "WARNING",
        }
        serve = ("serve", "--port", "0")
        servers = [Server(self.folder / f"replica-{number}", serve, **shared) for number in range(REPLICAS)]
        for server in servers:
            self.life.callback(_ended, server)
        with ThreadPoolExecutor(REPLICAS) as starts:
            return [server.url for server in starts.map(lambda server: server.start(), servers)]

    def start_nginx(self) -> str:
        """Before all nodes, least_conn; its address."""
        port = free_port()
        template = (PROJECT / "deploy" / "nginx" / "nodes.conf").read_text(encoding="utf-8")
        pool = [(NodeIntent(url), parse_place(url)) for url in self.urls]
        conf = nodes_conf(template, pool, port=port, max_upload_mb=100)
        return self.life.enter_context(running_nginx(self.folder / "nginx", conf, port)).url


@contextmanager
def running_cluster(folder: Path, rtf: float) -> Iterator[Cluster]:
    """PostgreSQL and Redis run; the rest when it is wanted. All gone afterwards."""
    with ExitStack() as life:
        redis, postgres = life.enter_context(running_redis()), life.enter_context(running_postgres())
        yield Cluster(folder, rtf, redis, postgres, life)


def _ended(server: Server) -> None:
    if server.process:
        server.stop()
