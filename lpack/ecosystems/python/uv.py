"""uv, the resolver: asked for the target's versions, and understood when it finds none."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from ...errors import ResolveError, ToolError
from ...model import Host, Target
from ...processes import Result, run
from ...store import Store
from .missing_wheels import explain, has_wheels

_FIRST_UNKNOWN_GLIBC = range(18, 28)
"""uv knows manylinux 2_17 and 2_28 upwards; between them, the lower one is the safe choice."""

_NO_WHEELS = re.compile(
    r"(?:all versions of )?(?P<name>[a-zA-Z0-9][\w.-]*)(?P<versions>[=<>!~][^\s,]*(?:, ?[<>!=][^\s,]*)*)? "
    r"(?:has|have) no (?:usable )?wheels"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What uv is asked: ``arguments`` name the requirements, relative to ``folder``; ``text`` is a file of its own.

    ``preferred`` is an earlier lock whose pins are kept where they fit. ``with_sdists`` are the projects that may come
    as source distributions because they have no wheels at all.
    """

    subject: str
    folder: Path
    target: Target
    arguments: tuple[str, ...] = ()
    text: str = ""
    preferred: Path | None = None
    with_sdists: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()


def resolve(question: Question, *, store: Store, host: Host) -> tuple[dict[str, Any], Path]:
    """A PEP 751 document for the target, and the (no longer existing) folder that its relative paths start from.

    Wheels only, so that a version which has none for the target is passed over; projects without any wheel come as
    source distributions. ResolveError explains what can't be met.
    """
    while True:
        with store.temporary_folder() as folder:
            result = _compile(question, folder, host, ("--only-binary", ":all:"))
            if result.exit_code == 0:
                return tomli.loads((folder / "pylock.toml").read_text(encoding="utf-8")), folder.resolve()
        more = _without_any_wheel(result, question, store, host)
        if not more:
            raise _refusal(result, question, store, host)
        question = replace(question, with_sdists=question.with_sdists | more)


def python_platform(target: Target) -> str:
    """The name that uv has for the target's platform."""
    minor = target.runtime.system.glibc[1]
    if minor in _FIRST_UNKNOWN_GLIBC:
        minor = _FIRST_UNKNOWN_GLIBC.start - 1
    return f"{target.architecture.machine}-manylinux_2_{minor}"


