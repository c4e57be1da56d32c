"""Small projects with native code, as source distributions: one for each way to compile it."""

from __future__ import annotations

from pathlib import Path

from projects import make_sdist

_MODULE = """
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, methods};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""
C = f"""
#include <Python.h>
#include <math.h>
static PyObject *root(PyObject *self, PyObject *x) {{ return PyFloat_FromDouble(sqrt(PyFloat_AsDouble(x))); }}
static PyMethodDef methods[] = {{{{"root", root, METH_O, __FILE__}}, {{NULL, NULL, 0, NULL}}}};
{_MODULE}
"""
CPP = f"""
#include <Python.h>
#include <algorithm>
#include <stdexcept>
#include <string>
static PyObject *turned(PyObject *self, PyObject *text) {{
    try {{
        std::string all = PyUnicode_AsUTF8(text);
        if (all.empty()) throw std::invalid_argument("nothing to turn");
        std::reverse(all.begin(), all.end());
        return PyUnicode_FromString(all.c_str());
    }} catch (const std::exception &error) {{
        PyErr_SetString(PyExc_ValueError, error.what());
        return NULL;
    }}
}}
static PyMethodDef methods[] = {{{{"turned", turned, METH_O, NULL}}, {{NULL, NULL, 0, NULL}}}};
{_MODULE}
"""

_CMAKE = """
cmake_minimum_required(VERSION 3.18)
project(demo CXX)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
python_add_library(_core MODULE WITH_SOABI core.cpp)
install(TARGETS _core DESTINATION by_cmake)
"""
_MESON = """
project('demo', 'c')
py = import('python').find_installation(pure: false)
maths = meson.get_compiler('c').find_library('m')
py.extension_module('_core', 'core.c', dependencies: maths, install: true, subdir: 'by_meson')
py.install_sources('by_meson/__init__.py', subdir: 'by_meson')
"""
_SETUP = """
from setuptools import Extension, setup
setup(name="by-setuptools", version="1.0", packages=["by_setuptools"],
      ext_modules=[Extension("by_setuptools._core", ["core.c"], libraries=[LIBRARIES])])
"""
_INIT = "from ._core import *\n"


def _pyproject(name: str, requirement: str, backend: str) -> str:
    return f"""
        [build-system]
        requires = ["{requirement}"]
        build-backend = "{backend}"
        [project]
        name = "{name}"
        version = "1.0"
    """


def by_setuptools(folder: Path, code: str = C, *, library: str = "m") -> Path:
    """A source distribution that setuptools compiles, from C."""
    setup = _SETUP.replace("LIBRARIES", f'"{library}"')
    return make_sdist(folder, "by_setuptools", {"core.c": code, "by_setuptools/__init__.py": _INIT, "setup.py": setup})


def by_cmake(folder: Path) -> Path:
    """A source distribution that scikit-build-core compiles with CMake, from C++."""
    pyproject = _pyproject("by_cmake", "scikit-build-core", "scikit_build_core.build")
    files = {"pyproject.toml": pyproject, "CMakeLists.txt": _CMAKE, "core.cpp": CPP, "src/by_cmake/__init__.py": _INIT}
    return make_sdist(folder, "by_cmake", files)


def by_meson(folder: Path, *, language: str = "c") -> Path:
    """A source distribution that meson-python compiles, from C."""
    project = _MESON.replace("'demo', 'c'", f"'demo', '{language}'")
    pyproject = _pyproject("by_meson", "meson-python", "mesonpy")
    files = {"pyproject.toml": pyproject, "meson.build": project, "core.c": C, "by_meson/__init__.py": _INIT}
    return make_sdist(folder, "by_meson", files)
