"""Python's packages built in a container, and imported from the artifact in a clean root."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import base_images
import clean_roots
import docker_engine
import pytest
from command_line import Run

pytestmark = [*base_images.needs(base_images.PYTHON["3.13"]), pytest.mark.network, clean_roots.needs(base_images.HERE)]

Build = Callable[..., Run]


@pytest.fixture
def build(project: Callable[..., Path], lpack: Callable[..., Run], tmp_path: Path) -> Build:
    """Builds a function with the given requirements in a store of its own; files and options may be added."""

    def run(
        requirements: str, *options: str, files: dict[str, str] | None = None, environ: Any = None, **settings: Any
    ) -> Run:
        settings = {"base": base_images.image(base_images.PYTHON["3.13"]), "native": "container", **settings}
        table = "\n".join(
            f"{key} = {value if isinstance(value, list) else repr(value)}" for key, value in settings.items()
        )
        architecture = settings.pop("architecture", base_images.HERE)
        folder = project(
            {
                "lpack.toml": f'[build]\n{table}\n[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'
                f'source = "src"\narchitecture = "{architecture}"\nrequirements = "requirements.txt"\n',
                "requirements.txt": requirements,
                "src/app.py": "def handler(event, context):\n    return None\n",
                **(files or {}),
            }
        )
        variables = {"LPACK_CACHE_DIR": str(tmp_path / "store"), **(environ or {})}
        return lpack("build", *options, folder=folder, environ=variables)

    return run


def invoked(folder: Path, event: Any = None) -> Any:
    """What the built function returns in a clean Debian of the other making: no compiler, no libraries but Python's."""
    task = folder / "task"
    subprocess.run(["unzip", "-q", "-o", folder / "project" / "dist" / "orders.zip", "-d", task], check=True)
    return clean_roots.invoke(task, "app.handler", event, python="3.13", architecture=base_images.HERE)


def names(tmp_path: Path) -> set[str]:
    listed = subprocess.run(
        ["unzip", "-Z1", tmp_path / "project" / "dist" / "orders.zip"], capture_output=True, text=True, check=True
    )
    return set(listed.stdout.splitlines())


def test_packages_in_c_and_c_plus_plus_are_compiled_once_and_run(build: Build, tmp_path: Path) -> None:
    app = """
import ujson
from markupsafe._speedups import _escape_inner as escape

def handler(event, context):
    return [escape(event), ujson.dumps(event)]
"""
    requirements = "--no-binary markupsafe\nmarkupsafe==3.0.2\n--no-binary ujson\nujson==5.10.0\n"
    built = build(requirements, files={"src/app.py": app})
    assert built.exit_code == 0, built.stderr
    assert invoked(tmp_path, "<a>") == ["&lt;a&gt;", '"<a>"']
    # With all in the store no engine is asked, with or without the option.
    for options in ((), ("--in-container",)):
        environ = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
        again = build(requirements, "--json", *options, files={"src/app.py": app}, environ=environ)
        assert again.exit_code == 0, again.stderr
        assert again.json["artifacts"][0]["status"] == "unchanged"


SALTY = {
    "salty/pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "salty"\nversion = "1.0"\n',
    "salty/setup.py": "from setuptools import Extension, setup\n"
    'setup(ext_modules=[Extension("salty", ["salty.c"], libraries=["sodium"])])\n',
    "salty/salty.c": """
#include <Python.h>
#include <sodium.h>
static PyObject *version(PyObject *self, PyObject *none) { return PyUnicode_FromString(sodium_version_string()); }
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "salty", "", -1, methods};
PyMODINIT_FUNC PyInit_salty(void) { return PyModule_Create(&module); }
""",
    "src/app.py": "import salty\n\ndef handler(event, context):\n    return salty.version()\n",
}


def test_a_library_of_the_system_is_asked_for_and_comes_along(build: Build, tmp_path: Path) -> None:
    failed = build("salty @ ./salty\n", files=SALTY)
    assert failed.exit_code == 4
    assert "can't be built" in failed.stderr
    assert "salty.c:3:10: fatal error: sodium.h: No such file or directory" in failed.stderr
    assert (
        'it lacks the header `sodium.h`: add the package that has it to [build], `packages = ["libsodium-devel"]`'
        in (failed.stderr)
    )
    (log,) = (tmp_path / "store").glob("logs/*/*/build.log")
    assert str(log) in failed.stderr
    assert not list((tmp_path / "store" / "built").rglob("*.whl"))
    built = build("salty @ ./salty\n", files=SALTY, packages=["libsodium-dev"])
    assert built.exit_code == 0, built.stderr
    assert any(name.startswith("salty.libs/libsodium-") for name in names(tmp_path))
    assert invoked(tmp_path).startswith("1.0.")
    assert not {path.name for path in (tmp_path / "project" / "salty").iterdir()} - {
        "pyproject.toml",
        "setup.py",
        "salty.c",
    }


