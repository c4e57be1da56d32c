from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import ResolveError, ToolError, UsageError

Write = Callable[..., Path]
Make = Callable[..., Any]

PACKAGE = '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n'
LOCK = 'version = 3\n\n[[package]]\nname = "hello"\nversion = "1.0.0"\n'
MAIN = 'fn main() { println!("{}", file!().parse::<u8>().expect("a number")) }\n'

# Where Rust is, is known from the user's home, which tests without the network have not.
pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("cargo")]


@pytest.fixture
def crate(project: Write) -> Path:
    return project({"Cargo.toml": PACKAGE, "Cargo.lock": LOCK, "src/main.rs": MAIN, "data.txt": "data"})


def test_two_folders_make_the_same_program(crate: Path, make: Make, tmp_path: Path) -> None:
    made = [make(crate, architecture="arm64", runtime="provided.al2", store=tmp_path / "store")]
    assert {path.name for path in crate.iterdir()} == {"Cargo.toml", "Cargo.lock", "src", "data.txt"}
    elsewhere = tmp_path / "deep" / "elsewhere"
    elsewhere.parent.mkdir()
    crate.rename(elsewhere)
    made.append(make(elsewhere, architecture="arm64", runtime="provided.al2", store=tmp_path / "other-store"))
    assert [each.notes for each in made] == [["building `hello` with Rust"]] * 2
    assert made[0].program == made[1].program
    assert str(tmp_path).encode() not in made[0].program
    assert str(Path.home()).encode() not in made[0].program
    assert made[0].paths == ["bootstrap", "data.txt"]
    assert not [found for found in made[0].findings if found.check != "runtime-deprecated"]


def test_flags_of_the_user_count_and_what_is_unchanged_is_not_built(crate: Path, make: Make, tmp_path: Path) -> None:
    (crate / "src/main.rs").write_text('fn main() { println!("{}", if cfg!(special) { "special" } else { "plain" }) }')
    asked = {"store": tmp_path / "store", "environ": {"RUSTFLAGS": "--cfg special"}}
    made = make(crate, **asked)
    assert b"special" in made.program
    assert str(tmp_path).encode() not in made.program
    assert not make(crate, **asked).notes
    profile = {"RUSTFLAGS": "--cfg special", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
    assert make(crate, store=tmp_path / "store", environ=profile).notes


def test_packages_beside_it_are_part_of_what_it_is_built_from(project: Write, make: Make, tmp_path: Path) -> None:
    word = 'pub const WORD: &str = "{}";\n'
    folder = project(
        {
            "app/Cargo.toml": f'{PACKAGE}\n[dependencies]\nshared = {{ path = "../shared" }}\n',
            "app/src/main.rs": 'fn main() { println!("{}", shared::WORD) }\n',
            "shared/Cargo.toml": PACKAGE.replace("hello", "shared"),
            "shared/src/lib.rs": word.format("the first word"),
        }
    )
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=folder / "app", check=True)
    assert b"the first word" in make(folder / "app", store=tmp_path / "store").program
    (folder / "shared/src/lib.rs").write_text(word.format("the second word"))
    assert b"the second word" in make(folder / "app", store=tmp_path / "store").program


def test_of_several_programs_the_function_is_the_one_of_its_name(crate: Path, make: Make, tmp_path: Path) -> None:
    for name in ("orders", "all-payments"):
        (crate / "src/bin").mkdir(exist_ok=True)
        (crate / f"src/bin/{name}.rs").write_text(f'fn main() {{ println!("this is {name}") }}')
    (crate / "src/main.rs").unlink()
    assert b"this is all-payments" in make(crate, name="all_payments", store=tmp_path / "store").program
    with pytest.raises(UsageError, match="which program `refunds` is: its programs are `all-payments`, `orders`"):
        make(crate, name="refunds")


def test_without_a_lock_file_the_error_says_how_to_make_one(crate: Path, make: Make) -> None:
    (crate / "Cargo.lock").unlink()
    with pytest.raises(ResolveError, match=r"has no Cargo\.lock") as caught:
        make(crate)
    assert "`cargo generate-lockfile`" in str(caught.value.hint)
    assert not (crate / "Cargo.lock").exists()


def test_what_does_not_compile_is_told_with_the_compilers_words(crate: Path, make: Make, tmp_path: Path) -> None:
    (crate / "src/main.rs").write_text("fn main() { missing() }\n")
    with pytest.raises(ToolError, match="`hello` with Rust can't be built: `cargo-lambda` ended with") as caught:
        make(crate, store=tmp_path / "store")
    assert any("cannot find function `missing`" in line for line in caught.value.details)


def test_a_broken_manifest_is_told_in_cargos_words(crate: Path, make: Make) -> None:
    (crate / "Cargo.toml").write_text("[package]\n")
    with pytest.raises(ToolError, match=r"Cargo.toml` can't be understood by cargo"):
        make(crate)


@pytest.mark.parametrize("program", ["cargo", "zig"])
def test_without_its_tools_the_error_says_what_needs_them_and_how_to_get_them(
    crate: Path, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    environ = {"PATH": ""}
    if program == "zig":
        monkeypatch.setitem(sys.modules, "ziglang", None)
        for name in ("cargo", "rustc"):
            (tmp_path / name).symlink_to("/bin/true")
        environ["PATH"] = str(tmp_path)
    with pytest.raises(ToolError, match=f"`{program}` is not installed, and `hello` with Rust needs it") as caught:
        make(crate, environ=environ)
    assert str(caught.value.hint).startswith("install")


def test_a_missing_standard_library_is_told_with_the_way_to_get_it(crate: Path, make: Make, tmp_path: Path) -> None:
    rustc = tmp_path / "rustc"
    rustc.write_text('#!/bin/sh\n[ "$1" = -vV ] && echo "rustc 1.95.0" || echo /nowhere\n')
    rustc.chmod(0o755)
    with pytest.raises(ToolError, match=r"rustc 1\.95\.0 has no standard library for aarch64") as caught:
        make(crate, architecture="arm64", environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert caught.value.hint == "run `rustup target add aarch64-unknown-linux-gnu`"
