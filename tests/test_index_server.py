from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
import uv
from index_server import serving


def make_wheel(folder: Path, name: str, version: str, *, requires: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.9\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_uv_resolves_from_it_with_a_login(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0", requires="part>=2")
    make_wheel(tmp_path, "part", "1.9")
    make_wheel(tmp_path, "part", "2.0")
    with serving(tmp_path, login=("ann", "secret")) as server:
        index = server.index_url.replace("//", "//ann:secret@")
        resolved = subprocess.run(
            [uv.find_uv_bin(), "pip", "compile", "--no-cache", "--no-header", "--default-index", index, "-"],
            input="demo",
            capture_output=True,
            text=True,
            env={},
            check=False,
        )
    assert "demo==1.0" in resolved.stdout, resolved.stderr
    assert "part==2.0" in resolved.stdout


def test_pages_are_html_for_those_who_ask_for_nothing_else(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    with serving(tmp_path) as server, urllib.request.urlopen(f"{server.index_url}demo/") as answer:
        page = answer.read().decode()
    assert 'data-requires-python="&gt;=3.9"' in page
    assert "demo-1.0-py3-none-any.whl#sha256=" not in page.replace("demo-1.0-py3-none-any.whl#sha256=", "", 1)


@pytest.mark.parametrize("path", ["simple/absent/", "files/absent-1.0.tar.gz", "elsewhere"])
def test_what_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    with serving(tmp_path) as server, pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server.url}/{path}")
