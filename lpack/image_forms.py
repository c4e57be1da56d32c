"""What a function's image is made of besides its own files: the base, and what starts the function on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .assembling import Assembly
from .aws.base_images import base_image
from .clients import Client, client_for
from .config import Function
from .config.images import ImageSettings
from .ecosystems import Ask, Policy
from .forms.as_image import ContainerImage
from .image.bases import Base, Wanted, resolve_base
from .image.manifest import Platform
from .image.planning import BOOTSTRAP, PlannedLayer, placed, planned_layers
from .image.starting import ENTRY_SCRIPT, RUNTIME_ROOT, OwnStart, entry_script, has_client, started
from .means import Means
from .tree import EXECUTABLE, Content, Entry, Tree

_BOOTSTRAP = f"{RUNTIME_ROOT}/{BOOTSTRAP}"


@dataclass(frozen=True, slots=True)
class Foundation:
    """What a function's image stands on: its base, and the file and the ``changes`` of the base's lock."""

    function: Function
    ask: Ask
    base: Base

    @property
    def lock(self) -> Path:
        """The lock of the base."""
        return self.base.lock

    @property
    def changes(self) -> tuple[str, ...]:
        """What was changed in the lock of the base, in words."""
        return self.base.changes

    def form(self, assembly: Assembly) -> ContainerImage:
        """The form of the image, with what was assembled for it."""
        return _image_form(self.function, self.base, assembly, self.ask)


def foundation(function: Function, ask: Ask, policy: Policy) -> Foundation:
    """What the function's image stands on: the base that its lock names, or that is found now and written there."""
    return Foundation(function, ask, _base_of(function, ask, policy))


def _image_form(function: Function, base: Base, assembly: Assembly, ask: Ask) -> ContainerImage:
    # A base that starts no runtime interface client gets one.
    settings = function.image or ImageSettings()
    execution = base.image.config.execution
    known = has_client(execution) if settings.client is None else settings.client
    is_custom = function.target.runtime.family == "provided"
    if known and is_custom and not execution.entrypoint:  # there may be no shell for a script either
        execution = replace(execution, entrypoint=(_BOOTSTRAP,))
    start, beneath = (None, ()) if known else _own_start(function, ask)
    own_packages = {package.name for package in assembly.packages if package.is_own}
    files = placed(assembly.tree, has_bootstrap=is_custom)
    return ContainerImage(
        name=function.name,
        base=base.image,
        base_name=base.name,
        base_sizes=base.sizes,
        is_aws_base=not settings.base,
        execution=started(execution, function.handler, function.environment, start),
        reporter=ask.reporter,
        layers=(*beneath, *planned_layers(files, own_packages)),
        format=settings.format,
        whole=settings.whole,
    )


def _base_of(function: Function, ask: Ask, policy: Policy) -> Base:
    written = function.image.base if function.image else ""
    wanted = Wanted(
        image=function.name,
        base=written or base_image(function.target.runtime),
        platform=Platform("linux", function.target.architecture.image),
        folder=ask.project.folder,
    )
    return resolve_base(wanted, policy, Means(ask.store, ask.host, ask.reporter))


def _own_start(function: Function, ask: Ask) -> tuple[OwnStart, tuple[PlannedLayer, ...]]:
    """What starts the function on a base that can't, and the layer that it is in."""
    client = client_for(function.target, Means(ask.store, ask.host, ask.reporter))
    start = _start(function, client)
    script = Entry(ENTRY_SCRIPT.removeprefix("/"), EXECUTABLE, Content.of(entry_script(start)))
    root = RUNTIME_ROOT.removeprefix("/")
    files = [entry._replace(path=f"{root}/{entry.path}") for entry in client.tree] if client else []
    return start, (PlannedLayer(str(client) if client else "entry script", Tree.of([script, *files])),)


def _start(function: Function, client: Client | None) -> OwnStart:
    if client is None:
        return OwnStart((_BOOTSTRAP,))
    version = function.target.runtime.version if client.interpreter == "python" else ""
    return OwnStart((f"{client.interpreter}{version}", *client.arguments), client.environ)
