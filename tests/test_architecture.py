"""The shape of the house: which room knows which, and who may talk to the world."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "lpack"

FLOORS = """
    cli
    publish testing
    examine_images
    build emulator examine pushing
    image_checks locks
    artifacts image_forms layering subjects
    clients forms
    assembling
    catalogue ecosystems starters
    check
    container image
    download
    http_client transfers
    connections http_failures unpacked
    archive overlay record trimming worker_processes
    means side_by_side sources
    store
    folders network
    config
    events
    values
    machine weights
    pythons tree
    model
    aws engine processes sizes
    errors
"""
"""From the roof to the ground: a room may know the rooms on the floors below its own, and no others."""

FLOOR_OF = {room: floor for floor, line in enumerate(FLOORS.split("\n")) for room in line.split()}

HEAVY = {
    "boto3",
    "botocore",
    "build",
    "docker",
    "elftools",
    "packaging.pylock",
    "requests",
    "rich.progress",
    "tree_sitter",
    "urllib3",
    "uv",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


@functools.cache
def nodes_of(module: Path) -> tuple[ast.AST, ...]:
    """What a module consists of, as far as these tests look at it."""
    wanted = (ast.Attribute, ast.Call, ast.Import, ast.ImportFrom, ast.Name)
    return tuple(node for node in ast.walk(ast.parse(module.read_bytes())) if isinstance(node, wanted))


def rooms_imported(module: Path) -> Iterator[tuple[str, int]]:
    """The rooms that a module imports anywhere, also inside functions, with the lines."""
    for path, line in _imports(module):
        if path[0] == PACKAGE.name and path[1:] and path[1] in FLOOR_OF:
            yield path[1], line


def _imports(module: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    folder = module.relative_to(PACKAGE.parent).parent.parts
    for node in nodes_of(module):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield tuple(name.name.split(".")), node.lineno
            case ast.ImportFrom(module=source, level=level, names=names):
                start = folder[: len(folder) - level + 1] if level else ()
                for name in names:
                    yield (*start, *(source.split(".") if source else ()), name.name), node.lineno


def uses_of_the_world(module: Path) -> Iterator[str]:
    """Where a module prints, ends the process, or reads the environment by itself."""
    for node in nodes_of(module):
        match node:
            case ast.Call(func=ast.Name(id="print" | "input" | "exit" | "quit" as name)):
                yield f"{node.lineno}: {name}()"
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "putenv" as name):
                yield f"{node.lineno}: os.{name}"
            case ast.Attribute(value=ast.Name(id="sys"), attr="argv" | "exit" | "stdin" | "stdout" | "stderr" as name):
                yield f"{node.lineno}: sys.{name}"
            case ast.ImportFrom(module="os" | "sys" as library):
                yield f"{node.lineno}: from {library} import …: write {library}.…, so that this test sees it"
            case ast.Name(id="SystemExit"):
                yield f"{node.lineno}: SystemExit"
            case ast.Import(names=names) if any(name.name.partition(".")[0] in {"typer", "rich"} for name in names):
                yield f"{node.lineno}: the terminal's libraries"
            case ast.ImportFrom(module=str(library)) if library.partition(".")[0] in {"typer", "rich"}:
                yield f"{node.lineno}: the terminal's libraries"


def test_every_room_has_its_floor() -> None:
    rooms = {room_of(module) for module in MODULES} - {"__init__", "__main__"}
    assert rooms == set(FLOOR_OF), "say in FLOORS where the new room stands"


def test_imports_go_down_only() -> None:
    upward = [
        f"{module}:{line}: {own} imports {other}"
        for module in MODULES
        for own in (room_of(module),)
        for other, line in rooms_imported(module)
        if other != own and FLOOR_OF[other] <= FLOOR_OF.get(own, -1)
    ]
    assert upward == []


def test_only_the_command_line_prints_exits_and_reads_the_environment() -> None:
    others = [module for module in MODULES if room_of(module) not in {"cli", "__main__"}]
    assert [f"{module}:{use}" for module in others for use in uses_of_the_world(module)] == []


def test_starting_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "lpack", "--version"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = process.stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "lpack.cli" in loaded
    assert not loaded & HEAVY


def test_building_zips_loads_nothing_of_images() -> None:
    """Their modules, with those that talk to registries, would take as long to load as a build takes."""
    command = [sys.executable, "-X", "importtime", "-c", "import lpack.cli.building"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = [line.rpartition("|")[2].strip() for line in process.stderr.splitlines()]
    assert "lpack.build" in loaded
    assert [name for name in loaded if name.startswith(("lpack.image", "requests", "urllib3"))] == []
