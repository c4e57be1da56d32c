"""Requirements that lead elsewhere than to the wheels of an index: folders, files, addresses, repositories, sources."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from index_server import IndexServer
from projects import Known, make_sdist, project_files
from workshop import Workshop

from lpack.errors import InputError, ResolveError, ToolError

pytestmark = pytest.mark.slow  # each builds, clones or serves something

MakeWheel = Callable[..., Path]

KNOWN = pytest.mark.parametrize("known", ["all", "nothing"])
"""What of a project can be known without asking its build backend."""


def under(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


def repository(folder: Path) -> str:
    """Makes a git repository of a folder; its newest commit."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@invalid")
    for command in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "--message=all")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


# Local projects


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("../libs/core", "all"),
        ("../libs/core", "name"),
        ("../libs/core", "nothing"),
        ("-e ../libs/core[nothing]", "name"),
        ("core @ ../libs/core", "nothing"),
    ],
)
def test_a_local_project_is_locked_with_what_it_needs_and_built(
    indexed: Workshop, make_wheel: MakeWheel, line: str, known: Known
) -> None:
    make_wheel("part")
    indexed.write(
        {"src/requirements.txt": line, **under("libs/core", project_files("core", requires=["part"], known=known))}
    )
    locked = indexed.lock()
    packages = {package["name"]: package for package in locked.locks[indexed.target].document["packages"]}
    assert packages.keys() == {"core", "part"}
    assert packages["core"]["directory"] == {"path": "libs/core"}
    assert {"core.py", "part.py", "app.py"} <= indexed.assemble().tree.by_path.keys()


def test_a_list_may_name_local_projects_and_wheels(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part")
    (indexed.folder / "wheels").mkdir()
    shutil.copy(make_wheel("given", requires=["part"]), indexed.folder / "wheels")
    indexed.write(under("core", project_files("core", known="nothing")))
    requirements = ["./core", "./wheels/given-1.0-py3-none-any.whl"]
    assert indexed.versions(requirements=requirements).keys() == {"core", "given", "part"}
    assert {"core.py", "given.py", "part.py"} <= indexed.assemble(requirements=requirements).tree.by_path.keys()


def test_code_that_changes_is_built_again_and_needs_no_new_lock(indexed: Workshop) -> None:
    indexed.write({"src/requirements.txt": "../core", **under("core", project_files("core"))})
    indexed.assemble()
    indexed.write({"core/core.py": "changed = True\n"})
    assert indexed.lock("frozen").changes == ()
    assert indexed.assemble().tree.by_path["core.py"].read() == b"changed = True\n"


def test_a_requirement_that_a_local_project_gains_is_locked(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part")
    indexed.write({"src/requirements.txt": "../core", **under("core", project_files("core"))})
    indexed.lock()
    indexed.write(under("core", project_files("core", requires=["part"])))
    with pytest.raises(ResolveError, match="does not fit"):
        indexed.lock("frozen")
    assert indexed.lock().changes == ("+ part 1.0",)


def test_a_local_wheel_that_is_replaced_is_locked_anew(indexed: Workshop, make_wheel: MakeWheel) -> None:
    wheel = indexed.folder / "demo-1.0-py3-none-any.whl"
    shutil.copy(make_wheel("demo"), wheel)
    assert indexed.lock(requirements=[f"./{wheel.name}"]).changes == ("+ demo 1.0",)
    shutil.copy(make_wheel("demo", files={"demo.py": "another = True\n"}), wheel)
    assert indexed.lock(requirements=[f"./{wheel.name}"]).changes == ("~ demo 1.0 (other files)",)
    tree = indexed.assemble(requirements=[f"./{wheel.name}"]).tree
    assert tree.by_path["demo.py"].read() == b"another = True\n"


def test_a_wheel_for_another_platform_given_by_its_path_is_refused(indexed: Workshop, make_wheel: MakeWheel) -> None:
    wheel = make_wheel("demo", tag="cp313-cp313-win_amd64")
    with pytest.raises(ResolveError, match=rf"`{wheel.name}` is a wheel for another platform"):
        indexed.lock(requirements=[str(wheel)])
    assert not list(indexed.folder.glob("pylock*"))


def test_a_local_project_that_is_gone_is_named(indexed: Workshop) -> None:
    indexed.write({"src/requirements.txt": "-e ../core", **under("core", project_files("core"))})
    indexed.lock()
    shutil.rmtree(indexed.folder / "core")
    with pytest.raises(ResolveError) as caught:
        indexed.assemble()
    assert any("core" in line for line in caught.value.details)


def test_workspace_members_are_included_with_what_they_need(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part")
    make_wheel("more")
    indexed.write(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "src"]\n',
            "src/pyproject.toml": """
                [project]
                name = "orders"
                version = "1.0"
                requires-python = ">=3.11"
                dependencies = ["core", "beside"]
                [tool.uv.sources]
                core = { workspace = true }
                beside = { path = "../beside" }
            """,
            **under("libs/core", project_files("core", requires=["part"])),
            **under("beside", project_files("beside")),
        }
    )
    assert indexed.versions().keys() == {"core", "beside", "part"}
    assert {"core.py", "beside.py", "part.py"} <= indexed.assemble().tree.by_path.keys()
    indexed.write(under("libs/core", project_files("core", requires=["part", "more"])))
    assert indexed.lock().changes == ("+ more 1.0",)


# pyproject.toml

PYPROJECT = """
[project]
name = "orders"
version = "1.0"
dependencies = ["base"]

[project.optional-dependencies]
fast = ["quick"]
all = ["orders[fast]", "extra"]

[dependency-groups]
aws = ["cloud", { include-group = "log" }]
log = ["logger"]
"""


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, {"base"}),
        ({"extras": ("fast",)}, {"base", "quick"}),
        ({"extras": ("all",)}, {"base", "quick", "extra"}),
        ({"groups": ("aws",)}, {"base", "cloud", "logger"}),
        ({"extras": ("fast",), "groups": ("log",)}, {"base", "quick", "logger"}),
    ],
)
def test_a_pyproject_is_locked_with_its_extras_and_groups(
    indexed: Workshop, make_wheel: MakeWheel, chosen: dict[str, tuple[str, ...]], names: set[str]
) -> None:
    for name in ("base", "quick", "extra", "cloud", "logger"):
        make_wheel(name)
    indexed.write({"src/pyproject.toml": PYPROJECT})
    assert indexed.versions(**chosen).keys() == names


