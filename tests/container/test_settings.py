"""What of the host's settings the container is lent."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from index_server import AUTHORITY

from lpack.container import settings_of


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PIP_CONFIG_FILE": "/dev/null"}


def write(home: dict[str, str], name: str, text: str) -> None:
    path = Path(home["HOME"], name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_of_the_machine_is_carried_but_the_network_s_settings(home: dict[str, str]) -> None:
    environ = {**home, "PATH": "/usr/bin", "AWS_SECRET_ACCESS_KEY": "secret", "LD_PRELOAD": "x", "PIP_TARGET": "/x"}
    settings = settings_of({**environ, "HTTPS_PROXY": "http://proxy.invalid:3128", "no_proxy": "example.invalid"})
    assert settings.variables["HTTPS_PROXY"] == "http://proxy.invalid:3128"
    assert settings.variables["no_proxy"] == "example.invalid"
    assert not {"PATH", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "PIP_TARGET"} & settings.variables.keys()
    assert settings.variables["HOME"] == "/lpack/home"
    assert settings.files == {}
    assert not settings.host_network


def test_secrets_are_not_shown() -> None:
    settings = settings_of({"HTTPS_PROXY": "http://ann:secret@proxy.invalid", "HOME": "/nonexistent"})
    assert "secret" not in repr(settings)


def test_certificates_are_trusted_by_all_tools(home: dict[str, str], tmp_path: Path) -> None:
    settings = settings_of({**home, "SSL_CERT_FILE": str(AUTHORITY)})
    assert settings.files["certificates.pem"] == AUTHORITY.read_bytes()
    for name in ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO"):
        assert settings.variables[name] == "/lpack/certificates.pem"
    assert "-Djavax.net.ssl.trustStore=/lpack/certificates.jks" in settings.variables["MAVEN_OPTS"]
    (tmp_path / "certificates.jks").write_bytes(_bytes(settings.files["certificates.jks"]))


@pytest.mark.needs("keytool")
@pytest.mark.slow
def test_java_reads_the_certificates(home: dict[str, str], tmp_path: Path) -> None:
    store = tmp_path / "certificates.jks"
    store.write_bytes(_bytes(settings_of({**home, "SSL_CERT_FILE": str(AUTHORITY)}).files["certificates.jks"]))
    command = ["keytool", "-list", "-keystore", str(store), "-storepass", "changeit"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Your keystore contains 1 entry" in listed.stdout, listed.stdout + listed.stderr
    assert "trustedCertEntry" in listed.stdout


def _bytes(content: Any) -> bytes:
    assert isinstance(content, bytes)
    return content


def test_credentials_and_settings_of_the_tools_go_in(home: dict[str, str]) -> None:
    write(home, ".netrc", "machine index.invalid login ann password secret\n")
    write(
        home, ".npmrc", "registry=https://npm.invalid/\ncafile=/etc/ca.pem\nnodedir=/usr\n//npm.invalid/:_authToken=t\n"
    )
    write(home, ".m2/settings.xml", "<settings/>")
    write(home, ".cargo/config.toml", "[net]\n")
    settings = settings_of(home)
    assert settings.files["home/.netrc"] == b"machine index.invalid login ann password secret\n"
    assert settings.files["home/.npmrc"] == b"registry=https://npm.invalid/\n//npm.invalid/:_authToken=t\n"
    assert settings.files["home/.m2/settings.xml"] == b"<settings/>"
    assert settings.files[".cargo/config.toml"] == b"[net]\n"
    assert settings.variables["NETRC"] == "/lpack/home/.netrc"


def test_indexes_come_from_uv_pip_and_pip_s_files(home: dict[str, str]) -> None:
    home = {**home, "PIP_CONFIG_FILE": str(Path(home["HOME"], "own.conf"))}
    write(home, "own.conf", "[global]\nindex-url = https://file.invalid/simple\ntimeout = 7\n")
    assert settings_of(home).variables["PIP_INDEX_URL"] == "https://file.invalid/simple"
    assert settings_of(home).variables["PIP_DEFAULT_TIMEOUT"] == "7"
    own = {**home, "PIP_INDEX_URL": "https://pip.invalid/simple"}
    assert settings_of(own).variables["PIP_INDEX_URL"] == "https://pip.invalid/simple"
    of_uv = {"HOME": home["HOME"], "PIP_CONFIG_FILE": "/dev/null", "UV_INDEX": "corp=https://uv.invalid/simple"}
    assert settings_of(of_uv).variables["PIP_EXTRA_INDEX_URL"] == "https://uv.invalid/simple"


@pytest.mark.parametrize("place", ["http://127.0.0.1:3128", "http://ann:secret@localhost:3128", "http://[::1]:80"])
def test_what_is_on_the_host_itself_is_reached_by_its_network(home: dict[str, str], place: str) -> None:
    assert settings_of({**home, "HTTPS_PROXY": place}).host_network
    assert not settings_of({**home, "HTTPS_PROXY": "http://localhost.example.com"}).host_network


def test_java_gets_the_proxy_in_its_own_words(home: dict[str, str]) -> None:
    settings = settings_of({**home, "https_proxy": "http://proxy.invalid:3128", "NO_PROXY": ".corp.invalid,localhost"})
    options = settings.variables["MAVEN_OPTS"]
    assert "-Dhttps.proxyHost=proxy.invalid -Dhttps.proxyPort=3128" in options
    assert "-Dhttp.nonProxyHosts=*.corp.invalid|localhost" in options
