from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from index_server import serving

from lpack.download import Credential
from lpack.ecosystems.python.repositories import check_out
from lpack.errors import InputError, ToolError
from lpack.model import Host

pytestmark = pytest.mark.needs("git")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@invalid", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def remote(shelf: Path) -> Path:
    """A repository that the tests only read: the first one makes it, in its own environment."""
    folder = shelf / "remote"
    if folder.exists():
        return folder
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


@pytest.mark.parametrize("commit", ["", "main", "v2", "0" * 39, "--upload-pack=touch pwned", "-" * 40])
def test_what_is_no_commit_never_reaches_git(remote: Path, tmp_path: Path, commit: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(InputError, match=f"`{commit}` is locked as a commit of"):
        check_out(remote.as_uri(), commit, place, host=host(), credentials=())
    assert not list(place.iterdir())


def test_an_address_is_no_option(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="git can't check out"):
        check_out("--upload-pack=touch pwned", "0" * 40, tmp_path, host=host(), credentials=())
    assert not (tmp_path / "pwned").exists()


def test_the_user_s_own_settings_for_git_stay(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with serving(tmp_path, login=("ann", "s3cret")) as server:
        known = (Credential(server.url, "ann", "s3cret"),)
        own = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.userAgent", "GIT_CONFIG_VALUE_0": "own"}
        with pytest.raises(ToolError):
            check_out(f"{server.url}/demo.git", "0" * 40, tmp_path / "place", host=host(**own), credentials=known)
    assert server.asked[0].login == ("ann", "s3cret")
    assert server.asked[0].headers["user-agent"] == "own"


@pytest.mark.parametrize("userinfo", ["", "ann:s3cret@"], ids=["of the index", "of the address"])
def test_credentials_are_used_for_repositories_and_not_shown(tmp_path: Path, userinfo: str) -> None:
    (tmp_path / "place").mkdir()
    with serving(tmp_path, login=("ann", "s3cret")) as server:
        known = () if userinfo else (Credential(server.url, "ann", "s3cret"),)
        url = f"{server.url}/demo.git".replace("//", f"//{userinfo}", 1)
        with pytest.raises(ToolError) as caught:
            check_out(url, "0" * 40, tmp_path / "place", host=host(), credentials=known)
    assert server.asked_for("demo.git/info/refs?service=git-upload-pack")[0].login == ("ann", "s3cret")
    assert "s3cret" not in "\n".join([caught.value.message, *caught.value.details])
    assert "s3cret" not in (tmp_path / "place/.git/config").read_text()
