"""The story of a publish: artifacts that are ready → S3, layers, functions → what others need to know of them.

Nothing goes to AWS while any artifact is refused here. Layers come before the functions that use them; what fails there
leaves the others undisturbed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from ..aws.limits import LAYER_SHARES
from ..config import Function, Layer, Project
from ..errors import LpackError, PublishError, UsageError
from ..locks import Part, understood, with_layers
from ..model import Host, Reporter, Target
from ..pushing import Registries, open_registries
from ..record import Record
from ..side_by_side import side_by_side
from ..store import Store
from .account import Account, Call, connect
from .functions import Deployed, Update
from .images import ImagePlace, StoredImage, tag_of
from .inline import inline_source
from .layers import LayerVersion, publish_layer, required, share
from .ready import Folder, Ready, ready
from .s3 import Bucket, Stored
from .versions import Alias, move_alias, publish_version

Mode = Literal["upload", "declare", "update"]
"""What comes after the upload: layers as versions in Lambda; templates that declare all; functions that are updated."""

_FEW = 8
"""Threads that wait for AWS: they need no processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """How to publish the artifacts of the folder ``output``.

    ``inline`` leaves it to a template to hold the source of small functions; ``share`` are those with whom layer
    versions are shared. With ``forced``, failed checks do not stop an artifact; with ``create_repository``, one that is
    not there is made.
    """

    output: Path
    today: date
    mode: Mode = "upload"
    inline: bool = False
    share: tuple[str, ...] = ()
    publish_version: bool = False
    alias: Alias | None = None
    dry_run: bool = False
    forced: bool = False
    create_repository: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of one artifact, called ``name`` in AWS, of the project's function or layer ``part``.

    ``stored`` is where it is in S3, ``image`` where in ECR, ``layer`` the layer's version, ``deployed`` the function
    that was updated, ``source`` what stands in a template itself. ``error`` says why nothing became of it, and is None
    with all others None for an artifact that was stopped because another was refused. ``record`` is the artifact's.
    """

    name: str
    part: Part
    record: Record | None = None
    forced: bool = False
    stored: Stored | None = None
    image: StoredImage | None = None
    layer: LayerVersion | None = None
    deployed: Deployed | None = None
    source: str | None = None
    error: LpackError | None = None

    @property
    def changed(self) -> bool:
        """Whether anything in AWS is other than before."""
        return bool(
            (self.stored and self.stored.uploaded)
            or (self.image and self.image.uploaded)
            or (self.layer and self.layer.published)
            or (self.deployed and self.deployed.changes)
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of all artifacts, those of layers first; in a dry run, the ``calls`` that would have changed AWS."""

    artifacts: tuple[Published, ...]
    calls: tuple[Call, ...] = ()
    region: str | None = None


def publish_artifacts(
    project: Project,
    parts: Sequence[Part],
    options: PublishOptions,
    *,
    host: Host,
    reporter: Reporter,
) -> Publication:
    """Publish the artifacts of functions and layers, with those of the layers that the functions use."""
    _refuse_bad_shares(options.share)
    functions, layers = with_layers(project, parts)
    folder = Folder(options.output, options.today, host, forced=options.forced)

    def prepare(part: Part, _reporter: Reporter) -> list[Ready] | LpackError:
        return _caught(lambda: ready(part, folder))

    everything: list[Part] = [*layers, *functions]
    prepared = side_by_side(prepare, everything, label="checking", workers=host.workers, reporter=reporter)
    refused = [
        Published(name=part.name, part=part, error=each if isinstance(each, LpackError) else None)
        for part, each in zip(everything, prepared, strict=True)
    ]
    if any(each.error for each in refused):
        return Publication(tuple(refused))
    artifacts = {part.name: each for part, each in zip(everything, prepared, strict=True) if isinstance(each, list)}
    account = connect(project.publish, host.environ, dry_run=options.dry_run)
    with contextlib.ExitStack() as stack:
        bucket, needed = None, _certainly_to_s3(options, functions, layers)
        if project.publish.bucket or needed:
            bucket = stack.enter_context(Bucket(account, project.publish, Store(host.cache), reporter))
        if bucket and needed:
            bucket.check()
        work = _Work(project, options, account, bucket, artifacts)
        if any(function.image for function in functions):
            place = ImagePlace.of(account, project.publish, reporter)
            place.check(create=options.create_repository)
            place.warn_of_lifecycle([tag_of(artifacts[each.name][0]) for each in functions if each.image])
            work = replace(work, images=(place, stack.enter_context(open_registries(host, reporter))))
        published = work.all(layers, functions, reporter)
    return Publication(tuple(published), tuple(account.planned), account.region)


def _certainly_to_s3(options: PublishOptions, functions: Sequence[Function], layers: Sequence[Layer]) -> bool:
    """Whether something goes to S3 whatever its size; small functions may stand in a template instead."""
    zips = not options.inline and any(not function.image for function in functions)
    return options.mode != "update" and bool(zips or (options.mode == "declare" and layers))


