"""Sizes as people read them, the same on the pages and in the shell."""


def size_text(size_bytes: int) -> str:
    """A size in the largest decimal unit that leaves a whole part: 512 kB, 2.1 GB, 1 TB."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        # Rounded first: nobody writes 1000 kB.
        if round(value) < 1000 or unit == "TB":
            break
        value /= 1000
    number = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return f"{number} {unit}"


def size_limit_text(limit_bytes: int) -> str:
    """A limit as people read it, rounded down: what a page promises is not refused."""
    scale = 1
    while scale * 1000 <= min(limit_bytes, 10**12):
        scale *= 1000
    step = scale if limit_bytes >= 10 * scale else max(1, scale // 10)
    return size_text(limit_bytes - limit_bytes % step)
