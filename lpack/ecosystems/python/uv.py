"""uv: how it is run, what it is asked, and what of its words is worth repeating."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from ...download import redacted
from ...errors import ToolError
from ...model import Host, Target
from ...processes import Result, run
from ...store import Store

_KNOWN_GLIBC = (17, 28, 31, 32, 33, 34)
"""The minor versions of glibc 2 that uv can resolve for."""

FOR_ALL_MACHINES = ("--universal",)

_KEPT_VARIABLES = re.compile(
    r"UV_(CACHE_DIR|CONCURRENT_.*|CONFIG_FILE|CREDENTIALS_DIR|DEFAULT_INDEX|EXCLUDE_NEWER|EXTRA_INDEX_URL|FIND_LINKS"
    r"|GIT_LFS|HTTP_.*|INDEX|INDEX_.*|INSECURE_HOST|KEYRING_PROVIDER|LOCK_TIMEOUT|NATIVE_TLS|NO_CACHE|NO_CONFIG"
    r"|OFFLINE|REQUEST_TIMEOUT|SYSTEM_CERTS)"
)
"""uv's variables about indexes, network and cache. The others could make of the same requirements another lock."""

_OF_PIP = (
    (("UV_DEFAULT_INDEX", "UV_INDEX_URL"), ("PIP_INDEX_URL",)),
    (("UV_INDEX", "UV_EXTRA_INDEX_URL"), ("PIP_EXTRA_INDEX_URL",)),
    (("UV_INSECURE_HOST",), ("PIP_TRUSTED_HOST",)),
    (("SSL_CERT_FILE",), ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
)
"""uv's variables, and those of pip and others that mean the same and are written the same way."""

_TRUE = {"1", "on", "t", "true", "y", "yes"}
"""What means yes in pip's variables."""

_LEFT_OUT = {"VIRTUAL_ENV", "CONDA_PREFIX", "COLUMNS"}
"""The user's own environments are not the target's; and uv's messages are not to be broken into lines of any width."""


@dataclass(frozen=True, slots=True)
class Question:
    """What uv is asked: ``arguments`` name the requirements, relative to ``folder``; ``text`` is a file of its own.

    ``subject`` is how messages call it all, ``indexes`` the lines of a requirements file that name its indexes.
    ``constraints`` are further lines, which ask for nothing by themselves; ``preferred`` is an earlier lock whose pins
    are kept where they fit; ``from_source`` are the projects that may come without a wheel.
    """

    subject: str
    folder: Path
    target: Target
    arguments: tuple[str, ...] = ()
    text: str = ""
    constraints: str = ""
    indexes: str = ""
    preferred: Path | None = None
    from_source: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()

    def about(self, requirement: str) -> Question:
        """The question for the files of one project alone, from the same indexes."""
        text = f"{self.indexes}\n{requirement}"
        return replace(self, arguments=(), text=text, constraints="", preferred=None, options=("--no-deps",))


class Answer(NamedTuple):
    """A PEP 751 document, and the (no longer existing) folder that its relative paths start from."""

    document: dict[str, Any]
    start: Path


@dataclass(frozen=True, slots=True)
class Uv:
    """uv on this machine."""

    store: Store
    host: Host

    def ask(self, question: Question, options: Sequence[str]) -> Answer | Result:
        """The answer, or what uv says about there being none."""
        command = [
            *(find_uv(), "pip", "compile", "--quiet", "--no-header", "--format=pylock.toml"),
            f"--python={sys.executable}",
            f"--python-version={question.target.runtime.version}",
            *question.options,
            *options,
            *(f"--no-binary={name}" for name in sorted(question.from_source)),
        ]
        if self.host.environ.get("PIP_NO_INDEX", "").lower() in _TRUE:
            command.append("--no-index")  # for which uv has no variable
        with self.store.temporary_folder() as folder:
            lock = folder / "pylock.toml"
            command.append(f"--output-file={lock}")
            if question.preferred:
                lock.write_bytes(question.preferred.read_bytes())
            if question.constraints:
                command.append(f"--constraints={_written(folder / 'constraints.txt', question.constraints)}")
            if question.text or not question.arguments:
                command.append(_written(folder / "requirements.txt", question.text))
            result = run([*command, *question.arguments], folder=question.folder, environ=uv_environment(self.host))
            if result.exit_code != 0:
                return replace(result, stderr=result.stderr.replace(f"{folder}/", ""))
            return Answer(tomli.loads(lock.read_text(encoding="utf-8")), folder.resolve())


def _written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return str(file)


def wheels_for(target: Target) -> tuple[str, ...]:
    """The options that ask for wheels of the target alone."""
    return ("--only-binary=:all:", f"--python-platform={python_platform(target)}")


def python_platform(target: Target) -> str:
    """The name that uv has for the target's platform, or for the next one with a newer glibc."""
    ours = target.runtime.system.glibc[1]
    minor = next(known for known in _KNOWN_GLIBC if known >= ours)
    return f"{target.architecture.machine}-manylinux_2_{minor}"


def uv_environment(host: Host) -> dict[str, str]:
    """The host's variables as uv takes them: what pip users have set counts where uv's own word is missing."""
    kept = {
        name: value
        for name, value in host.environ.items()
        if name not in _LEFT_OUT and (not name.startswith("UV_") or _KEPT_VARIABLES.fullmatch(name))
    }
    for ours, theirs in _OF_PIP:
        value = next((kept[name] for name in theirs if kept.get(name)), "")
        if value and not any(kept.get(name) for name in ours):
            kept[ours[0]] = value
    if links := _find_links(kept):
        kept["UV_FIND_LINKS"] = links
    return {**kept, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def _find_links(environ: Mapping[str, str]) -> str:
    """The value of UV_FIND_LINKS: local folders start from where lpack runs, wherever it runs uv.

    pip has blanks between them, takes ``~`` for the user's folder, and passes over folders that are not there.
    """
    if given := environ.get("UV_FIND_LINKS"):
        return ",".join(_absolute(each.strip()) for each in given.split(",") if each.strip())
    home = f"{environ.get('HOME', '~')}/"
    listed = (re.sub(r"^~/", lambda _: home, each) for each in environ.get("PIP_FIND_LINKS", "").split())
    return ",".join(place for place in map(_absolute, listed) if "://" in place or Path(place).exists())


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


def find_uv() -> str:
    """The uv program that was installed beside lpack."""
    import uv

    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise ToolError("uv is not installed", hint="install lpack again: uv is one of its dependencies") from error


def what_uv_says(result: Result) -> tuple[str, ...]:
    """The lines that uv printed, without what only means something to those who ran it themselves."""
    text = re.sub(r"(?m)^hint: .*`--.*\n?|^error: No solution found.*\n", "", redacted(result.stderr or result.stdout))
    lines = (re.sub(r"^(error: |hint: |warning: |  cause: | {9})", "", line).rstrip() for line in text.splitlines())
    return tuple(line for line in lines if line)
