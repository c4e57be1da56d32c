"""What became of each artifact, as JSON holds it."""

from __future__ import annotations

from typing import Any

from ...config import Function
from .. import Published


def fields(artifact: Published) -> dict[str, Any]:
    """Where the artifact is; what does not apply to it is None."""
    stored, layer, deployed, record = artifact.stored, artifact.layer, artifact.deployed, artifact.record
    return {
        "kind": record.kind if record else None,
        "code_sha256": record.code_sha256 if record else None,
        "s3_bucket": stored.bucket if stored else None,
        "s3_key": stored.key if stored else None,
        "s3_object_version": stored.version if stored else None,
        "image_uri": artifact.image.uri if artifact.image else None,
        "layer_version_arn": layer.arn if layer else None,
        "function_arn": deployed.arn if deployed else None,
        "version": deployed.version if deployed else None,
        "alias": deployed.alias if deployed else None,
        "changes": list(deployed.changes) if deployed else [],
        "changed": artifact.changed,
        "forced": artifact.forced,
        "handler": artifact.part.handler if isinstance(artifact.part, Function) else None,
        "runtimes": list(record.runtimes) if record else [],
        "architectures": list(record.architectures) if record else [],
    }
