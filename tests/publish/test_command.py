"""`lpack publish` as a user sees it: what is refused before anything is sent, dry runs, JSON, and secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_front import Answer, Front, aws_error
from aws_projects import BUCKET, HANDLER, ORDERS, SETTINGS, record
from in_process import lpack

Client = Callable[..., Any]
ENVIRONMENT = 'environment = { PASSWORD = "hunter2-secret" }\n'


def test_what_was_not_built_is_not_published(project: Any, aws: Front) -> None:
    folder = project({"lpack.toml": ORDERS + SETTINGS, "orders/app.py": HANDLER})
    run = lpack("publish", folder=folder)
    assert run.exit_code == 2
    assert run.stderr == (
        "error: `orders` was not built: there is no `orders.zip`\nhint: run `lpack build orders` first\n"
    )
    assert aws.requests == []


def test_an_artifact_that_does_not_fit_its_record(built: Any, aws: Front) -> None:
    folder = built()
    with (folder / "dist/orders.zip").open("ab") as file:
        file.write(b"x")
    run = lpack("publish", "--force", folder=folder)
    assert run.exit_code == 7
    assert "`orders.zip` is not the artifact that `orders.zip.json` describes" in run.stderr
    assert aws.requests == []


def test_an_artifact_without_a_record(built: Any, aws: Front) -> None:
    folder = built()
    (folder / "dist/orders.zip.json").unlink()
    run = lpack("publish", folder=folder)
    assert run.exit_code == 7
    assert "`orders.zip` has no build record, so nothing vouches for it" in run.stderr
    assert aws.requests == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"python3.13"', '"python3.12"', "built for python3.13 on x86_64, and the configuration says python3.12 on"),
        ('handler = "app.handler"', 'handler = "app.other"', "built for another handler or other layers than"),
    ],
)
def test_an_artifact_of_another_configuration(built: Any, aws: Front, old: str, new: str, told: str) -> None:
    folder = built()
    (folder / "lpack.toml").write_text((ORDERS + SETTINGS).replace(old, new))
    run = lpack("publish", folder=folder)
    assert run.exit_code == 7
    assert told in run.stderr
    assert "run `lpack build orders` first" in run.stderr
    assert aws.requests == []


@pytest.fixture
def broken(built: Any) -> Path:
    """A project of two functions, of which one has settings by now that Lambda refuses."""
    other = ORDERS.replace("orders", "other")
    folder: Path = built({"other/app.py": HANDLER}, toml=ORDERS + other + SETTINGS)
    (folder / "lpack.toml").write_text(ORDERS + other + "memory = 1\n" + SETTINGS)
    return folder


def test_one_that_fails_its_checks_stops_all(broken: Path, aws: Front) -> None:
    for _ in range(2):  # the second time, from what was noted
        run = lpack("publish", folder=broken)
        assert run.exit_code == 7
        assert "`other.zip` would not work in Lambda" in run.stderr
        assert "memory" in run.stderr
        assert "publish it all the same with `--force`" in run.stderr
        assert "1 of 2 failed: `other`\n  nothing was sent to AWS" in run.stderr
        assert aws.requests == []


@pytest.mark.usefixtures("aws")
def test_it_can_be_forced_which_is_told(broken: Path) -> None:
    run = lpack("publish", "--force", "--json", folder=broken)
    assert run.exit_code == 0, run.stderr
    assert "`other` failed its checks, and `--force` published it all the same" in run.stderr
    assert [each["forced"] for each in run.json["artifacts"]] == [False, True]


def test_a_dry_run_tells_every_call_and_makes_none(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    folder = built(toml=ORDERS + ENVIRONMENT + SETTINGS)
    run = lpack("publish", "--update", "--alias", "live", "--dry-run", folder=folder)
    assert run.exit_code == 0, run.stderr
    size, sha256 = record(folder)["size"], record(folder)["code_sha256"]
    update, version, alias = run.stdout.splitlines()
    revision = aws.revisions["orders"]
    assert update == (f"lambda:UpdateFunctionCode FunctionName=orders RevisionId={revision} ZipFile=<{size:,} bytes>")
    assert version == f"lambda:PublishVersion FunctionName=orders CodeSha256={sha256} RevisionId={revision}"
    assert alias == "lambda:CreateAlias FunctionName=orders Name=live FunctionVersion=(the new version)"
    assert "3 calls would change something in eu-west-1" in run.stderr
    assert "hunter2" not in run.stdout + run.stderr
    assert aws.calls(changing=True) == []


def test_a_dry_run_of_uploads_and_layers(built: Any, aws: Front) -> None:
    layer = '[layer.shared]\nruntimes = ["python3.13"]\nsource = { python = "shared" }\n'
    folder = built(
        {"shared/shared.py": "a = 1\n", "orders/data.gz": os.urandom(9 << 20)}, toml=layer + ORDERS + SETTINGS
    )
    run = lpack("publish", "--share", "public", "--dry-run", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert [f"{call['service']}:{call['operation']}" for call in run.json["calls"]] == [
        "lambda:PublishLayerVersion",
        "lambda:AddLayerVersionPermission",
        "s3:CreateMultipartUpload",
        "s3:UploadPart",
        "s3:UploadPart",
        "s3:CompleteMultipartUpload",
    ]
    assert aws.calls(changing=True) == []
    content = run.json["calls"][0]["parameters"]["Content"]
    assert content == {"ZipFile": f"<{record(folder, 'shared')['size']} bytes>"}


def test_nothing_to_do_is_no_call(built: Any, aws: Front) -> None:
    folder = built()
    assert lpack("publish", folder=folder).exit_code == 0
    run = lpack("publish", "--dry-run", folder=folder)
    assert (run.exit_code, run.stdout) == (0, "")
    assert "no calls would change something in eu-west-1" in run.stderr
    assert aws.requests


@pytest.mark.usefixtures("aws")
def test_json_on_stdout_and_in_a_file(built: Any) -> None:
    folder = built()
    whole = lpack("publish", "--json", folder=folder).json
    assert whole["format"] == 1
    [artifact] = whole["artifacts"]
    assert artifact == {
        "name": "orders",
        "status": "uploaded",
        "kind": "function-zip",
        "code_sha256": record(folder)["code_sha256"],
        "s3_bucket": BUCKET,
        "s3_key": f"shop/orders/{record(folder)['sha256']}.zip",
        "s3_object_version": None,
        "image_uri": None,
        "layer_version_arn": None,
        "function_arn": None,
        "version": None,
        "alias": None,
        "changes": [],
        "changed": True,
        "forced": False,
        "handler": "app.handler",
        "runtimes": ["python3.13"],
        "architectures": ["x86_64"],
        "error": None,
    }
    assert lpack("publish", "--output", "json", "--to", "out.json", folder=folder).stdout == ""
    again = json.loads((folder / "out.json").read_text())
    assert again["artifacts"][0]["s3_key"] == artifact["s3_key"]


def test_settings_of_the_command_line(built: Any, client: Client) -> None:
    client("s3", "us-west-2").create_bucket(
        Bucket="other", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    folder = built()
    run = lpack("publish", "--bucket", "other", "--prefix", "a/b/", "--region", "us-west-2", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.json["region"] == "us-west-2"
    assert run.json["artifacts"][0]["s3_key"] == f"a/b/orders/{record(folder)['sha256']}.zip"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--output", "dist"], "`dist` is not a format of output\nhint: there are `json`, `cloudformation`"),
        (["--output", "sam", "--update"], "either `--update` changes functions, or the template of `--output sam`"),
        (["--output", "sam", "--json"], "`--json` and `--output sam` are two forms of one output"),
        (["--output", "terraform", "--inline"], "`--inline` is about templates"),
        (["--output", "sam", "--share", "public"], "`--share` is about layer versions that lpack publishes"),
        (["--publish-version"], "`--publish-version` is about functions that are updated"),
        (["--alias", "live"], "`--alias` is about functions that are updated"),
        (["--weight", "0.1"], "`--weight` is about an alias"),
        (["--update", "--alias", "live", "--weight", "2"], "2 can't be the weight of an alias"),
        (["--update", "--alias", "live=blue"], "`blue` is an alias, and an alias can't point to an alias"),
        (["--to", "file"], "`--to` names the file of an `--output`"),
        (["--bucket", "s3://x"], "`--bucket` names `s3://x`; write the bucket's name alone"),
        (["--region", "Ireland"], "`--region` names `Ireland`, which is not a region"),
        (["--bucket-policy", "me"], "`me` is not an account"),
        (["nobody"], "`nobody` is not a function of"),
    ],
)
def test_options_that_do_not_go_together(built: Any, aws: Front, options: list[str], told: str) -> None:
    run = lpack("publish", *options, folder=built())
    assert run.exit_code == 2
    assert told in run.stderr
    assert aws.requests == []


@pytest.mark.usefixtures("aws")
def test_a_bucket_is_needed(built: Any) -> None:
    run = lpack("publish", folder=built(toml=ORDERS))
    assert run.exit_code == 2
    assert "there is no bucket to upload to\nhint: set `bucket` in [publish], or give `--bucket`" in run.stderr


def test_the_policy_for_other_accounts(built: Any, aws: Front) -> None:
    run = lpack("publish", "--bucket-policy", "210987654321", "--bucket-policy", "111122223333", folder=built())
    assert run.exit_code == 0
    [statement] = json.loads(run.stdout)["Statement"]
    assert statement["Principal"] == {"AWS": ["arn:aws:iam::210987654321:root", "arn:aws:iam::111122223333:root"]}
    assert statement["Resource"] == f"arn:aws:s3:::{BUCKET}/shop/*"
    assert statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert aws.requests == []


# Settings of AWS


def test_no_credentials(built: Any, aws: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert run.stderr.startswith("error: no AWS credentials were found\nhint: set AWS_PROFILE, `profile` in [publish]")
    assert aws.requests == []


def test_no_region(built: Any, aws: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    run = lpack("publish", folder=built())
    assert run.exit_code == 2
    assert "no AWS region is set\nhint: set `region` in [publish]" in run.stderr
    assert aws.requests == []


def test_a_profile_that_is_not_there(built: Any, aws: Front) -> None:
    run = lpack("publish", "--profile", "nobody", folder=built())
    assert run.exit_code == 2
    assert "there is no AWS profile `nobody`" in run.stderr
    assert aws.requests == []


def test_credentials_that_have_expired(built: Any, aws: Front) -> None:
    # S3 has no text for HEAD: what is wrong only STS says.
    aws.fail("^s3 HEAD", aws_error(400, "", service="s3"))
    text = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>it has expired</Message></Error></ErrorResponse>"
    aws.fail("^sts ", Answer(403, text.encode(), {"Content-Type": "text/xml"}))
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert "the AWS credentials have expired" in run.stderr
    assert "hint: log in again" in run.stderr


def test_aws_that_is_not_reached(built: Any, aws: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    run = lpack("publish", folder=built())
    assert run.exit_code == 7
    assert "AWS was not reached for s3:HeadBucket" in run.stderr
    assert "hint: check the network, HTTPS_PROXY" in run.stderr
    assert aws.requests == []


def test_no_key_is_ever_shown(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    folder = built(toml=ORDERS + ENVIRONMENT + SETTINGS)
    shown = ""
    for options in ((), ("--update", "--alias", "live"), ("--dry-run",), ("--output", "github"), ("--bucket", "gone")):
        run = lpack("publish", "-v", *options, folder=folder)
        shown += run.stdout + run.stderr
    assert aws.requests
    for secret in ("hunter2", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "EXAMPLEKEY"):
        assert secret not in shown
