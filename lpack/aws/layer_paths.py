"""Where each runtime looks for what layers bring: folders below /opt, in the order in which they are searched.

Source: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

from __future__ import annotations

from .runtimes import Runtime

LIBRARIES = "lib"
"""In LD_LIBRARY_PATH, for every runtime."""

PROGRAMS = "bin"
"""In PATH, for every runtime."""

EXTENSIONS = "extensions"
"""Each file in it is started as an extension."""

BOOTSTRAP = "bootstrap"
"""The program that a custom runtime starts with."""


def package_folders(runtime: Runtime) -> tuple[str, ...]:
    """The folders for packages: that of the runtime's own version first, that of all versions last."""
    match runtime.family:
        case "python":
            return (f"python/lib/python{runtime.version}/site-packages", "python")
        case "nodejs":
            return (f"nodejs/node{runtime.version}/node_modules", "nodejs/node_modules")
        case "java":
            return ("java/lib",)
        case "ruby":
            return (f"ruby/gems/{runtime.version}.0", "ruby/lib")
        case _:
            return ()


def function_folder(runtime: Runtime) -> str:
    """The folder for packages in a function's own zip; "" is its root."""
    return {"nodejs": "node_modules", "java": "lib"}.get(runtime.family, "")


def searched_folders(runtime: Runtime) -> tuple[str, ...]:
    """All places below /opt where the runtime, or Lambda itself, looks for files of layers."""
    common = (PROGRAMS, LIBRARIES, EXTENSIONS)
    return (*package_folders(runtime), *common, *([BOOTSTRAP] if runtime.family == "provided" else []))