def uv_environment(host: Host) -> dict[str, str]:
    """The host's variables as uv takes them: what pip users have set counts where uv's own word is missing."""
    environ = {name: value for name, value in host.environ.items() if name != "UV_CUSTOM_COMPILE_COMMAND"}
    for ours, theirs in (
        ("UV_DEFAULT_INDEX", ("UV_INDEX_URL", "PIP_INDEX_URL")),
        ("UV_INDEX", ("UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")),
        ("SSL_CERT_FILE", ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
    ):
        value = next((environ[name] for name in theirs if environ.get(name)), "")
        if value and not environ.get(ours) and theirs[0] not in environ:
            environ[ours] = value
    return {**environ, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def find_uv() -> str:
    """The uv program that was installed beside lpack."""
    import uv

    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise ToolError("uv is not installed", hint="install lpack again: uv is one of its dependencies") from error


def _compile(question: Question, output: Path, host: Host, options: Sequence[str]) -> Result:
    command = [
        find_uv(),
        "pip",
        "compile",
        "--quiet",
        "--format=pylock.toml",
        f"--python={sys.executable}",
        f"--python-version={question.target.runtime.version}",
        f"--python-platform={python_platform(question.target)}",
        *question.options,
        *options,
    ]
    for name in sorted(question.with_sdists):
        command += ["--no-binary", name]
    lock = output / "pylock.toml"
    command += ["--output-file", str(lock)]
    if question.preferred:
        lock.write_bytes(question.preferred.read_bytes())
    if question.text:
        file = output / "requirements.txt"
        file.write_text(question.text, encoding="utf-8")
        command.append(str(file))
    return run([*command, *question.arguments], folder=question.folder, environ=uv_environment(host))


def _without_any_wheel(result: Result, question: Question, store: Store, host: Host) -> frozenset[str]:
    """The projects that uv refused for having no wheel, and that have none for any machine: sources are all there is.

    Where a project has wheels, but for other machines, its sources most likely hold native code.
    """
    names = frozenset(name for name in _refused(result) if name not in question.with_sdists)
    pins = _permissive(question, names, store, host) if names else {}
    return frozenset(name for name in names if name in pins and not has_wheels(pins[name]))


def _refused(result: Result) -> list[str]:
    text = " ".join(result.stderr.split())
    names = (match["name"].lower().replace("_", "-").replace(".", "-") for match in _NO_WHEELS.finditer(text))
    return list(dict.fromkeys(names))


def _permissive(question: Question, names: frozenset[str], store: Store, host: Host) -> dict[str, Any]:
    """The lock's tables for those names, with wheels for every machine, when source distributions are allowed."""
    with store.temporary_folder() as folder:
        result = _compile(question, folder, host, ())
        if result.exit_code != 0:
            return {}
        resolved = _packages(folder)
        pins = [f"{name}=={resolved[name]['version']}" for name in names if "version" in resolved.get(name, {})]
    if not pins:
        return {}
    everywhere = replace(question, arguments=(), text="\n".join(pins), preferred=None)
    with store.temporary_folder() as folder:
        result = _compile(everywhere, folder, host, ("--no-deps", "--universal"))
        return _packages(folder) if result.exit_code == 0 else {}


def _packages(folder: Path) -> dict[str, Any]:
    document = tomli.loads((folder / "pylock.toml").read_text(encoding="utf-8"))
    return {package["name"]: package for package in document.get("packages", ())}


def _newest_with_wheel(name: str, question: Question, store: Store, host: Host) -> str | None:
    alone = replace(question, arguments=(), text=name, preferred=None)
    with store.temporary_folder() as folder:
        result = _compile(alone, folder, host, ("--no-deps", "--only-binary", ":all:"))
        return _packages(folder)[name]["version"] if result.exit_code == 0 else None


def _refusal(result: Result, question: Question, store: Store, host: Host) -> ResolveError:
    names = frozenset(_refused(result))
    for name, package in _permissive(question, names, store, host).items() if names else ():
        return explain(package, question.target, newest=_newest_with_wheel(name, question, store, host))
    lines = _what_uv_says(result.stderr)
    return ResolveError(
        f"the requirements of `{question.subject}` can't be met for {question.target}",
        hint=_advice(result.stderr),
        details=lines,
    )


def _what_uv_says(text: str) -> tuple[str, ...]:
    from ...download import redacted

    cleaned = re.sub(r"[a-z+]+://[^\s`'\"]+", lambda match: redacted(match[0]), text)
    kept = [line.rstrip() for line in cleaned.splitlines() if line.strip() and not line.startswith("hint: Wheels are")]
    return tuple(re.sub(r"^(error:|  (├─▶|╰─▶|cause:)) ?", "", line).strip() for line in kept)


def _advice(text: str) -> str:
    lowered = text.lower()
    if "not found in the package registry" in lowered:
        return "check the spelling, or name the index that has it (`--index-url` in requirements.txt, UV_INDEX)"
    if any(word in lowered for word in ("certificate", "tls", "ssl")):
        return "set SSL_CERT_FILE to your organisation's CA bundle"
    if any(word in lowered for word in ("401", "403", "unauthorized", "forbidden")):
        return (
            "give the index's user name and password in ~/.netrc, in its URL, or in UV_INDEX_<NAME>_USERNAME/_PASSWORD"
        )
    if any(word in lowered for word in ("dns", "connect", "timed out", "error sending request")):
        return "check the network and the proxy (HTTPS_PROXY); with a lock and a filled store lpack needs neither"
    return "change the requirements named above so that they can be met together"
