"""The sizes that Lambda allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..aws.limits import DIRECT_UPLOAD_BYTES, UNZIPPED_BYTES
from ..model import Finding, Package, Severity
from ..sizes import shown
from ..tree import Tree
from .subject import Subject
from .wording import MOST_DETAILS, versions


def check_limits(tree: Tree, subject: Subject, packages: Sequence[Package]) -> list[Finding]:
    """An error, with what takes most, when the artifact is too large unzipped."""
    # Lambda says "must be smaller than", and nobody has tried exactly that many bytes: a byte less is always possible,
    # a deployment that fails is not what was asked for.
    if tree.size < UNZIPPED_BYTES:
        return []
    message = (
        f"`{subject.name}` is {tree.size:,} bytes unzipped ({shown(tree.size)}), and Lambda takes less than "
        f"{UNZIPPED_BYTES:,} bytes ({shown(UNZIPPED_BYTES)})"
    )
    hint = "leave out what it does not need: packages with `exclude-packages`, files with `exclude`"
    return [Finding(Severity.ERROR, "unzipped-size", message, hint, _biggest(tree, packages))]


def check_upload(name: str, zip_size: int) -> list[Finding]:
    """A note when an artifact of ``zip_size`` bytes is too large to be uploaded in the request itself."""
    if zip_size <= DIRECT_UPLOAD_BYTES:
        return []
    message = (
        f"`{name}` is {shown(zip_size)} zipped: more than {shown(DIRECT_UPLOAD_BYTES)} can't be uploaded to Lambda "
        "directly, so it goes by S3"
    )
    return [Finding(Severity.NOTE, "direct-upload", message)]


def _biggest(tree: Tree, packages: Sequence[Package]) -> tuple[str, ...]:
    """The packages that take most, one line each; all files without a package are one of them."""
    sizes: Counter[str] = Counter()
    for entry in tree:
        sizes[entry.package] += entry.source.size
    version_of = versions(packages)
    rows = [
        (f"{package} {version_of.get(package, '')}".strip() or "your own files", shown(size))
        for package, size in sizes.most_common(MOST_DETAILS)
    ]
    width = max((len(label) for label, _ in rows), default=0)
    return tuple(f"{label:<{width}}  {size:>9}" for label, size in rows)
