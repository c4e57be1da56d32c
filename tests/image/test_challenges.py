import pytest

from lpack.image.challenges import Challenge, parse_challenges

BEARER = {"realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "repository:a/b:pull,push"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Basic realm="lpack"', [Challenge("basic", {"realm": "lpack"})]),
        ("basic Realm=lpack", [Challenge("basic", {"realm": "lpack"})]),
        ("Negotiate", [Challenge("negotiate", {})]),
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            [Challenge("bearer", BEARER)],
        ),
        (
            'Bearer realm = "https://a.example.com/token" , service=b.example.com',
            [Challenge("bearer", {"realm": "https://a.example.com/token", "service": "b.example.com"})],
        ),
        (
            'Negotiate, Basic realm="a, \\"b\\"", Bearer realm="r"',
            [
                Challenge("negotiate", {}),
                Challenge("basic", {"realm": 'a, "b"'}),
                Challenge("bearer", {"realm": "r"}),
            ],
        ),
        ('Bearer realm="a",realm="b"', [Challenge("bearer", {"realm": "a"})]),
        ('realm="a", Basic', [Challenge("basic", {})]),
        ('Basic realm="unfinished', [Challenge("basic", {})]),
        ("\x00", []),
    ],
)
def test_challenges(header: str, expected: list[Challenge]) -> None:
    assert list(parse_challenges(header)) == expected
