"""aws-lambda-java-runtime-interface-client, from Maven Central.

Source: https://github.com/aws/aws-lambda-java-libs/tree/main/aws-lambda-java-runtime-interface-client
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..archive.zip_reader import read_directory
from ..download import Download, fetch
from ..means import Means
from ..tree import REGULAR, DiskFile, Entry, Tree
from . import FOLDER, Client

_CENTRAL = "https://repo1.maven.org/maven2"
_KIND = "jars"


class _Jar(NamedTuple):
    """A jar of Maven Central, and its SHA-256."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def download(self) -> Download:
        folder = f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}"
        return Download(f"{_CENTRAL}/{folder}/{self.file_name}", bytes.fromhex(self.sha256), self.file_name)


_CLIENT = _Jar(
    "com.amazonaws",
    "aws-lambda-java-runtime-interface-client",
    "2.10.1",
    "b0dd01f45b7258da0e32ade0bff950b12d0cf279ccebf416ad8c3795af21f1db",
)
_JARS = (
    _CLIENT,
    _Jar(
        "com.amazonaws",
        "aws-lambda-java-core",
        "1.4.0",
        "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
    ),
    _Jar(
        "com.amazonaws",
        "aws-lambda-java-serialization",
        "1.2.0",
        "1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
    ),
    _Jar(
        "software.amazon.awssdk",
        "utils-lite",
        "2.34.0",
        "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
    ),
)
_MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


def java_client(means: Means) -> Client:
    """The client, which is one for all versions of Java and both architectures."""
    store, host, reporter = means
    downloads = [jar.download for jar in _JARS]
    places = fetch(_KIND, downloads, store=store, host=host, reporter=reporter, admit=_admit)
    entries = [_entry(jar, places[bytes.fromhex(jar.sha256)]) for jar in _JARS]
    # Lambda's class path: its own jars, the function's classes and jars, then those of layers.
    folders = (f"{FOLDER}/*", "/var/task", "/var/task/lib/*", "/opt/java/lib/*")
    return Client(
        name=_CLIENT.artifact,
        version=_CLIENT.version,
        interpreter="java",
        arguments=("-cp", ":".join(folders), _MAIN),
        tree=Tree.of(entries),
    )


def _entry(jar: _Jar, place: Path) -> Entry:
    return Entry(jar.file_name, REGULAR, DiskFile(place, place.stat().st_size, bytes.fromhex(jar.sha256)))


def _admit(path: Path, download: Download) -> None:  # noqa: ARG001 -- its hash was checked
    """A jar is a zip that can be read."""
    read_directory(path)
