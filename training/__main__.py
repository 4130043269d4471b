"""``python -m training``: sets, acoustic model, Nano, speech detector, untouched test, cards. Ended steps are kept."""

import argparse
import hashlib
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
    parser.add_argument("--out", type=Path, help="where the model folders go (default models/; small: in WORK)")
    parser.add_argument("--work", type=Path, help="sets and steps, kept (default data/training[-small])")
    parser.add_argument("--processes", type=int, default=2, help="part of the recipe: another number, other weights")
    parser.add_argument("--small", action="store_true", help="a minute's run that shows that everything works")
    arguments = parser.parse_args()
    # Workers of one thread each: nobody gains by spinning while another has the core.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    size = steps.SMALL if arguments.small else steps.FULL
    work = arguments.work or _ROOT / "data" / ("training-small" if arguments.small else "training")
    out = arguments.out or (work / "out" if arguments.small else _ROOT / "models")
    try:
        build(work, out, size, arguments.processes)
    except OtherRecipe as error:
        parser.error(str(error))


class OtherRecipe(Exception):
    """The work folder holds the steps of another recipe."""


def build(work: Path, out: Path, size: steps.Size, processes: int) -> None:
    """Runs what has not been run in ``work``, then copies the folders to ``out``.

    Raises :class:`OtherRecipe` where ``work`` was begun with another size, number of processes or code.
    """
    work.mkdir(parents=True, exist_ok=True)
    _claim(work / "recipe.txt", size, processes)
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


def _claim(path: Path, size: steps.Size, processes: int) -> None:
    """Steps that ended are kept, so they must be this recipe's."""
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    recipe = hashlib.sha256(f"{size} {processes} ".encode() + code).hexdigest()
    if path.exists() and path.read_text(encoding="ascii") != recipe:
        raise OtherRecipe(f"{path.parent} holds the steps of another recipe: delete it, or give another --work")
    path.write_text(recipe, encoding="ascii")


if __name__ == "__main__":
    main()
