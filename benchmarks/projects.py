"""The work: the fixtures for what this machine has, many functions that share packages, one huge function."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import random
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_PANDAS, _NATIVE, _MAVEN = (_FIXTURES / name for name in ("python-pandas", "node-native", "java-maven"))

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")

JAVA_RUNTIME = "java17"
"""What the pom.xml of the fixture compiles for."""

JAVA_HANDLER = "example.Greeting::handleRequest"

_BALLAST_FILE = 65_000_000
"""Four of them come close to the 262,144,000 bytes that Lambda allows."""


def pandas_project(folder: Path) -> Path:
    """The fixture, for the runtime and architecture of this machine, so that ``sam build`` can build it, too."""
    shutil.copytree(_PANDAS / "src", folder / "src")
    (folder / "lpack.toml").write_text(_function("report", "src"))
    return folder


def many_functions(folder: Path, count: int) -> Path:
    """Functions with one file each, all with the requirements of the fixture."""
    tables = [_function(name, _source(folder, name), requirements="requirements.txt") for name in function_names(count)]
    shutil.copyfile(_PANDAS / "src" / "requirements.txt", folder / "requirements.txt")
    (folder / "lpack.toml").write_text("\n".join(tables))
    return folder


def function_names(count: int) -> list[str]:
    """The names of the first so many functions of ``many_functions``."""
    return [f"f{number:03}" for number in range(count)]


def layered_functions(folder: Path, count: int) -> Path:
    """Functions with one file each on two layers, which hold the packages of the fixture."""
    folder.mkdir(parents=True)
    tables = [_layer("data", ["numpy", "pandas"]), _layer("web", ["pydantic>=2", "requests>=2.32"])]
    layers = 'layers = ["data", "web"]\n'
    tables += [_function(name, _source(folder, name)) + layers for name in function_names(count)]
    (folder / "lpack.toml").write_text("\n".join(tables))
    return folder


def _source(folder: Path, name: str) -> str:
    source = folder / "functions" / name
    source.mkdir(parents=True)
    (source / "app.py").write_text(f'import pandas\n\n\ndef handler(event, context):\n    return "{name}"\n')
    return f"functions/{name}"


def huge_project(folder: Path) -> Path:
    """A function as large as Lambda takes: half of it a wheel, half its own; half of each can't be compressed."""
    (folder / "src").mkdir(parents=True)
    (folder / "wheels").mkdir()
    _write_ballast(folder / "src")
    (folder / "src" / "app.py").write_text("import ballast\n\n\ndef handler(event, context):\n    return {}\n")
    _write_wheel(folder / "wheels")
    (folder / "requirements.txt").write_text("--find-links ./wheels\nballast==1.0\n")
    (folder / "lpack.toml").write_text(_function("huge", "src", requirements="requirements.txt"))
    return folder


def node_project(folder: Path, runtime: str) -> Path:
    """A function whose packages have about 5,400 files: those of the fixture with native code, and lodash."""
    packages = _node_packages()
    return _node_project(folder, packages, _function("node", "src", runtime=runtime, handler="index.handler"))


def bundled_project(folder: Path, runtime: str) -> Path:
    """The same packages in a bundle, without the native one, which can't be in it."""
    packages = {name: version for name, version in _node_packages().items() if name != "sharp"}
    table = _function("bundle", "src", runtime=runtime, handler="index.handler")
    return _node_project(folder, packages, table + "bundle = { minify = true }\n")


def _node_packages() -> dict[str, str]:
    document = json.loads((_NATIVE / "src" / "package.json").read_text())
    return {**document["dependencies"], "lodash": "^4.17.21"}


def _node_project(folder: Path, packages: Mapping[str, str], table: str) -> Path:
    (folder / "src").mkdir(parents=True)
    document = {"name": "work", "version": "1.0.0", "private": True, "dependencies": packages}
    (folder / "src" / "package.json").write_text(json.dumps(document))
    required = ", ".join(f'require("{name}")' for name in packages)
    (folder / "src" / "index.js").write_text(
        f"const packages = [{required}];\n\nexports.handler = async () => packages.length;\n"
    )
    (folder / "lpack.toml").write_text(table)
    return folder


def java_project(folder: Path) -> Path:
    """The fixture that Maven builds."""
    shutil.copytree(_MAVEN, folder / "src", ignore=shutil.ignore_patterns("lpack.toml", "dist", "target"))
    (folder / "lpack.toml").write_text(_function("greet", "src", runtime=JAVA_RUNTIME, handler=JAVA_HANDLER))
    return folder


def _layer(name: str, requirements: list[str]) -> str:
    lines = [f"[layer.{name}]", f'runtimes = ["{RUNTIME}"]', f'architectures = ["{ARCHITECTURE}"]']
    return "\n".join([*lines, f"requirements = {requirements!r}"]) + "\n"


def _function(
    name: str, source: str, *, runtime: str = RUNTIME, handler: str = "app.handler", requirements: str | None = None
) -> str:
    lines = [f"[function.{name}]", f'runtime = "{runtime}"', f'architecture = "{ARCHITECTURE}"']
    lines += [f'source = "{source}"', f'handler = "{handler}"']
    if requirements:
        lines.append(f'requirements = "{requirements}"')
    return "\n".join(lines) + "\n"


def _write_ballast(folder: Path) -> None:
    # Piece by piece: a process that this one starts is counted with the memory that this one had.
    for name, pieces in (("noise.bin", _noise()), ("words.txt", _words())):
        with (folder / name).open("wb") as file:
            for piece in pieces:
                file.write(piece[: _BALLAST_FILE - file.tell()])


def _noise() -> Iterator[bytes]:
    source = random.Random(1)
    for _ in range(0, _BALLAST_FILE, 1 << 16):
        yield source.randbytes(1 << 16)


def _words() -> Iterator[bytes]:
    source = random.Random(2)
    words = ["archive", "function", "layer", "runtime", "handler", "target", "wheel", "entry"]
    for _ in range(0, _BALLAST_FILE, 1 << 16):
        yield " ".join(source.choices(words, k=1 << 14)).encode()[: 1 << 16].ljust(1 << 16)


def _write_wheel(folder: Path) -> None:
    package = folder / "ballast"
    package.mkdir()
    _write_ballast(package)
    (package / "__init__.py").touch()
    about = folder / "ballast-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ballast\nVersion: 1.0\n")
    (about / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    files = [*package.iterdir(), *about.iterdir()]
    lines = [f"{file.relative_to(folder)},sha256={_digest(file)},{file.stat().st_size}" for file in files]
    (about / "RECORD").write_text("\n".join([*lines, "ballast-1.0.dist-info/RECORD,,"]) + "\n")
    with zipfile.ZipFile(folder / "ballast-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in [*files, about / "RECORD"]:
            wheel.write(file, file.relative_to(folder))
    shutil.rmtree(package)
    shutil.rmtree(about)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
