"""Python in the container: pip-compile resolves, `pip wheel` builds, and auditwheel completes what was built."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...aws.systems import OperatingSystem
from ...config import Building
from ...container import BuildImage, Task, build_image_for, explained, perform, settings_of
from ...engine import FOR_WORK, connect, why_not
from ...means import Means
from ...model import Host, Target
from ...store import Store
from .. import Ask
from .local_project import copy_files, make_self_contained
from .native import Job, native_of
from .pip_tools import PINS, cannot_be_met, pinned, what_pip_says, write_inputs
from .requirements import Requirements
from .resolving import resolve
from .uv import Answer, Question

_FORMAT = 1
"""A new number when the same image is to make other wheels of the same sources."""

_COMPILING = {"CFLAGS": "-g0", "CXXFLAGS": "-g0", "FFLAGS": "-g0"}
"""What debuggers read is a large part of a library, and tells temporary folders, whose names are always others."""

_GIVEN = "/lpack/given"
_PYTHON = """
PATH=/opt/lpack/bin:$PATH
for python in /opt/lpack/bin/python "python$PYTHON" python3; do
    if command -v "$python" > /dev/null; then break; fi
done
"""
_BUILD = """
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
        return why_not(self.host.environ)

    def make(self, job: Job) -> Path:
        """Build the wheel in the container, and have the shared libraries put in that Lambda does not have."""
        settings = settings_of(job.environ)
        top = make_self_contained(job.project, environ=job.environ)
        target, means = job.target, Means(Store(self.host.cache), self.host, job.reporter)
        with connect(self.host.environ, timeout=FOR_WORK) as client:
            task = Task(
                doing=f"building {job.title}",
                image=self.image.ready(client, settings, means),
                architecture=target.architecture,
                script=_PYTHON + _BUILD,
                files={**settings.files, f"sources/{top.name}": top},
                variables={
                    **settings.variables,
                    **_COMPILING,
                    **{name: job.environ[name] for name in ("SOURCE_DATE_EPOCH", "PYTHONHASHSEED", "TZ", "LC_ALL")},
                    "PROJECT": str(job.project.relative_to(top.parent)),
                    "PYTHON": target.runtime.version,
                    "PLATFORM": _platform(target),
                    "PROVIDED": _provided(target.runtime.system),
                },
                host_network=settings.host_network,
            )
            outcome = perform(client, task, results=job.folder, printing=job.reporter.printed)
        wheels = list(job.folder.glob("*.whl"))
        if outcome.exit_code != 0 or len(wheels) != 1:
            raise explained(job.failed(outcome.printed), outcome.printed)
        return wheels[0]


def resolve_in_container(requirements: Requirements, question: Question, ask: Ask) -> Answer:
    """The versions and hashes that pip-compile chooses with the target's own Python, as a PEP 751 document.

    uv adds to the pins where each file is, and resolves nothing anew.
    """
    settings, target = settings_of(ask.host.environ), question.target
    image = build_image_for(ask.project.building, target)
    with ask.store.temporary_folder() as folder, connect(ask.host.environ, timeout=FOR_WORK) as client:
        given, sources, results = (folder / name for name in ("given", "sources", "results"))
        for each in (given, sources, results):
            each.mkdir()
        options = write_inputs(requirements, question, given)
        if requirements.file:
            copy_files(requirements.folder, sources)
        task = Task(
            doing=f"resolving the requirements of {question.subject}",
            image=image.ready(client, settings, Means(ask.store, ask.host, ask.reporter)),
            architecture=target.architecture,
            script=f"{_PYTHON}\ncp {_GIVEN}/* /lpack/results/ 2> /dev/null || :\ncd /lpack/sources\n"
            f'"$python" -m piptools {shlex.join(options(PurePosixPath("/lpack/results")))}',
            files={**settings.files, "given": given, "sources": sources},
            variables={**settings.variables, "PYTHON": target.runtime.version},
            host_network=settings.host_network,
        )
        outcome = perform(client, task, results=results, printing=ask.reporter.printed)
        if outcome.exit_code != 0:
            raise cannot_be_met(question, what_pip_says(outcome.printed))
        text = (results / PINS).read_text(encoding="utf-8")
        # Local projects are pinned as the folders that they are in there.
        text = text.replace("file:///lpack/sources", requirements.folder.resolve().as_uri())
    why_nobody = native_of(ask).why_nobody
    return resolve(pinned(question, text), store=ask.store, host=ask.host, why_nobody=why_nobody)


def builder(building: Building, target: Target, host: Host) -> InContainer:
    """The container as the project's settings make it."""
    return InContainer(build_image_for(building, target), host)


def _platform(target: Target) -> str:
    major, minor = target.runtime.system.glibc
    return f"manylinux_{major}_{minor}_{target.architecture.machine}"


def _provided(system: OperatingSystem) -> str:
    """The options that keep auditwheel from bringing what Lambda has."""
    return " ".join(f"--exclude={shlex.quote(name)}" for name in sorted(system.libraries))
