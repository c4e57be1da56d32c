"""Numbers of bytes as people read them."""

from __future__ import annotations

_UNITS = ("KB", "MB", "GB")


def shown(size: int) -> str:
    """The size in words, as Lambda counts: a KB is 1,024 bytes and a MB 1,024 KB, so its limit reads as 250 MB."""
    if size < 1024:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = float(size)
    for unit in _UNITS:
        amount /= 1024
        if amount < 999.95 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"
