"""Names of images, as Docker reads them: the cases of github.com/distribution/reference's own description."""

import pytest

from lpack.errors import UsageError
from lpack.image.reference import Reference, Repository, parse_reference, parse_repository

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "registry", "name", "tag", "digest"),
    [
        ("debian", "docker.io", "library/debian", "", ""),
        ("debian:12", "docker.io", "library/debian", "12", ""),
        ("docker.io/debian", "docker.io", "library/debian", "", ""),
        ("index.docker.io/debian", "docker.io", "library/debian", "", ""),
        ("bitnami/redis", "docker.io", "bitnami/redis", "", ""),
        ("a/b/c/d", "docker.io", "a/b/c/d", "", ""),
        ("public.ecr.aws/lambda/python:3.13", "public.ecr.aws", "lambda/python", "3.13", ""),
        ("localhost/shop", "localhost", "shop", "", ""),
        ("localhost:5000/shop:v1", "localhost:5000", "shop", "v1", ""),
        ("[::1]:5000/shop", "[::1]:5000", "shop", "", ""),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "", ""),
        ("Uppercase/shop", "Uppercase", "shop", "", ""),
        ("shop:5000/api", "shop:5000", "api", "", ""),
        ("shop:5000", "docker.io", "library/shop", "5000", ""),
        (f"shop@{DIGEST}", "docker.io", "library/shop", "", DIGEST),
        (f"r.example.com/shop:v1@{DIGEST}", "r.example.com", "shop", "v1", DIGEST),
        ("r.example.com/a_b/c__d/e.f/g--h", "r.example.com", "a_b/c__d/e.f/g--h", "", ""),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "shop",
            "",
            "",
        ),
        (f"shop:{'t' * 128}", "docker.io", "library/shop", "t" * 128, ""),
        (f"r.example.com/{'n' * 255}", "r.example.com", "n" * 255, "", ""),
    ],
)
def test_names_of_images(text: str, registry: str, name: str, tag: str, digest: str) -> None:
    reference = parse_reference(text)
    assert reference == Reference(Repository(registry, name), tag, digest)
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "`` is no repository"),
        ("shop:", "`` is no tag"),
        (":v1", "`` is no repository"),
        ("Shop", "`library/Shop` has capital letters"),
        ("r.example.com/Shop", "`Shop` has capital letters"),
        ("r.example.com/a___b", "is no repository"),
        ("r.example.com/-a", "is no repository"),
        ("r.example.com//a", "is no repository"),
        ("r.example.com/", "is no repository"),
        ("https://r.example.com/shop", "`https:` is no host"),
        ("r_e.example.com/shop", "`r_e.example.com` is no host"),
        ("localhost:0/shop", "is no host"),
        ("localhost:65536/shop", "is no host"),
        ("ann:secret@r.example.com/shop", "is no digest"),
        ("shop:.v1", "`.v1` is no tag"),
        (f"shop:{'t' * 129}", "is no tag"),
        ("shop@sha256:abc", "`sha256:abc` is no digest"),
        (f"shop@{DIGEST.upper()}", "is no digest"),
        (f"shop@md5:{'0' * 32}", "is no digest"),
        (DIGEST.removeprefix("sha256:"), "the id of an image in an engine"),
        (f"r.example.com/{'n' * 256}", "longer than 255"),
        ("shop\n", "is no repository"),
        ("shop:v1\n", "is no tag"),
    ],
)
def test_what_is_no_name(text: str, fact: str) -> None:
    with pytest.raises(UsageError, match="is not the name of an image") as caught:
        parse_reference(text)
    assert fact in caught.value.message
    assert caught.value.hint


def test_a_repository_has_no_tag() -> None:
    assert parse_repository("localhost:5000/shop") == Repository("localhost:5000", "shop")
    for text in ("localhost:5000/shop:v1", f"localhost:5000/shop@{DIGEST}"):
        with pytest.raises(UsageError, match="a repository's name was expected"):
            parse_repository(text)


def test_the_digest_decides_and_latest_is_asked_for_without_any() -> None:
    assert parse_reference(f"shop:v1@{DIGEST}").asked_for == DIGEST
    assert parse_reference("shop:v1").asked_for == "v1"
    assert parse_reference("shop").asked_for == "latest"


def test_the_api_of_docker_hub_is_elsewhere() -> None:
    assert parse_reference("debian").repository.host == "registry-1.docker.io"
    assert parse_reference("localhost:5000/shop").repository.host == "localhost:5000"