RUSTY = {
    "rusty/pyproject.toml": '[build-system]\nrequires = ["maturin>=1.9,<2"]\nbuild-backend = "maturin"\n'
    '[project]\nname = "rusty"\nversion = "1.0"\n',
    "rusty/Cargo.toml": '[package]\nname = "rusty"\nversion = "1.0.0"\nedition = "2021"\n'
    '[lib]\ncrate-type = ["cdylib"]\n[dependencies]\n'
    'pyo3-ffi = { version = "0.26", features = ["extension-module"] }\n',
    "rusty/src/lib.rs": """
use pyo3_ffi::*;
use std::ptr::{addr_of_mut, null, null_mut};

unsafe extern "C" fn double(_: *mut PyObject, number: *mut PyObject) -> *mut PyObject {
    PyLong_FromLong(2 * PyLong_AsLong(number))
}

static mut METHODS: [PyMethodDef; 2] = [
    PyMethodDef {
        ml_name: c"double".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: double },
        ml_flags: METH_O,
        ml_doc: null(),
    },
    PyMethodDef::zeroed(),
];
static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"rusty".as_ptr(),
    m_doc: null(),
    m_size: 0,
    m_methods: addr_of_mut!(METHODS).cast(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

#[no_mangle]
pub unsafe extern "C" fn PyInit_rusty() -> *mut PyObject {
    PyModule_Create(addr_of_mut!(MODULE))
}
""",
    "src/app.py": "import rusty\n\ndef handler(event, context):\n    return rusty.double(event)\n",
}


def test_a_package_in_rust(build: Build, tmp_path: Path) -> None:
    built = build("rusty @ ./rusty\n", files=RUSTY, base=base_images.image(base_images.RUST))
    assert built.exit_code == 0, built.stderr
    assert invoked(tmp_path, 21) == 42


def test_pure_packages_are_the_same_from_the_host_and_the_container(build: Build, tmp_path: Path) -> None:
    requirements = "--no-binary docopt\n--no-binary six\ndocopt==0.6.2\nsix==1.17.0\n./own\n"
    own = {
        "own/pyproject.toml": '[build-system]\nrequires = ["flit_core==3.12.0"]\nbuild-backend = "flit_core.buildapi"\n'
        '[project]\nname = "own"\nversion = "1.0"\ndescription = "Own."\n',
        "own/own.py": "",
    }
    contents = []
    for number, options in enumerate(([], ["--in-container"])):
        environ = {"LPACK_CACHE_DIR": str(tmp_path / f"store-{number}")}
        built = build(requirements, "--json", *options, files=own, environ=environ)
        assert built.exit_code == 0, built.stderr
        (artifact,) = built.json["artifacts"]
        contents.append((artifact["record"]["sha256"], (tmp_path / "project" / "pylock.orders.toml").read_text()))
        (tmp_path / "project" / "pylock.orders.toml").unlink()
        (tmp_path / "project" / "dist" / "orders.zip").unlink()
    assert contents[0] == contents[1]


def test_an_image_that_can_t_be_had(build: Build) -> None:
    built = build("--no-binary markupsafe\nmarkupsafe==3.0.2\n", base="127.0.0.1:9/nothing:1")
    assert built.exit_code == 4
    assert "the image `127.0.0.1:9/nothing:1` can't be had: " in built.stderr
    assert '`base = "…"`' in built.stderr


def test_no_engine(build: Build) -> None:
    built = build(
        "--no-binary markupsafe\nmarkupsafe==3.0.2\n", "--in-container", environ={"DOCKER_HOST": "tcp://127.0.0.1:9"}
    )
    assert built.exit_code == 4
    assert "error: no Docker Engine answers at `tcp://127.0.0.1:9`" in built.stderr
    assert "lpack doctor" in built.stderr


def test_nothing_of_the_network_s_settings_is_in_the_image(build: Build) -> None:
    build("--no-binary markupsafe\nmarkupsafe==3.0.2\n")
    with docker_engine.connected() as client:
        for image in client.images.list(filters={"label": "lpack=image"}):
            said = str(image.attrs) + str(image.history())
            assert "certificates" not in said
            assert "CERT" not in said
            assert "http" not in said
