"""Versions for a target, by uv: wheels first, sources where there is nothing else, reasons where there is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...errors import ResolveError
from ...model import Host, Target
from ...processes import Result
from ...store import Store
from .missing_wheels import WhyNobody, explain, file_names, has_native_wheels
from .requirements import normalised
from .tags import fits
from .uv import FOR_ALL_MACHINES, Answer, Question, Uv, what_uv_says, wheels_for

_NO_WHEELS = re.compile(
    r"(?:all versions of )?(?P<name>[a-zA-Z0-9][\w.-]*)(?P<versions>[=<>!~][^\s,]*(?:, ?[<>!=][^\s,]*)*)? "
    r"(?:has|have) no (?:usable )?wheels"
)
"""uv's words; a version of uv that has others shows them as they are, without lpack's explanation."""


def resolve(question: Question, *, store: Store, host: Host, why_nobody: WhyNobody = lambda _: ()) -> Answer:
    """What the target takes. ResolveError explains what can't be met.

    Wheels only, so that a version which has none for the target is passed over. Where that leaves nothing, projects
    without any native wheel may come as source distributions; others too, if native code can be built for the target.
    """
    uv = Uv(store, host)
    constraints = question.constraints
    passed_over: dict[str, str] = {}
    while True:
        answer = uv.ask(question, wheels_for(question.target))
        if isinstance(answer, Result):
            files = dict(_refused(answer, question, uv))
            sources = frozenset(name for name, package in files.items() if not has_native_wheels(package))
            native = {name for name, package in files.items() if package.get("sdist")}
            native |= {name for name, version in passed_over.items() if _has_sources(name, version, question, uv)}
            if (
                not sources - question.from_source
                and native - question.from_source
                and why_nobody(question.target) is None
            ):
                sources |= native
            if not sources - question.from_source:
                at_fault = {**passed_over, **{name: package["version"] for name, package in files.items()}}
                raise _refusal(answer, question, at_fault, uv, why_nobody)
            question = replace(question, from_source=question.from_source | sources, constraints=constraints)
            continue
        unfit = dict(_unfit(answer, question.target))
        if not unfit:
            return answer
        passed_over |= unfit
        limits = [_limit(name, version, question, uv) for name, version in unfit.items()]
        question = replace(question, constraints="\n".join([question.constraints, *limits]))


def _refused(result: Result, question: Question, uv: Uv) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The projects that uv refuses for want of wheels, with the files that they have for all machines."""
    refused = _NO_WHEELS.finditer(" ".join(result.stderr.split()))
    for name, versions in {normalised(each["name"]): each["versions"] or "" for each in refused}.items():
        answer = uv.ask(question.about(f"{name}{versions}"), FOR_ALL_MACHINES)
        if isinstance(answer, Answer):
            yield name, answer.document["packages"][0]


def _unfit(answer: Answer, target: Target) -> Iterator[tuple[str, str]]:
    """The packages, with their versions, that have wheels but none for the target: uv was asked for a newer glibc."""
    for package in answer.document.get("packages", ()):
        if package.get("wheels") and not any(fits(name, target) for name in file_names(package)):
            yield package["name"], package["version"]


def _has_sources(name: str, version: str, question: Question, uv: Uv) -> bool:
    answer = uv.ask(question.about(f"{name}=={version}"), FOR_ALL_MACHINES)
    return isinstance(answer, Answer) and bool(answer.document["packages"][0].get("sdist"))


def _limit(name: str, version: str, question: Question, uv: Uv) -> str:
    """The constraint that keeps a project to versions that have a wheel for the target, or away when none has."""
    newest = _newest(name, question, uv, below=version)
    return f"{name}<={newest}" if newest else f"{name}<0"


def _newest(name: str, question: Question, uv: Uv, *, below: str = "") -> str | None:
    """The newest version of a project with a wheel for the target."""
    while True:
        answer = uv.ask(question.about(f"{name}<{below}" if below else name), wheels_for(question.target))
        if isinstance(answer, Result):
            return None
        unfit = dict(_unfit(answer, question.target))
        if not unfit:
            return str(answer.document["packages"][0]["version"])
        below = unfit[name]


def _refusal(
    result: Result, question: Question, at_fault: Mapping[str, str], uv: Uv, why_nobody: WhyNobody
) -> ResolveError:
    """The error for requirements that can't be met: the version at fault that lacks a wheel, or what uv says."""
    for name, version in at_fault.items():
        if name not in question.from_source and name in result.stderr:
            return _explained(name, version, question, uv, why_nobody)
    return ResolveError(
        f"the requirements of {question.subject} can't be met for {question.target}",
        hint=_advice(result.stderr),
        details=what_uv_says(result),
    )


def _explained(name: str, version: str, question: Question, uv: Uv, why_nobody: WhyNobody) -> ResolveError:
    """The error for a version without a wheel for the target, with the ways out."""
    answer = uv.ask(question.about(f"{name}=={version}"), FOR_ALL_MACHINES)
    package = {"name": name, "version": version} if isinstance(answer, Result) else answer.document["packages"][0]
    newest = _newest(name, question, uv)
    return explain(package, question.target, newest=newest, why_nobody=why_nobody(question.target) or ())


_ADVICE = {
    r"network (was|is) disabled": "unset UV_OFFLINE",
    r"\b(401|403)\b|unauthorized|forbidden": "give the index's user name and password in ~/.netrc, in its URL, or in "
    "UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD",
    r"not found in the package registry": "check the spelling, or name the index that has it (`--index-url` in "
    "requirements.txt, UV_INDEX)",
    r"building source distributions is disabled": "write `NAME @ ADDRESS` for what comes from an address: what is "
    "built needs a name",
    r"build backend": "correct the project that can't be built; one of poetry needs a poetry.lock (`poetry lock`)",
    r"couldn't parse|not found at|expected `": "correct the requirements",
    r"requested python version": "ask for versions that support the runtime's Python, or use another runtime",
    r"certificate|\btls\b|\bssl\b": "set SSL_CERT_FILE to your organisation's CA bundle",
    r"\bdns\b|connect\b|timed out|error sending request": "check the network and the proxy (HTTPS_PROXY); with a lock "
    "and a filled store lpack needs neither",
    r"": "change the requirements named above so that they can be met together",
}
"""The next step for the first pattern that is found in what uv says."""


def _advice(text: str) -> str:
    return next(advice for pattern, advice in _ADVICE.items() if re.search(pattern, text.lower()))
