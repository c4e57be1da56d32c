"""The tests' own registry: what the tests of images stand on."""

import urllib.error
import urllib.request
from pathlib import Path

import local_registry
import pytest
from local_registry import LOGIN, LocalRegistry

pytestmark = pytest.mark.needs(*local_registry.PROGRAMS)


def test_it_answers(registry: LocalRegistry) -> None:
    with urllib.request.urlopen(f"{registry.url}/v2/") as response:
        assert response.read() == b"{}"
    assert registry.blobs() == set()
    assert registry.tags("shop") == {}


def test_it_asks_who_is_there(tmp_path: Path) -> None:
    with local_registry.serving(tmp_path, login=LOGIN) as registry:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{registry.url}/v2/")
        assert caught.value.code == 401
        assert caught.value.headers["WWW-Authenticate"] == 'Basic realm="lpack"'
        caught.value.close()
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, registry.url, *LOGIN)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(f"{registry.url}/v2/") as response:
            assert response.status == 200
