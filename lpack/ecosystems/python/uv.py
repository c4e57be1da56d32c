"""uv, the resolver: asked for the target's versions, and understood when it finds none."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from ...download import redacted
from ...errors import ResolveError, ToolError
from ...model import Host, Target
from ...processes import Result, run
from ...store import Store
from .missing_wheels import explain, file_names, has_native_wheels
from .requirements import normalised
from .tags import fits

_KNOWN_GLIBC = (17, 28, 31, 32, 33, 34)
"""The minor versions of glibc 2 that uv can resolve for."""

_ONLY_WHEELS = ("--only-binary", ":all:")

_KEPT_VARIABLES = re.compile(
    r"UV_(CACHE_DIR|CONCURRENT_.*|CONFIG_FILE|CREDENTIALS_DIR|DEFAULT_INDEX|EXCLUDE_NEWER|EXTRA_INDEX_URL|FIND_LINKS"
    r"|GIT_LFS|HTTP_.*|INDEX|INDEX_.*|INSECURE_HOST|KEYRING_PROVIDER|LOCK_TIMEOUT|NATIVE_TLS|NETRC|NO_CACHE|NO_CONFIG"
    r"|NO_INDEX|OFFLINE|REQUEST_TIMEOUT|SSL_.*|SYSTEM_CERTS)"
)
"""uv's variables about indexes, network and cache. The others could make of the same requirements another lock."""

_NO_WHEELS = re.compile(
    r"(?:all versions of )?(?P<name>[a-zA-Z0-9][\w.-]*)(?P<versions>[=<>!~][^\s,]*(?:, ?[<>!=][^\s,]*)*)? "
    r"(?:has|have) no (?:usable )?wheels"
)


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


