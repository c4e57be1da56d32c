"""S3: once, whole, and trusted by its checksum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_front import Front, aws_error
from aws_projects import BUCKET, ORDERS, SETTINGS, noise, record
from in_process import lpack

from lpack.publish.digests import PART_BYTES


def test_an_artifact_goes_under_its_sha256(built: Any, client: Callable[..., Any]) -> None:
    folder = built()
    run = lpack("publish", folder=folder)
    assert run.exit_code == 0, run.stderr
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    assert f"s3://{BUCKET}/{key}" in run.stdout
    assert "uploaded" in run.stdout
    found = client("s3").get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert found["Body"].read() == (folder / "dist/orders.zip").read_bytes()
    assert found["ChecksumSHA256"] == record(folder)["code_sha256"]


def test_what_is_there_is_not_sent_again(built: Any, aws: Front) -> None:
    folder = built()
    assert lpack("publish", folder=folder).exit_code == 0
    aws.requests.clear()
    run = lpack("publish", folder=folder)
    assert "unchanged" in run.stdout
    assert aws.calls(changing=True) == []


@pytest.fixture
def large(built: Any) -> Path:
    """A project whose artifact goes in parts."""
    return built(noise("orders", 2 * PART_BYTES + 12345))


def test_large_ones_go_in_parts_and_are_known_again(large: Path, aws: Front, client: Callable[..., Any]) -> None:
    run = lpack("publish", folder=large)
    assert run.exit_code == 0, run.stderr
    assert len([call for call in aws.calls("s3") if call.startswith("s3 PUT")]) == 3
    key = f"shop/orders/{record(large)['sha256']}.zip"
    found = client("s3").get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert found["Body"].read() == (large / "dist/orders.zip").read_bytes()
    aws.requests.clear()
    assert "unchanged" in lpack("publish", folder=large).stdout
    assert aws.calls(changing=True) == []


def test_what_another_tool_put_there_is_replaced(built: Any, client: Callable[..., Any]) -> None:
    folder = built()
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    run = lpack("publish", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert "is not what its key says: it is replaced" in run.stderr
    assert client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == (folder / "dist/orders.zip").read_bytes()


def test_one_of_the_same_size_without_a_checksum_is_not_trusted(built: Any, client: Callable[..., Any]) -> None:
    folder = built()
    artifact = (folder / "dist/orders.zip").read_bytes()
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=artifact[::-1])
    assert "uploaded" in lpack("publish", folder=folder).stdout
    assert client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == artifact


def test_the_version_of_an_object_is_told(built: Any, client: Callable[..., Any]) -> None:
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    folder = built()
    first = lpack("publish", "--json", folder=folder).json["artifacts"][0]
    again = lpack("publish", "--json", folder=folder).json["artifacts"][0]
    assert (first["status"], again["status"]) == ("uploaded", "unchanged")
    there = client("s3").head_object(Bucket=BUCKET, Key=first["s3_key"])["VersionId"]
    assert first["s3_object_version"] == again["s3_object_version"] == there


def test_keys_tags_and_owner_are_asked_for(built: Any, aws: Front, client: Callable[..., Any]) -> None:
    more = 'kms-key = "alias/artifacts"\ntags = { team = "shop+co / a=b" }\nexpected-bucket-owner = "123456789012"\n'
    folder = built(toml=ORDERS + SETTINGS + more)
    run = lpack("publish", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    published, s3 = run.json["artifacts"][0], client("s3")
    there = s3.head_object(Bucket=BUCKET, Key=published["s3_key"])
    assert (there["ServerSideEncryption"], there["SSEKMSKeyId"]) == ("aws:kms", "alias/artifacts")
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=published["s3_key"])["TagSet"]
    assert tags == [{"Key": "team", "Value": "shop+co / a=b"}]
    own = [each for each in aws.requests if each.service == "s3" and "user-agent" in each.headers]
    of_lpack = [each for each in own if "lpack/" in each.headers["user-agent"]]
    assert {each.headers.get("x-amz-expected-bucket-owner") for each in of_lpack} == {"123456789012"}


@pytest.mark.usefixtures("aws")
def test_a_bucket_of_somebody_else_is_refused(built: Any) -> None:
    folder = built(toml=ORDERS + SETTINGS + 'expected-bucket-owner = "210987654321"\n')
    run = lpack("publish", folder=folder)
    assert run.exit_code == 7
    assert f"bucket `{BUCKET}` is not open to" in run.stderr
    assert "check that it belongs to account 210987654321" in run.stderr


def test_a_bucket_that_is_not_there(built: Any, client: Callable[..., Any]) -> None:
    client("s3").delete_bucket(Bucket=BUCKET)
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert run.stderr.startswith(f"error: there is no bucket `{BUCKET}`\nhint: make it, or check")


def test_a_bucket_in_another_region(built: Any, client: Callable[..., Any]) -> None:
    elsewhere = {"LocationConstraint": "us-west-2"}
    client("s3", "us-west-2").create_bucket(Bucket="elsewhere", CreateBucketConfiguration=elsewhere)
    run = lpack("publish", "--bucket", "elsewhere", folder=built())
    assert run.exit_code == 7
    assert "bucket `elsewhere` is in us-west-2, and Lambda in eu-west-1 can't take code from it" in run.stderr
    assert "use a bucket in eu-west-1, or publish to us-west-2 with `--region us-west-2`" in run.stderr


def test_objects_that_may_not_be_looked_at(built: Any, aws: Front) -> None:
    aws.fail(r"^s3 HEAD /artifacts/", aws_error(403, "AccessDenied", service="s3"))
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert "allow `s3:GetObject` on the objects, and `s3:ListBucket` on the bucket" in run.stderr


def test_writing_that_is_not_allowed(built: Any, aws: Front) -> None:
    aws.fail(r"^s3 PUT", aws_error(403, "AccessDenied", "User: me is not authorized", service="s3"))
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert "`s3:PutObject` on `s3://artifacts/shop/orders/" in run.stderr
    assert "AWS says: User: me is not authorized" in run.stderr


def test_what_arrives_damaged_is_refused_and_leaves_nothing(
    large: Path, aws: Front, client: Callable[..., Any]
) -> None:
    def damage(request: Any) -> None:
        if request.query.get("partNumber") == ["2"]:
            object.__setattr__(request, "body", b"x" + request.body[1:])

    aws.faults.append(damage)
    run = lpack("publish", folder=large)
    assert run.exit_code == 7
    assert "arrived damaged, and S3 refused it" in run.stderr
    _nothing_is_left(client("s3"))


def _nothing_is_left(s3: Any) -> None:
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.parametrize("fault", [(503, "SlowDown"), (500, "InternalError")])
def test_what_passes_is_tried_again(built: Any, aws: Front, fault: tuple[int, str]) -> None:
    aws.fail(r"^s3 PUT", aws_error(*fault, service="s3"))
    run = lpack("publish", folder=built())
    assert run.exit_code == 0, run.stderr
    assert len([call for call in aws.calls("s3") if call.startswith("s3 PUT")]) == 2


def test_a_connection_that_breaks_is_made_again(large: Path, aws: Front) -> None:
    left = [123_456, 7]
    aws.cut_after = lambda call: left.pop() if left and call.startswith("s3 PUT") else None
    run = lpack("publish", folder=large)
    assert run.exit_code == 0, run.stderr
    assert left == []


@pytest.mark.slow
def test_connections_that_always_break_leave_nothing(large: Path, aws: Front, client: Callable[..., Any]) -> None:
    aws.cut_after = lambda call: 4_000_000 if call.startswith("s3 PUT") else None
    run = lpack("publish", folder=large)
    assert run.exit_code == 7
    assert "AWS was not reached for s3:UploadPart" in run.stderr
    aws.cut_after = lambda _call: None
    _nothing_is_left(client("s3"))
    assert lpack("publish", folder=large).exit_code == 0


def test_an_answer_that_got_lost_is_no_failure(large: Path, aws: Front) -> None:
    """The object is there, but the one who finished it was told that something went wrong, and asks again."""
    lost = []

    def lose(request: Any) -> Any:
        if request.method == "POST" and "uploadId" in request.query and not lost:
            lost.append(request)
            assert aws.passed_on(request).status == 200
            return aws_error(500, "InternalError", service="s3")
        return None

    aws.faults.append(lose)
    run = lpack("publish", folder=large)
    assert run.exit_code == 0, run.stderr
    assert lost


def test_another_publish_that_was_quicker_is_believed(built: Any, aws: Front) -> None:
    """Between the question whether it is there and the upload, somebody else has put the same there."""
    folder = built()
    quicker = []

    def overtake(request: Any) -> None:
        if request.method == "PUT" and not quicker:
            quicker.append(aws.passed_on(request).status)

    aws.faults.append(overtake)
    run = lpack("publish", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert quicker == [200]
    assert "unchanged" in run.stdout
