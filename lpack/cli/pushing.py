"""``lpack build --push``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..build import Outcome
from ..config import Function, Project
from ..errors import LpackError, UsageError
from ..locks import Part, understood
from ..pushing import Destination, Pushed, destination_of, open_registries, push_artifact
from ..sizes import shown
from .output import Output
from .session import Session


def destination(project: Project, parts: Sequence[Part], repository: str | None) -> Destination:
    """Where the images among the parts go; UsageError when there are none, or nobody says where."""
    images = [part.name for part in parts if isinstance(part, Function) and part.image]
    if not images:
        fact = "`--push` sends images, and none of what is to be built is one"
        raise UsageError(fact, hint='an image is made of a function with `package = "image"`')
    named = repository or project.publish.repository
    if not named:
        hint = "name one: `--repository localhost:5000/shop`, or `repository` in `[publish]`"
        raise UsageError("nobody says to which repository", hint=hint)
    found = destination_of(named)
    if found.tag and images[1:]:
        fact = f"`{named}` has a tag, and {len(images)} images are to be pushed"
        raise UsageError(fact, hint="leave out the tag: each image gets its function's name, or name one function")
    for name in images:
        found.tag_for(name)
    return found


def push_built(
    session: Session, outcomes: Sequence[Outcome], to: Destination
) -> tuple[list[Outcome], dict[str, Pushed]]:
    """Push the images among the outcomes; the outcomes with what went wrong, and by name what was pushed."""
    results: list[Outcome] = []
    pushed: dict[str, Pushed] = {}
    with session.reporting() as reporter, open_registries(session.host, reporter) as registries:
        for outcome in outcomes:
            error = outcome.error
            if outcome.record and outcome.record.image and not error:
                try:
                    tags = [to.tag_for(outcome.name)]
                    image = outcome.record.image
                    pushed[outcome.name] = push_artifact(
                        outcome.artifact, image, to.repository, tags, registries=registries
                    )
                except (LpackError, OSError) as failure:
                    error = understood(failure)
            results.append(replace(outcome, error=error))
    return results, pushed


def print_pushed(output: Output, name: str, pushed: Pushed) -> None:
    """Where an image is now, and what that took."""
    sent = shown(pushed.uploaded) if pushed.uploaded else "nothing"
    mounted = f", {shown(pushed.mounted)} from another repository there" if pushed.mounted else ""
    output.remark(f"{name}: sent {sent} of {shown(pushed.size)}{mounted}")
    output.result(str(pushed.reference))


def pushed_document(pushed: Pushed | None) -> dict[str, Any] | None:
    """A push, for --json."""
    if pushed is None:
        return None
    return {
        "reference": str(pushed.reference),
        "repository": str(pushed.reference.repository),
        "tag": pushed.reference.tag,
        "digest": pushed.digest,
        "size": pushed.size,
        "uploaded": pushed.uploaded,
        "mounted": pushed.mounted,
    }
