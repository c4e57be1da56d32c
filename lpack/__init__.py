"""lpack builds AWS Lambda deployment artifacts.

It is a command line first; the same can be had from Python::

    project = lpack.load(Path("."))
    options = lpack.Options(output=Path("dist"), today=date.today())
    host = lpack.Host(os.environ, cache=Path.home() / ".cache" / "lpack")
    outcomes = lpack.build_artifacts(project, project.parts, options, host=host, reporter=lpack.Silent())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .build import Options as Options
    from .build import Outcome as Outcome
    from .build import build_artifacts as build_artifacts
    from .check import LayerPart as LayerPart
    from .check import Subject as Subject
    from .config import Function as Function
    from .config import Layer as Layer
    from .config import Project as Project
    from .config import load as load
    from .errors import LpackError as LpackError
    from .examine import check_artifact as check_artifact
    from .examine import check_layer_artifact as check_layer_artifact
    from .locks import lock_parts as lock_parts
    from .model import Finding as Finding
    from .model import Host as Host
    from .model import Reporter as Reporter
    from .model import Severity as Severity
    from .model import Silent as Silent
    from .publish import Publication as Publication
    from .publish import Published as Published
    from .publish import PublishOptions as PublishOptions
    from .publish import publish_artifacts as publish_artifacts
    from .record import Record as Record
    from .record import read_record as read_record
    from .subjects import layer_subjects as layer_subjects
    from .subjects import subject_of as subject_of
    from .testing import RunOptions as RunOptions
    from .testing import Verdict as Verdict
    from .testing import run_tests as run_tests

_ROOMS = {
    "build": ("Options", "Outcome", "build_artifacts"),
    "check": ("LayerPart", "Subject"),
    "config": ("Function", "Layer", "Project", "load"),
    "errors": ("LpackError",),
    "examine": ("check_artifact", "check_layer_artifact"),
    "locks": ("lock_parts",),
    "model": ("Finding", "Host", "Reporter", "Severity", "Silent"),
    "publish": ("Publication", "Published", "PublishOptions", "publish_artifacts"),
    "record": ("Record", "read_record"),
    "subjects": ("layer_subjects", "subject_of"),
    "testing": ("RunOptions", "Verdict", "run_tests"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", *_ROOM_OF]  # noqa: PLE0604 -- they are strings


def __getattr__(name: str) -> Any:
    """Load what is asked for, and nothing before: the command line starts with a version alone."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module `lpack` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
