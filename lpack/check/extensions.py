"""Python extension modules whose file names say that they are for another Python: Python does not see such files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..model import Finding, Severity, Target
from ..tree import Tree
from .binaries import Binary, by_package
from .subject import Subject
from .wording import details, owner

# "foo.cpython-313-x86_64-linux-gnu.so", "foo.cpython-313t-…", "foo.pypy310-pp73-…", "foo.graalpy250-…".
# Sources: https://peps.python.org/pep-3149/ and sysconfig's EXT_SUFFIX.
_SUFFIX = re.compile(r"(?P<module>.+?)\.(?P<tag>(cpython|pypy|graalpy)-?\d[^.]*)\.so")
_IMPORTABLE = (".abi3.so", ".so", ".py", ".pyc", "/__init__.py", "/__init__.pyc")


def is_for_another_python(binary: Binary, target: Target) -> bool:
    """Whether the file's name keeps the target's Python from importing it."""
    match = _SUFFIX.fullmatch(binary.path)
    return target.runtime.family == "python" and match is not None and match["tag"] != _tag(target)


def check_extensions(
    tree: Tree, others: Sequence[Binary], subject: Subject, version_of: Mapping[str, str]
) -> list[Finding]:
    """An error for each package with modules that are there for other Pythons alone, in no form for the target's."""
    expected = _tag(subject.target)
    lost = [binary for binary in others if not _is_there(binary, expected, tree)]
    return [
        Finding(
            Severity.ERROR,
            "python-extension",
            f"{owner(package, version_of)} has {_modules(len(group))} for another Python, and none for "
            f"`{subject.target.runtime}`",
            hint=f"install it for {subject.target}: what Python imports there ends with `.{expected}.so`",
            details=details([each.path for each in group]),
        )
        for package, group in by_package(lost).items()
    ]


def _tag(target: Target) -> str:
    """What stands between an extension module's name and ".so", as in `cpython-313-aarch64-linux-gnu`."""
    return f"cpython-{target.runtime.version.replace('.', '')}-{target.architecture.machine}-linux-gnu"


def _is_there(binary: Binary, expected: str, tree: Tree) -> bool:
    module = _SUFFIX.sub(r"\g<module>", binary.path)
    return any(f"{module}{suffix}" in tree.by_path for suffix in (f".{expected}.so", *_IMPORTABLE))


def _modules(number: int) -> str:
    return "an extension module" if number == 1 else f"{number} extension modules"
