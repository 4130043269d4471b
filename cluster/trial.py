"""A recognition on a node that need not belong to the cluster."""

from pathlib import Path

from cluster.availability import Observation
from cluster.dispatch import Limits
from cluster.ways import Way
from domain.errors import NodeUnreachable
from domain.node import NodeJob, NodeProgress, NodeResult

#: How long the node may take, in seconds.
_LIMITS = Limits(60.0, 60.0, 60.0)


async def tried_out(way: Way, url: str, job: NodeJob, audio: Path) -> NodeResult:
    """Runs the job by ``way``, which it closes. Raises as ``NodePool.recognise``, and says who is not there."""
    try:
        seen = await way.poll(Observation())
        if seen.report is None:
            raise NodeUnreachable(f"{url}: {seen.error}", reason="nobody_there", url=url)
        if seen.refuses_token:
            raise NodeUnreachable(f"{url} refuses this server's token", reason="token_refused", url=url)
        return await way.recognise(job, audio, _ignore, _LIMITS)
    finally:
        way.close()


async def _ignore(_: NodeProgress) -> None:
    return
