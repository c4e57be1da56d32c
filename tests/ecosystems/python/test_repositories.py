from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from index_server import serving

from lpack.download import Credential
from lpack.ecosystems.python.repositories import check_out
from lpack.errors import ToolError
from lpack.model import Host

pytestmark = pytest.mark.needs("git")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@invalid", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for number in (1, 2, 3):
        (folder / "file.txt").write_text(f"{number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", f"--message={number}")
        git(folder, "tag", f"v{number}")
    return folder


def host(**environ: str) -> Host:
    return Host({**os.environ, **environ}, Path())


def test_a_commit_is_checked_out_with_its_history(remote: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    commit = git(remote, "rev-parse", "v2")
    # As where a hook of git runs lpack.
    check_out(remote.as_uri(), commit, place, host=host(GIT_DIR="/nowhere", GIT_INDEX_FILE="/nowhere"), credentials=())
    assert (place / "file.txt").read_text() == "2\n"
    assert git(place, "describe", "--tags") == "v2"


def test_a_commit_that_is_not_there_is_named(remote: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(ToolError, match=f"git can't check out {'0' * 40} of `{remote.as_uri()}`") as caught:
        check_out(remote.as_uri(), "0" * 40, place, host=host(), credentials=())
    assert caught.value.details


def test_the_index_s_credentials_are_used_for_repositories_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with serving(tmp_path, login=("ann", "s3cret")) as server:
        known = (Credential(server.url, "ann", "s3cret"),)
        with pytest.raises(ToolError) as caught:
            check_out(f"{server.url}/demo.git", "0" * 40, tmp_path / "place", host=host(), credentials=known)
    assert server.asked_for("demo.git/info/refs?service=git-upload-pack")[0].login == ("ann", "s3cret")
    assert "s3cret" not in "\n".join([caught.value.message, *caught.value.details])
    assert "s3cret" not in (tmp_path / "place/.git/config").read_text()
