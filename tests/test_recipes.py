"""Every recipe is built for every target that it names; those of Python are loaded where there is a Python for it."""

import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import clean_roots
import pytest
from built_recipes import RECIPES, built, family, in_opt, names, unpacked
from command_line import lpack
from once import once

from lpack.aws.limits import UNZIPPED_BYTES

pytestmark = [pytest.mark.network, pytest.mark.slow]

PROGRAMS = {"nodejs": ["node", "npm"], "java": ["java", "mvn"], "provided": ["cargo"]}
"""What it takes to build the recipes of a family, besides lpack."""

LARGE = UNZIPPED_BYTES // 8
"""From here on, a recipe makes a layer for each runtime rather than one for all."""

ROOM = 50 << 20
"""What even the largest recipe leaves a function, in bytes."""

USES = {
    "cryptography": """
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.asymmetric import ed25519

        seal = Fernet(Fernet.generate_key())
        assert seal.decrypt(seal.encrypt(b"sealed")) == b"sealed"
        ed25519.Ed25519PrivateKey.generate().sign(b"signed")
        """,
    "lxml": """
        from lxml import etree, html

        assert etree.fromstring("<a><b>1</b></a>").xpath("//b/text()") == ["1"]
        assert html.fromstring("<p>one<p>two").xpath("//p")[1].text == "two"
        """,
    "own-modules": """
        from shared.answers import answer

        assert answer({"fine": True})["body"] == '{"fine": true}'
        """,
    "pandas-pyarrow": """
        import io

        import numpy.testing
        import pandas
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.dataset
        import pyarrow.feather
        import pyarrow.fs
        import pyarrow.json
        import pyarrow.orc
        import pyarrow.parquet

        days = pandas.date_range("2026-01-01", periods=3, tz="Europe/Berlin")
        frame = pandas.DataFrame({"day": days, "name": ["a", "b", None], "value": [1.5, 2.5, 3.5]})
        file = io.BytesIO()
        frame.to_parquet(file)
        pandas.testing.assert_frame_equal(pandas.read_parquet(io.BytesIO(file.getvalue())), frame)
        assert pyarrow.compute.sum(pyarrow.array([1, 2])).as_py() == 3
        assert pyarrow.fs.S3FileSystem
        """,
    "pillow": """
        import io

        from PIL import Image

        for format in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF"):
            file = io.BytesIO()
            Image.new("RGB", (16, 16), "teal").save(file, format)
            assert Image.open(file).resize((4, 4)).size == (4, 4)
        """,
    "psycopg": """
        import psycopg
        from psycopg import pq, sql

        assert pq.__impl__ == "binary"
        assert sql.Identifier("orders").as_string() == '"orders"'
        """,
    "pydantic": """
        from pydantic import BaseModel

        class Event(BaseModel):
            number: int

        assert Event.model_validate_json('{"number": "3"}').number == 3
        """,
    "requests": """
        import pathlib

        import requests

        assert requests.Request("GET", "https://example.com", params={"q": 1}).prepare().url.endswith("/?q=1")
        assert pathlib.Path(requests.certs.where()).is_file()
        """,
    "scipy": """
        import numpy
        import scipy.fft
        import scipy.integrate
        import scipy.linalg
        import scipy.optimize
        import scipy.signal
        import scipy.sparse.linalg
        import scipy.stats

        assert numpy.allclose(scipy.linalg.inv(numpy.diag([2.0, 4.0])), numpy.diag([0.5, 0.25]))
        assert abs(scipy.stats.norm.cdf(0) - 0.5) < 1e-9
        """,
    "xray-python": """
        import botocore.client
        from aws_xray_sdk.core import patch, xray_recorder
        from aws_xray_sdk.core.context import Context

        patch(["botocore"])
        assert hasattr(botocore.client.BaseClient._make_api_call, "__wrapped__")
        xray_recorder.configure(context=Context(), sampling=False)
        with xray_recorder.in_segment("work", sampling=0) as segment:
            assert segment.name == "work"
        """,
}

PROBE = """
import sys

def handler(event, context):
    sys.path[:0] = event["path"]
    exec(event["use"], {})
    return "used"
"""

NEEDS_SDK = "xray-python"
"""The recipe that leaves to the runtime what every Python runtime has."""

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

PLACES = [
    pytest.param(name, python, architecture, marks=clean_roots.needs(architecture))
    for name in names("python")
    for python in ("3.13", "3.14")
    for architecture in ("x86_64", "arm64")
    # An emulator takes up to a quarter of a minute to import one: they are loaded there by one version of Python.
    if python == "3.14" or not clean_roots.emulator(architecture)
]


SDK = """
[function.sdk]
runtime = "python3.13"
handler = "app.handler"
requirements = ["boto3"]
"""


def sdk(shared_folder: Path) -> Path:
    """An unpacked AWS SDK, in place of the one that is part of every Python runtime."""

    def build(folder: Path) -> None:
        (folder / "lpack.toml").write_text(SDK)
        (folder / "app.py").write_text("def handler(event, context): ...\n")
        run = lpack("build", folder=folder)
        assert run.exit_code == 0, run.stderr
        unpacked(folder / "dist" / "sdk.zip", folder / "sdk")

    return once(shared_folder / "recipes" / "sdk", build) / "sdk"


def search_path(opt: str, python: str, sdk: str) -> list[str]:
    """Where Python looks in Lambda: https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""
    return [f"{opt}/python/lib/python{python}/site-packages", f"{opt}/python", sdk]


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.needs(*PROGRAMS.get(family(RECIPES[each]), ()))) for each in RECIPES],
)
def test_a_recipe_is_built_for_every_target_that_it_names(name: str, shared_folder: Path) -> None:
    layer = RECIPES[name].layer
    artifacts = built(name, shared_folder)
    targets = [
        f"{runtime} on {architecture}"
        for artifact in artifacts
        for runtime in artifact["record"]["runtimes"]
        for architecture in artifact["record"]["architectures"]
    ]
    assert sorted(targets) == sorted(map(str, layer.targets))
    for artifact in artifacts:
        assert not [finding for finding in artifact["findings"] if finding["severity"] != "note"]
        assert artifact["record"]["unzipped_size"] < UNZIPPED_BYTES - ROOM
    together = sum(artifact["record"]["unzipped_size"] for artifact in artifacts) / len(layer.architectures)
    assert layer.per_runtime == (together >= LARGE)


@pytest.mark.parametrize("name", names("python"))
def test_its_packages_work_on_this_machine(name: str, shared_folder: Path) -> None:
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    opt = in_opt(name, f"python{HERE}", architecture, shared_folder)
    path = search_path(str(opt), HERE, str(sdk(shared_folder)) if name == NEEDS_SDK else "")
    use = textwrap.dedent(USES[name])
    process = subprocess.run(
        [sys.executable, "-S", "-c", use],  # -S: nothing that is installed here
        env={"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(("name", "python", "architecture"), PLACES)
def test_its_packages_work_in_a_clean_root(
    name: str, python: str, architecture: str, shared_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    folders = {"/opt": in_opt(name, f"python{python}", architecture, shared_folder)}
    if name == NEEDS_SDK:
        folders["/var/runtime"] = sdk(shared_folder)
    event = {"path": search_path("/opt", python, "/var/runtime"), "use": textwrap.dedent(USES[name])}
    answer = clean_roots.invoke(
        tmp_path, "probe.handler", event, python=python, architecture=architecture, folders=folders
    )
    assert answer == "used"
