"""Making a lock: what the resolver is asked for each target, and what of its answers is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ...model import Target
from .. import Ask
from .asked import Sources
from .hashes import allowed_hashes, only_allowed
from .layered import resolve_beside_layers
from .locking import write_lock
from .own_lock import Resolved, own_lock, part_for
from .pyproject import is_dynamic, project_name
from .requirement_lines import Line, index_lines, one_file
from .requirements import Requirements
from .uv import Answer, Question

_THEY = "the requirements"


class Asked(NamedTuple):
    """The requirements, all of their lines, where those lead, and the targets that they are to be met for."""

    requirements: Requirements
    lines: tuple[Line, ...]
    sources: Sources
    targets: tuple[Target, ...]


def new_lock(asked: Asked, ask: Ask, *, existing: Mapping[str, Any] | None, fingerprint: str) -> dict[str, Any]:
    """The lock that meets the requirements, with the pins of an ``existing`` one where they fit.

    ResolveError when they can't be met.
    """
    requirements, lines, sources, targets = asked
    question = _question(requirements, lines, sources, ask)
    allowed = allowed_hashes(lines)
    resolved = []
    for target in targets:
        answer = _answer(question, target, ask, requirements, existing)
        resolved.append(Resolved(target, answer._replace(document=only_allowed(answer.document, allowed, _THEY))))
    return own_lock(
        resolved,
        folder=ask.project.folder,
        fingerprint=fingerprint,
        provided=ask.provided.keys(),
        without=requirements.folder if requirements.kind == "pyproject" else None,
    )


def _answer(
    question: Question, target: Target, ask: Ask, requirements: Requirements, existing: Mapping[str, Any] | None
) -> Answer:
    """What the resolver answers for a target."""
    with ask.store.temporary_folder() as folder:
        question = replace(question, target=target)
        if existing:
            preferred = folder / "pylock.toml"
            write_lock(preferred, part_for(existing, target))
            question = replace(question, preferred=preferred)
        return resolve_beside_layers(question, requirements, ask)


def _question(requirements: Requirements, lines: tuple[Line, ...], sources: Sources, ask: Ask) -> Question:
    """The requirements as uv takes them."""
    question = Question(
        f"`{ask.wanted.name}`",
        requirements.folder,
        ask.wanted.targets[0],
        indexes=index_lines(lines),
        from_source=sources.built,
        # uv reads all of pip's options but this one from a requirements file.
        options=("--prerelease=allow",) if any(line.option == "--pre" for line in lines) else (),
    )
    groups = tuple(f"--group={group}" for group in requirements.groups)
    if requirements.kind == "groups":
        return replace(question, arguments=groups)
    if requirements.file is None or sources.nameless:
        # uv looks into a folder without a name only when it is to be installed as editable.
        text, constraints = one_file(lines)
        return replace(question, text=text, constraints=constraints)
    if requirements.kind == "pyproject" and is_dynamic(requirements.folder, extras=bool(requirements.extras)):
        # The same is true of a project whose dependencies only its build backend knows.
        built = sources.built | {project_name(requirements.folder) or ""}
        return replace(question, text=f"-e .[{','.join(requirements.extras)}]", arguments=groups, from_source=built)
    extras = (f"--extra={extra}" for extra in requirements.extras)
    return replace(question, arguments=(requirements.file.name, *extras, *groups))
