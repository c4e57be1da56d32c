"""``lpack publish``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import Project
from ..config.publish import read_bucket, read_prefix, read_region, read_repository
from ..errors import UsageError
from ..model import Severity
from ..publish import Mode, Publication, Published, PublishOptions, publish_artifacts
from ..publish.account import Call
from ..publish.outputs import FORMATS, REPORTS, TEMPLATES, written
from ..publish.outputs.document import fields
from ..publish.policy import bucket_policy
from ..publish.versions import read_alias
from ..sizes import shown
from ..store import replacing
from ..values import Place, Reader
from .output import Output, error_document, exit_code, finding_of
from .session import Session, today


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks of a publish; ``settings`` are those that stand in [publish], too."""

    folder: Path
    settings: dict[str, str | None]
    update: bool
    publish_version: bool
    alias: str | None
    weight: float | None
    share: Sequence[str]
    format: str | None
    file: Path | None
    inline: bool
    create_repository: bool
    dry_run: bool
    force: bool


def publish_named(session: Session, names: Sequence[str], wishes: Wishes) -> int:
    """Publish the named functions and layers, or all, and print where they went."""
    _refuse_unfit(wishes)
    if wishes.format == "json":
        session = replace(session, output=replace(session.output, json=True))
    if session.output.json and wishes.format in FORMATS:
        raise UsageError(f"`--json` and `--output {wishes.format}` are two forms of one output", hint="choose one")
    project = with_settings(session.project(), wishes.settings)
    options = PublishOptions(
        output=wishes.folder,
        today=today(),
        mode=_mode(wishes),
        inline=wishes.inline,
        share=tuple(wishes.share),
        publish_version=wishes.publish_version,
        alias=read_alias(wishes.alias, wishes.weight) if wishes.alias else None,
        dry_run=wishes.dry_run,
        forced=wishes.force,
        create_repository=wishes.create_repository,
    )
    started = time.monotonic()
    with session.reporting() as reporter:
        publication = publish_artifacts(project, project.selected(names), options, host=session.host, reporter=reporter)
    seconds = time.monotonic() - started
    _print(session, publication, project, wishes)
    _print_end(session.output, publication, seconds, dry_run=wishes.dry_run)
    return exit_code(each.error for each in publication.artifacts)


def print_policy(session: Session, accounts: Sequence[str], settings: dict[str, str | None]) -> int:
    """Print the policy that lets other accounts read the bucket."""
    destination = with_settings(session.project(), settings).publish
    policy = bucket_policy(destination, accounts)
    print(policy, end="")
    if destination.kms_key:
        session.output.message(
            Severity.NOTE, "the policy of the KMS key must let these accounts use `kms:Decrypt`, too"
        )
    return 0


def with_settings(project: Project, settings: dict[str, str | None]) -> Project:
    """The project with what the command line says in place of [publish]; UsageError for what can't be."""
    readers: dict[str, Reader] = {
        "bucket": read_bucket,
        "prefix": read_prefix,
        "repository": read_repository,
        "region": read_region,
    }
    problems: list[str] = []
    given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    for key in given.keys() & readers.keys():
        given[key] = readers[key](given[key], Place(f"--{key}", project.folder, problems))
    if problems:
        raise UsageError(problems[0], hint="`lpack publish --help` tells what there is")
    return replace(project, publish=replace(project.publish, **given))


def _refuse_unfit(wishes: Wishes) -> None:
    """UsageError for options that do not go together."""
    if wishes.format is not None and wishes.format not in {*FORMATS, "json"}:
        known = ", ".join(f"`{name}`" for name in ("json", *FORMATS))
        fact = f"`{wishes.format}` is not a format of output"
        raise UsageError(fact, hint=f"there are {known}; `--from DIR` names the folder of the artifacts")
    if wishes.format in TEMPLATES and wishes.update:
        fact = f"either `--update` changes functions, or the template of `--output {wishes.format}` does"
        raise UsageError(fact, hint="leave out one of the two")
    if wishes.inline and wishes.format not in {"cloudformation", "sam"}:
        raise UsageError("`--inline` is about templates", hint="it goes with `--output cloudformation` or `sam`")
    if wishes.share and wishes.format in TEMPLATES:
        raise UsageError("`--share` is about layer versions that lpack publishes", hint="leave out `--output`")
    for name, value in (("--publish-version", wishes.publish_version), ("--alias", wishes.alias)):
        if value and not wishes.update:
            raise UsageError(f"`{name}` is about functions that are updated", hint="it goes with `--update`")
    if wishes.weight is not None and not wishes.alias:
        raise UsageError("`--weight` is about an alias", hint="name it: `--alias live --weight 0.1`")
    if wishes.file and not wishes.format:
        raise UsageError("`--to` names the file of an `--output`", hint="say which: `--output terraform --to FILE`")


def _mode(wishes: Wishes) -> Mode:
    if wishes.format in TEMPLATES:
        return "declare"
    return "update" if wishes.update else "upload"


