"""Registries and networks that do what they should not: what helps is tried again, the rest is said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import local_registry
import pytest
import registry_faults as faulty
from local_registry import LocalRegistry
from registry_faults import Answer, Fault, Proxy, in_front_of
from sample_images import noise, sample_image

from lpack.errors import PublishError
from lpack.image.model import Image
from lpack.image.push import Pushed, push
from lpack.image.reference import Reference, Repository
from lpack.image.registry import Registries, blob_chunks, read_blob, read_manifest

pytestmark = pytest.mark.needs(*local_registry.PROGRAMS)

BEFORE = sample_image({"a": b"before"})
IMAGE = sample_image({"a": b"1"}, {"b": noise(1 << 20)})
LARGE = IMAGE.layers[1].descriptor
UPLOAD = "/blobs/uploads/"


@pytest.fixture
def proxy(registry: LocalRegistry) -> Iterator[Proxy]:
    with in_front_of(registry) as server:
        yield server


@pytest.fixture
def repository(proxy: Proxy) -> Repository:
    return Repository(proxy.host, "shop")


@pytest.fixture
def to_shop(repository: Repository, registries: Registries) -> Callable[[Image], Pushed]:
    push(BEFORE, repository, ["v1"], registries=registries)
    return lambda image: push(image, repository, ["v1"], registries=registries)


@dataclass
class Shop:
    """The repository `shop`, which has an image, behind a proxy."""

    proxy: Proxy
    registry: LocalRegistry
    push: Callable[[Image], Pushed]


@pytest.fixture
def shop(proxy: Proxy, registry: LocalRegistry, to_shop: Callable[[Image], Pushed]) -> Shop:
    return Shop(proxy, registry, to_shop)


# What helps is tried again


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", LARGE.digest, faulty.cut_off_upload(100_000)),
        Fault("PUT", LARGE.digest, faulty.cut_off_upload(0)),
        Fault("PUT", LARGE.digest, faulty.lost_answer),
        Fault("PUT", LARGE.digest, faulty.status(503, retry_after="0")),
        Fault("PUT", LARGE.digest, faulty.status(429, "TOOMANYREQUESTS", retry_after="0")),
        Fault("PUT", LARGE.digest, faulty.status(408)),
        Fault("POST", UPLOAD, faulty.status(500)),
        Fault("POST", UPLOAD, faulty.status(429, retry_after="0")),
        Fault("HEAD", "/blobs/", faulty.status(502)),
        Fault("HEAD", "/manifests/v1", faulty.status(504)),
        Fault("PUT", "/manifests/sha256:", faulty.status(500)),
        Fault("PUT", "/manifests/v1", faulty.status(503, retry_after="0")),
        Fault("PUT", "/manifests/v1", faulty.lost_answer),
        Fault("HEAD", "/manifests/v1", faulty.without_header("Docker-Content-Digest")),
        Fault("GET", "/v2/", faulty.status(503)),
        Fault("PUT", LARGE.digest, faulty.here_again),
        Fault("POST", UPLOAD, faulty.here_again),
        Fault("HEAD", "/blobs/", faulty.here_again),
    ],
)
def test_one_failure_is_overcome(
    fault: Fault, proxy: Proxy, registry: LocalRegistry, to_shop: Callable[[Image], Pushed]
) -> None:
    proxy.faults.append(fault)
    pushed = to_shop(IMAGE)
    assert registry.tags("shop") == {"v1": IMAGE.digest}
    assert pushed.digest == IMAGE.digest
    assert registry.blobs() >= {IMAGE.digest, LARGE.digest, IMAGE.manifest.config.digest}


def test_each_try_has_a_session_of_its_own(proxy: Proxy, to_shop: Callable[[Image], Pushed]) -> None:
    proxy.fails("PUT", LARGE.digest, faulty.cut_off_upload(100_000))
    to_shop(IMAGE)
    sessions = [
        each.path.partition("?")[0] for each in proxy.asked if each.method == "PUT" and LARGE.digest in each.path
    ]
    assert len(sessions) == len(set(sessions)) == 2


def test_what_arrived_is_not_sent_again(proxy: Proxy, to_shop: Callable[[Image], Pushed]) -> None:
    proxy.fails("PUT", LARGE.digest, faulty.lost_answer)
    to_shop(IMAGE)
    assert proxy.count("PUT", LARGE.digest) == 1, "its answer was lost, and the blob was found"


def test_the_next_push_goes_on_from_there(
    proxy: Proxy, registry: LocalRegistry, to_shop: Callable[[Image], Pushed]
) -> None:
    proxy.always("PUT", "/manifests/", faulty.status(503, retry_after="0"))
    with pytest.raises(PublishError):
        to_shop(IMAGE)
    assert registry.tags("shop") == {"v1": BEFORE.digest}
    proxy.faults.clear()
    assert to_shop(IMAGE).uploaded == 0
    assert registry.tags("shop") == {"v1": IMAGE.digest}


# What doesn't help is said


_NOT_TAKEN = "does not have the image that it has just taken"
_OTHER_DIGEST = faulty.header("Docker-Content-Digest", f"sha256:{'0' * 64}")


@pytest.mark.parametrize(
    ("method", "text", "answer", "fact"),
    [
        ("PUT", LARGE.digest, faulty.cut_off_upload(100_000), "connection"),
        ("PUT", LARGE.digest, faulty.status(503, retry_after="0"), "status 503 Service Unavailable"),
        ("POST", UPLOAD, faulty.status(429, "TOOMANYREQUESTS", "slow", retry_after="0"), "TOOMANYREQUESTS: slow"),
        ("POST", UPLOAD, faulty.status(403, "DENIED", "no"), "it wants credentials for pushing to"),
        ("POST", UPLOAD, faulty.status(404, "NAME_UNKNOWN", "none"), "does not exist: it answers with status 404"),
        ("POST", UPLOAD, faulty.status(302, location="/elsewhere"), "it answers with status 302 Found"),
        ("PUT", "/manifests/v1", faulty.redirect("http://elsewhere.example.com/"), "would not be encrypted"),
        ("POST", UPLOAD, faulty.status(405, "UNSUPPORTED", "read-only"), "UNSUPPORTED: read-only"),
        ("POST", UPLOAD, faulty.without_header("Location"), "it does not say where to upload to"),
        ("POST", UPLOAD, faulty.header("Location", "http://elsewhere.example.com/x"), "would not be encrypted"),
        ("PUT", LARGE.digest, faulty.status(400, "DIGEST_INVALID", "\x1b[31mno"), "DIGEST_INVALID:  [31mno"),
        ("PUT", LARGE.digest, _OTHER_DIGEST, "it has kept sha256:000"),
        ("PUT", "/manifests/sha256:", faulty.status(400, "MANIFEST_BLOB_UNKNOWN"), "MANIFEST_BLOB_UNKNOWN"),
        ("PUT", "/manifests/sha256:", _OTHER_DIGEST, "it has kept sha256:000"),
        ("HEAD", "/manifests/sha256:", faulty.status(404), _NOT_TAKEN),
        ("HEAD", "/manifests/sha256:", _OTHER_DIGEST, _NOT_TAKEN),
    ],
)
def test_a_failure_that_stays_is_said_and_breaks_no_tag(
    method: str, text: str, answer: Answer, fact: str, shop: Shop
) -> None:
    shop.proxy.always(method, text, answer)
    with pytest.raises(PublishError) as caught:
        shop.push(IMAGE)
    assert fact in caught.value.message
    assert caught.value.exit_code == 7
    assert "\x1b" not in caught.value.message
    assert shop.registry.tags("shop") == {"v1": BEFORE.digest}


def test_what_does_not_help_is_not_repeated(proxy: Proxy, to_shop: Callable[[Image], Pushed]) -> None:
    proxy.always("POST", UPLOAD, faulty.status(403, "DENIED"))
    with pytest.raises(PublishError):
        to_shop(sample_image())
    assert proxy.count("POST", UPLOAD) == 3, "two of the push before, and one that was refused"


@pytest.mark.parametrize(
    "answer",
    [
        faulty.status(400, "TAG_INVALID", "The image tag 'v1' already exists and cannot be overwritten"),
        faulty.status(412, "PRECONDITION", "tag v1 is configured as immutable"),
    ],
)
def test_immutable_tags(
    answer: Answer, proxy: Proxy, registry: LocalRegistry, repository: Repository, to_shop: Callable[[Image], Pushed]
) -> None:
    proxy.always("PUT", "/manifests/v1", answer)
    with pytest.raises(PublishError) as caught:
        to_shop(IMAGE)
    assert caught.value.message.startswith(f"the tag `v1` of `{repository}` can't be moved from another image: ")
    assert caught.value.hint == f"push to another tag; the image itself is there, as `{repository}@{IMAGE.digest}`"
    assert registry.tags("shop") == {"v1": BEFORE.digest}
    to_shop(BEFORE)  # the tag leads there already, so nothing has to be moved


# Mounts


@pytest.mark.parametrize("status", [None, 400, 401, 403, 404, 405])
def test_a_mount_that_is_not_made_is_an_upload(
    status: int | None, proxy: Proxy, registry: LocalRegistry, repository: Repository, registries: Registries
) -> None:
    origin = Repository(proxy.host, "nowhere")  # for which the registry itself answers 202
    image = replace(IMAGE, layers=tuple(replace(layer, origin=origin) for layer in IMAGE.layers))
    if status:
        proxy.always("POST", "mount=", faulty.status(status, "DENIED"))
    pushed = push(image, repository, ["v1"], registries=registries)
    assert pushed.mounted == 0
    assert pushed.uploaded == IMAGE.size
    assert proxy.count("POST", f"/v2/shop/blobs/uploads/?mount={LARGE.digest}&from=nowhere") == 1
    assert registry.tags("shop") == {"v1": IMAGE.digest}


# Reading


@pytest.fixture
def pushed(repository: Repository, registries: Registries) -> Repository:
    push(IMAGE, repository, ["v1"], registries=registries)
    return repository


def test_a_blob_goes_on_where_the_connection_broke(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    proxy.fails("GET", LARGE.digest, *[faulty.cut_off_download(300_000)] * 3)
    expected = b"".join(IMAGE.layers[1].chunks())
    assert b"".join(blob_chunks(registries, pushed, LARGE)) == expected
    ranges = [each.headers.get("range") for each in proxy.asked if each.method == "GET" and LARGE.digest in each.path]
    assert ranges[0] is None
    assert all(each and each.startswith("bytes=") for each in ranges[1:])
    assert len(ranges) == 4


def test_a_blob_goes_on_without_ranges_too(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    expected = b"".join(IMAGE.layers[1].chunks())
    proxy.fails("GET", LARGE.digest, faulty.cut_off_download(300_000), faulty.replaced(expected))
    assert b"".join(blob_chunks(registries, pushed, LARGE)) == expected


def test_a_blob_that_never_comes(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    proxy.always("GET", LARGE.digest, faulty.cut_off_download(0))
    with pytest.raises(PublishError, match="can't be read from") as caught:
        list(blob_chunks(registries, pushed, LARGE))
    assert "connection" in caught.value.message


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (noise(LARGE.size, 1), "has the digest sha256:"),
        (noise(LARGE.size + 1, 1), "has more than"),
        (b"short", "ends after 5 of"),
    ],
)
def test_a_registry_that_lies_about_a_blob(
    data: bytes, fact: str, proxy: Proxy, pushed: Repository, registries: Registries
) -> None:
    proxy.always("GET", LARGE.digest, faulty.replaced(data))
    with pytest.raises(PublishError) as caught:
        list(blob_chunks(registries, pushed, LARGE))
    assert fact in caught.value.message
    assert proxy.count("GET", LARGE.digest) == 1


def test_a_registry_that_lies_about_a_manifest(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    other = sample_image({"x": b"x"}).manifest_bytes
    proxy.always("GET", "/manifests/sha256:", faulty.replaced(other, IMAGE.manifest.media_type))
    proxy.always("GET", "/manifests/v1", faulty.header("Docker-Content-Digest", f"sha256:{'0' * 64}"))
    for reference in (Reference(pushed, "", IMAGE.digest), Reference(pushed, "v1")):
        with pytest.raises(PublishError, match="its manifest has the digest sha256:"):
            read_manifest(registries, reference)


def test_a_manifest_without_an_end(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    proxy.always("GET", "/manifests/v1", faulty.replaced(b" " * (5 << 20)))
    with pytest.raises(PublishError, match="its answer is longer than 4194304 bytes"):
        read_manifest(registries, Reference(pushed, "v1"))
    with pytest.raises(PublishError, match="and a config at most"):
        read_blob(registries, pushed, IMAGE.manifest.config._replace(size=5 << 20))


def test_a_web_page_is_no_registry(proxy: Proxy, pushed: Repository, registries: Registries) -> None:
    proxy.always("GET", "/manifests/v1", faulty.status(404))
    proxy.always("HEAD", "/blobs/", faulty.redirect(f"http://{proxy.host}/v2/shop/blobs/"))
    with pytest.raises(PublishError, match="it redirects more than 10 times"):
        push(BEFORE, pushed, ["v2"], registries=registries)
