"""The programs that build others: where they are, and what to say when they are not there."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ToolError
from ..model import Host, Target

EXTRA = "native"
"""lpack's extra with zig and cargo-lambda: a hundred megabytes that only those need who compile."""

ZIG_EXTRA = "zig"
"""lpack's extra with zig alone."""

_COMPILER = """\
#!/bin/sh
# What this machine's processor can do, Lambda's need not.
for argument do
  shift
  case $argument in
    -march=native | -mtune=native | -mcpu=native) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec {command} "$@"
"""
_OTHER = '#!/bin/sh\nexec {command} "$@"\n'

_HOW_TO_GET = {
    "go": "install Go 1.21 or newer (https://go.dev/dl/)",
    "cargo": "install Rust with rustup (https://rustup.rs)",
    "rustc": "install Rust with rustup (https://rustup.rs)",
    "cargo-lambda": f"install lpack with it: `pip install 'lpack[{EXTRA}]'`",
    "cmake": "install it from your system's packages, or with `pip install cmake`",
    "zig": f"install lpack with it: `pip install 'lpack[{ZIG_EXTRA}]'`",
}


def find(program: str, host: Host) -> str | None:
    """The program's place; those that come as Python packages are taken from beside lpack first."""
    if program == "zig":
        package = importlib.util.find_spec("ziglang")
        if package and package.origin and (place := Path(package.origin).with_name(program)).is_file():
            return str(place)
    beside = shutil.which(program, path=sysconfig.get_path("scripts")) if program == "cargo-lambda" else None
    return beside or shutil.which(program, path=host.environ.get("PATH", ""))


def found(program: str, host: Host, *, needed_for: str) -> str:
    """The program's place; ToolError when it is missing."""
    place = find(program, host)
    if place is None:
        hint = _HOW_TO_GET.get(program, "install it, or write another command in `build`")
        raise ToolError(f"`{program}` is not installed, and {needed_for} needs it", hint=hint)
    return place


class Compilers(NamedTuple):
    """Programs that compile for the target, whatever the machine is."""

    cc: Path
    cxx: Path
    ar: Path
    ranlib: Path

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables by which most build systems are told about them."""
        return {"CC": str(self.cc), "CXX": str(self.cxx), "AR": str(self.ar), "RANLIB": str(self.ranlib)}


def compilers(folder: Path, zig: str, target: Target, options: Sequence[str] = ()) -> Compilers:
    """Put compilers for the target's machine and C library into the folder, which is made for them.

    ``options`` are for C and C++.
    """
    triple = f"{target.architecture.machine}-linux-gnu.{glibc(target)}"
    # Without an -O zig would add checks that end the program where they find fault with it. What a build says itself
    # comes later, and counts. The -s is also for the programs that try what the compiler can do: zig compiles its C++
    # library, for the better part of a minute, once for what is stripped and once for what is not.
    common = ("-target", triple, "-O2", "-s", "-fno-sanitize=undefined", *options)
    folder.mkdir()
    made = []
    for name, text, arguments in (
        ("cc", _COMPILER, ("cc", *common)),
        ("c++", _COMPILER, ("c++", *common)),
        ("ar", _OTHER, ("ar",)),
        ("ranlib", _OTHER, ("ranlib",)),
    ):
        script = folder / name
        script.write_text(text.format(command=shlex.join((zig, *arguments))), encoding="utf-8")
        script.chmod(0o755)
        made.append(script)
    return Compilers(*made)


def glibc(target: Target) -> str:
    """The version of the target's C library, as in 2.34."""
    return ".".join(map(str, target.runtime.system.glibc))
