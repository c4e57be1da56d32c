from __future__ import annotations

import errno
import hashlib
import itertools
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_server import AUTHORITY, IndexServer, cut_off, redirect, replaced, serving, stalled, status

from lpack.download import Credential, Download, fetch, redacted
from lpack.errors import InputError, LpackError, ResolveError
from lpack.model import Host, Silent
from lpack.store import Store

pytestmark = pytest.mark.slow

DATA = random.Random(1).randbytes(700_000)
NAME = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[IndexServer]:
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / NAME).write_bytes(DATA)
    with serving(folder) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def download(url: str, data: bytes = DATA, name: str = NAME) -> Download:
    return Download(url, hashlib.sha256(data).digest(), name)


def fetched(
    wanted: Download | list[Download],
    store: Store,
    *,
    environ: Mapping[str, str] | None = None,
    credentials: tuple[Credential, ...] = (),
    reporter: Silent | None = None,
) -> list[bytes]:
    wanted = wanted if isinstance(wanted, list) else [wanted]
    host = Host(environ=environ or {}, cache=store.folder)
    places = fetch(
        "wheels",
        wanted,
        store=store,
        host=host,
        credentials=credentials,
        reporter=reporter or Silent(),
        admit=lambda _path, _download: None,
    )
    return [places[each.sha256].read_bytes() for each in wanted]


def left_behind(store: Store) -> list[Path]:
    """The files in the store that are not its locks."""
    return [path for path in store.folder.rglob("*") if path.is_file() and path.parent.name != "locks"]


def test_a_file_is_kept_under_its_hash(server: IndexServer, store: Store) -> None:
    wanted = download(server.file_url(NAME))
    assert fetched(wanted, store) == [DATA]
    assert left_behind(store) == [store.path("wheels", wanted.sha256, NAME)]


def test_a_file_of_the_store_is_not_fetched_again(server: IndexServer, store: Store) -> None:
    wanted = download(server.file_url(NAME))
    fetched(wanted, store)
    fetched(wanted, store)
    assert len(server.asked) == 1


