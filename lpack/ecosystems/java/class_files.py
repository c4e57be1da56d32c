"""Class files: what a class is called, what it extends, and which methods it has.

Source: https://docs.oracle.com/javase/specs/jvms/se25/html/jvms-4.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import InputError

MAGIC = b"\xca\xfe\xba\xbe"

PUBLIC = 0x0001
STATIC = 0x0008
INTERFACE = 0x0200
ABSTRACT = 0x0400
_BRIDGE_OR_SYNTHETIC = 0x0040 | 0x1000

_UTF8 = 1
_CLASS = 7
_LENGTHS = {
    **dict.fromkeys((_CLASS, 8, 16, 19, 20), 2),
    15: 3,
    **dict.fromkeys((3, 4, 9, 10, 11, 12, 17, 18), 4),
    **dict.fromkeys((5, 6), 8),
}
"""How many bytes follow the tag of each kind of constant, strings excepted."""

_TWO_PLACES = {5, 6}
"""Constants of eight bytes (long, double) count as two."""

_OLDEST = 45
"""The major version of Java 1.1's class files; Java n has n + 44."""


class Method(NamedTuple):
    """A method: its name, its descriptor ("()V" takes nothing and returns nothing), and its access flags."""

    name: str
    descriptor: str
    flags: int

    @property
    def is_written(self) -> bool:
        """Whether a person wrote it: compilers add bridges and others of their own."""
        return not self.flags & _BRIDGE_OR_SYNTHETIC


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A class or interface; names have slashes, ``superclass`` is "" for java/lang/Object and modules."""

    java: int
    name: str
    superclass: str
    interfaces: tuple[str, ...]
    flags: int
    methods: tuple[Method, ...]


def java_version(start: bytes) -> int | None:
    """The Java release that a class file's first eight bytes ask for; None when they are not those of a class file."""
    if len(start) < 8 or not start.startswith(MAGIC):
        return None
    major = int.from_bytes(start[6:8], "big")
    return major - 44 if major >= _OLDEST else None


def read_class(data: bytes) -> ClassFile:
    """The class in a class file; InputError when it is none, or a broken one."""
    java = java_version(data[:8])
    if java is None:
        raise InputError("it is not a class file")
    reader = _Reader(data, 8)
    constants = _constants(reader)
    flags = reader.number(2)
    name = _class_name(constants, reader.number(2))
    superclass = reader.number(2)
    interfaces = [_class_name(constants, reader.number(2)) for _ in range(reader.number(2))]
    _members(reader, constants)  # the fields
    methods = _members(reader, constants)
    return ClassFile(
        java=java,
        name=name,
        superclass=_class_name(constants, superclass) if superclass else "",
        interfaces=tuple(interfaces),
        flags=flags,
        methods=tuple(methods),
    )


@dataclass(slots=True)
class _Reader:
    """Reads numbers, of the most significant byte first, one after another."""

    data: bytes
    position: int

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise InputError("it is cut off")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")


def _constants(reader: _Reader) -> Mapping[int, Any]:
    """The strings of the constant pool, and for each class the number of its name's string."""
    found: dict[int, Any] = {}
    count = reader.number(2)
    number = 1
    while number < count:
        tag = reader.number(1)
        if tag == _UTF8:
            found[number] = _text(reader.take(reader.number(2)))
        elif tag in _LENGTHS:
            value = reader.take(_LENGTHS[tag])
            if tag == _CLASS:
                found[number] = int.from_bytes(value, "big")
        else:
            raise InputError(f"it holds a constant of the unknown kind {tag}")
        number += 2 if tag in _TWO_PLACES else 1
    return found


def _text(data: bytes) -> str:
    """A string in the class file's own kind of UTF-8: a zero takes two bytes, and surrogates stand by themselves."""
    try:
        return data.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputError("it holds a string that is not UTF-8") from error


def _string(constants: Mapping[int, Any], number: int) -> str:
    value = constants.get(number)
    if not isinstance(value, str):
        raise InputError(f"its constant {number} should be a string")
    return value


def _class_name(constants: Mapping[int, Any], number: int) -> str:
    value = constants.get(number)
    if not isinstance(value, int):
        raise InputError(f"its constant {number} should be a class")
    return _string(constants, value)


def _members(reader: _Reader, constants: Mapping[int, Any]) -> list[Method]:
    """The fields or methods, which are written alike."""
    members = []
    for _ in range(reader.number(2)):
        flags = reader.number(2)
        name = _string(constants, reader.number(2))
        descriptor = _string(constants, reader.number(2))
        for _ in range(reader.number(2)):
            reader.take(2)
            reader.take(reader.number(4))
        members.append(Method(name, descriptor, flags))
    return members
