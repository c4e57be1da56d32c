"""What would make an artifact smaller, with figures from that very artifact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..aws.runtimes import Family
from ..model import Package
from ..sizes import shown
from ..tree import Tree
from ..weights import with_owners
from .wording import quoted

_TEST_FOLDERS = ("tests", "test")

_FOR_DEVELOPERS = (
    ("type stubs", (".pyi",)),
    ("C and C++ headers", (".h", ".hpp", ".hxx", ".cuh")),
    ("static libraries", (".a",)),
    ("Cython sources", (".pyx", ".pxd")),
)
"""Files of packages that nothing reads when a function runs, by the ends of their names."""

_PYTHON_SDK = ("boto3", "botocore", "s3transfer", "jmespath")
"""In all of Lambda's Python runtimes.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

_SERVICES = "botocore/data/"
"""Where botocore has a folder for each AWS service."""

_KEPT_SERVICE = "s3"
"""The service that stands for those that a function uses."""

_NODE_SDK = re.compile(r"(.*/)?node_modules/(@aws-sdk|@smithy)/.*")
"""In all of Lambda's Node.js runtimes since 18: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html"""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Part(NamedTuple):
    """A function's own artifact, or one of its layers; ``label`` is what messages call it."""

    label: str
    tree: Tree
    packages: Sequence[Package]


class _File(NamedTuple):
    """A file of a package, with its path where packages are installed, its size in bytes."""

    package: str
    path: str
    size: int


class _Tip(NamedTuple):
    """What could be done, and how many bytes it saves."""

    saves: int
    text: str


def advice(parts: Sequence[Part], family: Family, *, worth: int) -> tuple[str, ...]:
    """What can be left out of the parts, what saves most first; nothing that saves less than ``worth`` bytes."""
    tips = [
        tip._replace(text=f"{part.label}: {tip.text}" if parts[1:] else tip.text)
        for part in parts
        for tip in _tips(part, family)
        if tip.saves and tip.saves >= worth
    ]
    return tuple(tip.text for tip in sorted(tips, key=lambda tip: -tip.saves))


def _tips(part: Part, family: Family) -> Iterator[_Tip]:
    files = [
        _File(package.name, entry.path.removeprefix(f"{package.root}/"), entry.source.size)
        for package, entry in with_owners(part.tree, part.packages)
        if package
    ]
    for folder in _TEST_FOLDERS:
        inside = [file for file in files if f"/{folder}/" in f"/{file.path}"]
        yield _trim(f"`{folder}` folders", inside, [f"**/{folder}/"])
    for label, suffixes in _FOR_DEVELOPERS:
        found = [file for file in files if file.path.endswith(suffixes)]
        there = [suffix for suffix in suffixes if any(file.path.endswith(suffix) for file in found)]
        yield _trim(label, found, [f"**/*{suffix}" for suffix in there])
    if family == "python":
        yield from _python_sdk(files)
        yield _services(files)
    if family == "nodejs":
        yield _node_sdk(part.tree)


def _trim(what: str, files: Sequence[_File], patterns: Iterable[str]) -> _Tip:
    sizes = _by_package(files)
    package = next(iter(sizes)) if len(sizes) == 1 else "*"
    listed = ", ".join(f'"{pattern}"' for pattern in patterns)
    total = sizes.total()
    return _Tip(total, f"{what} take {shown(total)} ({_most(sizes)}): `trim = {{ {_key(package)} = [{listed}] }}`")


def _by_package(files: Iterable[_File]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for file in files:
        sizes[file.package] += file.size
    return sizes


def _most(sizes: Counter[str], most: int = 3) -> str:
    named = [f"{package} {shown(size)}" for package, size in sizes.most_common(most)]
    more = len(sizes) - most
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _key(package: str) -> str:
    return package if _BARE_KEY.fullmatch(package) else f'"{package}"'


def _python_sdk(files: Iterable[_File]) -> Iterator[_Tip]:
    sizes = _by_package(file for file in files if file.package in _PYTHON_SDK)
    names = [name for name in _PYTHON_SDK if name in sizes]
    if not names:
        return
    listed = ", ".join(f'"{name}"' for name in names)
    yield _Tip(
        sizes.total(),
        f"Lambda's Python runtimes have {quoted(names)} already, which take {shown(sizes.total())}: "
        f"`exclude-packages = [{listed}]`; then their version is AWS's, and changes with time",
    )


def _services(files: Iterable[_File]) -> _Tip:
    kept = f"{_SERVICES}{_KEPT_SERVICE}/"
    unused = [
        file.size
        for file in files
        # A file right in the folder is about all services.
        if file.path.startswith(_SERVICES) and "/" in file.path[len(_SERVICES) :] and not file.path.startswith(kept)
    ]
    return _Tip(
        sum(unused),
        f"botocore's descriptions of AWS services other than S3 take {shown(sum(unused))}; to keep only those in use, "
        f'S3 for example: `trim = {{ botocore = ["{_SERVICES}*/", "!{kept}"] }}`',
    )


def _node_sdk(tree: Tree) -> _Tip:
    total = sum(entry.source.size for entry in tree if _NODE_SDK.fullmatch(entry.path))
    return _Tip(
        total,
        f"Lambda's Node.js runtimes have the AWS SDK already, which takes {shown(total)}: leave out `@aws-sdk`; then "
        "its version is AWS's, and changes with time",
    )