@pytest.mark.parametrize(("kind", "said"), [("extras", "extra"), ("groups", "group")])
def test_an_extra_or_group_that_is_not_there_is_named(indexed: Workshop, kind: str, said: str) -> None:
    indexed.write({"src/pyproject.toml": PYPROJECT})
    with pytest.raises(ResolveError) as caught:
        indexed.lock(**{kind: ("nonsense",)})
    assert said in caught.value.details[0]
    assert "nonsense" in caught.value.details[0]


def test_dependencies_that_only_the_backend_knows_are_asked_of_it(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part")
    make_wheel("logger")
    files = project_files("orders", requires=["part"], known="name", more='[dependency-groups]\nlog = ["logger"]\n')
    indexed.write(under("src", files))
    assert indexed.versions().keys() == {"part"}
    assert indexed.versions(groups=("log",)).keys() == {"part", "logger"}


# Addresses and repositories


def test_a_wheel_is_taken_from_its_address(indexed: Workshop, make_wheel: MakeWheel, index: IndexServer) -> None:
    wheel = make_wheel("demo", requires=["part"])
    make_wheel("part")
    indexed.write({"src/requirements.txt": f"demo @ {index.file_url(wheel.name)}"})
    assert indexed.versions().keys() == {"demo", "part"}
    assert "demo.py" in indexed.assemble().tree.by_path


@KNOWN
def test_sources_are_taken_from_their_address(
    indexed: Workshop, index: IndexServer, tmp_path: Path, known: Known
) -> None:
    sdist = make_sdist(tmp_path / "wheels", "demo", project_files("demo", known=known))
    indexed.write({"src/requirements.txt": f"demo @ {index.file_url(sdist.name)}"})
    assert indexed.versions().keys() == {"demo"}
    assert "demo.py" in indexed.assemble().tree.by_path


def test_sources_in_a_folder_of_an_archive_are_built(indexed: Workshop, index: IndexServer, tmp_path: Path) -> None:
    archive = make_sdist(tmp_path / "wheels", "all", project_files("demo"), inside="python/")
    indexed.write({"src/requirements.txt": f"demo @ {index.file_url(archive.name)}#subdirectory=python"})
    assert "demo.py" in indexed.assemble().tree.by_path


@pytest.mark.needs("git")
@KNOWN
def test_a_commit_of_a_repository_is_built_once(
    indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path, known: Known
) -> None:
    make_wheel("part")
    remote = tmp_path / "remote"
    for name, text in project_files("demo", requires=["part"], known=known).items():
        (remote / "python").mkdir(parents=True, exist_ok=True)
        (remote / "python" / name).write_text(text)
    commit = repository(remote)
    indexed.write({"src/requirements.txt": f"demo @ git+file://{remote}#subdirectory=python"})
    locked = indexed.lock()
    (package,) = (each for each in locked.locks[indexed.target].document["packages"] if each["name"] == "demo")
    assert package["vcs"]["commit-id"] == commit
    assert {"demo.py", "part.py"} <= indexed.assemble().tree.by_path.keys()
    shutil.rmtree(remote)
    assert {"demo.py", "part.py"} <= indexed.assemble().tree.by_path.keys()


@pytest.mark.needs("git")
def test_a_repository_that_is_gone_is_named_without_its_password(indexed: Workshop, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    for name, text in project_files("demo").items():
        (remote / name).write_text(text)
    repository(remote)
    indexed.write({"src/requirements.txt": f"demo @ git+file://{remote}"})
    indexed.lock()
    shutil.rmtree(remote)
    with pytest.raises(ToolError, match=rf"git can't check out \w+ of `file://{remote}`"):
        indexed.assemble()


# Source distributions


def test_a_project_that_has_no_wheel_at_all_is_built(indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path) -> None:
    make_sdist(tmp_path / "wheels", "pure", project_files("pure", requires=["part"]))
    make_wheel("part")
    make_wheel("user", requires=["pure"])
    assert indexed.versions(requirements=["user"]).keys() == {"user", "pure", "part"}
    assert {"user.py", "pure.py", "part.py"} <= indexed.assemble(requirements=["user"]).tree.by_path.keys()


def test_wheels_for_other_machines_mean_that_the_sources_are_native(
    indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    make_sdist(tmp_path / "wheels", "native", project_files("native"))
    make_wheel("native", tag="cp313-cp313-macosx_11_0_arm64")
    with pytest.raises(ResolveError, match=r"`native` 1\.0 has no wheel for python3\.13 .*: its wheels are for macOS"):
        indexed.lock(requirements=["native"])


def test_sources_that_can_t_be_looked_at_are_named(indexed: Workshop, tmp_path: Path) -> None:
    files = {**project_files("broken", known="nothing"), "backend.py": "raise RuntimeError('no luck today')"}
    make_sdist(tmp_path / "wheels", "broken", files)
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["broken"])
    assert caught.value.details[0] == "Failed to build `broken==1.0`"
    assert any("no luck today" in line for line in caught.value.details)
    assert str(caught.value.hint).startswith("correct the project that can't be built")


# Hashes


def test_hashes_in_requirements_are_enforced(indexed: Workshop, make_wheel: MakeWheel) -> None:
    import hashlib

    wheel = make_wheel("demo")
    right = f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    wrong = f"--hash=sha256:{'0' * 64}"
    indexed.write({"src/requirements.txt": f"demo==1.0 \\\n    {wrong} \\\n    {right}\n"})
    assert indexed.versions() == {"demo": "1.0"}
    indexed.write({"src/requirements.txt": f"demo==1.0 {wrong}\n"})
    with pytest.raises(ResolveError, match=r"`demo` 1\.0 has no file for the target whose hash is in the requirements"):
        indexed.lock()


def test_a_file_that_was_replaced_in_the_index_is_refused(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo")
    indexed.lock(requirements=["demo"])
    make_wheel("demo", files={"demo.py": "import evil\n"})
    with pytest.raises(InputError, match="but the lock says"):
        indexed.assemble(requirements=["demo"])
