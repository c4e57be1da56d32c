"""A wheel as it was compiled becomes one for the target: its platform tag, and nothing of the folder it was built in.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ....errors import InputError
from .environment import names_of

_ANYWHERE = b"/build"
"""What stands for the folder in texts: maturin's list of crates has it, and what tells how a project was configured."""


def finished(wheel: Path, platform: str, folder: Path) -> Path:
    """The wheel in a folder beside it, with ``platform`` in place of `linux_…`, and without the name of ``folder``."""
    *before, tags = wheel.name.removesuffix(".whl").split("-")
    new_tags = dict.fromkeys(platform if tag.startswith("linux_") else tag for tag in tags.split("."))
    made = wheel.parent / "finished" / f"{'-'.join([*before, '.'.join(new_tags)])}.whl"
    made.parent.mkdir()
    with zipfile.ZipFile(wheel) as given, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        members = {info.filename: info for info in given.infolist()}
        description = next((path for path in members if re.fullmatch(r"[^/]+\.dist-info/WHEEL", path)), "")
        record = description.replace("/WHEEL", "/RECORD")
        if not description or record not in members:
            raise InputError(f"`{wheel.name}`, as it was built, is no wheel: it lacks WHEEL or RECORD")
        changed = {}
        for path, info in members.items():
            if path == record:
                continue
            old = given.read(path)
            new = old if b"\0" in old else _anywhere(old, folder)
            if path == description:
                new = re.sub(rb"(?m)^(Tag: .*-)linux_\w+", rb"\g<1>" + platform.encode(), new)
            if new != old:
                changed[path] = new
            archive.writestr(info, new)
        archive.writestr(members[record], _with_hashes(given.read(record), changed))
    return made


def _anywhere(text: bytes, folder: Path) -> bytes:
    for place in names_of(folder):
        text = text.replace(bytes(place), _ANYWHERE)
    return text


def _with_hashes(record: bytes, changed: Mapping[str, bytes]) -> bytes:
    out = io.StringIO()
    rows = csv.reader(io.StringIO(record.decode()))
    csv.writer(out, lineterminator="\n").writerows(
        _row(row[0], changed[row[0]]) if row and row[0] in changed else row for row in rows
    )
    return out.getvalue().encode()


def _row(path: str, content: bytes) -> list[str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return [path, f"sha256={digest}", str(len(content))]
