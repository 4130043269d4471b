"""Training by several processes of one thread each: cheaper on few cores than threads that wait in every layer.

Each worker takes its own batches; the gradients are averaged before each step, so all keep the same weights.
"""

import math
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

import torch

#: A worker that waits so long has lost its colleagues.
_WAIT_SECONDS = 900.0


class Crew:
    """One worker's view: ``rank`` of ``size``; ``board`` is memory that all share, one row for each."""

    def __init__(self, rank: int, size: int, board: torch.Tensor, barrier: Barrier) -> None:
        self.rank = rank
        self.size = size
        self._board = board
        self._barrier = barrier

    @property
    def leads(self) -> bool:
        """Whether this worker prints and saves."""
        return self.rank == 0

    def meet(self) -> None:
        """Waits until all are here."""
        self._barrier.wait(_WAIT_SECONDS)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replaces each worker's gradients by their mean."""
        if self.size == 1:
            return
        wanted = [parameter for parameter in parameters if parameter.requires_grad]
        flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).detach().reshape(-1) for p in wanted])
        self._board[self.rank, : len(flat)] = flat
        self._barrier.wait(_WAIT_SECONDS)
        mean = self._board[:, : len(flat)].mean(0)
        # Nobody may write the next gradients while somebody still reads these.
        self._barrier.wait(_WAIT_SECONDS)
        for parameter, part in zip(wanted, mean.split([p.numel() for p in wanted]), strict=True):
            parameter.grad = part.view_as(parameter)


def run(work: Callable[..., None], size: int, parameters: int, *arguments: Any) -> None:
    """``work(crew, *arguments)`` in ``size`` processes that can average ``parameters`` numbers.

    Raises ``RuntimeError`` when one of them fails.
    """
    context = get_context("spawn")
    board, barrier = torch.zeros(size, parameters).share_memory_(), context.Barrier(size)
    workers = [
        context.Process(target=_work, args=(work, rank, size, board, barrier, arguments)) for rank in range(size)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a training process failed")


def _work(
    work: Callable[..., None], rank: int, size: int, board: torch.Tensor, barrier: Barrier, arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        work(Crew(rank, size, board, barrier), *arguments)
    except BaseException:
        barrier.abort()
        raise


def learning_rate(step: int, steps: int, peak: float, warmup: float = 0.06) -> float:
    """Up in a line, then down along a cosine to a hundredth."""
    done = step / steps
    if done < warmup:
        return peak * (step + 1) / (steps * warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))))


def descend(crew: Crew, optimiser: torch.optim.Optimizer, loss: torch.Tensor, rate: float, clip: float = 2.0) -> None:
    """One step of the whole crew."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    optimiser.zero_grad()
    loss.backward()
    crew.average_gradients(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, clip)
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    optimiser.step()
