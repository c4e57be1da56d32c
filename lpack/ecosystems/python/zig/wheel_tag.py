"""The platform tag of a wheel that was compiled for a target.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from pathlib import Path

from ....errors import InputError


def retagged(wheel: Path, platform: str) -> Path:
    """The wheel with ``platform`` in place of `linux_…`, beside the given one; that itself if it is for any system."""
    *before, old = wheel.name.removesuffix(".whl").split("-")
    tags = ".".join(dict.fromkeys(platform if each.startswith("linux_") else each for each in old.split(".")))
    if tags == old:
        return wheel
    new = wheel.with_name(f"{'-'.join([*before, tags])}.whl")
    with zipfile.ZipFile(wheel) as given, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as made:
        members = {info.filename: info for info in given.infolist()}
        description = next((path for path in members if re.fullmatch(r"[^/]+\.dist-info/WHEEL", path)), None)
        record = f"{description.rpartition('/')[0]}/RECORD" if description else ""
        if description is None or record not in members:
            raise InputError(f"`{wheel.name}`, as it was built, is no wheel: it lacks WHEEL or RECORD")
        text = re.sub(rb"(?m)^(Tag: .*-)linux_\w+", rb"\g<1>" + platform.encode(), given.read(description))
        changed = {description: text, record: _with_hash(given.read(record), description, text)}
        for path, info in members.items():
            made.writestr(info, changed.get(path) or given.read(path))
    return new


def _with_hash(record: bytes, path: str, content: bytes) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    rows = csv.reader(io.StringIO(record.decode()))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [path, f"sha256={digest}", str(len(content))] if row and row[0] == path else row for row in rows
    )
    return out.getvalue().encode()
