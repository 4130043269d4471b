"""What may happen to a cluster, and who makes it happen: one fault after the other, several at a time, by chance."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Lock, Thread

from benchmarks.chaos_cluster import Cluster, Node, Replica

#: Nodes that are well at any time: the work must go on.
UNHARMED = 2


@contextmanager
def killed(node: Node) -> Iterator[None]:
    """Kill -9; it starts again."""
    node.kill()
    yield
    node.start(decoy=node.has_decoy)


@contextmanager
def exchanged(node: Node) -> Iterator[None]:
    """Kill -9; at its address starts one with other endpoints at once, before anybody misses it."""
    node.kill()
    node.start(decoy=not node.has_decoy)
    yield


@contextmanager
def stopped(node: Node) -> Iterator[None]:
    """SIGSTOP; it goes on later, and knows nothing of it."""
    node.hold()
    yield
    node.go_on()


@contextmanager
def refused(node: Node) -> Iterator[None]:
    """Its network is gone, and every open connection with it."""
    node.proxy.refuse()
    yield
    node.proxy.heal()


@contextmanager
def swallowed(node: Node) -> Iterator[None]:
    """Its network takes everything and gives nothing back; what was under way is cut off at the end."""
    node.proxy.blackhole()
    yield
    node.proxy.refuse()
    node.proxy.heal()


def moody(mood: str) -> Callable[[Node], AbstractContextManager[None]]:
    """It behaves as ``benchmarks/chaos_node.py`` says."""

    @contextmanager
    def fault(node: Node) -> Iterator[None]:
        node.feel(mood)
        yield
        node.feel("")

    return fault


@contextmanager
def redis_killed(cluster: Cluster) -> Iterator[None]:
    """It comes back empty."""
    cluster.redis.kill()
    yield
    cluster.redis.start()


@contextmanager
def redis_flushed(cluster: Cluster) -> Iterator[None]:
    """All that it knew is gone."""
    cluster.redis.command("FLUSHALL")
    yield


@contextmanager
def redis_stopped(cluster: Cluster) -> Iterator[None]:
    """It hangs."""
    cluster.redis.pause()
    yield
    cluster.redis.go_on()


@contextmanager
def postgres_restarted(cluster: Cluster) -> Iterator[None]:
    """Every connection ends; for a while nobody answers."""
    cluster.postgres.stop()
    yield
    cluster.postgres_again()


@contextmanager
def replica_killed(replica: Replica) -> Iterator[None]:
    """Kill -9; it starts again in its folder."""
    replica.server.kill()
    yield
    replica.come_back()


#: By name: what happens to a node, and how long, in seconds.
TO_NODES: dict[str, tuple[Callable[[Node], AbstractContextManager[None]], float, float]] = {
    "node killed": (killed, 0.2, 4.0),
    "node with other endpoints": (exchanged, 0.0, 0.0),
    "node stopped": (stopped, 1.0, 45.0),
    "node slow": (moody("slow"), 5.0, 20.0),
    "node refuses": (refused, 0.5, 12.0),
    "node swallows": (swallowed, 1.0, 12.0),
    "node answers garbage": (moody("garbage"), 2.0, 8.0),
    "node lies": (moody("liar"), 2.0, 8.0),
}
TO_REDIS: dict[str, tuple[Callable[[Cluster], AbstractContextManager[None]], float, float]] = {
    "redis killed": (redis_killed, 0.5, 6.0),
    "redis flushed": (redis_flushed, 0.0, 0.0),
    "redis stopped": (redis_stopped, 1.0, 6.0),
}
POSTGRES, REPLICA = "postgres restarted", "replica killed"
#: How long they are away, in seconds.
POSTGRES_SECONDS, REPLICA_SECONDS = (0.5, 8.0), (0.0, 5.0)
FAULTS = (*TO_NODES, *TO_REDIS, POSTGRES, REPLICA)


class Mischief:
    """Between :meth:`start` and :meth:`stop` something happens every now and then.

    ``longest``: no fault lasts longer, in seconds; ``pause``: between the beginnings of two, on average; ``decks``: how
    often each kind happens, ``None`` until it is stopped.
    """

    def __init__(
        self,
        cluster: Cluster,
        chance: random.Random,
        *,
        pause: float,
        longest: float,
        kinds: Sequence[str] = FAULTS,
        decks: int | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._cluster = cluster
        self._chance = chance
        self._pause = pause
        self._longest = longest
        self._kinds = kinds
        self._decks = decks
        self._over = Event()
        self._well = list(cluster.nodes)
        # One at a time of each: the other replica is there, and nobody is left without any.
        self._redis, self._postgres, self._replicas, self._changes = Lock(), Lock(), Lock(), Lock()
        self._going_on = Thread(target=self._go_on, name="mischief")
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="mischief")
        self._under_way: list[Future[None]] = []

    def start(self) -> None:
        """Begins; returns at once."""
        self._going_on.start()

    def stop(self) -> None:
        """Returns when everything is well again. Raises what went wrong with the faults themselves."""
        self._over.set()
        self._going_on.join()
        self._threads.shutdown()
        for fault in self._under_way:
            fault.result()

    def _go_on(self) -> None:
        for _ in itertools.count() if self._decks is None else range(self._decks):
            # Each kind once, then each once more: none is left to chance alone.
            for kind in self._chance.sample(self._kinds, len(self._kinds)):
                if self._over.wait(self._chance.uniform(0.5, 1.5) * self._pause):
                    return
                self._under_way.append(self._threads.submit(self._happen, kind, self._chance.random()))

    def _happen(self, kind: str, share: float) -> None:
        if kind in TO_NODES:
            fault, least, most = TO_NODES[kind]
            self._to_a_node(kind, fault, self._seconds(least, most, share))
        elif kind in TO_REDIS:
            what, least, most = TO_REDIS[kind]
            with self._redis:
                self._during(kind, what(self._cluster), self._seconds(least, most, share))
        elif kind == POSTGRES:
            with self._postgres:
                self._during(kind, postgres_restarted(self._cluster), self._seconds(*POSTGRES_SECONDS, share))
        else:
            with self._replicas:
                # In turn: by chance one of them could be killed all the time.
                replicas = self._cluster.replicas
                replica = replicas[self.counts[kind] % len(replicas)]
                self._during(kind, replica_killed(replica), self._seconds(*REPLICA_SECONDS, share))

    def _to_a_node(self, kind: str, fault: Callable[[Node], AbstractContextManager[None]], seconds: float) -> None:
        with self._changes:
            if len(self._well) <= min(UNHARMED, len(self._cluster.nodes) - 1):
                return
            node = self._well.pop(int(seconds * 1000) % len(self._well))
        try:
            self._during(kind, fault(node), seconds)
        finally:
            with self._changes:
                self._well.append(node)

    def _during(self, kind: str, fault: AbstractContextManager[None], seconds: float) -> None:
        with fault:
            self.counts[kind] += 1
            # Not cut short when the jobs are done: how it ends is part of the fault.
            time.sleep(seconds)

    def _seconds(self, least: float, most: float, share: float) -> float:
        return min(least + (most - least) * share, self._longest)