def _print(session: Session, publication: Publication, project: Project, wishes: Wishes) -> None:
    output, artifacts = session.output, publication.artifacts
    for each in artifacts:
        if each.error:
            continue
        if each.forced:
            output.message(
                Severity.WARNING, f"`{each.name}` failed its checks, and `--force` published it all the same"
            )
    fine = all(each.error is None and each.record for each in artifacts)
    if output.json:
        document = {
            "region": publication.region,
            "artifacts": [_document(each) for each in artifacts],
            "calls": [_call_document(call) for call in publication.calls],
        }
        _print_document(session, document, wishes)
    elif wishes.dry_run:
        for call in publication.calls:
            output.result(_call_line(call))
    elif wishes.format:
        # A template without some of its parts would remove these from the stack.
        if fine:
            _write(written(wishes.format, artifacts, project), wishes, append=wishes.format in REPORTS)
    elif not output.quiet and any(each.record for each in artifacts):
        rows = [_row(each, output) for each in artifacts]
        output.table(("artifact", "size", "is", ""), rows, right=(1,))
    for each in artifacts:
        if each.error:
            finding = finding_of(each.error)
            text = finding.message if f"`{each.name}" in finding.message else f"{each.name}: {finding.message}"
            output.message(Severity.ERROR, text, hint=finding.hint, details=finding.details)


def _print_document(session: Session, document: dict[str, Any], wishes: Wishes) -> None:
    if wishes.file is None:
        session.output.document(**document)
        return
    import json

    from .output import FORMAT

    _write(json.dumps({"format": FORMAT, **document}, indent=2) + "\n", wishes, append=False)


def _write(text: str, wishes: Wishes, *, append: bool) -> None:
    """To stdout, or whole into a file; a report is added to its file, since GitHub's holds what others say, too."""
    if wishes.file is None:
        print(text, end="")
    elif append:
        with wishes.file.open("a", encoding="utf-8") as stream:
            stream.write(text)
    else:
        with replacing(wishes.file) as file:
            file.write(text.encode())


def _row(published: Published, output: Output) -> tuple[str, ...]:
    size = shown(published.record.size) if published.record else ""
    status = _status(published)
    style = {"failed": "bad", "stopped": "bad", "unchanged": "dim"}.get(status, "good")
    return (published.name, size, _place(published), output.styled(status, style))


def _place(published: Published) -> str:
    """Where the artifact is, as one would name it elsewhere."""
    if published.deployed:
        version = f":{published.deployed.version}" if published.deployed.version else ""
        return f"{published.deployed.arn}{version}"
    if published.layer:
        return published.layer.arn
    if published.image:
        return published.image.uri
    if published.stored:
        version = f"?versionId={published.stored.version}" if published.stored.version else ""
        return f"s3://{published.stored.bucket}/{published.stored.key}{version}"
    return ""


def _status(published: Published) -> str:
    if published.error:
        return "failed"
    if published.deployed:
        return " and ".join(published.deployed.changes) + " updated" if published.deployed.changes else "unchanged"
    if published.layer:
        return "published" if published.layer.published else "unchanged"
    if published.image:
        return "uploaded" if published.image.uploaded else "unchanged"
    if published.stored:
        return "uploaded" if published.stored.uploaded else "unchanged"
    return "in the template" if published.source is not None else "stopped"


def _print_end(output: Output, publication: Publication, seconds: float, *, dry_run: bool) -> None:
    artifacts = publication.artifacts
    failed = [each for each in artifacts if each.error]
    if dry_run and not failed:
        count = len(publication.calls)
        output.remark(f"{count or 'no'} call{'' if count == 1 else 's'} would change something in {publication.region}")
        return
    counts = Counter("changed" if each.changed else "unchanged" for each in artifacts if each.record and not each.error)
    if counts:
        parts = [f"{counts[status]} {status}" for status in ("changed", "unchanged") if counts[status]]
        output.remark(f"{', '.join(parts)} in {seconds:.2f} s")
    if failed and len(artifacts) > 1:
        names = output.row([f"`{each.name}`" for each in failed])
        stopped = publication.region is None
        details = ["nothing was sent to AWS"] if stopped else []
        output.message(Severity.ERROR, f"{len(failed)} of {len(artifacts)} failed: {names}", details=details)


def _call_line(call: Call) -> str:
    """A call as one line: its parameters as the AWS command line would have them, more or less."""
    parameters = " ".join(f"{name}={_value(value)}" for name, value in call.parameters.items())
    return f"{call.service}:{call.operation} {parameters}"


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def _call_document(call: Call) -> dict[str, Any]:
    return {"service": call.service, "operation": call.operation, "parameters": dict(call.parameters)}


def _document(published: Published) -> dict[str, Any]:
    return {
        "name": published.name,
        "status": _status(published),
        **fields(published),
        "error": error_document(published.error) if published.error else None,
    }
