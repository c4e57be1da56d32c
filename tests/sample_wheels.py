"""Small valid wheels, made when a test needs one."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EXECUTABLE = 0o100755
REGULAR = 0o100644


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    requires_python: str = "",
    entry_points: str = "",
    executables: Sequence[str] = (),
    method: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """A wheel in ``folder``: by default with one module that knows its version.

    Paths in ``files`` are those in the wheel; ``{data}`` in them stands for the wheel's own ``.data`` folder, and
    ``{dist_info}`` for its ``.dist-info``. ``executables`` are those of the paths that get mode 0755; ``tag`` may be
    compressed (``py2.py3-none-any``).
    """
    stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
    places = {"data": f"{stem}.data", "dist_info": f"{stem}.dist-info"}
    given = files if files is not None else {f"{_module(name)}.py": f'VERSION = "{version}"\n'}
    contents = {path.format(**places): _bytes(text) for path, text in given.items()}
    contents[f"{stem}.dist-info/METADATA"] = _metadata(name, version, requires, requires_python).encode()
    contents[f"{stem}.dist-info/WHEEL"] = _wheel(tag).encode()
    if entry_points:
        contents[f"{stem}.dist-info/entry_points.txt"] = entry_points.encode()
    contents[f"{stem}.dist-info/RECORD"] = _record(contents, f"{stem}.dist-info/RECORD").encode()

    executable = {path.format(**places) for path in executables}
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in contents.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = (EXECUTABLE if path in executable else REGULAR) << 16
            archive.writestr(info, data)
    return wheel


def _module(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _metadata(name: str, version: str, requires: Sequence[str], requires_python: str) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join(lines) + "\n"


def _wheel(tag: str) -> str:
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    pure = "true" if platforms == ["any"] else "false"
    tags = [f"Tag: {python}-{abi}-{platform}" for python in pythons for abi in abis for platform in platforms]
    return "\n".join(["Wheel-Version: 1.0", "Generator: tests", f"Root-Is-Purelib: {pure}", *tags]) + "\n"


def _record(contents: Mapping[str, bytes], own_path: str) -> str:
    lines = [f"{path},{_hash(data)},{len(data)}" for path, data in contents.items()]
    return "\n".join([*lines, f"{own_path},,"]) + "\n"


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
