from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sample_wheels
from index_server import IndexServer
from workshop import Workshop, target

from lpack.ecosystems.python.uv import python_platform, uv_environment, what_uv_says
from lpack.model import Host
from lpack.processes import Result


def environment(**environ: str) -> dict[str, str]:
    ours = uv_environment(Host(environ, Path()))
    return {name: value for name, value in ours.items() if name not in {"UV_NO_PROGRESS", "NO_COLOR"}}


KEPT = {
    "UV_INDEX": "a",
    "UV_DEFAULT_INDEX": "b",
    "UV_INDEX_OWN_USERNAME": "c",
    "UV_INDEX_STRATEGY": "d",
    "UV_FIND_LINKS": "https://x.invalid/e",
    "UV_CACHE_DIR": "f",
    "UV_OFFLINE": "1",
    "UV_HTTP_TIMEOUT": "9",
    "UV_KEYRING_PROVIDER": "g",
    "UV_EXCLUDE_NEWER": "2026-01-01",
    "UV_SYSTEM_CERTS": "1",
    "HTTPS_PROXY": "h",
    "NETRC": "i",
    "PATH": "j",
}


def test_settings_of_index_network_and_cache_reach_uv() -> None:
    assert environment(**KEPT) == KEPT


@pytest.mark.parametrize(
    "name",
    [
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PYTHON_PREFERENCE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE"),
        *("UV_RESOLUTION", "UV_PRERELEASE", "UV_NO_SOURCES", "UV_NO_BINARY", "UV_ONLY_BINARY", "UV_TORCH_BACKEND"),
        *("UV_FROZEN", "UV_LOCKED", "UV_NO_DEV", "UV_PROJECT", "UV_WORKING_DIRECTORY", "UV_CUSTOM_COMPILE_COMMAND"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "COLUMNS"),
    ],
)
def test_what_would_make_another_lock_does_not_reach_uv(name: str) -> None:
    assert environment(**{name: "x", **KEPT}) == KEPT


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"PIP_INDEX_URL": "a"}, {"UV_DEFAULT_INDEX": "a"}),
        ({"PIP_INDEX_URL": "a", "UV_INDEX_URL": "b"}, {}),
        ({"PIP_INDEX_URL": "a", "UV_DEFAULT_INDEX": "b"}, {}),
        ({"PIP_EXTRA_INDEX_URL": "a b"}, {"UV_INDEX": "a b"}),
        ({"PIP_CERT": "a", "CURL_CA_BUNDLE": "b"}, {"SSL_CERT_FILE": "a"}),
        ({"REQUESTS_CA_BUNDLE": "a", "CURL_CA_BUNDLE": "b"}, {"SSL_CERT_FILE": "a"}),
        ({"PIP_CERT": "a", "SSL_CERT_FILE": "b"}, {}),
        ({"PIP_TRUSTED_HOST": "a b:80"}, {"UV_INSECURE_HOST": "a b:80"}),
        ({"PIP_TRUSTED_HOST": "a", "UV_INSECURE_HOST": "b"}, {}),
        ({"PIP_FIND_LINKS": "https://a.invalid file:///b"}, {"UV_FIND_LINKS": "https://a.invalid,file:///b"}),
        ({"PIP_FIND_LINKS": "https://a.invalid", "UV_FIND_LINKS": "https://b.invalid"}, {}),
    ],
)
def test_pip_s_settings_count_where_uv_s_own_are_missing(given: dict[str, str], taken: dict[str, str]) -> None:
    assert environment(**given) == given | taken


def test_local_links_start_where_lpack_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two words", "home/three"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    given = {"HOME": str(tmp_path / "home"), "PIP_FIND_LINKS": "one absent ~/three"}
    assert environment(**given)["UV_FIND_LINKS"] == f"{tmp_path}/one,{tmp_path}/home/three"
    links = environment(UV_FIND_LINKS="one, two words,absent,")["UV_FIND_LINKS"]
    assert links == f"{tmp_path}/one,{tmp_path}/two words,{tmp_path}/absent"


def test_pip_s_links_lead_to_wheels(
    indexed: Workshop, index: IndexServer, make_wheel: Callable[..., Path], tmp_path: Path
) -> None:
    make_wheel("demo", "2.0")
    linked = sample_wheels.make_wheel(tmp_path / "linked", "demo", "1.0").parent
    indexed.environ |= {"PIP_FIND_LINKS": f"/absent {linked}", "PIP_NO_INDEX": "true"}
    assert indexed.versions(requirements=["demo"]) == {"demo": "1.0"}
    assert index.asked == []
    indexed.environ["PIP_NO_INDEX"] = "0"
    assert indexed.versions("upgrade", requirements=["demo"]) == {"demo": "2.0"}


@pytest.mark.parametrize(
    ("runtime", "architecture", "platform"),
    [
        ("python3.13", "x86_64", "x86_64-manylinux_2_34"),
        ("python3.14", "arm64", "aarch64-manylinux_2_34"),
        ("python3.11", "arm64", "aarch64-manylinux_2_28"),
    ],
)
def test_the_platform_is_the_target_s_or_the_next(runtime: str, architecture: str, platform: str) -> None:
    assert python_platform(target(runtime, architecture)) == platform


def test_the_user_s_own_settings_of_uv_make_no_other_lock(indexed: Workshop, make_wheel: object) -> None:
    make_wheel("demo", "1.0")  # type: ignore[operator]
    make_wheel("demo", "2.0")  # type: ignore[operator]
    limits = indexed.folder / "limits.txt"
    limits.write_text("demo<2\n")
    indexed.environ |= {
        "UV_CONSTRAINT": str(limits),
        "UV_RESOLUTION": "lowest",
        "UV_PYTHON": "3.8",
        "VIRTUAL_ENV": "/x",
    }
    assert indexed.versions(requirements=["demo"]) == {"demo": "2.0"}


UV = """error: No solution found when resolving dependencies
  cause: Because a==1 depends on b
         and you require a, it can't be.
           a >>= 1
             ^^^

hint: Wheels are required for `docopt` because building from source is disabled (i.e., with `--no-build`)

hint: An index URL (https://ann:s3cret@x.invalid/simple) returned a 401 Unauthorized error.
"""


def test_what_uv_says_is_told_without_its_decoration() -> None:
    assert what_uv_says(Result(1, "", UV)) == (
        "Because a==1 depends on b",
        "and you require a, it can't be.",
        "  a >>= 1",
        "    ^^^",
        "An index URL (https://x.invalid/simple) returned a 401 Unauthorized error.",
    )
    assert what_uv_says(Result(1, "only this\n", "")) == ("only this",)
