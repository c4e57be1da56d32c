"""Native code without a container: zig compiles for the target, and a Python of this machine runs the build."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ....config import Building
from ....download import redacted
from ....errors import ToolError
from ....model import Host, Target
from ....processes import listen, run, shown
from ....pythons import Python, find_python
from ...tools import ZIG_EXTRA, find
from ..build_system import build_system
from ..native import Job
from ..uv import find_uv
from .environment import FLAGS, RECIPE, Workshop, glibc_tag, workshop
from .failures import COMMAND, explained
from .finishing import finished

_FORMAT = 1
"""A new number when the same sources are to make another wheel."""


@dataclass(frozen=True, slots=True)
class Zig:
    """The builder for a target on this machine."""

    target: Target
    host: Host
    name = "zig"

    @property
    def settings(self) -> str:
        """The versions of zig and of this module, and the user's flags for compilers."""
        flags = {name: self.host.environ[name] for name in FLAGS if name in self.host.environ}
        return json.dumps([_FORMAT, _version(find("zig", self.host) or ""), RECIPE, flags])

    def why_not(self) -> str:
        """Why it can't compile here; "" when it can."""
        if sys.platform != "linux":
            return "it works on Linux alone"
        if find("zig", self.host) is None:
            return f"zig is not installed (`pip install 'lpack[{ZIG_EXTRA}]'`)"
        python = _python(self.target.runtime.version, self.host)
        return python if isinstance(python, str) else ""

    def make(self, job: Job) -> Path:
        """The wheel, compiled by zig and tagged for the target's C library."""
        zig, python = find("zig", self.host), _python(self.target.runtime.version, self.host)
        if zig is None or isinstance(python, str):
            raise ToolError(f"{job.title} can't be built by zig any more: {self.why_not()}", hint="install it again")
        equipped = workshop(job.folder, python, zig, self.target, job.environ)
        return finished(_Build(job, equipped).wheel(python), glibc_tag(self.target), job.folder.parent)


def builder(building: Building, target: Target, host: Host) -> Zig:  # noqa: ARG001 -- as for other builders
    """The builder for the target."""
    return Zig(target, host)


def _python(version: str, host: Host) -> Python | str:
    names = ("PATH", "HOME", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "PYENV_ROOT")
    return _found(version, tuple((name, host.environ.get(name, "")) for name in names), host.cache)


@functools.cache  # asked for each package, and each time programs are run
def _found(version: str, environ: tuple[tuple[str, str], ...], cache: Path) -> Python | str:
    return find_python(version, Host({name: value for name, value in environ if value}, cache))


@functools.cache
def _version(zig: str) -> str:
    return run([zig, "version"], folder=Path("/"), environ={}).stdout.strip() if zig else ""


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, by the project's own backend, in an environment that is made for it (PEP 517)."""

    job: Job
    equipped: Workshop
    printed: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def wheel(self, python: Python) -> Path:
        """The wheel as the backend makes it."""
        from build import BuildBackendException, BuildException, ProjectBuilder
        from pyproject_hooks import BuildBackendWarning

        warnings.simplefilter("ignore", BuildBackendWarning)  # what backends say to their project's authors
        environment, made = self.job.folder / "environment", self.job.folder / "made"
        program = environment / "bin" / "python"
        try:
            self.uv("venv", "--no-project", f"--python={python.program}", environment)
            backend = ProjectBuilder(self.job.project, str(program), runner=self.hook)
            self.install(program, backend.build_system_requires)
            self.install(program, backend.get_requires_for_build("wheel", self.settings))
            return Path(backend.build("wheel", made, self.settings))
        except (subprocess.CalledProcessError, BuildException, BuildBackendException) as error:
            raise self.failed(str(error)) from error

    @property
    def settings(self) -> Mapping[str, Sequence[str]]:
        """What the backend is told by PEP 517's way; Meson's has no other."""
        if "meson-python" in build_system(self.job.project).requires:
            return {"setup-args": [f"--cross-file={self.equipped.cross_file}"]}
        return {}

    def install(self, program: Path, requirements: set[str]) -> None:
        """Install what the backend needs, for this machine."""
        if requirements:
            self.uv("pip", "install", f"--python={program}", *sorted(requirements))

    def uv(self, *arguments: str | Path) -> None:
        """Run uv, outside the guise: what it installs runs here."""
        self.run((find_uv(), *arguments), self.job.folder, self.job.environ)

    def hook(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """Run a hook of the backend."""
        environ = {**self.equipped.environ, **(extra_environ or {})}
        programs = f"{self.job.folder / 'environment' / 'bin'}:{environ.get('PATH', '')}"
        self.run(cmd, Path(cwd or self.job.project), {**environ, "PATH": programs})

    def run(self, command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]) -> None:
        self.commands.append(shown(command))
        self.printed.append(f"{COMMAND}{shown(command)}")
        result = listen(command, folder=folder, environ=environ, heard=self.heard)
        if result.exit_code != 0:
            raise subprocess.CalledProcessError(result.exit_code, shown(command))

    def heard(self, line: str) -> None:
        line = redacted(line)
        self.printed.append(line)
        self.job.reporter.printed(line)

    def failed(self, reason: str) -> ToolError:
        """The error, with the last command, and all that was printed in the log."""
        command = self.commands[-1] if self.commands else "build"
        error = self.job.failed("\n".join((command, "", *self.printed, reason)))
        return explained(error, self.printed, str(self.job.folder.parent))
