"""Python's packages built in a container, and imported from the artifact in a clean root."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import base_images
import certifi
import clean_roots
import docker_engine
import index_server
import local_registry
import pytest
from command_line import Run

pytestmark = [*base_images.needs(base_images.PYTHON), pytest.mark.network, clean_roots.needs(base_images.HERE)]

Build = Callable[..., Run]
MARKUPSAFE = "--no-binary markupsafe\nmarkupsafe==3.0.2\n"


@pytest.fixture
def build(project: Callable[..., Path], lpack: Callable[..., Run], tmp_path: Path) -> Build:
    """Builds a function with the given requirements in a store of its own; files and options may be added."""

    def run(
        requirements: str, *options: str, files: dict[str, str] | None = None, environ: Any = None, **settings: Any
    ) -> Run:
        settings = {"base": base_images.image(base_images.PYTHON), "native": "container", **settings}
        table = "\n".join(f"{key} = {value!r}" for key, value in settings.items() if value)
        folder = project(
            {
                "lpack.toml": f'[build]\n{table}\n[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'
                f'source = "src"\narchitecture = "{base_images.HERE}"\nrequirements = "requirements.txt"\n',
                "requirements.txt": requirements,
                "src/app.py": "def handler(event, context):\n    return None\n",
                **(files or {}),
            }
        )
        variables = {"LPACK_CACHE_DIR": str(tmp_path / "store"), **(environ or {})}
        return lpack("build", *options, folder=folder, environ=variables)

    return run


def invoked(folder: Path, event: Any = None) -> Any:
    """What the built function returns in a clean Debian, without a compiler, and with no libraries but Python's."""
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
    built = build("rusty @ ./rusty\n", files=RUSTY)
    assert built.exit_code == 0, built.stderr
    assert invoked(tmp_path, 21) == 42


def test_pure_packages_are_the_same_from_the_host_and_the_container(build: Build, tmp_path: Path) -> None:
    requirements = "--no-binary docopt\ndocopt==0.6.2\nsix==1.17.0\n./own\n"
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


def test_a_version_from_the_history_of_a_repository(build: Build, tmp_path: Path) -> None:
    sources = {
        "own/pyproject.toml": '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'
        'build-backend = "setuptools.build_meta"\n[project]\nname = "own"\ndynamic = ["version"]\n'
        "[tool.setuptools_scm]\nroot = '..'\n",
        "own/setup.py": 'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("own", ["own.c"])])\n',
        "own/own.c": "#include <Python.h>\n"
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "own", "", -1, 0};\n'
        "PyMODINIT_FUNC PyInit_own(void) { return PyModule_Create(&module); }\n",
        "src/app.py": "import importlib.metadata, own\n\ndef handler(event, context):\n"
        '    return importlib.metadata.version("own")\n',
        ".gitignore": "dist\npylock.*.toml\n",
    }
    build("own @ ./own\n", "--dry-run", files=sources)  # which writes the files
    folder = tmp_path / "project"
    git = ["git", "-c", "user.name=lpack", "-c", "user.email=lpack@example.invalid"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"], ["tag", "v1.2.3"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    built = build("own @ ./own\n", files=sources)
    assert built.exit_code == 0, built.stderr
    assert invoked(tmp_path) == "1.2.3"


def test_an_image_of_the_user_s_own_is_taken_as_it_is(build: Build, tmp_path: Path) -> None:
    app = {"src/app.py": "import markupsafe._speedups\n\ndef handler(event, context):\n    return event\n"}
    image = base_images.image(base_images.PYTHON)
    built = build(MARKUPSAFE, "-v", files=app, base=None, image=image)
    assert built.exit_code == 0, built.stderr
    assert "this image has no auditwheel: the wheel is taken as it is" in built.stderr
    assert invoked(tmp_path, 1) == 1


@pytest.mark.needs("docker-registry")
def test_a_base_comes_from_its_registry(build: Build, tmp_path: Path) -> None:
    with local_registry.serving(tmp_path / "registry") as registry, docker_engine.connected() as client:
        name = f"{registry.host}/base"
        client.images.get(base_images.image(base_images.PLAIN)).tag(name, "1")
        client.api.push(name, tag="1")
        client.images.remove(f"{name}:1")
        try:
            # It has no Python, which is found when the build image is to be made of it.
            built = build(MARKUPSAFE, base=f"{name}:1")
        finally:
            client.images.remove(f"{name}:1")
    assert f"note: fetching the image `{name}:1`, once" in built.stderr
    assert built.exit_code == 4
    assert "the build image of python3.13 on" in built.stderr
    assert f"can't be made from `{name}:1`" in built.stderr


def test_credentials_and_certificates_reach_the_tools_and_are_told_nowhere(
    build: Build, make_wheel: Callable[..., Path], tmp_path: Path
) -> None:
    """An index with a certificate of its own, that wants a password, has what a package is to be built with."""
    backend = "def build_wheel(*_):\n    raise SystemExit('built by the private backend')\n"
    make_wheel("private-backend", "1.0", {"private_backend.py": backend})
    own = {
        "own/pyproject.toml": '[build-system]\nrequires = ["private-backend"]\nbuild-backend = "private_backend"\n'
        '[project]\nname = "own"\nversion = "1.0"\n',
    }
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine localhost login ann password much-secret\n")
    bundle = tmp_path / "bundle.pem"
    given = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or certifi.where()
    bundle.write_bytes(Path(given).read_bytes() + index_server.AUTHORITY.read_bytes())
    with index_server.serving(
        tmp_path / "wheels", login=("ann", "much-secret"), host="localhost", encrypted=True
    ) as index:
        environ = {
            **dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(bundle)),
            "NETRC": str(home / ".netrc"),
            "PIP_EXTRA_INDEX_URL": index.index_url,
        }
        built = build("./own\n", "-v", "--in-container", files=own, environ=environ)
        assert index.asked_for("private_backend-1.0-py3-none-any.whl"), built.stderr
        assert index.asked_for("private_backend-1.0-py3-none-any.whl")[-1].login == ("ann", "much-secret")
    assert built.exit_code == 3  # pip-compile asks the backend already
    assert "built by the private backend" in built.stderr
    assert "much-secret" not in built.stderr
    with docker_engine.connected() as client:
        for image in client.images.list(filters={"label": "lpack=image"}):
            assert "much-secret" not in str(image.attrs) + str(image.history())


