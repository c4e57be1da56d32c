"""What npm installs becomes packages of the store; these tests need npm, and no network."""

import json
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.aws.runtimes import RUNTIMES
from lpack.errors import ResolveError, ToolError
from lpack.tree import EXECUTABLE, Tree

pytestmark = [pytest.mark.slow, pytest.mark.needs("node", "npm")]


def with_packages(workshop: Any) -> Any:
    """A function that needs two versions of one package, and a program."""
    workshop.package("src/left-1.tgz", {"index.js": "module.exports = 1;"}, name="left", version="1.0.0")
    workshop.package("src/left-2.tgz", {"index.js": "module.exports = 2;"}, name="left", version="2.0.0")
    workshop.package(
        "src/tool.tgz",
        {"index.js": 'require("left")', "run.js": "#!/usr/bin/env node\n"},
        name="@scope/tool",
        version="1.0.0-rc+1",
        bin="run.js",
        dependencies={"left": "^2"},
    )
    workshop.write(
        {
            "src/index.js": "exports.handler = async () => require('left');",
            "src/package.json": {"dependencies": {"left": "file:left-1.tgz", "@scope/tool": "file:tool.tgz"}},
            "src/package-lock.json": {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": {"left": "file:left-1.tgz", "@scope/tool": "file:tool.tgz"}},
                    "node_modules/left": {"version": "1.0.0", "resolved": "file:left-1.tgz"},
                    "node_modules/@scope/tool": {
                        "version": "1.0.0-rc+1",
                        "resolved": "file:tool.tgz",
                        "bin": {"tool": "run.js"},
                        "dependencies": {"left": "^2"},
                    },
                    "node_modules/@scope/tool/node_modules/left": {"version": "2.0.0", "resolved": "file:left-2.tgz"},
                },
            },
        }
    )
    return workshop.function()


def test_the_tree_is_what_npm_installs_without_its_links_and_notes(workshop: Any, read: Callable[..., Any]) -> None:
    function = with_packages(workshop)
    installed = workshop.install(function)
    (workshop.folder / "npm").mkdir()
    here = shutil.copytree(workshop.folder / "src", workshop.folder / "npm" / "src")
    subprocess.run(["npm", "ci", "--omit=dev", "--ignore-scripts"], cwd=here, check=True, capture_output=True)
    expected = {
        path.relative_to(here / "node_modules").as_posix(): path.read_text()
        for path in (here / "node_modules").rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".package-lock.json"
    }
    assert read(Tree.of(entry for part in installed.parts for entry in part.entries)) == expected
    assert {each.path for each in installed.left_out} == {"node_modules/.bin/", "node_modules/.package-lock.json"}


def test_packages_of_several_versions_are_told_apart(workshop: Any) -> None:
    installed = workshop.install(with_packages(workshop))
    found = {
        part.package.root: (part.package.name, part.package.version, part.package.purl) for part in installed.parts
    }
    assert found == {
        "@scope/tool": ("@scope/tool", "1.0.0-rc+1", "pkg:npm/%40scope/tool@1.0.0-rc%2B1"),
        "@scope/tool/node_modules/left": ("left", "2.0.0", "pkg:npm/left@2.0.0"),
        "left": ("left", "1.0.0", "pkg:npm/left@1.0.0"),
    }
    modes = {entry.path: entry.mode for part in installed.parts for entry in part.entries}
    assert modes["@scope/tool/run.js"] == EXECUTABLE
    assert len({part.package.sha256 for part in installed.parts}) == 3


def test_a_second_build_needs_no_npm(workshop: Any) -> None:
    function = with_packages(workshop)
    first = workshop.install(function)
    assert workshop.install(function, environ={"PATH": "/nonexistent"}) == first
    before = (workshop.folder / "src/package-lock.json").read_bytes()
    assert (workshop.folder / "src/package-lock.json").read_bytes() == before
    assert not (workshop.folder / "src/node_modules").exists()


def test_the_same_packages_are_packed_once(workshop: Any) -> None:
    first = workshop.install(with_packages(workshop))
    lock = workshop.folder / "src/package-lock.json"
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "name": "another"}))
    again = workshop.install(workshop.function())
    assert again.archives == first.archives
    packs = list((workshop.store / "npm").rglob("package.zip"))
    assert len(packs) == 3


def test_a_damaged_or_lost_pack_is_made_again(workshop: Any) -> None:
    function = with_packages(workshop)
    first = workshop.install(function)
    for file, _ in first.archives[:2]:
        file.unlink()
    assert workshop.install(function) == first
    assert all(file.is_file() for file, _ in first.archives)