def test_without_anything_to_fetch_the_http_library_is_not_even_imported(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from lpack.download import Download, fetch
from lpack.model import Host, Silent
from lpack.store import Store
store = Store(Path(sys.argv[1]))
with store.temporary_folder() as folder:
    (folder / "x").write_bytes(b"")
    store.keep("wheels", b"1" * 32, "a.whl", folder / "x")
wanted = [Download("https://index.invalid/a.whl", b"1" * 32, "a.whl")]
fetch("wheels", wanted, store=store, host=Host({}, store.folder), reporter=Silent(), admit=lambda *_: None)
print("requests" in sys.modules, "ssl" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_many_files_come_at_once_and_progress_ends_at_their_sum(server: IndexServer, store: Store) -> None:
    class Listening(Silent):
        def __init__(self) -> None:
            self.heard: list[tuple[int, int]] = []

        def progress(self, label: str, done: int, total: int) -> None:
            assert label == "fetching"
            self.heard.append((done, total))

    contents = [DATA[:size] for size in range(1, 200_000, 9_999)]
    for size, content in enumerate(contents):
        (server.folder / f"part{size}").write_bytes(content)
    wanted = [download(server.file_url(f"part{n}"), content) for n, content in enumerate(contents)]
    reporter = Listening()
    assert fetched(wanted, store, reporter=reporter) == contents
    total = sum(map(len, contents))
    assert reporter.heard[-1] == (total, total)
    assert all(done <= total for done, total in reporter.heard)


def test_a_file_that_is_wanted_twice_is_fetched_once(server: IndexServer, store: Store) -> None:
    wanted = download(server.file_url(NAME))
    assert fetched([wanted, wanted], store) == [DATA, DATA]
    assert len(server.asked) == 1


def test_two_builds_at_once_fetch_a_file_once(server: IndexServer, store: Store) -> None:
    wanted = download(server.file_url(NAME))
    arrived = threading.Event()
    server.answers[NAME] = iter([stalled(1000, arrived)])
    results: list[list[bytes]] = []
    builds = [threading.Thread(target=lambda: results.append(fetched(wanted, store))) for _ in range(2)]
    for build in builds:
        build.start()
    arrived.set()
    for build in builds:
        build.join()
    assert results == [[DATA], [DATA]]
    assert len(server.asked) == 1


def test_a_local_file_is_copied(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "with space+é" / NAME
    source.parent.mkdir()
    source.write_bytes(DATA)
    assert fetched(download(source.as_uri()), store) == [DATA]
    assert source.exists()


def test_a_local_file_that_is_missing_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ResolveError, match=r"absent\.whl` can't be read: No such file"):
        fetched(download((tmp_path / "absent.whl").as_uri()), store)


@pytest.mark.parametrize("name", ["../escaped", "", "..", "a/b", "a\\b", "a\0b"])
def test_a_name_that_leaves_the_store_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="is not the name of a file"):
        fetched(download("https://index.invalid/x", name=name), store)


# What arrives is not what was asked for


def test_other_bytes_are_refused_with_both_hashes(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = iter([replaced(b"something else")])
    wanted = download(server.file_url(NAME).replace("//", "//ann:secret@"))
    with pytest.raises(InputError) as caught:
        fetched(wanted, store)
    assert hashlib.sha256(b"something else").hexdigest() in caught.value.message
    assert wanted.sha256.hex() in caught.value.message
    assert f"`{NAME}` from `{server.url}`" in caught.value.message
    assert left_behind(store) == []


def test_a_login_page_instead_of_the_file_is_guessed(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = iter([replaced(b"<html>", "text/html; charset=utf-8")])
    with pytest.raises(InputError) as caught:
        fetched(download(server.file_url(NAME)), store)
    assert "login page" in str(caught.value.hint)


def test_what_is_not_admitted_does_not_enter_the_store(server: IndexServer, store: Store) -> None:
    wanted = download(server.file_url(NAME))

    def admit(path: Path, download: Download) -> None:
        assert path.name == NAME
        assert path.read_bytes() == DATA
        raise InputError(f"`{download.name}` is no wheel")

    with pytest.raises(InputError, match="is no wheel"):
        fetch("wheels", [wanted], store=store, host=Host({}, store.folder), reporter=Silent(), admit=admit)
    assert left_behind(store) == []


# What is tried again


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_an_overloaded_server_is_asked_again(server: IndexServer, store: Store, code: int) -> None:
    server.answers[NAME] = iter([status(code, retry_after="0")])
    assert fetched(download(server.file_url(NAME)), store) == [DATA]
    assert len(server.asked) == 2


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1"])
def test_a_retry_after_of_any_form_is_understood_or_ignored(server: IndexServer, store: Store, when: str) -> None:
    server.answers[NAME] = iter([status(429, retry_after=when)])
    assert fetched(download(server.file_url(NAME)), store) == [DATA]


def test_a_broken_connection_is_made_again(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = iter([cut_off(0), cut_off(300_000)])
    assert fetched(download(server.file_url(NAME)), store) == [DATA]
    assert len(server.asked) == 3


def test_a_file_that_never_arrives_whole_is_an_error_that_leaves_nothing(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = itertools.repeat(cut_off(300_000))
    with pytest.raises(ResolveError, match=f"`{NAME}` can't be fetched from `{server.url}`: the connection broke"):
        fetched(download(server.file_url(NAME)), store, environ={"PIP_RETRIES": "1"})
    assert len(server.asked) == 2
    assert left_behind(store) == []


def test_a_server_that_stays_overloaded_is_named_with_its_status(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = itertools.repeat(status(503))
    with pytest.raises(ResolveError, match="status 503 Service Unavailable"):
        fetched(download(server.file_url(NAME)), store, environ={"PIP_RETRIES": "0"})


@pytest.mark.parametrize(("code", "fact"), [(404, "does not have that file"), (400, "status 400 Bad Request")])
def test_what_will_not_change_is_not_tried_again(server: IndexServer, store: Store, code: int, fact: str) -> None:
    server.answers[NAME] = itertools.repeat(status(code))
    with pytest.raises(ResolveError, match=fact):
        fetched(download(server.file_url(NAME)), store)
    assert len(server.asked) == 1


def test_a_silent_server_runs_into_the_timeout(server: IndexServer, store: Store) -> None:
    never = threading.Event()
    server.answers[NAME] = iter([stalled(1000, never)])
    environ = {"PIP_DEFAULT_TIMEOUT": "0.2", "PIP_RETRIES": "0"}
    with pytest.raises(ResolveError, match="no answer in time") as caught:
        fetched(download(server.file_url(NAME)), store, environ=environ)
    never.set()
    assert "PIP_DEFAULT_TIMEOUT" in str(caught.value.hint)


def test_a_closed_port_is_named(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ResolveError, match=f"from `http://127.0.0.1:{port}`: connection refused"):
        fetched(download(f"http://127.0.0.1:{port}/{NAME}"), store, environ={"PIP_RETRIES": "0"})


def test_a_name_that_does_not_resolve_is_named(store: Store) -> None:
    with pytest.raises(ResolveError, match=r"from `https://index\.invalid`: the name can't be resolved") as caught:
        fetched(download(f"https://index.invalid/{NAME}"), store, environ={"PIP_RETRIES": "0"})
    assert "HTTPS_PROXY" in str(caught.value.hint)


@pytest.mark.parametrize("url", ["file:///a%00b", "file://[x/b"])
def test_an_address_that_is_no_file_s_is_an_error(store: Store, url: str) -> None:
    with pytest.raises(ResolveError, match=r"` can't be read: "):
        fetched(download(url), store)


@pytest.mark.parametrize("value", ["Fri, 31 Dec 9999 23:59:59 -0100", "Mon, 99 Foo", "-1", "9" * 400])
def test_any_wish_to_be_asked_again_later_is_understood(server: IndexServer, store: Store, value: str) -> None:
    server.answers[NAME] = iter([status(503, retry_after=value)])
    with pytest.raises(ResolveError, match="status 503"):
        fetched(download(server.file_url(NAME)), store, environ={"PIP_RETRIES": "0"})


@pytest.mark.parametrize("url", ["ftp://index.invalid/x", "nonsense", "http://", "http://[::1/x", "http://a:b/x", ""])
def test_an_address_that_can_not_be_used_is_an_error(store: Store, url: str) -> None:
    with pytest.raises(ResolveError, match="can't be fetched"):
        fetched(download(url), store)


# Whose credentials go where


def test_the_user_name_and_password_of_a_url_are_sent_and_never_shown(server: IndexServer, store: Store) -> None:
    server.login = ("beatrix@example.org", "geh:eim/ä")
    url = server.file_url(NAME).replace("//", "//beatrix%40example.org:geh%3Aeim%2F%C3%A4@")
    assert fetched(download(url), store) == [DATA]
    server.login = ("someone", "else")
    with pytest.raises(ResolveError, match=r"refuses the user name and password from the URL \(status 401\)") as caught:
        fetched(download(url, b"other"), store)
    shown = f"{caught.value.message} {caught.value.hint}"
    assert "beatrix" not in shown
    assert "geh" not in shown


def test_the_longest_prefix_decides(server: IndexServer, store: Store) -> None:
    server.login = ("ann", "right")
    prefixes = {
        server.url: "short",
        f"{server.url}/files/": "right",
        f"{server.url}/fil": "no whole segment",
        f"{server.url}/files/elsewhere": "another folder",
        f"http://127.0.0.1:1/files/{NAME}": "another port",
    }
    credentials = tuple(Credential(prefix, "ann", password) for prefix, password in prefixes.items())
    assert fetched(download(server.file_url(NAME)), store, credentials=credentials) == [DATA]


def test_a_credential_does_not_print_its_password() -> None:
    assert "secret" not in repr(Credential("https://index.invalid", "ann", "secret"))


@pytest.mark.parametrize("variable", ["NETRC", "HOME"])
def test_netrc_is_read_where_the_environment_says(
    server: IndexServer, store: Store, tmp_path: Path, variable: str
) -> None:
    server.login = ("ann", "secret")
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login ann password secret\n")
    value = str(file if variable == "NETRC" else tmp_path)
    assert fetched(download(server.file_url(NAME)), store, environ={variable: value}) == [DATA]


def test_a_broken_netrc_is_named_by_its_line_and_not_quoted(server: IndexServer, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1\n  login ann passwort secret\n")
    with pytest.raises(LpackError, match="netrc` has a mistake in line 2") as caught:
        fetched(download(server.file_url(NAME)), store, environ={"NETRC": str(file)})
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("code", [401, 403])
def test_without_credentials_the_hint_says_where_to_put_them(server: IndexServer, store: Store, code: int) -> None:
    server.answers[NAME] = itertools.repeat(status(code))
    with pytest.raises(ResolveError, match="wants a user name and password") as caught:
        fetched(download(server.file_url(NAME)), store)
    assert "netrc (`machine 127.0.0.1 login" in str(caught.value.hint)


def test_credentials_stay_with_their_host_when_it_redirects(server: IndexServer, store: Store) -> None:
    with serving(server.folder, host="localhost") as mirror:
        server.answers[NAME] = iter([redirect(mirror.file_url(NAME))])
        url = server.file_url(NAME).replace("//", "//ann:secret@")
        credentials = (Credential(server.url, "ann", "secret"),)
        assert fetched(download(url), store, credentials=credentials) == [DATA]
    assert [asked.login for asked in server.asked] == [("ann", "secret")]
    assert [asked.login for asked in mirror.asked] == [None]


def test_the_same_host_gets_its_credentials_again_after_a_redirect(server: IndexServer, store: Store) -> None:
    server.login = ("ann", "secret")
    server.answers["old"] = iter([redirect(f"/files/{NAME}")])
    credentials = (Credential(server.url, "ann", "secret"),)
    assert fetched(download(server.file_url("old")), store, credentials=credentials) == [DATA]


def test_credentials_do_not_leave_an_encrypted_connection(server: IndexServer, store: Store, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    with serving(server.folder, encrypted=True) as encrypted:
        encrypted.answers[NAME] = iter([redirect(server.file_url(NAME))])
        environ = {"HOME": str(tmp_path), "SSL_CERT_FILE": str(AUTHORITY)}
        assert fetched(download(encrypted.file_url(NAME)), store, environ=environ) == [DATA]
    assert [asked.login for asked in encrypted.asked] == [("ann", "secret")]
    assert [asked.login for asked in server.asked] == [None]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://index.invalid/x", "http://[broken", "gopher:x"])
def test_a_redirect_to_something_else_than_a_web_address_is_refused(
    server: IndexServer, store: Store, target: str
) -> None:
    server.answers[NAME] = iter([redirect(target)])
    with pytest.raises(
        ResolveError, match=r"can't be fetched .* (no https or http address|to something that is no address)"
    ):
        fetched(download(server.file_url(NAME)), store)


def test_redirects_in_a_circle_end(server: IndexServer, store: Store) -> None:
    server.answers[NAME] = itertools.repeat(redirect(server.file_url(NAME)))
    with pytest.raises(ResolveError, match="redirects more than 10 times"):
        fetched(download(server.file_url(NAME)), store)


# Proxies and certificates


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(server: IndexServer, store: Store, variable: str) -> None:
    url = f"http://index.invalid/files/{NAME}"
    environ = {variable: server.url.replace("//", "//ann:secret@")}
    assert fetched(download(url), store, environ=environ) == [DATA]
    assert [asked.target for asked in server.asked] == [url]
    assert "proxy-authorization" in server.asked[0].headers


@pytest.mark.parametrize("exceptions", ["*", "127.0.0.1", "example.org, 127.0.0.0/8", "127.0.0.1:{port}"])
def test_no_proxy_names_those_that_are_reached_directly(server: IndexServer, store: Store, exceptions: str) -> None:
    port = server.url.rpartition(":")[2]
    environ = {"http_proxy": "http://127.0.0.1:1", "NO_PROXY": exceptions.format(port=port)}
    assert fetched(download(server.file_url(NAME)), store, environ=environ) == [DATA]


@pytest.mark.parametrize("exceptions", ["", "example.org", "27.0.0.1", "127.0.0.1:1", "10.0.0.0/8"])
def test_other_hosts_are_reached_by_the_proxy(server: IndexServer, store: Store, exceptions: str) -> None:
    environ = {"http_proxy": "http://ann:secret@127.0.0.1:1", "no_proxy": exceptions, "PIP_RETRIES": "0"}
    with pytest.raises(ResolveError, match=r"the proxy `http://127\.0\.0\.1:1`: connection refused"):
        fetched(download(server.file_url(NAME)), store, environ=environ)


def test_a_socks_proxy_needs_another_package(
    server: IndexServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)  # as where it is not installed
    with pytest.raises(ResolveError, match=r"the proxy `socks5://127\.0\.0\.1:1` speaks SOCKS") as caught:
        fetched(download(server.file_url(NAME)), store, environ={"ALL_PROXY": "socks5://ann:secret@127.0.0.1:1"})
    assert "PySocks" in str(caught.value.hint)


def test_a_proxy_that_refuses_to_connect_is_named_with_its_answer(server: IndexServer, store: Store) -> None:
    environ = {"https_proxy": server.url.replace("//", "//ann:secret@")}
    with pytest.raises(ResolveError, match=f"the proxy `{server.url}`: status 501"):
        fetched(download(f"https://index.invalid/{NAME}"), store, environ=environ)


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_the_environment_are_trusted(server: IndexServer, store: Store, variable: str) -> None:
    with serving(server.folder, encrypted=True) as encrypted:
        wanted = download(encrypted.file_url(NAME))
        assert fetched(wanted, store, environ={variable: str(AUTHORITY)}) == [DATA]


def test_an_unknown_certificate_is_refused_with_the_way_out(server: IndexServer, store: Store) -> None:
    with (
        serving(server.folder, encrypted=True) as encrypted,
        pytest.raises(ResolveError, match="its certificate is not trusted") as caught,
    ):
        fetched(download(encrypted.file_url(NAME)), store)
    assert "SSL_CERT_FILE" in str(caught.value.hint)


@pytest.mark.parametrize("variable", ["PIP_TRUSTED_HOST", "UV_INSECURE_HOST"])
@pytest.mark.parametrize("trusted", ["127.0.0.1", "x.invalid 127.0.0.1:{port}", "https://127.0.0.1"])
def test_hosts_of_the_environment_are_trusted_without_proof(
    server: IndexServer, store: Store, variable: str, trusted: str
) -> None:
    with serving(server.folder, encrypted=True) as encrypted:
        environ = {variable: trusted.format(port=encrypted.url.rpartition(":")[2])}
        assert fetched(download(encrypted.file_url(NAME)), store, environ=environ) == [DATA]


@pytest.mark.parametrize("trusted", ["127.0.0.1:1", "0.0.1", "localhost", "http://127.0.0.1"])
def test_other_hosts_have_to_prove_who_they_are(server: IndexServer, store: Store, trusted: str) -> None:
    environ = {"PIP_TRUSTED_HOST": trusted, "PIP_RETRIES": "0"}
    with (
        serving(server.folder, encrypted=True) as encrypted,
        pytest.raises(ResolveError, match="its certificate is not trusted"),
    ):
        fetched(download(encrypted.file_url(NAME)), store, environ=environ)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/absent.pem"),
        ("PIP_DEFAULT_TIMEOUT", "long"),
        ("PIP_DEFAULT_TIMEOUT", "0"),
        ("PIP_DEFAULT_TIMEOUT", "nan"),
        ("PIP_RETRIES", "-1"),
    ],
)
def test_settings_that_can_not_be_are_named(store: Store, variable: str, value: str) -> None:
    with pytest.raises(LpackError, match=f"`{variable}`"):
        fetched(download("http://127.0.0.1:1/x"), store, environ={variable: value})


# When it ends early


def test_the_first_failure_stops_the_others(server: IndexServer, store: Store) -> None:
    never = threading.Event()
    for number in range(20):
        server.answers[f"slow{number}"] = iter([stalled(10, never)])
        (server.folder / f"slow{number}").write_bytes(DATA)
    wanted = [download(server.file_url("absent"), b"absent")]
    wanted += [download(server.file_url(f"slow{number}"), b"slow%d" % number) for number in range(20)]
    with pytest.raises(ResolveError, match="does not have that file"):
        fetched(wanted, store)
    never.set()
    assert left_behind(store) == []
    assert len(server.asked) < 20


def test_an_interrupt_ends_it_at_once_and_leaves_nothing(server: IndexServer, store: Store) -> None:
    never = threading.Event()
    asked = threading.Event()

    def answer(handler: object, data: bytes) -> None:
        asked.set()
        stalled(1000, never)(handler, data)  # type: ignore[arg-type]

    server.answers[NAME] = iter([answer])
    program = """
import sys
from pathlib import Path
from lpack.download import Download, fetch
from lpack.model import Host, Silent
from lpack.store import Store
wanted = [Download(sys.argv[1], bytes(32), "a.whl")]
host = Host({}, Path(sys.argv[2]))
fetch("wheels", wanted, store=Store(host.cache), host=host, reporter=Silent(), admit=lambda *_: None)
"""
    command = [sys.executable, "-c", program, server.file_url(NAME), str(store.folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert asked.wait(20)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    never.set()
    assert b"KeyboardInterrupt" in errors
    assert left_behind(store) == []


def test_a_reporter_that_raises_ends_it_also_while_nothing_comes(server: IndexServer, store: Store) -> None:
    """So a thread that the user's Ctrl-C does not reach learns of it."""

    class Enough(Exception):  # noqa: N818 -- no error
        pass

    class Impatient(Silent):
        def progress(self, label: str, done: int, total: int) -> None:
            del label, done, total
            raise Enough

    never = threading.Event()
    server.answers[NAME] = iter([stalled(0, never)])
    environ = {"PIP_DEFAULT_TIMEOUT": "2", "PIP_RETRIES": "0"}
    with pytest.raises(Enough):
        fetched(download(server.file_url(NAME)), store, environ=environ, reporter=Impatient())
    never.set()
    assert left_behind(store) == []


def test_a_full_disk_is_said_and_nothing_stays(server: IndexServer, tmp_path: Path) -> None:
    wanted = download(server.file_url(NAME))

    class Full(Store):
        """A store whose temporary file is the kernel's own full device."""

        @contextmanager
        def temporary_folder(self) -> Iterator[Path]:
            with super().temporary_folder() as folder:
                place = folder / wanted.sha256.hex() / NAME
                place.parent.mkdir()
                place.symlink_to("/dev/full")
                yield folder

    store = Full(tmp_path / "store")
    with pytest.raises(LpackError, match="the disk that holds the store is full") as caught:
        fetched(wanted, store)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert left_behind(store) == []


def test_a_store_that_can_not_be_written_is_named(server: IndexServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LpackError, match="can't be written") as caught:
        fetched(download(server.file_url(NAME)), Store(tmp_path / "file" / "store"))
    assert "LPACK_CACHE_DIR" in str(caught.value.hint)


# What may be shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:secret@index.invalid/a@1.0", "https://index.invalid/a@1.0"),
        ("https://token@index.invalid", "https://index.invalid"),
        ("https://ann:p@ss@index.invalid/", "https://index.invalid/"),
        ("git+https://token@host/repository.git@main", "git+https://host/repository.git@main"),
        ("at https://a:b@c/d, 'http://e:f@g'", "at https://c/d, 'http://g'"),
        ("https://index.invalid/simple?user=a@b", "https://index.invalid/simple?user=a@b"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_urls_are_shown_without_user_names_and_passwords(text: str, shown: str) -> None:
    assert redacted(text) == shown


@given(password=st.text(st.characters(exclude_characters="/?#\"'", exclude_categories=["Z", "C"]), min_size=1))
def test_no_password_is_ever_shown(password: str) -> None:
    assert redacted(f"https://ann:{password}@host/path") == "https://host/path"
