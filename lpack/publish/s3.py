"""S3: artifacts under keys that hold their SHA-256, sent once, in parts side by side, and trusted by their checksum.

A key is `<prefix>/<name>/<sha256>.zip`. An object counts as there only when S3 itself says that its SHA-256 is that of
the file; what an interrupted upload left is no object, and what another tool put there is replaced.
"""

from __future__ import annotations

import hashlib
import os
import threading
import urllib.parse
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..config.publish import Destination
from ..errors import PublishError, UsageError
from ..model import Reporter
from ..store import Store
from .account import Account
from .digests import PART_BYTES, Digests, in_base64
from .refusals import AwsError

_SIDE_BY_SIDE = 4
"""Parts that are sent, and held in memory, at once."""

_CONFLICTING = 409
_GONE = 404
_THERE_ALREADY = 412


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in S3; ``version`` is None in a bucket that keeps none. ``uploaded`` if it was not there before."""

    bucket: str
    key: str
    version: str | None = None
    uploaded: bool = False


def no_bucket() -> UsageError:
    """What to say when nobody says where to."""
    return UsageError("there is no bucket to upload to", hint="set `bucket` in [publish], or give `--bucket`")


class Bucket:
    """The bucket of a destination, to upload to; what is unfinished when the block is left is taken back."""

    def __init__(self, account: Account, destination: Destination, store: Store, reporter: Reporter) -> None:
        if destination.bucket is None:
            raise no_bucket()
        self.name = destination.bucket
        self._account = account
        self._destination = destination
        self._store = store
        self._reporter = reporter
        self._pool = ThreadPoolExecutor(1 if account.dry_run else _SIDE_BY_SIDE)  # a dry run tells calls in order
        self._unfinished: dict[str, str] = {}
        self._lock = threading.Lock()
        self._is_checked = False
        owner = destination.expected_bucket_owner
        self._place: dict[str, Any] = {"Bucket": self.name, **({"ExpectedBucketOwner": owner} if owner else {})}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=error is None, cancel_futures=True)
        for upload in list(self._unfinished):
            self.take_back(upload)

    def check(self) -> None:
        """PublishError when the bucket is not there, not for these credentials, or not where Lambda can read it."""
        with self._lock:
            if not self._is_checked:
                self._check()
                self._is_checked = True

    def _check(self) -> None:
        try:
            answer = self._account.ask("s3", "HeadBucket", **self._place)
        except AwsError as refusal:
            raise self._why(refusal) from refusal
        there = answer.get("BucketRegion") or self._account.region  # botocore follows where S3 sends it
        if there != self._account.region:
            raise self._elsewhere(there)

    def key(self, name: str, sha256: str) -> str:
        """Where the artifact of that name and SHA-256 (hex) goes."""
        return "/".join(part for part in (self._destination.prefix, name, f"{sha256}.zip") if part)

    def upload(self, name: str, file: Path, digests: Digests, reporter: Reporter) -> Stored:
        """The artifact in the bucket, where it is put unless it is there."""
        self.check()
        key = self.key(name, digests.whole.hex())
        # Two publishes on one machine send a thing once; for others, S3 takes only the first (see _Upload).
        with self._store.lock(hashlib.sha256(f"s3://{self.name}/{key}".encode()).hexdigest()):
            there = self._find(key)
            if there and _is(there, digests):
                return Stored(self.name, key, _version(there))
            if there:
                self._reporter.note(f"`s3://{self.name}/{key}` is not what its key says: it is replaced")
            sending = _Upload(self, self._account, {**self._place, "Key": key}, file, digests, there, reporter)
            try:
                answer = sending.in_parts() if digests.in_parts else sending.at_once()
            except AwsError as refusal:
                if refusal.status not in {_THERE_ALREADY, _CONFLICTING} and refusal.code != "NoSuchUpload":
                    raise
                return self._of_another(key, digests, refusal)
        return Stored(self.name, key, _version(answer), uploaded=True)

    def _of_another(self, key: str, digests: Digests, refusal: AwsError) -> Stored:
        """The object that another publish has put there meanwhile, if it is the same."""
        there = self._find(key)
        if there and _is(there, digests):
            return Stored(self.name, key, _version(there))
        hint = "publish again when the other publish has ended"
        raise PublishError(f"`s3://{self.name}/{key}` is being written by somebody else", hint=hint) from refusal

    def _find(self, key: str) -> dict[str, Any] | None:
        try:
            return self._account.ask("s3", "HeadObject", **self._place, Key=key, ChecksumMode="ENABLED")
        except AwsError as refusal:
            if refusal.status == _GONE:
                return None
            if refusal.status == 403:
                fact = f"S3 does not say whether `s3://{self.name}/{key}` is there"
                hint = "allow `s3:GetObject` on the objects, and `s3:ListBucket` on the bucket: without it S3 denies "
                raise PublishError(fact, hint=f"{hint}what is not there", details=refusal.details) from refusal
            raise

    # What is unfinished

    def begin(self, place: dict[str, Any], options: dict[str, Any]) -> str:
        """The identifier of a new upload in parts, which is to be finished or taken back."""
        answer = self._account.change(
            "s3",
            "CreateMultipartUpload",
            instead={"UploadId": "…"},
            **place,
            **options,
            ChecksumAlgorithm="SHA256",
            ChecksumType="COMPOSITE",
        )
        upload = str(answer["UploadId"])
        if not self._account.dry_run:
            with self._lock:
                self._unfinished[upload] = place["Key"]
        return upload

    def finished(self, upload: str) -> None:
        """The upload has become an object."""
        with self._lock:
            self._unfinished.pop(upload, None)

    def take_back(self, upload: str) -> None:
        """Remove the parts of an upload that will not be finished."""
        with self._lock:
            key = self._unfinished.pop(upload, None)
        if key is None:  # whoever ends the publish was quicker, or nothing was begun
            return
        try:
            self._account.ask("s3", "AbortMultipartUpload", **self._place, Key=key, UploadId=upload)
        except PublishError as error:
            # What went wrong before matters more, and S3 never makes an object of these parts.
            self._reporter.warning(f"parts of `s3://{self.name}/{key}` stay in the bucket: {error}")

    def submit(self, task: Callable[[int], Any], number: int) -> Future[Any]:
        """Have a task done by the threads that all uploads share."""
        return self._pool.submit(task, number)

    def options(self) -> dict[str, Any]:
        """How objects are kept: their key of KMS, their tags, their type."""
        options: dict[str, Any] = {"ContentType": "application/zip"}
        if self._destination.kms_key:
            options |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._destination.kms_key}
        if self._destination.tags:
            options["Tagging"] = urllib.parse.urlencode(self._destination.tags)
        return options

    # What can go wrong

    def _why(self, refusal: AwsError) -> PublishError:
        """Why the bucket is refused: S3's answers to HEAD have no text, so credentials are asked about elsewhere."""
        if refusal.status == _GONE:
            hint = "make it, or check `bucket` in [publish], `--bucket` and the credentials' account"
            return PublishError(f"there is no bucket `{self.name}`", hint=hint)
        if refusal.status not in {400, 403}:
            return refusal
        account, who = self._account.identity()  # which raises what is wrong with credentials
        owner = self._destination.expected_bucket_owner
        fact = f"bucket `{self.name}` is not open to `{who}` of account {account}"
        hint = "allow `s3:ListBucket` on it, and `s3:GetObject` and `s3:PutObject` on its objects; a bucket of another "
        hint += "account needs a policy, too: `lpack publish --bucket-policy ACCOUNT` prints one for readers"
        if owner:
            hint = f"check that it belongs to account {owner}, as `expected-bucket-owner` says; if so, {hint}"
        return PublishError(fact, hint=hint)

    def _elsewhere(self, there: str) -> PublishError:
        region = self._account.region
        fact = f"bucket `{self.name}` is in {there}, and Lambda in {region} can't take code from it"
        return PublishError(fact, hint=f"use a bucket in {region}, or publish to {there} with `--region {there}`")