def test_without_npm_the_error_says_what_needs_it(workshop: Any) -> None:
    function = with_packages(workshop)
    with pytest.raises(ToolError, match="`node` is not installed, and is needed to install the packages of `orders`"):
        workshop.install(function, environ={"PATH": "/nonexistent"})


def test_a_lock_that_does_not_fit_is_told_in_npms_words(workshop: Any) -> None:
    function = with_packages(workshop)
    (workshop.folder / "src/package.json").write_text('{"dependencies": {"left": "file:left-2.tgz"}}')
    with pytest.raises(ResolveError, match=r"`package-lock.json` does not fit `package.json`") as caught:
        workshop.install(function)
    assert any("left" in line for line in caught.value.details)
    assert not any("Usage" in line for line in caught.value.details)


def test_a_package_without_a_build_for_the_target_is_named(workshop: Any) -> None:
    workshop.package("src/mac.tgz", {}, name="mac", version="1.0.0", os=["darwin"])
    workshop.write(
        {
            "src/package.json": {"dependencies": {"mac": "file:mac.tgz"}},
            "src/package-lock.json": {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": {"mac": "file:mac.tgz"}},
                    "node_modules/mac": {"version": "1.0.0", "resolved": "file:mac.tgz", "os": ["darwin"]},
                },
            },
        }
    )
    with pytest.raises(ResolveError, match=r"`mac@1.0.0` has no build for `orders` on x86_64"):
        workshop.install(workshop.function())


def test_a_lock_without_the_builds_for_the_target_is_told(workshop: Any) -> None:
    workshop.write(
        {
            "src/package.json": {"dependencies": {"fast": "1"}},
            "src/package-lock.json": {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": {"fast": "1"}},
                    "node_modules/fast": {
                        "version": "1.0.0",
                        "optionalDependencies": {"@fast/darwin-arm64": "1", "@fast/linux-x64": "1"},
                    },
                    "node_modules/@fast/darwin-arm64": {"version": "1.0.0", "os": ["darwin"], "optional": True},
                },
            },
        }
    )
    with pytest.raises(ResolveError, match=r"`fast` 1.0.0 has a build for x86_64, `@fast/linux-x64`, which"):
        workshop.install(workshop.function())


def test_optional_builds_are_those_of_the_target(workshop: Any) -> None:
    builds = {}
    for cpu in ("x64", "arm64"):
        workshop.package(f"src/{cpu}.tgz", {"it.node": cpu}, name=f"fast-linux-{cpu}", version="1.0.0", cpu=[cpu])
        builds[f"fast-linux-{cpu}"] = f"file:{cpu}.tgz"
    rows = {
        f"node_modules/{name}": {"version": "1.0.0", "resolved": place, "optional": True, "cpu": [name[11:]]}
        for name, place in builds.items()
    }
    workshop.write(
        {
            "src/package.json": {"optionalDependencies": builds},
            "src/package-lock.json": {"lockfileVersion": 3, "packages": {"": {"optionalDependencies": builds}, **rows}},
        }
    )
    for architecture, cpu in (("x86_64", "x64"), ("arm64", "arm64")):
        installed = workshop.install(workshop.function(architecture=architecture))
        assert [part.package.name for part in installed.parts] == [f"fast-linux-{cpu}"]


def test_workspaces_and_folders_are_there_as_files_and_as_they_are_now(workshop: Any, read: Callable[..., Any]) -> None:
    workshop.package("app/ms.tgz", {"index.js": "3"}, name="ms", version="3.0.0")
    workshop.write(
        {
            "app/package.json": {
                "workspaces": ["packages/*"],
                "dependencies": {"tools": "file:../tools", "ms": "file:ms.tgz"},
            },
            "app/index.js": "",
            "app/packages/one/package.json": {"name": "one", "version": "1.2.3", "dependencies": {"ms": "*"}},
            "app/packages/one/lib/index.js": "one",
            "app/packages/one/node_modules/stale/index.js": "of the user's own installation",
            "tools/package.json": {"name": "tools", "version": "2.0.0"},
            "tools/index.js": "tools",
        }
    )
    function = workshop.function(source="app")
    tree = read(workshop.tree(function))
    assert tree["node_modules/one/lib/index.js"] == "one"
    assert tree["node_modules/tools/index.js"] == "tools"
    assert tree["node_modules/ms/index.js"] == "3"
    assert "node_modules/one/node_modules/stale/index.js" not in tree
    versions = {part.package.name: part.package.version for part in workshop.install(function).parts}
    assert versions == {"one": "1.2.3", "tools": "2.0.0", "ms": "3.0.0"}
    workshop.write({"tools/index.js": "changed"})
    changed = workshop.tree(function, environ={"PATH": "/nonexistent"})
    assert read(changed)["node_modules/tools/index.js"] == "changed"


