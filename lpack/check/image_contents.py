"""What Lambda asks of the layers of a container image, and of the program that it starts with."""

from __future__ import annotations

from collections.abc import Iterable

from ..image.config import Execution
from ..image.kept_files import KeptFiles, problem_of_program
from ..model import Finding, Severity
from .wording import details, files, quoted


def check_contents(kept: KeptFiles, execution: Execution) -> list[Finding]:
    """Findings about how an image's files lie in its layers, and about the program that it starts with."""
    return [*_program(kept, execution), *_hard_links(kept), *_members(kept), *_folders(kept)]


def _program(kept: KeptFiles, execution: Execution) -> Iterable[Finding]:
    problem = problem_of_program(kept.files, execution)
    if problem:
        program = (*execution.entrypoint, *execution.cmd)[0]
        yield Finding(
            Severity.ERROR,
            "image-entry-point",
            f"the image starts with `{program}`, which {problem}",
            hint="correct ENTRYPOINT and CMD, or the program's place and mode (`chmod 755`)",
        )


def _hard_links(kept: KeptFiles) -> Iterable[Finding]:
    if kept.hard_links:
        count = "a hard link" if len(kept.hard_links) == 1 else f"{len(kept.hard_links)} hard links"
        yield Finding(
            Severity.WARNING,
            "image-hard-links",
            f"the image's layers have {count}, and Lambda has refused such layers (UnsupportedImageLayerDetected)",
            hint="copy the files instead: every entry of a layer's tar has to stand for itself",
            details=details(kept.hard_links),
        )


def _members(kept: KeptFiles) -> Iterable[Finding]:
    several = [number for number, members in enumerate(kept.gzip_members, start=1) if members > 1]
    if several:
        numbers = quoted(map(str, several))
        yield Finding(
            Severity.WARNING,
            "image-gzip-members",
            f"layer {numbers} of the image is several gzip files in a row, which nobody has seen Lambda take",
            hint="compress layers in one piece: eStargz and some parallel compressors don't",
        )


def _folders(kept: KeptFiles) -> Iterable[Finding]:
    folders = {folder for entry in kept.tree for folder in _above(entry.path)}
    closed = sorted(
        folder
        for folder in folders
        if (place := kept.files.placed.get(folder)) and place.member.kind == "folder" and not place.member.mode & 0o001
    )
    if closed:
        yield Finding(
            Severity.ERROR,
            "permissions",
            f"the image has {files(closed)} into which Lambda's user can't go",
            hint="give folders mode 755: `chmod -R a+rX`",
            details=details([f"{folder}: {kept.files.placed[folder].member.mode:04o}" for folder in closed]),
        )


def _above(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path
