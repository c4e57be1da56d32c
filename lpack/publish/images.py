"""Container images: a repository that fits, the push, and the digest by which Lambda is told of them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..config.publish import Destination
from ..errors import PublishError, UsageError
from ..image.ecr import account_of, region_of
from ..image.reference import Repository, parse_repository
from ..model import Reporter
from ..pushing import Registries, push_artifact
from .account import Account, Call
from .ready import Ready
from .refusals import AwsError

_TAG_DIGITS = 12


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in a repository: ``uri`` names it by its digest. ``uploaded`` if it was not there before."""

    uri: str
    tag: str
    uploaded: bool = False


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """The repository of a destination, in the account and region of the functions."""

    repository: Repository
    account: Account
    destination: Destination
    reporter: Reporter

    @classmethod
    def of(cls, account: Account, destination: Destination, reporter: Reporter) -> ImagePlace:
        """The place that the destination names; UsageError when it names none."""
        if destination.repository is None:
            hint = "set `repository` in [publish], or give `--repository`"
            raise UsageError("there is no repository to push images to", hint=hint)
        return cls(parse_repository(destination.repository), account, destination, reporter)

    def check(self, *, create: bool) -> None:
        """PublishError when the repository is not where Lambda can read it, or is not there and is not to be made."""
        region, here = region_of(self.repository.registry), self.account.region
        if not region:
            self.reporter.warning(f"`{self.repository}` is not in ECR, and Lambda takes images from nowhere else")
            return
        if region != here:
            fact = f"repository `{self.repository}` is in {region}, and Lambda in {here} can't take images from it"
            raise PublishError(
                fact, hint=f"use a repository in {here}, or publish to {region} with `--region {region}`"
            )
        try:
            self.account.ask("ecr", "DescribeRepositories", **self._registry, repositoryNames=[self.repository.name])
        except AwsError as refusal:
            if refusal.code != "RepositoryNotFoundException" or not create:
                raise
            self._make()

    def warn_of_lifecycle(self, tags: list[str]) -> None:
        """Warn of rules by which ECR may delete images that functions still use: these could not be started then."""
        if not region_of(self.repository.registry):
            return
        try:
            answer = self.account.ask(
                "ecr", "GetLifecyclePolicy", **self._registry, repositoryName=self.repository.name
            )
        except AwsError as refusal:
            if refusal.code in {"LifecyclePolicyNotFoundException", "RepositoryNotFoundException"}:
                return
            raise
        for rule in _rules_about(json.loads(answer["lifecyclePolicyText"]), tags):
            name = f"rule {rule.get('rulePriority')} of the lifecycle policy of `{self.repository}`"
            self.reporter.warning(
                f"{name} may delete images that "
                "functions use, which then no longer start: give it a `tagPatternList` that leaves these alone"
            )

    def push(self, artifact: Ready, registries: Registries) -> StoredImage:
        """The artifact in the repository, under a tag of its own that never moves."""
        image = artifact.record.image
        if image is None:
            raise PublishError(f"`{artifact.file.name}` is not an image", hint=f"run `lpack build {artifact.name}`")
        tag = tag_of(artifact)
        uri = f"{self.repository}@{image.digest}"
        if self.account.dry_run:
            parameters = {"repository": str(self.repository), "digest": image.digest, "tag": tag}
            self.account.planned.append(Call("registry", "PushImage", parameters))
            return StoredImage(uri, tag, uploaded=True)
        pushed = push_artifact(artifact.file, image, self.repository, [tag], registries=registries)
        return StoredImage(uri, tag, uploaded=bool(pushed.uploaded or pushed.mounted))

    @property
    def _registry(self) -> dict[str, str]:
        return {"registryId": account_of(self.repository.registry)}

    def _make(self) -> None:
        self.reporter.note(f"making repository `{self.repository}`")
        self.account.change(
            "ecr",
            "CreateRepository",
            instead={},
            **self._registry,
            repositoryName=self.repository.name,
            imageScanningConfiguration={"scanOnPush": self.destination.scan_on_push},
            imageTagMutability="IMMUTABLE" if self.destination.immutable_tags else "MUTABLE",
        )


def tag_of(artifact: Ready) -> str:
    """The tag of an image: where tags can't be moved, each image needs one that no other has."""
    digest = artifact.record.image.digest if artifact.record.image else ""
    return f"{artifact.name}-{digest.partition(':')[2][:_TAG_DIGITS]}"


def _rules_about(policy: dict[str, Any], tags: list[str]) -> Iterator[dict[str, Any]]:
    """The rules that expire images with such tags.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    for rule in policy.get("rules", ()):
        selection = rule.get("selection", {})
        patterns = [f"{prefix}*" for prefix in selection.get("tagPrefixList", ())] + selection.get("tagPatternList", [])
        everything = selection.get("tagStatus") == "any" or (selection.get("tagStatus") == "tagged" and not patterns)
        if everything or any(fnmatch.fnmatchcase(tag, pattern) for tag in tags for pattern in patterns):
            yield rule
