"""What the rules that write numbers cost: first use in a fresh process, and time for each 1,000 characters.

    python benchmarks/itn.py [--rounds 50]

Prints a table and one JSON line. Where wetext or cn2an are installed, they take turns with the rules on the same text.
"""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.report import asked, quantiles, show  # noqa: E402
from speech.itn import to_written  # noqa: E402

#: As people speak: most of it without a number.
CHINESE = (
    "会议定在二零二五年三月十二号下午三点半，一共来了二十五个人，花了一千二百三十四元，增长百分之八点五。"
    "他们说这件事情还要再商量一下，大家都同意先看看结果怎么样，第二百六十四条第一款说得很清楚，体温三十八度五。"
)
ENGLISH = (
    "The meeting is on March twenty first at three thirty p m, and about twenty five people will come. It costs two "
    "hundred and fifty dollars, five percent more than before, and no one of them has had second thoughts about it. "
)
TEXTS = {
    "chinese": (CHINESE * 20)[:1000],
    "english": (ENGLISH * 10)[:1000],
    "plain": ("今天天气怎么样，谢谢。" * 100)[:1000],
}
LONG = 100_000
FRESH = """
import sys, time
began = time.perf_counter()
import speech.itn
imported = time.perf_counter()
assert speech.itn.to_written("二十五岁") == "25岁"
first = time.perf_counter()
assert speech.itn.to_written("twenty five") == "25"
print(imported - began, first - imported, time.perf_counter() - first)
"""
OTHERS = {
    "cn2an": "import cn2an; write = lambda text: cn2an.transform(text, 'cn2an')",
    "wetext": "from wetext import Normalizer; write = Normalizer(lang='zh', operator='itn').normalize",
}


def main() -> None:
    """Measures everything and prints it."""
    rounds = asked(__doc__, "rounds", 50, "calls of each kind")
    show("itn", {**first_use(max(3, rounds // 5)), **speed(rounds), **long_text(), **others(rounds)})


def first_use(rounds: int) -> dict[str, Any]:
    """Import, first Chinese and first English text, each in a fresh process."""
    runs: list[list[float]] = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", FRESH], cwd=ROOT, check=True, capture_output=True, text=True)
        runs.append([float(part) * 1000 for part in done.stdout.split()])
    names = ("import_ms", "first_chinese_ms", "first_english_ms")
    figures = {name: quantiles([run[place] for run in runs]) for place, name in enumerate(names)}
    return {**figures, "load_ms": quantiles([sum(run) for run in runs])}


def speed(rounds: int) -> dict[str, Any]:
    """Time for 1,000 characters of each text, after load."""
    figures: dict[str, Any] = {}
    for name, text in TEXTS.items():
        to_written(text)
        figures[f"{name}_1000_chars_ms"] = quantiles([timed(to_written, text) for _ in range(rounds)])
    return figures


def long_text() -> dict[str, Any]:
    """100,000 characters: of speech, and of the number words that take longest."""
    speech = (CHINESE * (LONG // len(CHINESE) + 1))[:LONG]
    return {
        "long_speech_ms": round(timed(to_written, speech), 1),
        "long_worst_ms": round(timed(to_written, "两" * LONG), 1),
    }


def others(rounds: int) -> dict[str, Any]:
    """The libraries for the same, as a ratio of their time to that of the rules."""
    figures: dict[str, Any] = {}
    text = TEXTS["chinese"]
    for name, code in OTHERS.items():
        if importlib.util.find_spec(name) is None:
            continue
        scope: dict[str, Any] = {}
        began = time.perf_counter()
        exec(code, scope)
        scope["write"](text)
        figures[f"{name}_load_ms"] = round((time.perf_counter() - began) * 1000, 1)
        pairs = [(timed(scope["write"], text), timed(to_written, text)) for _ in range(rounds)]
        figures[f"{name}_times_ours"] = quantiles([theirs / ours for theirs, ours in pairs])
    return figures


def timed(call: Callable[[str], str], text: str) -> float:
    """How long one call takes, in ms."""
    began = time.perf_counter()
    call(text)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
