"""What an export costs, few rows beside many: the goal is that 100,000 rows take no more memory than 1,000.

    python benchmarks/exports.py [--rows 100000]

Fills an SQLite history itself, and has ``app.py history export`` write each format. Memory is the peak of what that
process holds itself, without the pages of files that it maps, which the kernel takes back when it needs them.
Prints a table and one JSON line.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.made_history import Words, fill_sqlite, rows  # noqa: E402
from benchmarks.report import asked, show  # noqa: E402
from services.exports import MANY_FORMATS  # noqa: E402
from storage.migrations import upgrade  # noqa: E402

FEW = 1_000


def main() -> None:
    """Measures and prints it."""
    many = asked(__doc__, "rows", 100_000, "rows of the larger history")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as folder:
        for count in (FEW, many):
            url = f"sqlite:///{folder}/history-{count}.db"
            upgrade(url)
            fill_sqlite(url, rows(count, Words(), datetime.now(UTC)))
            for kind in MANY_FORMATS:
                figures[f"{kind}, {count:,} rows"] = exported(url, Path(folder), kind)
    show("exports", figures)


def exported(url: str, folder: Path, kind: str) -> dict[str, float]:
    """Seconds, peak memory and size of one export."""
    made = folder / f"made.{kind if kind in ('csv', 'xlsx') else 'zip'}"
    command = [sys.executable, str(ROOT / "app.py"), "history", "export", "--format", kind, "--output", str(made)]
    environment = {
        **os.environ,
        "ASR_DATABASE_URL": url,
        "ASR_DATA_DIR": str(folder / "data"),
        "ASR_CONFIG": os.devnull,
    }
    began = time.perf_counter()
    process, peak_kb = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL), 0
    while process.poll() is None:
        peak_kb = max(peak_kb, own_kb(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0, command
    seconds = time.perf_counter() - began
    size = made.stat().st_size
    made.unlink()
    return {"s": round(seconds, 1), "peak MB": round(peak_kb / 1000), "file MB": round(size / 1e6, 1)}


def own_kb(pid: int) -> int:
    """Memory that no file stands behind; 0 when the process has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")), "0"))


if __name__ == "__main__":
    main()
