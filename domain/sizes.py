"""Sizes as people read them, the same on the pages and in the shell."""


def size_text(size_bytes: int) -> str:
    """A size in the largest decimal unit that leaves a whole part: 512 kB, 2.1 GB."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        # Rounded first: nobody writes 1000 kB.
        if round(value) < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
