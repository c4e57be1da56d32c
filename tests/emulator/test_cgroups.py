"""Control groups: the machine's own where this user may make some, and the files of version 2, which it may lack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lpack.emulator.cgroups import Group, group, group_of


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups everywhere")
def test_a_process_is_held_and_measured_and_the_group_is_gone_afterwards() -> None:
    with group(memory=256 << 20, processes=50) as made:
        assert made is not None
        code = "input(); kept = bytearray(b'x') * (20 << 20); print(len(kept), flush=True); input()"
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            made.add(process.pid)
            assert made.processes() == (process.pid,)
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            assert 20 << 20 <= made.memory() < 256 << 20
            process.kill()
    assert not any(folder.exists() for folder in made.folders)


def version_2(root: Path, path: str, *, delegated: str) -> Path:
    """The files of cgroups v2 as the kernel shows them, with this process in the group ``path``."""
    place = root
    for name in ("", *path.split("/")):
        place /= name
        place.mkdir(exist_ok=True)
        (place / "cgroup.subtree_control").write_text("")
    (root / delegated / "cgroup.subtree_control").write_text("cpu memory pids\n")
    own = root / "own"
    own.write_text(f"0::/{path}\n")
    return own


def test_with_version_2_it_is_made_beside_our_own_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = version_2(tmp_path, "user.slice/app.slice/shell.scope", delegated="user.slice/app.slice")
    made = []

    def mkdir(path: Path, *_: object, **__: object) -> None:  # the kernel puts the files in it
        os.mkdir(path)  # noqa: PTH102 -- the method that is replaced
        for name in ("memory.max", "pids.max", "cgroup.procs"):
            (path / name).write_text("")
        (path / "memory.stat").write_text("anon 4096\nfile 100\n")
        made.append(path)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", lambda _: None)
    with group(memory=1000, processes=20, root=tmp_path, own=own) as found:
        assert found is not None
        (folder,) = made
        assert found == Group((folder,))
        assert folder.parent == tmp_path / "user.slice" / "app.slice"
        assert (folder / "memory.max").read_text() == "1000"
        assert (folder / "pids.max").read_text() == "20"
        assert found.memory() == 4096


def test_where_nobody_delegates_there_is_none(tmp_path: Path) -> None:
    own = version_2(tmp_path, "user.slice/session.scope", delegated="user.slice")
    (tmp_path / "user.slice" / "cgroup.subtree_control").write_text("cpu\n")
    with group(memory=1000, processes=20, root=tmp_path, own=own) as found:
        assert found is None


def test_where_there_are_no_control_groups_there_is_none(tmp_path: Path) -> None:
    with group(memory=1000, processes=20, root=tmp_path, own=tmp_path / "nowhere") as found:
        assert found is None


def test_the_group_of_another_is_found_by_its_name() -> None:
    assert group_of(os.getpid(), "a-container-that-is-not-there") is None
