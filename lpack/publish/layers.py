"""Layers: a new version only when what is in it, or what it is for, differs from the newest one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..aws.limits import DIRECT_UPLOAD_BYTES
from ..config import Layer
from ..errors import UsageError
from ..model import Reporter
from ..sizes import shown
from .account import Account
from .ready import Ready
from .refusals import AwsError
from .s3 import Bucket, Stored, no_bucket
from .streaming import FileContent

_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A version of a layer in AWS; ``published`` if it was not there before."""

    arn: str
    number: int
    published: bool
    stored: Stored | None = None


def publish_layer(
    artifact: Ready, layer: Layer, account: Account, bucket: Bucket | None, reporter: Reporter
) -> LayerVersion:
    """The newest version of the layer, which is published unless it holds the same for the same runtimes."""
    newest = _newest(artifact.name, account)
    if newest and _same(newest, artifact, layer):
        return LayerVersion(newest["LayerVersionArn"], newest["Version"], published=False)
    content: dict[str, Any]
    stored = None
    if artifact.record.size > DIRECT_UPLOAD_BYTES:
        stored = required(bucket, artifact).upload(artifact.name, artifact.file, artifact.digests, reporter)
        content = code_in(stored)
    else:
        content = {"ZipFile": FileContent(artifact.file)}
    number = newest["Version"] + 1 if newest else 1
    place = f"arn:{account.partition}:lambda:{account.region}:…:layer:{artifact.name}"
    answer = account.change(
        "lambda",
        "PublishLayerVersion",
        instead={"LayerVersionArn": f"{place}:{number}", "Version": number},
        LayerName=artifact.name,
        Content=content,
        **_about(artifact, layer),
    )
    return LayerVersion(answer["LayerVersionArn"], answer["Version"], published=True, stored=stored)


def share(name: str, version: LayerVersion, others: Sequence[str], account: Account) -> None:
    """Let others use the version: accounts by their numbers, organizations as ``org:ID``, everybody as ``public``."""
    place = {"LayerName": name, "VersionNumber": version.number}
    try:
        new = account.dry_run and version.published
        policy = {} if new else json.loads(account.ask("lambda", "GetLayerVersionPolicy", **place)["Policy"])
    except AwsError as refusal:
        if refusal.code != _GONE:
            raise
        policy = {}
    there = {statement.get("Sid") for statement in policy.get("Statement", ())}
    for other in others:
        statement = f"lpack-{other.replace(':', '-')}"
        if statement not in there:
            organization = other.partition(":")[2]
            account.change(
                "lambda",
                "AddLayerVersionPermission",
                instead={},
                **place,
                StatementId=statement,
                Action="lambda:GetLayerVersion",
                Principal="*" if organization or other == "public" else other,
                **({"OrganizationId": organization} if organization else {}),
            )


def required(bucket: Bucket | None, artifact: Ready) -> Bucket:
    """The bucket, where an artifact has to go there; UsageError when there is none."""
    if bucket:
        return bucket
    if artifact.record.size <= DIRECT_UPLOAD_BYTES:
        raise no_bucket()
    size, most = shown(artifact.record.size), shown(DIRECT_UPLOAD_BYTES)
    fact = f"`{artifact.file.name}` has {size}, and Lambda takes {most} directly"
    raise UsageError(fact, hint="set `bucket` in [publish], or give `--bucket`: larger zips go by S3")


def code_in(stored: Stored) -> dict[str, str]:
    """Where code is in S3, as Lambda's API and CloudFormation call it."""
    version = {"S3ObjectVersion": stored.version} if stored.version else {}
    return {"S3Bucket": stored.bucket, "S3Key": stored.key, **version}


def _newest(name: str, account: Account) -> dict[str, Any] | None:
    try:
        versions = account.ask("lambda", "ListLayerVersions", LayerName=name, MaxItems=1).get("LayerVersions", [])
        if not versions:
            return None
        return account.ask("lambda", "GetLayerVersion", LayerName=name, VersionNumber=versions[0]["Version"])
    except AwsError as refusal:
        if refusal.code != _GONE:
            raise
        return None


def _about(artifact: Ready, layer: Layer) -> dict[str, Any]:
    """What Lambda is told about the layer."""
    about: dict[str, Any] = {
        "CompatibleRuntimes": list(artifact.record.runtimes),
        "CompatibleArchitectures": list(artifact.record.architectures),
    }
    if layer.description:
        about["Description"] = layer.description
    if layer.license:
        about["LicenseInfo"] = layer.license
    return about


def _same(version: dict[str, Any], artifact: Ready, layer: Layer) -> bool:
    """Whether the version holds the artifact, for the same runtimes and architectures and under the same licence."""
    record = artifact.record
    return bool(
        version["Content"]["CodeSha256"] == record.code_sha256
        and set(version.get("CompatibleRuntimes", ())) == set(record.runtimes)
        and set(version.get("CompatibleArchitectures", ())) == set(record.architectures)
        and version.get("LicenseInfo", "") == layer.license
    )
