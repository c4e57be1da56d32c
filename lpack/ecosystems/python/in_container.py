"""Wheels with native code from the container: `pip wheel`, and then what auditwheel makes of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from ...aws.systems import OperatingSystem
from ...config import Building
from ...container import BuildImage, Folder, Task, build_image_for, perform, settings_of
from ...engine import connect, engine
from ...errors import ToolError
from ...model import Host, Target
from .native import Job

_FORMAT = 1
"""A new number when the same image is to make other wheels of the same sources."""

_COMPILING = {"CFLAGS": "-g0", "CXXFLAGS": "-g0", "FFLAGS": "-g0"}
"""What debuggers read is a large part of a library, and tells temporary folders, whose names are always others."""

_BUILD = """
PATH=/opt/lpack/bin:$PATH
python=$(command -v /opt/lpack/bin/python "python$PYTHON" python3 | head -n 1)
cd "/lpack/sources/$PROJECT"
echo "$python -m pip wheel --no-deps ."
"$python" -m pip wheel --no-deps --wheel-dir=/lpack/made .
for wheel in /lpack/made/*.whl; do
    case $wheel in
    *-any.whl) mv "$wheel" /lpack/results/ ;;
    *)
        if "$python" -c 'import auditwheel' 2> /dev/null; then
            "$python" -m auditwheel repair --plat="$PLATFORM" $PROVIDED --wheel-dir=/lpack/results "$wheel"
        else
            echo "this image has no auditwheel: the wheel is taken as it is"
            mv "$wheel" /lpack/results/
        fi
        ;;
    esac
done
"""


@dataclass(frozen=True, slots=True)
class InContainer:
    """The container as a builder of wheels for a target."""

    image: BuildImage
    host: Host

    name = "container"

    @property
    def settings(self) -> str:
        """The image, by what it is made of, and lpack's own part."""
        return f"{_FORMAT} {self.image.reference}"

    def why_not(self) -> str:
        """Why no engine can be asked."""
        try:
            engine(self.host.environ)
        except ToolError as error:
            return error.message
        return ""

    def make(self, job: Job) -> Path:
        """Build the wheel in the container, and have the shared libraries put in that Lambda does not have."""
        settings = settings_of(job.environ)
        target = job.target
        with connect(self.host.environ) as client:
            task = Task(
                doing=f"building {job.title}",
                image=self.image.ready(client, settings, job.reporter),
                architecture=target.architecture,
                script=_BUILD,
                files={**settings.files, "sources": Folder(job.project.parent)},
                variables={
                    **settings.variables,
                    **_COMPILING,
                    **{name: job.environ[name] for name in ("SOURCE_DATE_EPOCH", "PYTHONHASHSEED", "TZ", "LC_ALL")},
                    "PROJECT": job.project.name,
                    "PYTHON": target.runtime.version,
                    "PLATFORM": _platform(target),
                    "PROVIDED": _provided(target.runtime.system),
                },
                host_network=settings.host_network,
            )
            outcome = perform(client, task, results=job.folder, printing=job.reporter.printed)
        wheels = list(job.folder.glob("*.whl"))
        if outcome.exit_code != 0 or len(wheels) != 1:
            raise job.failed(outcome.printed)
        return wheels[0]


def builder(building: Building, target: Target, host: Host) -> InContainer:
    """The container as the project's settings make it."""
    return InContainer(build_image_for(building, target), host)


def _platform(target: Target) -> str:
    major, minor = target.runtime.system.glibc
    return f"manylinux_{major}_{minor}_{target.architecture.machine}"


def _provided(system: OperatingSystem) -> str:
    """The options that keep auditwheel from bringing what Lambda has."""
    return " ".join(f"--exclude={shlex.quote(name)}" for name in sorted(system.libraries))
