"""Getting into real registries: by password, by tokens, and by AWS."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import local_registry
import pytest
import registry_faults as faulty
from index_server import AUTHORITY, CERTIFICATES
from local_registry import (
    AWS_LOGIN,
    LOGIN,
    LocalRegistry,
    TokenServer,
    certificate_for,
    serving_tokens,
    tunnels_to,
)
from registry_faults import in_front_of
from sample_images import noise, sample_image

from lpack.errors import PublishError
from lpack.image.push import push
from lpack.image.reference import Reference, Repository, parse_reference
from lpack.image.registry import Registries, blob_chunks, read_manifest
from lpack.model import Host

pytestmark = [pytest.mark.slow, pytest.mark.needs(*local_registry.PROGRAMS)]

IMAGE = sample_image({"a": b"1"}, {"b": noise(1 << 20)})
LARGE = IMAGE.layers[1].descriptor

RegistriesOf = Callable[..., Registries]


def known_to(host: Host, registry: str, **entry: str) -> Host:
    """The machine of somebody who has logged in."""
    path = Path(host.environ["HOME"], ".docker", "config.json")
    path.parent.mkdir(exist_ok=True)
    if not entry:
        entry = {"auth": base64.b64encode(":".join(LOGIN).encode()).decode()}
    path.write_text(json.dumps({"auths": {registry: entry}}))
    return host


# By password


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry that wants a user name and a password for everything."""
    with local_registry.serving(tmp_path / "closed", login=LOGIN) as registry:
        yield registry


