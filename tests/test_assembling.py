"""What goes where in an artifact. How packages are had is no matter here: they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpack.assembling import Assembly, OwnFilesFor, Variant, function_assembly, layer_variants
from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import runtime
from lpack.config import Function, Layer
from lpack.ecosystems import Installed, Part
from lpack.errors import InputError
from lpack.model import LeftOut, Package, Severity, Target
from lpack.sources import Selection, read_source
from lpack.tree import LINK, REGULAR, Content, Entry

Project = Callable[[Mapping[str, str | bytes]], Path]

P312, P313 = runtime("python3.12"), runtime("python3.13")
SITE312, SITE313 = "python/lib/python3.12/site-packages", "python/lib/python3.13/site-packages"


def part(name: str, *paths: str, of: str = "same") -> Part:
    """A package whose wheel, and what is in it, is that ``of`` something."""
    files = paths or (f"{name}/__init__.py", f"{name}-1.0.dist-info/RECORD")
    entries = tuple(Entry(path, REGULAR, Content.of(f"{path} {of}".encode()), name) for path in files)
    return Part(Package(name, "1.0", f"pkg:pypi/{name}@1.0", of), entries)


def layer(**keys: Any) -> Layer:
    return Layer(**{"name": "science", "runtimes": (P312, P313), **keys})


def variants(given: Layer, parts: Callable[[Target], list[Part]]) -> tuple[Variant, ...]:
    installed = {target: Installed(tuple(parts(target))) for target in given.targets}
    return layer_variants(given, own_files_of(given), installed)


def own_files_of(given: Layer) -> OwnFilesFor:
    files = {
        folder: read_source(source, Selection(given.include, given.exclude), follow_links=True)
        for folder, source in given.source
    }
    return lambda _runtimes, _architecture: files


def paths(assembly: Assembly) -> list[str]:
    return [entry.path for entry in assembly.tree]


def by_version(target: Target) -> str:
    return target.runtime.name


# Packages of layers


def test_packages_that_are_the_same_for_all_versions_are_there_once() -> None:
    (variant,) = variants(layer(), lambda _: [part("demo"), part("other", "other.py", "bin/other")])
    assert paths(variant.assembly) == [
        "python/bin/other",
        "python/demo-1.0.dist-info/RECORD",
        "python/demo/__init__.py",
        "python/other.py",
    ]
    assert (variant.suffix, variant.assembly.findings) == ("", ())
    assert [(each.name, each.root) for each in variant.assembly.packages] == [("demo", "python"), ("other", "python")]
    assert {entry.package for entry in variant.assembly.tree} == {"demo", "other"}
    assert [str(target) for target in variant.targets] == ["python3.12 on x86_64", "python3.13 on x86_64"]


def test_packages_that_differ_by_version_lie_in_each_version_s_folder() -> None:
    (variant,) = variants(layer(), lambda target: [part("demo"), part("native", "native.so", of=by_version(target))])
    assert [path for path in paths(variant.assembly) if "demo" not in path] == [
        f"{SITE312}/native.so",
        f"{SITE313}/native.so",
    ]
    assert [(each.name, each.sha256, each.root) for each in variant.assembly.packages] == [
        ("demo", "same", "python"),
        ("native", "python3.12", SITE312),
        ("native", "python3.13", SITE313),
    ]
    (note,) = variant.assembly.findings
    assert (note.severity, note.check) == (Severity.NOTE, "layer-folders")
    assert note.message == (
        f"`native` differs from one runtime to the next, so that it lies in `{SITE312}` and `{SITE313}`"
    )
    assert note.hint == "`per-runtime = true` makes a layer for each runtime"


def test_what_only_one_version_needs_lies_in_its_folder() -> None:
    backports = [part("tomli"), part("exceptiongroup")]
    (variant,) = variants(layer(), lambda target: [part("demo"), *(backports if target.runtime == P312 else [])])
    assert {each.name: each.root for each in variant.assembly.packages} == {
        "demo": "python",
        "tomli": SITE312,
        "exceptiongroup": SITE312,
    }
    (note,) = variant.assembly.findings
    assert note.message == (
        f"`exceptiongroup` and `tomli` differ from one runtime to the next, so that they lie in `{SITE312}`"
    )


def test_a_layer_for_one_runtime_has_all_in_one_folder() -> None:
    (variant,) = variants(layer(runtimes=(P313,)), lambda target: [part("demo"), part("native", of=by_version(target))])
    assert {each.root for each in variant.assembly.packages} == {"python"}
    assert variant.assembly.findings == ()


def test_packages_that_share_a_folder_stay_together() -> None:
    def parts(target: Target) -> list[Part]:
        return [
            part("core", "google/core.so", "bin/core", of=by_version(target)),
            part("auth", "google/auth.py", "googleapis/a.py"),  # shares a folder with what differs
            part("apis", "googleapis/b.py"),  # and this one with it
            part("tool", "bin/tool", "tool.py"),  # programs are looked for everywhere
            part("googly", "googly/a.py"),
        ]

    (variant,) = variants(layer(), parts)
    together = ["google/auth.py", "google/core.so", "googleapis/a.py", "googleapis/b.py"]
    assert [path for path in paths(variant.assembly) if "/bin/" not in path] == [
        "python/googly/a.py",
        *(f"{SITE312}/{path}" for path in together),
        *(f"{SITE313}/{path}" for path in together),
        "python/tool.py",
    ]
    assert "python/bin/tool" in paths(variant.assembly)
    assert f"{SITE313}/bin/core" in paths(variant.assembly)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from("abcd"), min_size=1, max_size=2), st.booleans(), st.booleans(), st.booleans()
        ),
        max_size=5,
    )
)
def test_each_version_sees_all_its_packages_and_each_folder_in_one_place(
    drawn: list[tuple[set[str], bool, bool, bool]],
) -> None:
    """Of each package: its folders, whether each version needs it, and whether it differs between them."""

    def parts(target: Target) -> list[Part]:
        return [
            part(f"p{number}", *(f"{folder}/{number}.py" for folder in sorted(folders)), of=of)
            for number, (folders, in_312, in_313, differs) in enumerate(drawn)
            if (in_312 if target.runtime == P312 else in_313)
            for of in [target.runtime.name if differs else "same"]
        ]

    (variant,) = variants(layer(), parts)
    for target in layer().targets:
        own = f"python/lib/{target.runtime}/site-packages/"
        versioned = [entry for entry in variant.assembly.tree if entry.path.startswith(own)]
        shared = [entry for entry in variant.assembly.tree if not entry.path.startswith("python/lib/")]
        seen = {entry.path.removeprefix(own).removeprefix("python/"): entry.read() for entry in (*versioned, *shared)}
        wanted = {entry.path: entry.read() for each in parts(target) for entry in each.entries}
        assert wanted.items() <= seen.items()
        assert not {entry.path.split("/")[4] for entry in versioned} & {entry.path.split("/")[1] for entry in shared}


def test_the_order_of_runtimes_changes_no_byte() -> None:
    contents = {
        variant.assembly.tree.content
        for runtimes in ((P312, P313), (P313, P312))
        for variant in variants(
            layer(runtimes=runtimes), lambda target: [part("demo"), part("native", of=by_version(target))]
        )
    }
    assert len(contents) == 1


def test_packages_that_want_one_path_are_told() -> None:
    (variant,) = variants(layer(), lambda _: [part("aaa", "shared.py", of="a"), part("bbb", "shared.py", of="b")])
    (clash,) = variant.assembly.findings
    assert clash.message == "`aaa` and `bbb` hold different files at 1 path; those of `aaa` are in the artifact"
    assert clash.details == ("python/shared.py",)


def test_what_was_left_out_and_where_bytes_come_from_is_known_once() -> None:
    given = layer()
    gone, archive = LeftOut("demo/tests/", "trim"), (Path("demo.whl"), b"x" * 32)
    installed = {target: Installed((part("demo"),), (gone,), (archive,)) for target in given.targets}
    (variant,) = layer_variants(given, own_files_of(given), installed)
    assert (variant.assembly.left_out, variant.assembly.archives) == ((gone,), (archive,))


# One artifact or several


def test_a_layer_without_native_code_is_one_artifact_for_all_architectures() -> None:
    (variant,) = variants(layer(architectures=(X86_64, ARM64)), lambda _: [part("demo")])
    assert (variant.suffix, variant.architectures) == ("", (X86_64, ARM64))
    assert len(variant.targets) == 4


def test_native_code_makes_an_artifact_for_each_architecture() -> None:
    given = layer(architectures=(X86_64, ARM64))
    made = variants(given, lambda target: [part("native", of=target.architecture.name)])
    assert [(each.suffix, each.architectures) for each in made] == [("-x86_64", (X86_64,)), ("-arm64", (ARM64,))]
    assert [each.assembly.packages[0].sha256 for each in made] == ["x86_64", "arm64"]
    assert {f"science{each.suffix}" for each in made} <= set(given.artifact_names)


def test_each_runtime_has_its_own_artifact_where_the_user_wants_it() -> None:
    given = layer(per_runtime=True, architectures=(X86_64, ARM64))
    made = variants(given, lambda target: [part("native", of=str(target) if target.runtime == P313 else "same")])
    assert [(each.suffix, [str(target) for target in each.targets]) for each in made] == [
        ("-python312", ["python3.12 on x86_64", "python3.12 on arm64"]),
        ("-python313-x86_64", ["python3.13 on x86_64"]),
        ("-python313-arm64", ["python3.13 on arm64"]),
    ]
    assert {package.root for each in made for package in each.assembly.packages} == {"python"}
    assert not any(each.assembly.findings for each in made)
    assert {f"science{each.suffix}" for each in made} <= set(given.artifact_names)


# The layer's own files


def test_own_files_go_where_the_configuration_puts_them(project: Project) -> None:
    folder = project({"libs/own.py": "", "libs/deep/x.py": "", "tools/run": "", "tools/__pycache__/run.pyc": ""})
    (folder / "tools" / "alias").symlink_to("run")
    given = layer(source=(("python", folder / "libs"), ("bin", folder / "tools"), ("", folder / "libs" / "deep")))
    (variant,) = variants(given, lambda _: [])
    assert paths(variant.assembly) == ["bin/alias", "bin/run", "python/deep/x.py", "python/own.py", "x.py"]
    assert not any(entry.mode == LINK for entry in variant.assembly.tree)
    assert [each.path for each in variant.assembly.left_out] == ["bin/__pycache__/"]


def test_include_and_exclude_speak_of_the_layer_s_own_files(project: Project) -> None:
    folder = project({"a.py": "", "a.md": "", "keep/__pycache__/b.pyc": ""})
    given = layer(source=(("python", folder),), include=("__pycache__/",), exclude=("*.md",))
    (variant,) = variants(given, lambda _: [part("demo", "demo.md")])
    assert paths(variant.assembly) == ["python/a.py", "python/demo.md", "python/keep/__pycache__/b.pyc"]
    assert variant.assembly.left_out == (LeftOut("python/a.md", "exclude"),)


def test_own_files_win_over_those_of_packages(project: Project) -> None:
    folder = project({"demo.py": "own"})
    (variant,) = variants(layer(source=(("python", folder),)), lambda _: [part("demo", "demo.py")])
    (entry,) = variant.assembly.tree
    assert (entry.path, entry.read(), entry.package) == ("python/demo.py", b"own", "")
    assert variant.assembly.findings == ()


def test_two_folders_with_the_same_file_are_told(project: Project) -> None:
    folder = project({"one/python/a.py": "", "two/a.py": ""})
    given = layer(source=(("", folder / "one"), ("python", folder / "two")))
    with pytest.raises(InputError, match=r"`python/a\.py` occurs twice"):
        variants(given, lambda _: [])


@pytest.mark.parametrize("name", ["provided.al2023", "dotnet10", "nodejs22.x", "java21", "ruby3.4"])
def test_files_alone_can_be_a_layer_for_any_runtime(project: Project, name: str) -> None:
    folder = project({"bin/run": ""})
    (variant,) = variants(layer(runtimes=(runtime(name), P313), source=(("", folder),)), lambda _: [])
    assert paths(variant.assembly) == ["bin/run"]
    assert variant.assembly.findings == ()


# Functions


def test_a_function_has_its_own_files_over_its_packages(project: Project) -> None:
    folder = project({"app.py": "own", "dist/old.zip": "", "notes.md": ""})
    function = Function("orders", Target(P313, X86_64), folder, "app.handler", exclude=("*.md",))
    installed = Installed((part("demo", "app.py", "demo.py"),), (LeftOut("demo/tests/", "trim"),))
    assembly = function_assembly(
        function, read_source(folder, Selection((), function.exclude, folder / "dist")), installed
    )
    assert paths(assembly) == ["app.py", "demo.py"]
    assert assembly.tree.by_path["app.py"].read() == b"own"
    assert [(each.path, each.reason) for each in assembly.left_out] == [
        ("dist/", "lpack's output"),
        ("notes.md", "exclude"),
        ("demo/tests/", "trim"),
    ]
    assert [package.root for package in assembly.packages] == [""]