def _refuse_bad_shares(shares: Sequence[str]) -> None:
    for other in shares:
        if not LAYER_SHARES.fullmatch(other):
            hint = "name an account by its 12 digits, an organization as `org:o-a1b2c3d4e5`, or everybody as `public`"
            raise UsageError(f"layers can't be shared with `{other}`", hint=hint)


_T = TypeVar("_T")


def _caught(task: Callable[[], _T]) -> _T | LpackError:
    try:
        return task()
    except (LpackError, OSError) as error:
        return understood(error)


@dataclass(frozen=True, slots=True)
class _Work:
    """One publish: what it is of, how it is to be done, and where; ``artifacts`` are by the names of their parts.

    ``images`` is where images go, and how one gets in, if there are any.
    """

    project: Project
    options: PublishOptions
    account: Account
    bucket: Bucket | None
    artifacts: Mapping[str, list[Ready]]
    images: tuple[ImagePlace, Registries] | None = None

    @property
    def _workers(self) -> int:
        return 1 if self.options.dry_run else _FEW  # a dry run tells its calls in order

    def all(self, layers: Sequence[Layer], functions: Sequence[Function], reporter: Reporter) -> list[Published]:
        """Layers, then functions: these need to know where their layers are."""
        of_layers = [(layer, artifact) for layer in layers for artifact in self.artifacts[layer.name]]
        of_functions = [(function, artifact) for function in functions for artifact in self.artifacts[function.name]]
        beneath = side_by_side(
            self._layer, of_layers, label="publishing layers", workers=self._workers, reporter=reporter
        )
        there = {
            (layer.name, target): published
            for (layer, artifact), published in zip(of_layers, beneath, strict=True)
            for target in artifact.targets
        }

        def publish(pair: tuple[Function, Ready], reporter: Reporter) -> Published:
            return self._function(*pair, there, reporter)

        above = side_by_side(publish, of_functions, label="publishing", workers=self._workers, reporter=reporter)
        return [*beneath, *above]

    def _layer(self, pair: tuple[Layer, Ready], reporter: Reporter) -> Published:
        layer, artifact = pair
        published = _published(artifact)
        try:
            if self.options.mode == "declare":
                return replace(published, stored=self._stored(artifact, reporter))
            version = publish_layer(artifact, layer, self.account, self.bucket, reporter)
            if self.options.share:
                share(artifact.name, version, self.options.share, self.account)
            return replace(published, layer=version, stored=version.stored)
        except (LpackError, OSError) as error:
            return replace(published, error=understood(error))

    def _function(
        self, function: Function, artifact: Ready, layers: Mapping[tuple[str, Target], Published], reporter: Reporter
    ) -> Published:
        published = _published(artifact)
        try:
            beneath = {name: layers[name, function.target] for name in function.own_layers}
            failed = [f"`{each.name}`" for each in beneath.values() if each.error]
            if failed:
                fact = f"the layer{'s' if failed[1:] else ''} {' and '.join(failed)}, which it uses, failed"
                raise PublishError(fact, hint="what is wrong there comes first")
            if self.images and function.image:
                place, registries = self.images
                published = replace(published, image=place.push(artifact, registries))
            if self.options.mode == "update":
                arns = {name: each.layer.arn for name, each in beneath.items() if each.layer}
                update = Update(
                    artifact=artifact,
                    function=function,
                    name=self.project.publish.name_in_aws(function.name),
                    layers=arns,
                    image=published.image.uri if published.image else "",
                    account=self.account,
                    bucket=self.bucket,
                    reporter=reporter,
                )
                deployed = self._updated(update)
                return replace(published, deployed=deployed, stored=deployed.stored)
            if published.image:
                return published
            source = inline_source(artifact.file, function) if self.options.inline else None
            if source is not None:
                return replace(published, source=source)
            return replace(published, stored=self._stored(artifact, reporter))
        except (LpackError, OSError) as error:
            return replace(published, error=understood(error))

    def _stored(self, artifact: Ready, reporter: Reporter) -> Stored:
        return required(self.bucket, artifact).upload(artifact.name, artifact.file, artifact.digests, reporter)

    def _updated(self, update: Update) -> Deployed:
        """The function with the artifact, and with the version and the alias that were asked for."""
        alias, name = self.options.alias, update.name
        deployed, configuration = update.run()
        version = alias.version if alias else None
        if version is None and (alias or self.options.publish_version):
            version = publish_version(name, configuration, self.account, update.reporter)
        if alias and version and move_alias(name, alias, version, self.account):
            deployed = replace(deployed, changes=(*deployed.changes, "alias"))
        return replace(deployed, version=version, alias=alias.name if alias else None)


def _published(artifact: Ready) -> Published:
    return Published(name=artifact.name, part=artifact.part, record=artifact.record, forced=artifact.forced)
