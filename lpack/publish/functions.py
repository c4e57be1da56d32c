"""Functions that exist in AWS: new code and layers for them, one change after the other, and nothing when all is there.

Every change names the revision that it is based on, so that Lambda refuses to undo what somebody else did meanwhile.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..aws.limits import DIRECT_UPLOAD_BYTES
from ..config import Function
from ..config.keys import LayerArn
from ..errors import PublishError
from ..model import Reporter
from .account import Account
from .layers import code_in, required
from .ready import Ready
from .refusals import AwsError
from .s3 import Bucket, Stored
from .streaming import FileContent

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between questions whether a change has taken effect; the last goes on."""

_PATIENCE = 300.0
"""Seconds for a change to take effect: as long as the AWS command line waits."""

_CONFLICTS = 5
"""How often somebody else's change is waited for."""

_KINDS = {"Zip": "a zip", "Image": "a container image"}

_Configuration = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A function in AWS as it is now; ``changes`` names what was changed about it: "layers", "code", and so on.

    ``version`` is the one that was published of it, ``alias`` the name that leads to it.
    """

    arn: str
    changes: tuple[str, ...] = ()
    version: str | None = None
    alias: str | None = None
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """An artifact on its way to the function of that name in AWS; ``layers`` are the ARNs of the project's own.

    ``image`` is where it is in ECR, by its digest; "" for a zip.
    """

    artifact: Ready
    function: Function
    name: str
    layers: Mapping[str, str]
    image: str
    account: Account
    bucket: Bucket | None
    reporter: Reporter

    def run(self) -> tuple[Deployed, _Configuration]:
        """Change what differs, layers before code; the function with its configuration after that."""
        there = self._settled(self._configuration())  # an earlier change may have failed: this one mends it
        self._refuse_others(there)
        deployed = Deployed(there["FunctionArn"])
        layers = self._layers(there)
        if layers is not None:
            there = self._changed("UpdateFunctionConfiguration", there, {"Layers": layers})
            deployed = replace(deployed, changes=("layers",))
        if there["CodeSha256"] != self.artifact.record.code_sha256:
            stored, code = self._code()
            there = self._changed("UpdateFunctionCode", there, code)
            deployed = replace(deployed, changes=(*deployed.changes, "code"), stored=stored)
            if there["CodeSha256"] != self.artifact.record.code_sha256:
                fact = f"function `{self.name}` has other code than `{self.artifact.file.name}` now"
                raise PublishError(fact, hint="somebody else published at the same time: look who, then publish again")
        return deployed, there

    def _configuration(self) -> _Configuration:
        return self.account.ask("lambda", "GetFunctionConfiguration", FunctionName=self.name)

    def _settled(self, configuration: _Configuration) -> _Configuration:
        """The configuration once no change is in progress; PublishError when that takes too long."""
        return settled(configuration, self._configuration, self._subject, self.reporter)

    @property
    def _subject(self) -> str:
        return f"function `{self.name}`"

    def _refuse_others(self, there: _Configuration) -> None:
        """PublishError when the function in AWS is not one that could run the artifact."""
        target, name, kind = self.function.target, self.name, "Image" if self.image else "Zip"
        if there.get("PackageType", "Zip") != kind:
            fact = (
                f"function `{name}` is made from {_KINDS[there['PackageType']]}, and `{self.artifact.file.name}` is not"
            )
            raise PublishError(fact, hint="Lambda can't change that: delete the function and make it again")
        architectures = there.get("Architectures") or ["x86_64"]
        if architectures != [target.architecture.name]:
            fact = (
                f"`{self.artifact.file.name}` is for {target.architecture}, and function `{name}` is {architectures[0]}"
            )
            hint = f'set architecture = "{architectures[0]}", or change the function in your infrastructure code'
            raise PublishError(fact, hint=hint)
        if self.image:  # in which runtime and handler are
            return
        if there.get("Runtime") != target.runtime.name:
            fact = (
                f"`{self.artifact.file.name}` is for {target.runtime}, and function `{name}` is {there.get('Runtime')}"
            )
            hint = "set the runtime that the function has, or change the function in your infrastructure code first"
            raise PublishError(fact, hint=hint)
        if there.get("Handler") != self.function.handler:
            self.reporter.warning(
                f"function `{name}` has the handler `{there.get('Handler')}`, and lpack.toml says "
                f"`{self.function.handler}`: `--update` does not change it"
            )

    def _layers(self, there: _Configuration) -> list[str] | None:
        """The layers that the function should have; None when it has them."""
        wanted = [each.arn if isinstance(each, LayerArn) else self.layers[each] for each in self.function.layers]
        has = [layer["Arn"] for layer in there.get("Layers") or ()]
        if has and not wanted:
            self.reporter.note(f"function `{self.name}` has layers that lpack.toml does not name: they stay")
            return None
        return wanted if wanted != has else None

    def _code(self) -> tuple[Stored | None, dict[str, Any]]:
        artifact = self.artifact
        if self.image:
            return None, {"ImageUri": self.image}
        if artifact.record.size <= DIRECT_UPLOAD_BYTES:
            return None, {"ZipFile": FileContent(artifact.file)}
        bucket = required(self.bucket, artifact)
        stored = bucket.upload(artifact.name, artifact.file, artifact.digests, self.reporter)
        return stored, code_in(stored)

    def _changed(self, operation: str, there: _Configuration, what: Mapping[str, Any]) -> _Configuration:
        """The configuration after a change has taken effect. One that is in the way is waited for."""
        code = self.artifact.record.code_sha256
        becomes = {**there, "CodeSha256": code} if operation == "UpdateFunctionCode" else there
        for attempt in range(_CONFLICTS):
            revision = {"RevisionId": there["RevisionId"]} if there.get("RevisionId") else {}
            try:
                answer = self.account.change(
                    "lambda", operation, instead=becomes, FunctionName=self.name, **revision, **what
                )
            except AwsError as refusal:
                if refusal.code != "ResourceConflictException" or attempt == _CONFLICTS - 1:
                    raise
                self.reporter.note(f"function `{self.name}` is being changed by somebody else: waiting")
                time.sleep(_PAUSES[0] * 2**attempt)
                there = self._settled(self._configuration())
                continue
            # Lambda gives the function a new revision when the change has taken effect.
            if self.account.dry_run:
                return answer
            return succeeded(self._settled(self._configuration()), self._subject)
        raise AssertionError  # the last attempt returns or raises


def settled(
    configuration: _Configuration,
    ask: Callable[[], _Configuration],
    subject: str,
    reporter: Reporter,
    *,
    patience: float = _PATIENCE,
) -> _Configuration:
    """The configuration of a function or version once it is neither pending nor being changed.

    PublishError when that takes more than ``patience`` seconds.
    """
    end, pauses = time.monotonic() + patience, itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))
    while configuration.get("LastUpdateStatus") == "InProgress" or configuration.get("State") == "Pending":
        if time.monotonic() > end:
            fact = f"{subject} is still being changed after {patience:.0f} seconds"
            raise PublishError(fact, hint="wait until AWS has done that, then publish again")
        reporter.progress(f"waiting for {subject}", 0, 1)
        time.sleep(next(pauses))
        configuration = ask()
    return configuration


def succeeded(configuration: _Configuration, subject: str) -> _Configuration:
    """The configuration of a function or version; PublishError when the change that led to it failed."""
    for status, reason in (("LastUpdateStatus", "LastUpdateStatusReason"), ("State", "StateReason")):
        if configuration.get(status) == "Failed":
            code = configuration.get(f"{reason}Code", "")
            details = [f"AWS says: {code}: {configuration.get(reason, '')}"]
            raise PublishError(f"{subject} could not be changed", hint=_ADVICE.get(code), details=details)
    return configuration


_ADVICE = {
    "ImageDeleted": "push the image again: the repository's lifecycle policy may have removed it",
    "ImageAccessDenied": "let Lambda read the repository: its policy must allow `lambda.amazonaws.com`",
    "InvalidImage": "`lpack check` tells what Lambda does not take about the image",
    "InvalidZipFileException": "`lpack check` tells what is wrong with the zip",
    "KMSKeyAccessDenied": "let the function's role use the KMS key",
    "DisabledKMSKey": "enable the KMS key",
    "InsufficientRolePermissions": "give the function's role the permissions that it needs",
}
"""What to do, by AWS's reason for a failed change:
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""
