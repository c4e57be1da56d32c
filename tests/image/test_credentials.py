"""Who the user is to a registry: Docker's configuration, helper programs, netrc."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import ToolError, UsageError
from lpack.image.credentials import Identity, identity_for
from lpack.model import Host
from lpack.network import network_of

REGISTRY = "r.example.com:5000"
AUTH = base64.b64encode(b"ann:open: sesame").decode()

Write = Callable[[Any], Path]


@pytest.fixture
def config(host: Host) -> Write:
    """Writes Docker's configuration."""

    def write(document: Any) -> Path:
        path = Path(host.environ["HOME"], ".docker", "config.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


@pytest.fixture
def helper(host: Host, tmp_path: Path) -> Callable[[str, str], Host]:
    """Makes a credential helper, a shell script, and gives the machine that has it."""

    def make(name: str, script: str) -> Host:
        folder = tmp_path / "programs"
        folder.mkdir(exist_ok=True)
        program = folder / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return replace(host, environ={**host.environ, "PATH": f"{folder}:{host.environ['PATH']}"})

    return make


def identity(host: Host, registry: str = REGISTRY) -> Identity | None:
    return identity_for(registry, host=host, network=network_of(host.environ))


def test_nobody_in_particular(host: Host, config: Write) -> None:
    assert identity(host) is None
    config({"auths": {"other.example.com": {"auth": AUTH}, REGISTRY: {}}, "credHelpers": {}, "HttpHeaders": {}})
    assert identity(host) is None
    assert identity(Host({}, host.cache)) is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": AUTH}, {"username": "ann", "password": "open: sesame"}),
        ({"username": "ann", "password": "é"}, {"username": "ann", "password": "é"}),
        ({"auth": AUTH, "identitytoken": "t"}, {"username": "ann", "password": "open: sesame", "identity_token": "t"}),
        ({"registrytoken": "t"}, {"registry_token": "t"}),
    ],
)
def test_dockers_own_file(entry: dict[str, str], expected: dict[str, str], host: Host, config: Write) -> None:
    path = config({"auths": {REGISTRY: entry}})
    assert identity(host) == Identity(str(path), **expected)


@pytest.mark.parametrize("key", [REGISTRY, f"https://{REGISTRY}", f"https://{REGISTRY}/v1/", f"{REGISTRY}/v2/"])
def test_keys_that_mean_the_registry(key: str, host: Host, config: Write) -> None:
    config({"auths": {"r.example.com": {"auth": "x"}, key: {"auth": AUTH}}})
    found = identity(host)
    assert found is not None
    assert found.username == "ann"


def test_docker_hub_has_an_address_of_its_own(host: Host, config: Write) -> None:
    config({"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}})
    found = identity(host, "docker.io")
    assert found is not None
    assert found.username == "ann"


def test_another_folder(host: Host, config: Write, tmp_path: Path) -> None:
    path = config({"auths": {REGISTRY: {"auth": AUTH}}})
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere" / "config.json")
    assert identity(host) is None
    found = identity(replace(host, environ={**host.environ, "DOCKER_CONFIG": str(tmp_path / "elsewhere")}))
    assert found is not None
    assert found.source == str(tmp_path / "elsewhere" / "config.json")


GET = """read server; echo '{"Username": "USER", "Secret": "for '$1 $server'"}'"""


def test_a_helper_for_one_registry(config: Write, helper: Callable[[str, str], Host]) -> None:
    config({"credHelpers": {REGISTRY: "one"}, "credsStore": "all", "auths": {REGISTRY: {"auth": AUTH}}})
    helper("all", GET.replace("USER", "other"))
    host = helper("one", GET.replace("USER", "bob"))
    assert identity(host) == Identity("`docker-credential-one`", "bob", f"for get {REGISTRY}")
    assert identity(host, "docker.io") == Identity(
        "`docker-credential-all`", "other", "for get https://index.docker.io/v1/"
    )


def test_a_helper_may_give_an_identity_token(config: Write, helper: Callable[[str, str], Host]) -> None:
    config({"credsStore": "all"})
    host = helper("all", GET.replace("USER", "<token>"))
    assert identity(host) == Identity("`docker-credential-all`", identity_token=f"for get {REGISTRY}")


def test_a_helper_that_knows_nothing(config: Write, helper: Callable[[str, str], Host]) -> None:
    path = config({"credsStore": "all", "auths": {REGISTRY: {"auth": AUTH}}})
    host = helper("all", "echo credentials not found in native keychain; exit 1")
    assert identity(host) == Identity(str(path), "ann", "open: sesame")


@pytest.mark.parametrize(
    ("script", "fact"),
    [
        ("echo no such keychain; exit 3", "it failed with exit code 3"),
        ("echo nonsense", "gave an answer for `r.example.com:5000` that is no user name and password"),
        ('echo "[]"', "that is no user name and password"),
        ("""echo '{"Username": 1, "Secret": "top secret"}'""", "that is no user name and password"),
    ],
)
def test_a_helper_that_fails(script: str, fact: str, config: Write, helper: Callable[[str, str], Host]) -> None:
    config({"credsStore": "all"})
    with pytest.raises(ToolError) as caught:
        identity(helper("all", script))
    assert fact in caught.value.message
    assert "top secret" not in f"{caught.value.message} {caught.value.details}"


def test_a_helper_that_is_not_installed(host: Host, config: Write) -> None:
    config({"credHelpers": {REGISTRY: "none"}})
    with pytest.raises(ToolError, match="`docker-credential-none` can't be run: No such file") as caught:
        identity(host)
    assert "install it, or take it out of there" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ({"auths": [1]}, "has a mistake: `auths` is not an object"),
        ({"auths": {REGISTRY: "secret"}}, "has a mistake in what it says about `r.example.com:5000`"),
        ({"auths": {REGISTRY: {"auth": 1}}}, "has a mistake in what it says"),
        ({"auths": {REGISTRY: {"auth": "secret!"}}}, "that is no user name and password"),
        ({"auths": {REGISTRY: {"auth": "c2VjcmV0"}}}, "that is no user name and password"),
        ({"credsStore": "../secret"}, "names a credential helper"),
    ],
)
def test_a_configuration_with_mistakes(document: Any, fact: str, host: Host, config: Write) -> None:
    config(document)
    with pytest.raises(UsageError) as caught:
        identity(host)
    assert fact in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.hint


def test_netrc(host: Host, config: Write) -> None:
    Path(host.environ["HOME"], ".netrc").write_text("machine r.example.com login ann password secret")
    assert identity(host) == Identity("netrc", "ann", "secret")
    path = config({"auths": {REGISTRY: {"auth": AUTH}}})
    found = identity(host)
    assert found is not None
    assert found.source == str(path)


def test_secrets_are_not_shown() -> None:
    shown = repr(Identity("file", "ann", "secret", "secret", "secret"))
    assert "ann" in shown
    assert "secret" not in shown
