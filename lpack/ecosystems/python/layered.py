"""Functions on top of layers: resolved together, and where they don't go together, told why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ...download import redacted
from ...errors import ResolveError
from .. import Ask, Provided
from .asked import asked_for_directly, name_of
from .native import native_of
from .pip_tools import resolve_with_pip_tools
from .requirement_lines import Line, all_lines, index_lines
from .requirements import Requirements, normalised, requirements_of
from .resolving import resolve
from .uv import Answer, Question

_Test = Callable[[Line], bool]


def resolve_beside_layers(question: Question, requirements: Requirements, ask: Ask) -> Answer:
    """What the target takes, where packages that a layer brings have the layer's version.

    ResolveError names both requirements when there is no such answer.
    """
    pinned = {name: each for name, each in ask.provided.items() if each.version}
    try:
        return _answer(_pinned(question, pinned), requirements, ask)
    except ResolveError as error:
        if pinned and _succeeds(lambda: _answer(question, requirements, ask)):
            raise _conflict(error, question, requirements, pinned, ask) from error
        raise


def _answer(question: Question, requirements: Requirements, ask: Ask) -> Answer:
    if ask.project.building.backend == "container":
        from .in_container import resolve_in_container

        return resolve_in_container(requirements, question, ask)
    if ask.project.building.resolver == "pip-tools":
        return resolve_with_pip_tools(requirements, question, store=ask.store, host=ask.host)
    return resolve(question, store=ask.store, host=ask.host, why_nobody=native_of(ask).why_nobody)


def _pinned(question: Question, provided: Mapping[str, Provided]) -> Question:
    pins = (f"{name}=={each.version}" for name, each in provided.items())
    return replace(question, constraints="\n".join([question.constraints, *pins]).strip())


def _can_be_met(question: Question, ask: Ask) -> bool:
    """Whether there is an answer by uv: it is quick, and only asked about why there is no other."""
    return _succeeds(lambda: resolve(question, store=ask.store, host=ask.host))


def _succeeds(resolve_it: Callable[[], Answer]) -> bool:
    try:
        resolve_it()
    except ResolveError:
        return False
    return True


def _conflict(
    error: ResolveError, question: Question, requirements: Requirements, provided: Mapping[str, Provided], ask: Ask
) -> ResolveError:
    """The error that names what the function asks for, what the layer holds, and what it was asked for."""
    name = _culprit(error, question, provided, ask)
    pinned, layer = _pinned(question, {name: provided[name]}), provided[name].layer
    asking = _asker(
        name, asked_for_directly(requirements), lambda line: not _can_be_met(_about(line, pinned, requirements), ask)
    )
    of_layer = requirements_of(layer, ask.project.folder)
    in_layer = replace(question, folder=of_layer.folder, constraints="")
    asking_there = _asker(
        name,
        asked_for_directly(of_layer),
        lambda line: name in _names(_about(line, in_layer, of_layer), ask),
    )
    return ResolveError(
        f"`{ask.wanted.name}` and its layer `{layer.name}` can't share `{name}`: `{ask.wanted.name}` asks for "
        f"{asking}, and the layer, which asks for {asking_there}, holds {name} {provided[name].version}",
        hint=f"change one of the two, or leave `{name}` out of the layer (`exclude-packages`)",
        details=error.details,
    )


def _culprit(error: ResolveError, question: Question, provided: Mapping[str, Provided], ask: Ask) -> str:
    """The package whose version in a layer is in the way; where only several together are, the first that is named."""
    text = " ".join([error.message, *error.details])
    said = {normalised(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*[A-Za-z0-9]|[A-Za-z0-9]", text)}
    named = [name for name in provided if name in said] or list(provided)
    alone = (name for name in named if not _can_be_met(_pinned(question, {name: provided[name]}), ask))
    return next(alone, named[0])


def _asker(name: str, lines: Iterable[Line], is_guilty: _Test) -> str:
    """The requirement that asks for the package: that of its own name, else the first that brings it along."""
    found = next(_askers(name, list(lines), is_guilty), None)
    return f"`{redacted(found)}`" if found else "something that needs it"


def _askers(name: str, lines: list[Line], is_guilty: _Test) -> Iterator[str]:
    yield from (line.value for line in lines if name_of(line) == name)
    yield from (line.value for line in lines if is_guilty(line))


def _about(line: Line, question: Question, requirements: Requirements) -> Question:
    """The question for one requirement with all that it needs."""
    alone = question.about(str(line) if line.option else line.value)
    indexes = index_lines(all_lines(requirements))
    return replace(
        alone, text=f"{indexes}\n{alone.text.strip()}", constraints=question.constraints, options=question.options
    )


def _names(question: Question, ask: Ask) -> set[str]:
    try:
        answer = resolve(question, store=ask.store, host=ask.host)
    except ResolveError:
        return set()
    return {package["name"] for package in answer.document.get("packages", ())}
