"""Small projects that are built without a network: their backend lies beside them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

_BACKEND = """
import base64, hashlib, os, zipfile

NAME, VERSION, REQUIRES = {name!r}, {version!r}, {requires!r}
INFO = f"{{NAME}}-{{VERSION}}.dist-info"

def files():
    metadata = ["Metadata-Version: 2.1", f"Name: {{NAME}}", f"Version: {{VERSION}}"]
    metadata += [f"Requires-Dist: {{each}}" for each in REQUIRES]
    yield f"{{INFO}}/METADATA", "\\n".join(metadata) + "\\n"
    yield f"{{INFO}}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def get_requires_for_build_wheel(config_settings=None):
    return []

get_requires_for_build_editable = get_requires_for_build_wheel

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(os.path.join(folder, INFO))
    for path, text in files():
        with open(os.path.join(folder, path), "w") as file:
            file.write(text)
    return INFO

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    everything = dict(files())
    with open(f"{{NAME}}.py") as module:
        everything[f"{{NAME}}.py"] = module.read()
    record = ""
    for path, text in everything.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{{path}},sha256={{digest}},{{len(text)}}\\n"
    everything[f"{{INFO}}/RECORD"] = record + f"{{INFO}}/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, text in everything.items():
            wheel.writestr(path, text)
    return name

build_editable = build_wheel
"""

_BUILD_SYSTEM = '\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


Known = Literal["all", "name", "nothing"]


def project_files(
    name: str, version: str = "1.0", *, requires: Sequence[str] = (), known: Known = "all", more: str = ""
) -> dict[str, str]:
    """The files of a project; ``known`` is what its pyproject.toml says, and ``more`` stands in it, too."""
    dependencies = ", ".join(f'"{each}"' for each in requires)
    table = f'[project]\nname = "{name}"\nversion = "{version}"\n'
    said = {
        "all": f"{table}dependencies = [{dependencies}]\n",
        "name": f'{table}dynamic = ["dependencies"]\n',
        "nothing": "",
    }
    return {
        "pyproject.toml": said[known] + _BUILD_SYSTEM + more,
        "backend.py": _BACKEND.format(name=name, version=version, requires=list(requires)),
        f"{name}.py": f'VERSION = "{version}"\n',
    }


def make_sdist(folder: Path, name: str, files: Mapping[str, str], version: str = "1.0", *, inside: str = "") -> Path:
    """A source distribution in ``folder``, or (with ``inside``) an archive of a repository that holds the project."""
    folder.mkdir(parents=True, exist_ok=True)
    sdist = folder / f"{name}-{version}.tar.gz"
    information = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(sdist, "w:gz") as archive:
        for path, text in {**files, "PKG-INFO": information}.items():
            info = tarfile.TarInfo(f"{name}-{version}/{inside}{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return sdist
