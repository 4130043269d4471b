"""``python -m training``: sets, acoustic model, Nano, speech detector, untouched test, cards. Ended steps are kept."""

import argparse
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from training import cards, steps
from training.clock import Clock

_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Makes the folders demo-sensevoice, demo-nano and demo-vad."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--out", type=Path, default=_ROOT / "models", help="where the model folders go")
    parser.add_argument("--work", type=Path, default=_ROOT / "data" / "training", help="sets and steps; kept")
    parser.add_argument("--processes", type=int, default=2, help="part of the recipe: another number, other weights")
    parser.add_argument("--small", action="store_true", help="a minute's run that shows that everything works")
    arguments = parser.parse_args()
    # Workers of one thread each: nobody gains by spinning while another has the core.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    build(arguments.work, arguments.out, steps.SMALL if arguments.small else steps.FULL, arguments.processes)


def build(work: Path, out: Path, size: steps.Size, processes: int) -> None:
    """Runs what has not been run in ``work``, then copies the folders to ``out``."""
    work.mkdir(parents=True, exist_ok=True)
    clock = Clock(work / "times.json")
    stages: dict[str, Callable[[], None]] = {
        "sets": lambda: steps.make_sets(work, size, processes),
        "sensevoice": lambda: steps.make_sensevoice(work, size, processes),
        "nano": lambda: steps.make_nano(work, size, processes),
        "vad": lambda: steps.make_vad(work),
        "test": lambda: steps.run_test(work, size),
    }
    for name, stage in stages.items():
        clock.run(name, stage)
    cards.write_all(work / "models", clock.minutes())
    for name in cards.FOLDERS:
        shutil.copytree(work / "models" / name, out / name, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
