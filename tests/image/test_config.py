"""Configs of images, read strictly and written the same every time."""

import json
from typing import Any

import pytest

from lpack.errors import InputError
from lpack.image.config import Execution, History, ImageConfig, parse_config
from lpack.image.manifest import Platform

SUBJECT = "the config of `shop`"
DIFF_ID = f"sha256:{'0' * 64}"

CONFIG = ImageConfig(
    Platform("linux", "arm64", "v8"),
    Execution(
        env=("PATH=/bin", "LANG=en_US.UTF-8"),
        entrypoint=("/lambda-entrypoint.sh",),
        cmd=("app.handler",),
        working_dir="/var/task",
        user="1000",
        labels={"b": "2", "a": "1"},
        others={"StopSignal": "SIGTERM"},
    ),
    (DIFF_ID,),
    (History(created="1980-01-01T00:00:00Z", created_by="lpack"), History(created_by="ENV A=1", empty_layer=True)),
    created="1980-01-01T00:00:00Z",
    author="ann",
    others={"os.version": "1"},
)


def document(**changes: Any) -> bytes:
    whole = json.loads(CONFIG.to_bytes())
    return json.dumps({key: value for key, value in {**whole, **changes}.items() if value is not ...}).encode()


def test_what_is_written_is_read_again() -> None:
    assert parse_config(CONFIG.to_bytes(), SUBJECT) == CONFIG


def test_a_config_is_the_same_bytes_every_time() -> None:
    turned = json.dumps(dict(reversed(json.loads(CONFIG.to_bytes()).items()))).encode()
    assert parse_config(turned, SUBJECT).to_bytes() == CONFIG.to_bytes()


def test_null_is_what_go_writes_for_nothing() -> None:
    config = parse_config(document(config={"Env": None, "Cmd": None, "Labels": None}, history=None), SUBJECT)
    assert config.execution == Execution()
    assert config.history == ()
    assert json.loads(config.to_bytes())["config"] == {}


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (document(os=...), "`os` is missing"),
        (document(architecture=""), "`architecture` is missing"),
        (document(architecture=["arm64"]), "`architecture` is not a string"),
        (document(config={"Env": "PATH=/bin"}), "`config.Env` is not a list"),
        (document(config={"Env": [1]}), "`config.Env[0]` is not a string"),
        (document(config={"Entrypoint": "/bin/sh"}), "`config.Entrypoint` is not a list"),
        (document(config={"Labels": {"a": None}}), "`config.Labels.a` is not a string"),
        (document(rootfs=...), "`rootfs.type` is missing"),
        (document(rootfs={"type": "tree"}), "`rootfs.type` is `tree`"),
        (document(rootfs={"type": "layers", "diff_ids": ["x"]}), "`rootfs.diff_ids[0]` is `x`"),
        (document(history=["a"]), "`history[0]` is not an object"),
        (document(history=[{"empty_layer": 1}]), "`history[0].empty_layer` is not true or false"),
    ],
)
def test_what_is_no_config(data: bytes, fact: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(data, SUBJECT)
    assert caught.value.message.startswith(f"{SUBJECT} is not valid: ")
    assert fact in caught.value.message
