"""What of the host's network and index settings the tools in a container are given, and in which form.

They go in as files of a volume and as variables of the script alone, so that neither an image nor `docker inspect`
tells them.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import hashlib
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .task import CACHE, ROOM

CERTIFICATES = f"{ROOM}/certificates.pem"
_TRUST_STORE, _TRUST_PASSWORD = f"{ROOM}/certificates.jks", "changeit"
_HOME = f"{ROOM}/home"

_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
"""The variables that name a file of certificates to trust, the first choice first."""

_TAKING_CERTIFICATES = (*_BUNDLES, "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "LPACK_CERTIFICATES")

_CARRIED = re.compile(
    r"(HTTPS?|ALL|FTP|NO)_PROXY"
    r"|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT|RETRIES|NO_INDEX|PRE|PREFER_BINARY)"
    r"|NPM_CONFIG_(REGISTRY|STRICT_SSL|FETCH_.*|HTTPS?_PROXY|PROXY|NOPROXY|_AUTH.*|@.*|//.*)|NPM_TOKEN|NODE_AUTH_TOKEN"
    r"|MAVEN_ARGS|CARGO_(NET|HTTP|REGISTR).*|GOPROXY|GONOSUMDB|GONOSUMCHECK|GOPRIVATE|GOFLAGS"
    r"|(SETUPTOOLS_SCM|PBR|POETRY_DYNAMIC_VERSIONING|PDM_BUILD_SCM)_.*",
    re.IGNORECASE,
)
_OF_UV = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
}
"""pip's variables, and those of uv that mean the same."""

_OF_PIPS_FILES = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "no-index")
_HOST_ONLY_IN_NPMRC = re.compile(r"(?im)^\s*(cafile|ca|prefix|cache|nodedir|python|globalconfig|tmp)\s*=.*\n?")

