"""Which of several images is the one for a platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import UsageError
from .manifest import Descriptor, Index, Platform


def choose(index: Index, wanted: Platform | None, subject: str) -> Descriptor:
    """The image of an index for a platform; without one, the only image that it has.

    UsageError that tells what there is when there is none, or too many.
    """
    there = [
        (descriptor, platform) for descriptor, platform in index.manifests if platform and platform.os != "unknown"
    ]
    if wanted is not None:
        for descriptor, platform in there:
            if is_for(platform, wanted):
                return descriptor
    elif len(there) == 1:
        return there[0][0]
    raise none_for(wanted, [platform for _, platform in there], subject)


def is_for(platform: Platform, wanted: Platform) -> bool:
    """Whether an image for ``platform`` runs on the wanted one; v8 is what all 64-bit Arm processors are."""
    same = (platform.os, platform.architecture) == (wanted.os, wanted.architecture)
    return same and platform.variant in {"", "v8", wanted.variant}


def none_for(wanted: Platform | None, there: Sequence[Platform], subject: str) -> UsageError:
    """What to say when the platform can't be chosen."""
    names = listed(there)
    if not there:
        return UsageError(f"{subject} has no images", hint="name another image")
    if wanted is None:
        return UsageError(f"{subject} has images for {names}", hint="say which one with --architecture")
    return UsageError(
        f"{subject} has no image for {wanted}",
        hint=f"it has {names}: name another image, or change `architecture`",
    )


def listed(platforms: Iterable[Platform]) -> str:
    """The platforms, for messages."""
    names = list(dict.fromkeys(map(str, platforms)))
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else "".join(names)