def resolve(question: Question, *, store: Store, host: Host) -> Answer:
    """What the target takes. ResolveError explains what can't be met.

    Wheels only, so that a version which has none for the target is passed over. Projects without any native wheel may
    come as source distributions.
    """
    unfit: dict[str, Mapping[str, Any]] = {}
    while True:
        answer = _ask(question, store, host, _ONLY_WHEELS)
        if isinstance(answer, Result):
            files = dict(_known_files(answer, question, store, host))
            sources = frozenset(name for name, package in files.items() if not has_native_wheels(package))
            if not sources - question.from_source:
                raise _refusal(answer, question, unfit | files, store, host)
            question = replace(question, from_source=question.from_source | sources)
            continue
        found = {package["name"]: package for package in _without_fitting_wheel(answer.document, question.target)}
        if not found:
            return answer
        unfit |= found
        limits = [_limit(package, question, store, host) for package in found.values()]
        question = replace(question, constraints="\n".join([question.constraints, *limits]))


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
        if (_KEPT_VARIABLES.fullmatch(name) or not name.startswith("UV_"))
        and name not in {"VIRTUAL_ENV", "CONDA_PREFIX"}
    }
    for ours, theirs in (
        (("UV_DEFAULT_INDEX", "UV_INDEX_URL"), ("PIP_INDEX_URL",)),
        (("UV_INDEX", "UV_EXTRA_INDEX_URL"), ("PIP_EXTRA_INDEX_URL",)),
        (("SSL_CERT_FILE",), ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
    ):
        value = next((kept[name] for name in theirs if kept.get(name)), "")
        if value and not any(kept.get(name) for name in ours):
            kept[ours[0]] = value
    return {**kept, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def find_uv() -> str:
    """The uv program that was installed beside lpack."""
    import uv

    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise ToolError("uv is not installed", hint="install lpack again: uv is one of its dependencies") from error


def what_uv_says(result: Result) -> tuple[str, ...]:
    """The lines that uv printed, without what only means something to those who ran it themselves."""
    hints = re.sub(r"(?m)^hint: .*--no-build.*\n?", "", redacted(result.stderr or result.stdout))
    lines = (re.sub(r"^(error|hint|warning|\s+cause): ", "", line).rstrip() for line in hints.splitlines())
    return tuple(line for line in lines if line)


def _ask(question: Question, store: Store, host: Host, options: Sequence[str]) -> Answer | Result:
    """The answer, or what uv says about there being none."""
    command = [
        *(find_uv(), "pip", "compile", "--quiet", "--no-header", "--format=pylock.toml"),
        f"--python={sys.executable}",
        f"--python-version={question.target.runtime.version}",
        f"--python-platform={python_platform(question.target)}",
        *question.options,
        *options,
        *(f"--no-binary={name}" for name in sorted(question.from_source)),
    ]
    with store.temporary_folder() as folder:
        lock = folder / "pylock.toml"
        command.append(f"--output-file={lock}")
        if question.preferred:
            lock.write_bytes(question.preferred.read_bytes())
        if question.constraints:
            command.append(f"--constraints={_written(folder / 'constraints.txt', question.constraints)}")
        if question.text:
            command.append(_written(folder / "requirements.txt", question.text))
        result = run([*command, *question.arguments], folder=question.folder, environ=uv_environment(host))
        if result.exit_code != 0:
            return replace(result, stderr=result.stderr.replace(f"{folder}/", ""))
        return Answer(tomli.loads(lock.read_text(encoding="utf-8")), folder.resolve())


def _written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return str(file)


def _without_fitting_wheel(document: Mapping[str, Any], target: Target) -> Iterator[Mapping[str, Any]]:
    """The packages with wheels of which none is for the target: uv was asked for a glibc that is newer."""
    for package in document.get("packages", ()):
        if package.get("wheels") and not any(fits(name, target) for name in file_names(package)):
            yield package


def _limit(package: Mapping[str, Any], question: Question, store: Store, host: Host) -> str:
    """The constraint that keeps a project to versions that have a wheel for the target."""
    newest = _newest(package["name"], question, store, host, below=package["version"])
    if newest is None:
        raise explain(package, question.target, newest=None)
    return f"{package['name']}<={newest}"


def _newest(name: str, question: Question, store: Store, host: Host, *, below: str = "") -> str | None:
    """The newest version of a project with a wheel for the target."""
    while True:
        requirement = f"{name}<{below}" if below else name
        answer = _ask(question.about(requirement), store, host, _ONLY_WHEELS)
        if isinstance(answer, Result):
            return None
        package = next(each for each in answer.document["packages"] if each["name"] == name)
        if next(_without_fitting_wheel(answer.document, question.target), None) is None:
            return str(package["version"])
        below = package["version"]


def _known_files(
    result: Result, question: Question, store: Store, host: Host
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The projects that uv refuses for want of wheels, with the files that they have for all machines."""
    refused = _NO_WHEELS.finditer(" ".join(result.stderr.split()))
    for name, versions in {normalised(each["name"]): each["versions"] or "" for each in refused}.items():
        answer = _ask(question.about(f"{name}{versions}"), store, host, ("--universal",))
        if isinstance(answer, Answer):
            yield from ((name, package) for package in answer.document["packages"] if package["name"] == name)
        elif "No solution found" not in answer.stderr:
            raise ResolveError(
                f"`{name}` has no wheel for {question.target.description}, and its source can't be used",
                hint=_advice(answer.stderr) or "ask for a version that has a wheel",
                details=what_uv_says(answer),
            )


def _refusal(
    result: Result, question: Question, files: Mapping[str, Mapping[str, Any]], store: Store, host: Host
) -> ResolveError:
    """The error for requirements that can't be met: the project that lacks a wheel, or what uv says."""
    for name, package in files.items():
        if name not in question.from_source and name in result.stderr:
            return explain(package, question.target, newest=_newest(name, question, store, host))
    return ResolveError(
        f"the requirements of {question.subject} can't be met for {question.target}",
        hint=_advice(result.stderr) or "change the requirements named above so that they can be met together",
        details=what_uv_says(result),
    )


def _advice(text: str) -> str | None:
    lowered = text.lower()
    if "not found in the package registry" in lowered:
        return "check the spelling, or name the index that has it (`--index-url` in requirements.txt, UV_INDEX)"
    if "building source distributions is disabled" in lowered:
        return "write `NAME @ ADDRESS` for what comes from an address, so that lpack knows what to build"
    if any(word in lowered for word in ("certificate", "tls", "ssl")):
        return "set SSL_CERT_FILE to your organisation's CA bundle"
    if any(word in lowered for word in ("401", "403", "unauthorized", "forbidden")):
        return (
            "give the index's user name and password in ~/.netrc, in its URL, or in UV_INDEX_<NAME>_USERNAME/_PASSWORD"
        )
    if any(word in lowered for word in ("dns", "connect", "timed out", "error sending request")):
        return "check the network and the proxy (HTTPS_PROXY); with a lock and a filled store lpack needs neither"
    return None
