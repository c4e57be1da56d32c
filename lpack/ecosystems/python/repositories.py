"""Commits of git repositories, checked out to be built."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path

from ...download import Credential, redacted
from ...errors import InputError, ToolError
from ...model import Host
from ...network import network_of, origin
from ...processes import Result, run

_OF_ANOTHER_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
"""Set where lpack is run by a hook of git."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.IGNORECASE)
"""A commit's whole name, by SHA-1 or SHA-256. Anything else could be an option, and git has some that run programs."""


def check_out(url: str, commit: str, folder: Path, *, host: Host, credentials: Sequence[Credential]) -> None:
    """Put the commit's files into an empty folder, with its history, as some projects take their version from it.

    InputError for what is no commit; ToolError says what git says.
    """
    environ = _environment(url, host, credentials)

    def git(*arguments: str) -> Result:
        return run(["git", *arguments], folder=folder, environ=environ)

    def must(result: Result) -> None:
        if result.exit_code != 0:
            raise ToolError(
                f"git can't check out {commit} of `{redacted(url)}`",
                details=[redacted(line) for line in result.last_lines()],
            )

    if not _COMMIT.fullmatch(commit):
        raise InputError(
            f"`{commit}` is locked as a commit of `{redacted(url)}`, and is not the name of one",
            hint="lock it again: a commit has 40 hexadecimal digits",
        )
    must(git("init", "--quiet"))
    # A password in the address goes the way of the others, not to git's arguments and settings.
    must(git("remote", "add", "--", "origin", redacted(url) if url.startswith("http") else url))
    # Most servers give a commit by its name; others only what their branches lead to.
    if git("fetch", "--quiet", "--tags", "origin", commit).exit_code != 0:
        must(git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"))
    must(git("checkout", "--quiet", "--detach", commit))
    must(git("submodule", "--quiet", "update", "--init", "--recursive"))


def _environment(url: str, host: Host, credentials: Sequence[Credential]) -> dict[str, str]:
    environ = {name: value for name, value in host.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    environ["GIT_TERMINAL_PROMPT"] = "0"
    login = network_of(host.environ, credentials=credentials).login(url)
    if login and url.startswith("http"):
        token = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        # Not as an argument, which every user of the machine could read; and after what the user has set like this.
        given = environ.get("GIT_CONFIG_COUNT", "")
        number = int(given) if given.isdecimal() else 0
        environ |= {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"http.{origin(url)}.extraHeader",
            f"GIT_CONFIG_VALUE_{number}": f"Authorization: Basic {token}",
        }
    return environ
