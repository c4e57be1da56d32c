"""A Python of this machine in the guise of the target's: what build backends ask it, it answers for the target.

They ask `sysconfig` and the environment, as when CPython itself is cross-compiled: `_PYTHON_HOST_PLATFORM` and
`_PYTHON_SYSCONFIGDATA_NAME` are CPython's own variables for that, `SETUPTOOLS_EXT_SUFFIX` is that of setuptools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....model import Target
from ....pythons import Python
from ...tools import Compilers

_SYSCONFIG = "_sysconfigdata_lpack"
_SITE = """\
import os, sysconfig
_here = os.uname()
os.uname = lambda: os.uname_result((*_here[:4], {machine!r}))
for _scheme in sysconfig._INSTALL_SCHEMES.values():
    _scheme.update(dict.fromkeys({{"include", "platinclude"}} & _scheme.keys(), {include!r}))
"""
"""What no variable tells: the machine's name, and where Python's headers are."""

_FLAGS = "-DNDEBUG -O2"


@dataclass(frozen=True, slots=True)
class Disguise:
    """Where the guise lies: ``modules`` are put before all others of Python, ``headers`` after all of the compiler."""

    modules: Path
    headers: Path
    suffix: str
    platform: str

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that put a Python into the guise, and all that it starts."""
        return {
            "PYTHONPATH": str(self.modules),
            "_PYTHON_SYSCONFIGDATA_NAME": _SYSCONFIG,
            "_PYTHON_HOST_PLATFORM": self.platform,
            "SETUPTOOLS_EXT_SUFFIX": self.suffix,
        }


def disguise(folder: Path, python: Python, target: Target) -> Disguise:
    """Lay the guise out in a folder, which is made for it."""
    machine, version = target.architecture.machine, python.version
    headers = folder / "include"
    headers.mkdir(parents=True)
    (headers / f"python{version}").symlink_to(python.include)
    configuration = headers / f"{machine}-linux-gnu" / f"python{version}" / "pyconfig.h"
    configuration.parent.mkdir(parents=True)
    configuration.symlink_to(python.configuration)
    modules = folder / "modules"
    modules.mkdir()
    site = _SITE.format(machine=machine, include=str(headers / f"python{version}"))
    (modules / "sitecustomize.py").write_text(site, encoding="utf-8")
    suffix = f".cpython-{version.replace('.', '')}-{machine}-linux-gnu.so"
    return Disguise(modules, headers, suffix, f"linux-{machine}")


def answer_for(guise: Disguise, python: Python, compilers: Compilers, target: Target) -> None:
    """Write what `sysconfig` is to answer: the variables of the Python, with those of the target in their place."""
    machine, folder = target.architecture.machine, guise.headers.parent
    include = str(guise.headers / f"python{python.version}")
    cc, cxx = str(compilers.cc), str(compilers.cxx)
    ours = {
        "EXT_SUFFIX": guise.suffix,
        "SO": guise.suffix,
        "SOABI": guise.suffix.removeprefix(".").removesuffix(".so"),
        "MULTIARCH": f"{machine}-linux-gnu",
        "HOST_GNU_TYPE": f"{machine}-unknown-linux-gnu",
        "CC": cc,
        "CXX": cxx,
        "AR": str(compilers.ar),
        "ARFLAGS": "rcs",
        "RANLIB": str(compilers.ranlib),
        **dict.fromkeys(("LDSHARED", "BLDSHARED"), f"{cc} -shared"),
        "LDCXXSHARED": f"{cxx} -shared",
        **dict.fromkeys(("CFLAGS", "PY_CFLAGS", "OPT"), _FLAGS),
        **dict.fromkeys(
            ("BASECFLAGS", "CPPFLAGS", "LDFLAGS", "PY_LDFLAGS", "CONFIGURE_CFLAGS", "CONFIGURE_LDFLAGS"), ""
        ),
        "CCSHARED": "-fPIC",
        **dict.fromkeys(("INCLUDEPY", "CONFINCLUDEPY"), include),
        **dict.fromkeys(("LIBDIR", "LIBPL"), str(folder / "lib")),
        # Linking with libpython would tie an extension to this machine's.
        "Py_ENABLE_SHARED": 0,
        "LDLIBRARY": "",
        "LIBPYTHON": "",
        "BLDLIBRARY": "",
    }
    text = f"build_time_vars = { ({**python.variables, **ours})!r}\n"
    (guise.modules / f"{_SYSCONFIG}.py").write_text(text, encoding="utf-8")
