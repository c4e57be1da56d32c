"""What work is done with: the store, the machine, and whom to tell about it."""

from __future__ import annotations

from typing import NamedTuple

from .model import Host, Reporter
from .store import Store


class Means(NamedTuple):
    """The store that things are kept in, the machine they are made on, and the Reporter that is told."""

    store: Store
    host: Host
    reporter: Reporter
