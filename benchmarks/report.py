"""What the benchmarks share: how many rounds are asked for, and how figures are summed up and printed."""

import argparse
import json
import platform
import statistics
from typing import Any

import psutil


def asked(description: str | None, option: str, default: int, meaning: str) -> int:
    """The one number that a benchmark takes on its command line."""
    return asked_all(description, (option, default, meaning))[0]


def asked_all(description: str | None, *options: tuple[str, int, str]) -> list[int]:
    """The numbers that a benchmark takes on its command line: option, default, meaning."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    for option, default, meaning in options:
        parser.add_argument(f"--{option}", type=int, default=default, help=f"{meaning} (default {default})")
    given = parser.parse_args()
    return [getattr(given, option) for option, _, _ in options]


def quantiles(values: list[float]) -> dict[str, float]:
    """The best, the middle and the worst twentieth: on a machine with other work the best tells most."""
    ordered = sorted(values)
    return {
        "best": round(ordered[0], 2),
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(len(ordered) * 0.95) - 1], 2),
    }


def show(benchmark: str, figures: dict[str, Any]) -> None:
    """The table, then the JSON line."""
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{benchmark} ({machine})")
    for name, value in figures.items():
        text = (
            "   ".join(f"{key} {ms!s:>9}" for key, ms in value.items()) if isinstance(value, dict) else f"{value:>14}"
        )
        print(f"  {name:<26} {text}")
    print(json.dumps({"benchmark": benchmark, "machine": machine, **figures}))
