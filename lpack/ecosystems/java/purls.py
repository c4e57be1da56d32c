"""Package URLs of what Maven knows.

Source: https://github.com/package-url/purl-spec/blob/main/types-doc/maven-definition.md
"""

from __future__ import annotations

from urllib.parse import quote


def purl_of(group: str, artifact: str, version: str, classifier: str = "") -> str:
    """The package's URL."""
    address = f"pkg:maven/{quote(group, safe='.')}/{quote(artifact, safe='.')}@{quote(version, safe='.')}"
    return f"{address}?classifier={quote(classifier, safe='.')}" if classifier else address