def test_a_package_of_a_workspace_takes_what_it_needs(workshop: Any) -> None:
    for number in (1, 2):
        workshop.package(f"ms-{number}.tgz", {"index.js": str(number)}, name=f"ms{number}", version="1.0.0")
    workshop.write(
        {
            "package.json": {"workspaces": ["api", "other", "lib"]},
            "api/package.json": {"name": "api", "dependencies": {"lib": "*", "ms1": "file:../ms-1.tgz"}},
            "api/index.js": "",
            "other/package.json": {"name": "other", "dependencies": {"ms2": "file:../ms-2.tgz"}},
            "lib/package.json": {"name": "lib", "version": "1.0.0"},
            "lib/index.js": "",
            "package-lock.json": {
                "lockfileVersion": 3,
                "packages": {
                    "": {"workspaces": ["api", "other", "lib"]},
                    "api": {"dependencies": {"lib": "*", "ms1": "file:../ms-1.tgz"}},
                    "other": {"dependencies": {"ms2": "file:../ms-2.tgz"}},
                    "lib": {"version": "1.0.0"},
                    "node_modules/api": {"resolved": "api", "link": True},
                    "node_modules/other": {"resolved": "other", "link": True},
                    "node_modules/lib": {"resolved": "lib", "link": True},
                    "node_modules/ms1": {"version": "1.0.0", "resolved": "file:ms-1.tgz"},
                    "node_modules/ms2": {"version": "1.0.0", "resolved": "file:ms-2.tgz"},
                },
            },
        }
    )
    installed = workshop.install(workshop.function(source="api"))
    assert {part.package.name for part in installed.parts} == {"lib", "ms1"}


def with_script(workshop: Any, script: str) -> None:
    """A function that needs a package with an install script."""
    workshop.package("src/native.tgz", {}, name="native", version="1.0.0", scripts={"install": script})
    row = {"version": "1.0.0", "resolved": "file:native.tgz", "hasInstallScript": True}
    root = {"dependencies": {"native": "file:native.tgz"}}
    lock = {"lockfileVersion": 3, "packages": {"": root, "node_modules/native": row}}
    workshop.write({"src/package.json": root, "src/package-lock.json": lock})


def test_an_install_script_runs_nowhere_else_than_on_the_target(workshop: Any, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    with_script(workshop, f"touch {proof}")
    workshop.install(workshop.function(runtime="nodejs18.x", architecture="arm64"))
    assert not proof.exists()
    assert "`native` 1.0.0 has an install script, which was not run" in workshop.heard.warnings[0]


def test_an_install_script_runs_where_the_machine_is_like_the_target(workshop: Any) -> None:
    major = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout[1:].split(".")[0]
    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    if f"nodejs{major}.x" not in RUNTIMES or architecture is None:
        pytest.skip("Lambda has no such Node.js, or no such machine")
    with_script(workshop, "echo made > made.txt && ln -s /usr/bin/env link")
    installed = workshop.install(workshop.function(runtime=f"nodejs{major}.x", architecture=architecture))
    assert [entry.path for entry in installed.parts[0].entries] == ["native/made.txt", "native/package.json"]
    assert not workshop.heard.warnings


def test_folders_may_need_each_other(workshop: Any, read: Callable[..., Any]) -> None:
    workshop.write(
        {
            "src/package.json": {"dependencies": {"one": "file:libs/one"}},
            "src/index.js": "",
            "src/libs/one/package.json": {"name": "one", "version": "1.0.0", "dependencies": {"two": "file:../two"}},
            "src/libs/two/package.json": {"name": "two", "version": "2.0.0"},
            "src/libs/two/index.js": "two",
        }
    )
    tree = read(workshop.tree(workshop.function()))
    assert tree["node_modules/two/index.js"] == "two"
    assert "node_modules/one/package.json" in tree


def test_a_linked_folder_whose_needs_are_not_locked_is_told(workshop: Any) -> None:
    workshop.write(
        {
            "shared/package.json": {"name": "shared", "dependencies": {"ms": "1"}},
            "src/package.json": {"dependencies": {"shared": "file:../shared"}, "optionalDependencies": {"x": "1"}},
            "src/package-lock.json": {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": {"shared": "file:../shared"}},
                    "../shared": {"dependencies": {"ms": "1"}},
                    "node_modules/shared": {"resolved": "../shared", "link": True},
                },
            },
        }
    )
    with pytest.raises(
        ResolveError, match=r"`shared` \(../shared\) needs `ms`, which `package-lock.json` does not hold"
    ):
        workshop.install(workshop.function())
