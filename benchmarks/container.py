"""A wheel made in the container: what lpack adds to a plain `docker run … pip wheel` in the same image.

The image stands on a Debian that the tests make; it is built before anything is measured, as is pip's cache.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import tools
from measure import Contender, Series, in_turns

from lpack.aws.architectures import X86_64
from lpack.aws.runtimes import runtime
from lpack.config import Building
from lpack.container import build_image_for
from lpack.model import Target

CONTAINER = "container"
WHEEL, PLAIN = f"{CONTAINER}, a wheel of a small C package", f"{CONTAINER}, docker run … pip wheel"
KEPT, UNCHANGED = f"{CONTAINER}, all kept, no artifact there yet", f"{CONTAINER}, all kept, nothing changed"

_PACKAGE, _VERSION = "markupsafe", "3.0.2"
_CONFIGURATION = """\
[build]
backend = "container"
base = "{base}"

[function.orders]
runtime = "python3.13"
handler = "app.handler"
source = "src"
requirements = "requirements.txt"
"""


def measure_container(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """Container start to finished wheel, by lpack and by Docker alone; and builds for which nothing is missing."""
    sys.path.insert(0, str(tools.CHECKOUT / "tests"))
    import base_images

    project, store = folder / "project", folder / "store"
    (project / "src").mkdir(parents=True)
    base = base_images.image(base_images.PYTHON["3.13"])
    (project / "lpack.toml").write_text(_CONFIGURATION.format(base=base))
    (project / "requirements.txt").write_text(f"--no-binary {_PACKAGE}\n{_PACKAGE}=={_VERSION}\n")
    (project / "src" / "app.py").write_text("def handler(event, context):\n    return None\n")
    environ = installed.environ | {"LPACK_CACHE_DIR": str(store)}
    # With nowhere to ask for one, no container can be started.
    without_engine = environ | {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    tools.run(environ, installed.lpack, "build", folder=project)
    lpack = (str(installed.lpack), "build", "--frozen")
    target = Target(runtime("python3.13"), X86_64)
    image = build_image_for(Building(base=base), target).reference
    (sdist,) = store.glob(f"sdists/*/*/{_PACKAGE}-*.tar.gz")

    def forget_wheel() -> None:
        shutil.rmtree(store / "built", ignore_errors=True)
        shutil.rmtree(project / "dist", ignore_errors=True)

    def forget_artifact() -> None:
        shutil.rmtree(project / "dist", ignore_errors=True)

    return in_turns(
        [
            Contender(WHEEL, lpack, forget_wheel, project, environ),
            Contender(PLAIN, ("sh", "-ec", _by_docker(image, sdist)), lambda: None, project, environ),
            Contender(KEPT, lpack, forget_artifact, project, without_engine),
            Contender(UNCHANGED, lpack, lambda: None, project, without_engine),
        ],
        rounds,
    )


def _by_docker(image: str, sdist: Path) -> str:
    """The command that one would type: the same image and cache, a folder for the wheel, the certificates."""
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    trusted = f"-v {certificates}:/ca.pem:ro -e PIP_CERT=/ca.pem" if certificates else ""
    return (
        f"docker run --rm {trusted} -v {sdist}:/in/{sdist.name}:ro -v $PWD/wheels:/out "
        f"-v lpack-cache-{os.getuid()}-{os.getgid()}:/var/cache/lpack -e PIP_CACHE_DIR=/var/cache/lpack/pip "
        f"--entrypoint /opt/lpack/bin/python {image} -m pip wheel --no-deps --wheel-dir=/out /in/{sdist.name}"
    )
