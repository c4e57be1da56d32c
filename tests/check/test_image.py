"""What Lambda asks of a container image as a whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from check_samples import of_sizes, subject

from lpack.aws.limits import IMAGE_BYTES
from lpack.check import ImageFacts, check
from lpack.check.image import check_image
from lpack.check.image_contents import check_contents
from lpack.image.config import Execution
from lpack.image.kept_files import kept_files
from lpack.image.manifest import Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI, OCI_ZSTD_LAYER
from lpack.image.model import Layer
from lpack.model import Finding, Severity

FINE = ImageFacts(
    platform=Platform("linux", "amd64"),
    execution=Execution(
        env=("PATH=/usr/bin", "LAMBDA_TASK_ROOT=/var/task", "TMPDIR=/tmp"),
        entrypoint=("/lambda-entrypoint.sh",),
        cmd=("app.handler",),
        working_dir="/var/task",
    ),
    media_types=[DOCKER.gzip_layer, OCI.gzip_layer],
    history=2,
    sizes=[("the base", 500_000_000), ("source", 1_000)],
)


def found(changes: Mapping[str, Any] | None = None, **execution: Any) -> list[Finding]:
    facts = replace(FINE, **(changes or {}))
    return check_image(replace(facts, execution=replace(facts.execution, **execution)), subject(handler="app.handler"))


def only(findings: list[Finding]) -> tuple[Severity, str, str]:
    (finding,) = findings
    assert finding.hint
    return finding.severity, finding.check, finding.message


def test_nothing_is_wrong_with_what_lpack_makes() -> None:
    assert found() == []


def test_an_image_is_not_held_to_the_limit_of_zips() -> None:
    tree = of_sizes({"app.py": 300_000_000})
    as_image = check(tree, subject(image=FINE), packages=[], elf={})
    assert [each for each in as_image if each.severity is Severity.ERROR] == []
    assert [each.check for each in check(tree, subject(), packages=[], elf={})] == ["unzipped-size"]


@pytest.mark.parametrize(("more", "errors"), [(0, 0), (1, 1)])
def test_ten_gigabytes_are_the_limit(more: int, errors: int) -> None:
    findings = found({"sizes": [("the base", IMAGE_BYTES - 1000), ("source", 1000 + more)]})
    assert len(findings) == errors
    if findings:
        severity, check_name, message = only(findings)
        assert (severity, check_name) == (Severity.ERROR, "image-size")
        assert f"{IMAGE_BYTES + 1:,} bytes" in message
        assert findings[0].details[0].startswith("the base: ")


def test_a_size_that_is_not_known_in_full_says_so() -> None:
    _, _, message = only(found({"sizes": [("the base", IMAGE_BYTES + 1)], "exact": False}))
    assert "at least 10,737,418,241 bytes" in message


@pytest.mark.parametrize(
    ("changes", "severity", "check_name", "said"),
    [
        ({"platform": Platform("linux", "arm64")}, Severity.ERROR, "image-platform", "linux/arm64"),
        ({"platform": Platform("windows", "amd64")}, Severity.ERROR, "image-platform", "windows/amd64"),
        ({"media_types": [OCI_ZSTD_LAYER] * 2}, Severity.ERROR, "image-layer-type", "zstd"),
        ({"media_types": [DOCKER.layer] * 2}, Severity.ERROR, "image-layer-type", DOCKER.layer),
        ({"history": 1}, Severity.WARNING, "image-history", "has 2 layers, and its history tells of 1"),
        ({"media_types": [DOCKER.gzip_layer] * 128, "history": 128}, Severity.ERROR, "image-layers", "128"),
        ({"manifest_size": 25_401}, Severity.WARNING, "image-manifest-size", "25,401"),
    ],
)
def test_what_an_image_is(changes: dict[str, Any], severity: Severity, check_name: str, said: str) -> None:
    told = only(found(changes))
    assert told[:2] == (severity, check_name)
    assert said in told[2]


@pytest.mark.parametrize(
    ("execution", "severity", "check_name", "said"),
    [
        ({"entrypoint": (), "cmd": ()}, Severity.ERROR, "image-entry-point", "neither an entry point nor a command"),
        ({"entrypoint": ()}, Severity.ERROR, "image-entry-point", "no entry point that could start `app.handler`"),
        ({"cmd": ()}, Severity.ERROR, "image-command", "has none"),
        ({"cmd": ("app.handler", "more")}, Severity.ERROR, "image-command", "has 2 arguments"),
        ({"cmd": ("x" * 17_000,)}, Severity.ERROR, "image-settings", "16,384"),
        ({"user": "1000"}, Severity.WARNING, "image-user", "`1000`"),
        ({"env": ("AWS_LAMBDA_RUNTIME_API=x",)}, Severity.WARNING, "image-environment", "AWS_LAMBDA_RUNTIME_API"),
        ({"env": ("TMPDIR=/var/cache",)}, Severity.WARNING, "image-places", "TMPDIR=/var/cache"),
        ({"others": {"Volumes": {"/data": {}, "/tmp/x": {}}}}, Severity.WARNING, "image-volumes", "at `/data`,"),
    ],
)
def test_how_an_image_starts(execution: dict[str, Any], severity: Severity, check_name: str, said: str) -> None:
    told = only(found(**execution))
    assert told[:2] == (severity, check_name)
    assert said in told[2]


def contents(tmp_path: Path, *members: tarfile.TarInfo, blob_twice: bool = False) -> list[Finding]:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    import gzip

    tar = stream.getvalue()
    blob = gzip.compress(tar[:700]) + gzip.compress(tar[700:]) if blob_twice else gzip.compress(tar)
    layer = Layer(descriptor_of(blob, DOCKER.gzip_layer), digest_of(tar), lambda: iter([blob]))
    kept = kept_files([layer], tmp_path, lambda path: path.startswith("var/task"))
    return check_contents(kept, Execution(entrypoint=("/var/task/run",)))


def member(path: str, mode: int = 0o755, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(path)
    made.mode, made.type, made.linkname = mode, kind, target
    return made


RUN = member("var/task/run")


def test_nothing_is_wrong_with_plain_layers(tmp_path: Path) -> None:
    assert contents(tmp_path, member("var/task", kind=tarfile.DIRTYPE), RUN) == []


def test_an_entry_point_has_to_be_there_and_to_be_executable(tmp_path: Path) -> None:
    severity, check_name, message = only(contents(tmp_path, member("var/task/run", 0o700)))
    assert (severity, check_name) == (Severity.ERROR, "image-entry-point")
    assert message.endswith("`/var/task/run`, which has mode 0700, so that Lambda's user can't run it")


def test_hard_links_are_worth_a_warning(tmp_path: Path) -> None:
    link = member("var/task/link", kind=tarfile.LNKTYPE, target="var/task/run")
    findings = contents(tmp_path, RUN, link)
    assert only(findings)[:2] == (Severity.WARNING, "image-hard-links")
    assert findings[0].details == ("var/task/link",)


def test_several_gzip_files_in_a_row_are_worth_a_warning(tmp_path: Path) -> None:
    assert only(contents(tmp_path, RUN, blob_twice=True))[:2] == (Severity.WARNING, "image-gzip-members")


def test_folders_that_nobody_else_can_enter_are_errors(tmp_path: Path) -> None:
    folder = member("var/task/private", 0o700, kind=tarfile.DIRTYPE)
    findings = contents(tmp_path, RUN, folder, member("var/task/private/x", 0o644))
    assert only(findings)[:2] == (Severity.ERROR, "permissions")
    assert findings[0].details == ("var/task/private: 0700",)
