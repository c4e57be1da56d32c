"""Whatever the bytes are, the tar reader reads them or says why not: nothing else comes out."""

import contextlib
import io
import tarfile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lpack.archive.tar_reader import Streamed, read_members
from lpack.errors import UnsafeArchiveError


def _tar() -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a", "é" * 120):
            member = tarfile.TarInfo(name)
            member.size = 700
            archive.addfile(member, io.BytesIO(bytes(700)))
    return output.getvalue()[:8192]


TAR = _tar()


def read(data: bytes) -> None:
    with contextlib.suppress(UnsafeArchiveError):
        for member, contents in read_members(Streamed(iter([data]), "it", most=1 << 20), "it"):
            assert sum(map(len, contents)) == member.size


@given(st.binary(max_size=4096))
@example(TAR)
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    read(data)


@given(st.integers(0, len(TAR) - 1), st.binary(min_size=1, max_size=20), st.integers(0, len(TAR)))
@settings(max_examples=200, deadline=None)
def test_a_tar_with_other_bytes_in_it(place: int, other: bytes, end: int) -> None:
    changed = TAR[:place] + other + TAR[place + len(other) :]
    read(_with_checksums(changed))
    read(changed[:end])


def _with_checksums(data: bytes) -> bytes:
    """The tar with the checksum that its first header should have, so that more of it is looked at."""
    header = bytearray(data[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]