_FIXED = {
    "HOME": _HOME,
    "TMPDIR": "/tmp",  # noqa: S108 -- the container's own
    "LC_ALL": "C.UTF-8",
    "PIP_CACHE_DIR": f"{CACHE}/pip",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "npm_config_cache": f"{CACHE}/npm",
    "npm_config_update_notifier": "false",
    "CARGO_HOME": f"{CACHE}/cargo",
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Files by their paths in the container's room, variables, and whether it must share the host's network.

    It must where a proxy or an index is at an address of the host itself.
    """

    files: Mapping[str, bytes | Path] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    host_network: bool


def settings_of(environ: Mapping[str, str]) -> Settings:
    """What the environment, and the files of the user that belong to it, say."""
    variables = {**_of_pips_files(environ), **{name: value for name, value in environ.items() if _carried(name)}}
    for name, others in _OF_UV.items():
        value = next((environ[other] for other in others if environ.get(other)), "")
        if value and not variables.get(name):
            variables[name] = _without_names(value)
    files: dict[str, bytes | Path] = {}
    if bundle := _bundle(environ):
        files["certificates.pem"] = bundle
        files["certificates.jks"] = _trust_store(bundle)
        variables |= dict.fromkeys(_TAKING_CERTIFICATES, CERTIFICATES)
    files |= _of_home(environ)
    if "home/.netrc" in files:
        variables["NETRC"] = f"{_HOME}/.netrc"
    text = [*variables.values(), *(each.decode(errors="replace") for each in files.values() if isinstance(each, bytes))]
    variables = {**variables, **_FIXED, "MAVEN_OPTS": _for_java(variables, trusting="certificates.jks" in files)}
    return Settings(files, variables, host_network=any(map(_names_the_host, text)))


def _carried(name: str) -> bool:
    return _CARRIED.fullmatch(name) is not None


def _without_names(indexes: str) -> str:
    """Uv's indexes may have names before their addresses."""
    return " ".join(re.sub(r"^[\w.-]+=(?=\w+://)", "", each) for each in indexes.split())


def _of_pips_files(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's configuration files say about indexes, as variables; the user's files count before the system's."""
    found: dict[str, str] = {}
    for file in _pips_files(environ):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):  # pip itself tells what is wrong
            parser.read(file, encoding="utf-8")
        for option in _OF_PIPS_FILES:
            value = parser.get("global", option, fallback="")
            if value:
                name = {"timeout": "DEFAULT_TIMEOUT"}.get(option, option.upper().replace("-", "_"))
                found[f"PIP_{name}"] = " ".join(value.split())
    return found


def _pips_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Pip's files, the weakest first: https://pip.pypa.io/en/stable/topics/configuration/"""  # noqa: D415 -- an address
    if environ.get("PIP_CONFIG_FILE") == "/dev/null":
        return
    yield Path("/etc/pip.conf")
    if home := environ.get("HOME"):
        yield Path(home, ".pip", "pip.conf")
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip", "pip.conf")
    if named := environ.get("PIP_CONFIG_FILE"):
        yield Path(named)


def _bundle(environ: Mapping[str, str]) -> bytes:
    for name in _BUNDLES:
        if (place := environ.get(name)) and Path(place).is_file():
            return Path(place).read_bytes()
    return b""


def _of_home(environ: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    home = environ.get("HOME", "")
    places = {
        "home/.netrc": environ.get("NETRC") or f"{home}/.netrc",
        "home/.npmrc": environ.get("NPM_CONFIG_USERCONFIG") or f"{home}/.npmrc",
        "home/.m2/settings.xml": f"{home}/.m2/settings.xml",
        "home/.m2/settings-security.xml": f"{home}/.m2/settings-security.xml",
        ".cargo/config.toml": f"{environ.get('CARGO_HOME') or f'{home}/.cargo'}/config.toml",
    }
    for name, place in places.items():
        if Path(place).is_file():
            data = Path(place).read_bytes()
            if name.endswith(".npmrc"):
                data = _HOST_ONLY_IN_NPMRC.sub("", data.decode(errors="replace")).encode()
            yield name, data


def _names_the_host(text: str) -> bool:
    return re.search(r"//([^/\s@]*@)?(localhost|127\.\d+\.\d+\.\d+|\[::1\])(?![\w.])", text) is not None


# Java


def _for_java(variables: Mapping[str, str], *, trusting: bool) -> str:
    """The options by which Maven's Java reaches its repositories: it knows neither these variables nor PEM."""
    options = [f"-Duser.home={_HOME}", f"-Dmaven.repo.local={CACHE}/m2"]
    if trusting:
        options += [
            f"-Djavax.net.ssl.trustStore={_TRUST_STORE}",
            f"-Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}",
        ]
    upper = {name.upper(): value for name, value in variables.items()}
    for scheme in ("http", "https"):
        proxy = urlsplit(upper.get(f"{scheme.upper()}_PROXY", ""))
        if proxy.hostname:
            options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
    if exceptions := upper.get("NO_PROXY"):
        hosts = (f"*{each}" if each.startswith(".") else each for each in re.split(r"[,\s]+", exceptions) if each)
        options.append(f"-Dhttp.nonProxyHosts={'|'.join(hosts)}")
    return " ".join(options)


def _trust_store(bundle: bytes) -> bytes:
    """The certificates as a key store of Java's old kind, which every Java reads.

    Source: https://github.com/openjdk/jdk/blob/master/src/java.base/share/classes/sun/security/provider/JavaKeyStore.java
    """
    found = re.findall(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----(.+?)-----END", bundle, re.DOTALL)
    entries = []
    for number, text in enumerate(found):
        certificate = base64.b64decode(text)
        alias = f"lpack-{number}".encode()
        head = struct.pack(">IH", 2, len(alias)) + alias + struct.pack(">Q", 0)
        entries.append(head + struct.pack(">H", 5) + b"X.509" + struct.pack(">I", len(certificate)) + certificate)
    store = struct.pack(">III", 0xFEEDFEED, 2, len(entries)) + b"".join(entries)
    salt = _TRUST_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite"
    return store + hashlib.sha1(salt + store).digest()  # noqa: S324 -- the format's own
