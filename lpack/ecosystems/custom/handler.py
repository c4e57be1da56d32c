"""Whether the `bootstrap` can be started: Lambda runs it, and what the handler is called is its own affair.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
"""

from __future__ import annotations

import posixpath

from ...model import Finding, Severity, Target
from ...store import Store
from ...tree import LINK, Entry, Tree
from .origin import BOOTSTRAP

_CHECK = "handler"
_ELF = b"\x7fELF"
_MARK = b"\xef\xbb\xbf"
_LONGEST_SCRIPT = 1 << 20
_MOST_LINKS = 40

_OTHER_SYSTEMS = {
    b"MZ": "Windows",
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
}
"""How programs for other systems begin."""

_SHELLS = ("sh", "bash")
_FOLDERS_OF_SHELLS = ("/bin", "/usr/bin")
_OF_FUNCTION, _OF_LAYERS = "/var/task/", "/opt/"


def check_handler(tree: Tree, handler: str, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the handler is any text
    """The findings about the `bootstrap` at the root of a function or layer."""
    entry = _behind_links(tree, BOOTSTRAP)
    if entry is None:
        return [_nowhere(tree)]
    start = entry.read() if entry.source.size <= _LONGEST_SCRIPT else next(iter(entry.source.chunks()), b"")
    if start.startswith(_ELF):
        return []  # of which the checks of native code know more
    if start.startswith(b"#!"):
        return _about_script(start, tree, target)
    return [_no_program(start)]


def _behind_links(tree: Tree, path: str) -> Entry | None:
    """The file at the path, or where a link there leads to."""
    for _ in range(_MOST_LINKS):
        entry = tree.by_path.get(path)
        if entry is None or entry.mode != LINK:
            return entry
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.read().decode("utf-8", "replace")))
    return None


def _nowhere(tree: Tree) -> Finding:
    elsewhere = [entry.path for entry in tree if posixpath.basename(entry.path) == BOOTSTRAP]
    hint = (
        "put a program or script of that name into the source, or go.mod, Cargo.toml or CMakeLists.txt to build it "
        "from; name another with `artifact`, or use a layer that has one"
    )
    if elsewhere:
        hint = f"`{elsewhere[0]}` is there: let `source` be its folder, or name it with `artifact`"
    return _error(f"`{BOOTSTRAP}`, which Lambda starts, was not found at the root of the artifact", hint)


def _about_script(script: bytes, tree: Tree, target: Target) -> list[Finding]:
    first, _, rest = script.partition(b"\n")
    if first.endswith(b"\r") or b"\r\n" in rest:
        hint = "save it with the line ends of Linux: `sed -i 's/\\r$//' bootstrap`; for git, write `bootstrap eol=lf` "
        return [
            _error(f"`{BOOTSTRAP}` has the line ends of Windows, so Lambda can't run it", f"{hint}to .gitattributes")
        ]
    words = first[2:].decode("utf-8", "replace").split()
    if not words:
        return [_error(f"`{BOOTSTRAP}` does not say what runs it", "begin it with `#!/bin/sh`")]
    if _is_there(words, tree):
        return []
    system = target.runtime.system.name
    message = f"`{BOOTSTRAP}` is run by `{' '.join(words)}`, which {system} has not by itself"
    hint = "use /bin/sh or /bin/bash, or bring the interpreter along and begin with its place in /var/task or /opt"
    return [Finding(Severity.WARNING, _CHECK, message, hint)]


def _is_there(words: list[str], tree: Tree) -> bool:
    """Whether the interpreter is Amazon Linux's, or can be one that the function or a layer brings."""
    place = posixpath.normpath(words[0])
    if place == "/usr/bin/env" and words[1:]:
        return words[1] in _SHELLS
    folder, _, name = place.rpartition("/")
    if folder in _FOLDERS_OF_SHELLS and name in _SHELLS:
        return True
    if place.startswith(_OF_FUNCTION):
        return _behind_links(tree, place.removeprefix(_OF_FUNCTION)) is not None
    return place.startswith(_OF_LAYERS)


def _no_program(start: bytes) -> Finding:
    system = next((name for magic, name in _OTHER_SYSTEMS.items() if start.startswith(magic)), None)
    if system:
        return _error(f"`{BOOTSTRAP}` is a program for {system}, and Lambda runs Linux", "build it for Linux")
    if start.startswith(_MARK + b"#!"):
        hint = "save the script as UTF-8 without one"
        return _error(f"`{BOOTSTRAP}` begins with a byte order mark, which keeps Lambda from running it", hint)
    if not start:
        return _error(f"`{BOOTSTRAP}` is empty", None)
    return _error(f"`{BOOTSTRAP}` is neither a program for Linux nor a script", "begin a script with `#!/bin/sh`")


def _error(message: str, hint: str | None) -> Finding:
    return Finding(Severity.ERROR, _CHECK, message, hint)
