"""A way into a sandbox without a network: sockets that are made in its network namespace, and used outside of it."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import LpackError
from ..processes import running

_ENTER = """\
import array, ctypes, fcntl, os, socket, sys

NS_GET_USERNS = 0xB701  # <linux/nsfs.h>: whose namespace the network is, and who may enter it
network = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
owner = fcntl.ioctl(network, NS_GET_USERNS)
libc = ctypes.CDLL(None, use_errno=True)
ours = os.path.samestat(os.fstat(owner), os.stat("/proc/self/ns/user"))
for namespace in (network,) if ours else (owner, network):
    if libc.setns(namespace, 0):
        sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
door = socket.socket(fileno=int(sys.argv[2]))
while door.recv(1):
    made = socket.socket()
    door.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [made.fileno()]))])
    made.close()
"""
"""A socket belongs for ever to the network namespace in which it was made, whoever connects it. This makes some there.

It is a program of its own, as a process with several threads can't enter the namespace of another user.
"""


class Door:
    """Makes sockets inside of a network namespace."""

    def __init__(self, ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self._process = process

    def new_socket(self) -> socket.socket:
        """A socket that is not connected yet."""
        number = array.array("i")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._ours.sendall(b".")
            _, ancillary, _, _ = self._ours.recvmsg(1, socket.CMSG_SPACE(number.itemsize))
            for _, _, data in ancillary:
                number.frombytes(data[: number.itemsize])
        if not number:
            said = self._process.stderr.read().decode(errors="replace").strip() if self._process.stderr else ""
            raise LpackError("the sandbox's network can't be entered", details=said.splitlines())
        return socket.socket(fileno=number[0])


@contextlib.contextmanager
def door_to(process: int) -> Iterator[Door]:
    """A door to the network namespace of the process."""
    ours, theirs = socket.socketpair()
    with ours, contextlib.ExitStack() as stack:
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-I", "-S", "-c", _ENTER, str(process), str(number)]
            entered = stack.enter_context(
                running(command, folder=Path("/"), environ={}, pass_fds=(number,), stdout=subprocess.DEVNULL)
            )
        yield Door(ours, entered)


def loopback_address() -> str:
    """An address of this machine's own loopback, of 16 million, that hardly anybody else will use at the same time."""
    high, middle, low = os.urandom(3)
    return f"127.{1 + high % 254}.{middle}.{1 + low % 254}"