def test_by_password(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(closed) as proxy:
        registries = registries_of(known_to(host, proxy.host))
        pushed = push(IMAGE, Repository(proxy.host, "shop"), ["v1"], registries=registries)
        assert closed.tags("shop") == {"v1": IMAGE.digest}
        assert read_manifest(registries, pushed.reference).data == IMAGE.manifest_bytes
        bodies = [each.path for each in proxy.asked if each.method == "PUT" and LARGE.digest in each.path]
        assert len(bodies) == 1, "credentials come with the body, or it goes over the wire twice"


def test_somebody_unknown(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    repository = Repository(closed.host, "shop")
    with pytest.raises(PublishError) as caught:
        push(IMAGE, repository, ["v1"], registries=registries_of(host))
    assert f"it wants credentials for pushing to `{repository}` (status 401)" in caught.value.message
    assert (
        caught.value.hint == f"run `docker login {closed.host}`, or put credentials for it into ~/.docker/config.json"
    )
    with pytest.raises(PublishError, match="it wants credentials for reading from"):
        read_manifest(registries_of(host), Reference(repository, "v1"))


def test_the_wrong_password(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    known = known_to(host, closed.host, username="ann", password="wrong one")
    with pytest.raises(PublishError) as caught:
        push(IMAGE, Repository(closed.host, "shop"), ["v1"], registries=registries_of(known))
    assert "the credentials from " in caught.value.message
    assert "don't allow pushing to" in caught.value.message
    assert "wrong one" not in f"{caught.value.message} {caught.value.hint}"
    assert "docker login" in (caught.value.hint or "")


# By tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with serving_tokens(tmp_path / "tokens") as server:
        yield server


@pytest.fixture
def guarded(tokens: TokenServer, tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry that takes the server's tokens."""
    with local_registry.serving(tmp_path / "guarded", token=tokens.settings) as registry:
        yield registry


def test_by_tokens(guarded: LocalRegistry, tokens: TokenServer, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(guarded) as proxy:
        registries = registries_of(known_to(host, proxy.host))
        repository = Repository(proxy.host, "shop")
        push(IMAGE, repository, ["v1"], registries=registries)
        assert guarded.tags("shop") == {"v1": IMAGE.digest}
        assert [asked["scope"] for asked in tokens.asked] == [["repository:shop:pull,push"]], "one token does for all"
        assert tokens.asked[0]["service"] == ["registry"]
        assert sum(each.method == "PUT" and LARGE.digest in each.path for each in proxy.asked) == 1
        assert b"".join(blob_chunks(registries, repository, LARGE)) == b"".join(IMAGE.layers[1].chunks())
        assert [asked["scope"] for asked in tokens.asked[1:]] == [["repository:shop:pull"]]
        passwords = base64.b64encode(":".join(LOGIN).encode()).decode()
        assert not any(passwords in each.headers.get("authorization", "") for each in proxy.asked)


def test_anybody_may_read(guarded: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    repository = Repository(guarded.host, "shop")
    push(IMAGE, repository, ["v1"], registries=registries_of(known_to(host, guarded.host)))
    known_to(host, "other.example.com")
    nobody = registries_of(host)
    assert read_manifest(nobody, Reference(repository, "v1")).digest == IMAGE.digest
    with pytest.raises(PublishError, match="it wants credentials for pushing to"):
        push(sample_image({"x": b"x"}), repository, ["v1"], registries=nobody)
    assert guarded.tags("shop") == {"v1": IMAGE.digest}


def test_by_an_identity_token(
    guarded: LocalRegistry, tokens: TokenServer, host: Host, registries_of: RegistriesOf
) -> None:
    known = known_to(host, guarded.host, identitytoken=tokens.identity_token)
    push(IMAGE, Repository(guarded.host, "shop"), ["v1"], registries=registries_of(known))
    assert guarded.tags("shop") == {"v1": IMAGE.digest}
    assert tokens.asked[0]["grant_type"] == ["refresh_token"]


def test_the_token_server_refuses(guarded: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    known = known_to(host, guarded.host, username="ann", password="wrong")
    with pytest.raises(PublishError, match="it refuses the credentials for") as caught:
        push(IMAGE, Repository(guarded.host, "shop"), ["v1"], registries=registries_of(known))
    assert "docker login" in (caught.value.hint or "")


def test_a_token_that_has_ended_is_replaced(
    guarded: LocalRegistry, tokens: TokenServer, host: Host, registries_of: RegistriesOf
) -> None:
    with in_front_of(guarded) as proxy:
        question = f'Bearer realm="{tokens.realm}",service="registry"'
        proxy.fails("PUT", LARGE.digest, faulty.status(401, "UNAUTHORIZED", www_authenticate=question))
        registries = registries_of(known_to(host, proxy.host))
        push(IMAGE, Repository(proxy.host, "shop"), ["v1"], registries=registries)
    assert guarded.tags("shop") == {"v1": IMAGE.digest}
    assert len(tokens.asked) == 2


def test_layers_are_mounted_with_a_token_for_both(
    guarded: LocalRegistry, tokens: TokenServer, host: Host, registries_of: RegistriesOf
) -> None:
    registries = registries_of(known_to(host, guarded.host))
    base = Repository(guarded.host, "base")
    push(IMAGE, base, ["1"], registries=registries)
    image = replace(IMAGE, layers=tuple(replace(layer, origin=base) for layer in IMAGE.layers))
    pushed = push(image, Repository(guarded.host, "shop"), ["v1"], registries=registries)
    assert pushed.mounted == sum(layer.descriptor.size for layer in IMAGE.layers)
    assert ["repository:shop:pull,push", "repository:base:pull"] in [asked["scope"] for asked in tokens.asked]


@pytest.mark.parametrize(
    ("realm", "fact"),
    [
        ("http://tokens.example.com/token", "its connection would not be encrypted"),
        ("ftp://127.0.0.1/token", "that is no https or http address"),
        ("http://127.0.0.1:9/token", "connection refused"),
    ],
)
def test_token_servers_that_can_not_be_asked(
    realm: str, fact: str, registry: LocalRegistry, host: Host, registries_of: RegistriesOf
) -> None:
    with in_front_of(registry) as proxy:
        proxy.always("HEAD", "", faulty.status(401, www_authenticate=f'Bearer realm="{realm}"'))
        registries = registries_of(known_to(host, proxy.host))
        with pytest.raises(PublishError) as caught:
            push(IMAGE, Repository(proxy.host, "shop"), ["v1"], registries=registries)
    assert fact in caught.value.message


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"token": 1}', b'{"token": "a\\nb"}', b'{"token": "t", "expires_in": "x"}']
)
def test_a_token_that_is_none(answer: bytes, registry: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(registry) as proxy:
        proxy.always("HEAD", "", faulty.status(401, www_authenticate=f'Bearer realm="http://{proxy.host}/token"'))
        proxy.always("GET", "/token", faulty.replaced(answer))
        with pytest.raises(PublishError, match="that it gives is none"):
            push(IMAGE, Repository(proxy.host, "shop"), ["v1"], registries=registries_of(host))


# Secrets stay where they belong


def test_credentials_do_not_follow_redirects(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(closed) as proxy, in_front_of(closed) as storage:
        registries = registries_of(known_to(host, proxy.host))
        repository = Repository(proxy.host, "shop")
        push(IMAGE, repository, ["v1"], registries=registries)
        blob = b"".join(IMAGE.layers[1].chunks())
        storage.always("GET", "/signed", faulty.replaced(blob))
        proxy.always("GET", LARGE.digest, faulty.redirect(f"http://{storage.host}/signed?signature=1"))
        assert b"".join(blob_chunks(registries, repository, LARGE)) == blob
        assert [each.path for each in storage.asked] == ["/signed?signature=1"]
        assert all("authorization" not in each.headers for each in storage.asked)


def test_credentials_do_not_follow_uploads(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(closed) as proxy, in_front_of(closed) as storage:
        registries = registries_of(known_to(host, proxy.host))
        proxy.always("POST", "/blobs/uploads/", faulty.header("Location", f"http://{storage.host}/elsewhere"))
        storage.always("PUT", "", faulty.status(201))
        proxy.always("PUT", "/manifests/", faulty.status(400, "MANIFEST_BLOB_UNKNOWN"))
        with pytest.raises(PublishError, match="MANIFEST_BLOB_UNKNOWN"):
            push(IMAGE, Repository(proxy.host, "shop"), ["v1"], registries=registries)
        assert len(storage.asked) == 3
        assert all("authorization" not in each.headers for each in storage.asked)


# TLS


def test_a_registry_of_this_machine_may_speak_tls(tmp_path: Path, host: Host, registries_of: RegistriesOf) -> None:
    with local_registry.serving(tmp_path / "tls", tls=CERTIFICATES / "server.pem") as registry:
        trusting = replace(host, environ={**host.environ, "SSL_CERT_FILE": str(AUTHORITY)})
        push(IMAGE, Repository(registry.host, "shop"), ["v1"], registries=registries_of(trusting))
        assert registry.tags("shop") == {"v1": IMAGE.digest}
        with pytest.raises(PublishError, match="its certificate is not trusted"):
            push(IMAGE, Repository(registry.host, "shop"), ["v2"], registries=registries_of(host))


def test_a_registry_elsewhere_has_to_speak_tls(
    registry: LocalRegistry, host: Host, registries_of: RegistriesOf
) -> None:
    with tunnels_to(registry) as proxy:
        registries = registries_of(replace(host, environ={**host.environ, "HTTPS_PROXY": proxy}))
        with pytest.raises(PublishError) as caught:
            push(IMAGE, Repository("r.example.com:5000", "shop"), ["v1"], registries=registries)
    assert caught.value.message == "the image can't be pushed to `r.example.com:5000/shop`: it does not speak TLS"
    assert registry.blobs() == set()


def test_a_storage_that_refuses(closed: LocalRegistry, host: Host, registries_of: RegistriesOf) -> None:
    with in_front_of(closed) as proxy, in_front_of(closed) as storage:
        registries = registries_of(known_to(host, proxy.host))
        repository = Repository(proxy.host, "shop")
        push(IMAGE, repository, ["v1"], registries=registries)
        proxy.always("GET", LARGE.digest, faulty.redirect(f"http://{storage.host}/signed"))
        storage.always("GET", "", faulty.status(403, "AccessDenied", "Request has expired"))
        with pytest.raises(PublishError) as caught:
            list(blob_chunks(registries, repository, LARGE))
    assert f"from `http://{storage.host}`: it answers with status 403 Forbidden" in caught.value.message


# AWS


ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS of this machine, which boto3 is told of as it is of the real one: by the process's environment."""
    from moto.server import ThreadedMotoServer  # half a second, also where only the others are collected

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield
    server.stop()


@pytest.mark.usefixtures("aws")
def test_ecr_by_a_token_of_aws(tmp_path: Path, host: Host, registries_of: RegistriesOf) -> None:
    certificate = certificate_for(ECR, tmp_path)
    with (
        local_registry.serving(tmp_path / "ecr", login=AWS_LOGIN, tls=certificate) as registry,
        tunnels_to(registry) as proxy,
    ):
        environ = {**host.environ, "HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(certificate)}
        registries = registries_of(replace(host, environ=environ))
        pushed = push(IMAGE, parse_reference(f"{ECR}/shop").repository, ["v1"], registries=registries)
        assert str(pushed.reference) == f"{ECR}/shop:v1@{IMAGE.digest}"
        assert registry.tags("shop") == {"v1": IMAGE.digest}


def test_ecr_without_aws_credentials(
    tmp_path: Path, host: Host, registries_of: RegistriesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    certificate = certificate_for(ECR, tmp_path)
    with (
        local_registry.serving(tmp_path / "ecr", login=LOGIN, tls=certificate) as registry,
        tunnels_to(registry) as proxy,
    ):
        environ = {**host.environ, "HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(certificate)}
        registries = registries_of(replace(host, environ=environ))
        with pytest.raises(PublishError) as caught:
            push(IMAGE, Repository(ECR, "shop"), ["v1"], registries=registries)
        assert caught.value.message.startswith(f"AWS gives no token for `{ECR}`: ")
        assert "aws sts get-caller-identity" in (caught.value.hint or "")
        # What the user has configured for the host comes before AWS.
        known_to(host, ECR)
        push(IMAGE, Repository(ECR, "shop"), ["v1"], registries=registries_of(replace(host, environ=environ)))
        assert registry.tags("shop") == {"v1": IMAGE.digest}


def test_no_proxy_is_asked_for_what_is_on_this_machine(
    registry: LocalRegistry, host: Host, registries_of: RegistriesOf
) -> None:
    environ = {**host.environ, "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    push(IMAGE, Repository(registry.host, "shop"), ["v1"], registries=registries_of(replace(host, environ=environ)))
    assert registry.tags("shop") == {"v1": IMAGE.digest}