@dataclass(frozen=True, slots=True)
class _Upload:
    """One file on its way: S3 checks every byte of it, and takes it only where nobody else was quicker.

    ``replaced`` is the object that is there now, None when there is none: see
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    bucket: Bucket
    account: Account
    place: dict[str, Any]
    file: Path
    digests: Digests
    replaced: dict[str, Any] | None
    reporter: Reporter

    @property
    def _condition(self) -> dict[str, Any]:
        return {"IfMatch": self.replaced["ETag"]} if self.replaced else {"IfNoneMatch": "*"}

    def at_once(self) -> dict[str, Any]:
        def send(number: int) -> dict[str, Any]:
            return self.account.change(
                "s3",
                "PutObject",
                instead={},
                **self.place,
                **self.bucket.options(),
                **self._condition,
                Body=self._part(number),
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=in_base64(self.digests.whole),
            )

        answer: dict[str, Any] = self.bucket.submit(send, 0).result()
        return answer

    def in_parts(self) -> dict[str, Any]:
        upload = self.bucket.begin(self.place, self.bucket.options())
        try:
            answer = self._sent(upload)
        except PublishError:
            self.bucket.take_back(upload)
            raise
        self.bucket.finished(upload)
        return answer

    def _sent(self, upload: str) -> dict[str, Any]:
        def send(number: int) -> tuple[int, str]:
            answer = self.account.change(
                "s3",
                "UploadPart",
                instead={"ETag": "…"},
                **self.place,
                UploadId=upload,
                PartNumber=number + 1,
                Body=self._part(number),
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=in_base64(self.digests.parts[number]),
            )
            return number, answer["ETag"]

        label = f"uploading {self.file.name}"
        sending = [self.bucket.submit(send, number) for number in range(len(self.digests.parts))]
        tags = {}
        try:
            for future in as_completed(sending):
                number, tags[number] = future.result()
                self.reporter.progress(label, min(len(tags) * PART_BYTES, self.digests.size), self.digests.size)
        except PublishError:
            for future in sending:
                future.cancel()
            wait(sending)  # S3 may keep a part that arrives after the upload was taken back
            raise
        parts = [
            {"PartNumber": number + 1, "ETag": tags[number], "ChecksumSHA256": in_base64(digest)}
            for number, digest in enumerate(self.digests.parts)
        ]
        return self.account.change(
            "s3",
            "CompleteMultipartUpload",
            instead={},
            **self.place,
            **self._condition,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            ChecksumType="COMPOSITE",
            MpuObjectSize=self.digests.size,
        )

    def _part(self, number: int) -> bytes:
        with self.file.open("rb") as stream:
            return os.pread(stream.fileno(), PART_BYTES, number * PART_BYTES)


def _is(there: dict[str, Any], digests: Digests) -> bool:
    """Whether S3 has verified that the object is the file."""
    return there.get("ContentLength") == digests.size and digests.are_those_of(there.get("ChecksumSHA256", ""))


def _version(answer: dict[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return None if version in {None, "null"} else str(version)
