"""AWS's Runtime Interface Emulator: out of the wheel of AWS's SAM command line, pinned, or the user's own.

Source: https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

from __future__ import annotations

import os
from pathlib import Path

from ..aws.architectures import Architecture
from ..aws.runtimes import RUNTIMES
from ..errors import UsageError
from ..means import Means
from ..model import Target
from ..store import Store, damaged

_WHEEL = "aws-sam-cli==1.170.0 --hash=sha256:24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf"
_MEMBER = "samcli/local/rapid/aws-lambda-rie-{}"
_SHA256 = {
    "x86_64": "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    "arm64": "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
}
_KIND = "rie"
_NAME = "aws-lambda-rie"
VARIABLE = "LPACK_RIE"

_PYTHON = "python3.13"
"""The wheel fits every Python and machine; its index has to be asked for some."""


def rie_program(architecture: Architecture, given: Path | None, means: Means) -> Path:
    """The emulator's program for the architecture: ``given``, or LPACK_RIE, or AWS's, which is fetched once.

    UsageError for a given one that can't be run, ResolveError when it can't be had.
    """
    store, host, _ = means
    own = given or (Path(host.environ[VARIABLE]) if host.environ.get(VARIABLE) else None)
    if own:
        return _own(own)
    digest = bytes.fromhex(_SHA256[architecture.name])
    program = _kept(digest, store)
    if program is None:
        with store.lock(digest.hex()):  # where several wait, the first one fetches for all
            program = _kept(digest, store) or _fetched(architecture, digest, means)
    return program


def _kept(digest: bytes, store: Store) -> Path | None:
    program = store.find(_KIND, digest, _NAME)
    return None if program is None or damaged(program, digest) else program


def _own(program: Path) -> Path:
    if not program.is_file() or not os.access(program, os.X_OK):
        fact = "can't be executed" if program.is_file() else "does not exist"
        raise UsageError(f"`{program}`, given as the emulator, {fact}", hint=f"correct `--rie` or {VARIABLE}")
    return program.absolute()


def _fetched(architecture: Architecture, digest: bytes, means: Means) -> Path:
    from ..ecosystems.python.pinned import pinned_wheels

    store, _, reporter = means
    reporter.note("getting AWS's Runtime Interface Emulator, once")
    target = Target(RUNTIMES[_PYTHON], architecture)
    (wheel,) = pinned_wheels(_WHEEL, target, means, subject="AWS's Runtime Interface Emulator")
    member = next(entry for entry in wheel.entries if entry.path == _MEMBER.format(architecture))
    with store.temporary_folder() as folder:
        program = folder / _NAME
        try:
            with program.open("wb") as file:
                file.writelines(member.source.chunks())
            program.chmod(0o755)
        except OSError as error:
            raise store.unusable(error, "written") from error
        return store.keep(_KIND, digest, _NAME, program)