def test_requirements_that_can_t_be_met(build: Build) -> None:
    built = build("six==1.16.0\nsix==1.17.0\n", "--in-container")
    assert built.exit_code == 3
    assert "the requirements of `orders` can't be met for python3.13" in built.stderr
    assert "six==1.16.0" in built.stderr


def test_an_interrupted_build_leaves_nothing(build: Build, tmp_path: Path) -> None:
    slow = {
        "own/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "own"\nversion = "1.0"\n',
        "own/backend.py": "import time\n\ndef build_wheel(*arguments):\n    print('waiting', flush=True)\n"
        "    time.sleep(600)\n\ndef prepare_metadata_for_build_wheel(*arguments):\n    time.sleep(600)\n",
    }
    build("own @ ./own\n", "--dry-run", files={**slow, "own/backend.py": ""})  # which writes the files, and fails
    (tmp_path / "project" / "own" / "backend.py").write_text(slow["own/backend.py"])
    command = [sys.executable, "-m", "lpack", "build", "--in-container", "-v"]
    environ = {**os.environ, "LPACK_CACHE_DIR": str(tmp_path / "store")}
    with subprocess.Popen(
        command, cwd=tmp_path / "project", env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if "Preparing metadata (pyproject.toml): started" in line:
                break
        names = _containers()
        assert names
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    assert process.returncode == 130
    end = time.monotonic() + 30
    while names & _containers() == names:
        assert time.monotonic() < end, "the container is still there"
        time.sleep(0.1)
    assert not list((tmp_path / "store" / "built").rglob("*.whl"))
    assert not list((tmp_path / "store" / "tmp").iterdir())


def _containers() -> set[str]:
    with docker_engine.connected() as client:
        return {each["Id"] for each in client.api.containers(filters={"label": "lpack=container"})}


def test_an_image_that_can_t_be_had(build: Build) -> None:
    built = build(MARKUPSAFE, base="127.0.0.1:9/nothing:1")
    assert built.exit_code == 4
    assert "the image `127.0.0.1:9/nothing:1` can't be had: " in built.stderr
    assert '`base = "…"`' in built.stderr


def test_no_engine(build: Build) -> None:
    built = build(MARKUPSAFE, "--in-container", environ={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert built.exit_code == 4
    assert "error: no Docker Engine answers at `tcp://127.0.0.1:9`" in built.stderr
    assert "lpack doctor" in built.stderr


def test_nothing_of_the_network_s_settings_is_in_the_image(build: Build) -> None:
    build(MARKUPSAFE)
    with docker_engine.connected() as client:
        for image in client.images.list(filters={"label": "lpack=image"}):
            said = str(image.attrs) + str(image.history())
            assert "certificates" not in said
            assert "CERT" not in said
            assert "http" not in said
