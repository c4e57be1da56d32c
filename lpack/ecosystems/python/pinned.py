"""Wheels that lpack itself needs: pinned by version and hash, had from the user's own index, kept in the store."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ...config import Dependencies, Project
from ...download import Credential
from ...means import Means
from ...model import Host, Target
from ...store import Store
from .. import Ask
from .distributions import WHEELS, wheels_of
from .hashes import allowed_hashes, only_allowed
from .index_credentials import credentials
from .requirement_lines import lines_in
from .requirements import Requirements
from .resolving import resolve
from .selection import Choice, Distribution, Lock, select
from .uv import Question
from .wheels import Wheel

_NOTE = "pinned-1"


def pinned_wheels(text: str, target: Target, means: Means, *, subject: str) -> tuple[Wheel, ...]:
    """The wheels for the target of requirements that are all pinned, with hashes; called ``subject`` in messages.

    The index is asked once: afterwards the store has them.
    """
    store, host, reporter = means
    key = hashlib.sha256(json.dumps([text, str(target)]).encode()).hexdigest()
    ask = Ask(Dependencies(name=subject, targets=(target,)), _nobodys_project(store), store, host, reporter, {})
    noted = store.note(_NOTE, key)
    if noted:
        found = [
            Distribution("wheel", name, version, "", bytes.fromhex(sha), file) for name, version, sha, file in noted
        ]
        if all(store.find(WHEELS, each.sha256, each.file_name) for each in found):
            return wheels_of(found, ask, target)
    lines = lines_in(text, store.folder)
    question = Question(subject, Path.cwd(), target, text=text, options=("--no-deps",))
    document = only_allowed(resolve(question, store=store, host=host).document, allowed_hashes(lines), subject)
    found = list(select(Lock(document, Path.cwd(), subject), target, Choice(), store))
    wheels = wheels_of(found, ask, target, credentials=_logins(host))
    store.make_note(_NOTE, key, [[each.name, each.version, each.sha256.hex(), each.file_name] for each in found])
    return wheels


def _nobodys_project(store: Store) -> Project:
    return Project(store.folder, store.folder / "lpack.toml", ())


def _logins(host: Host) -> tuple[Credential, ...]:
    """What the user's settings say of indexes; no requirements of a project are looked at."""
    return credentials(Requirements("list", Path.cwd()), host.environ)
