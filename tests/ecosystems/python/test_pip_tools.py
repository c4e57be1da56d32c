from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import project_files
from workshop import Workshop, target

from lpack.config.packages import Groups
from lpack.errors import ResolveError, UsageError

pytestmark = pytest.mark.slow

HOST = f"python{sys.version_info[0]}.{sys.version_info[1]}"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
OTHER = {"x86_64": "arm64", "arm64": "x86_64"}


@pytest.fixture
def by_pip_tools(workshop: Workshop) -> Workshop:
    workshop.resolver = "pip-tools"
    workshop.target = target(HOST, ARCHITECTURE)
    return workshop


@pytest.mark.parametrize("other", [("python3.8", ARCHITECTURE), (HOST, OTHER.get(ARCHITECTURE, "arm64"))])
def test_another_target_than_the_host_is_refused(by_pip_tools: Workshop, other: tuple[str, str]) -> None:
    by_pip_tools.target = target(*other)
    with pytest.raises(UsageError, match="pip-tools resolves for the machine it runs on") as caught:
        by_pip_tools.lock(requirements=["demo"])
    assert caught.value.exit_code == 2
    assert caught.value.hint == 'set `resolver = "uv"` in [build], which resolves for any target'


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ({"requirements": "pyproject.toml", "groups": ("tools",)}, {"demo", "helper", "base"}),
        ({"requirements": "pyproject.toml"}, {"demo"}),
        ({"requirements": ["helper"]}, {"helper"}),
    ],
    ids=["with a group", "without groups", "a list"],
)
def test_groups_are_part_of_what_is_asked(
    by_pip_tools: Workshop, make_wheel: Callable[..., Path], function: dict[str, Any], names: set[str]
) -> None:
    for name in ("demo", "helper", "base", "other"):
        folder = make_wheel(name).parent
    by_pip_tools.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["demo"]\n[dependency-groups]\n'
    groups = 'tools = ["helper", { include-group = "basic" }]\nbasic = ["base"]\nother = ["other"]\n'
    by_pip_tools.write({"pyproject.toml": project + groups})
    assert by_pip_tools.versions(**function).keys() == names


def test_groups_alone_are_not_the_project(by_pip_tools: Workshop, make_wheel: Callable[..., Path]) -> None:
    for name in ("demo", "helper"):
        folder = make_wheel(name).parent
    by_pip_tools.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["demo"]\n[dependency-groups]\n'
    by_pip_tools.write({"pyproject.toml": project + 'tools = ["helper"]\n'})
    groups = Groups(by_pip_tools.folder / "pyproject.toml", ("tools",))
    assert by_pip_tools.versions(requirements=groups).keys() == {"helper"}


@pytest.mark.network
def test_pip_compile_chooses_and_its_pins_are_kept(by_pip_tools: Workshop) -> None:
    by_pip_tools.write({"src/requirements.txt": "requests>=2.32\n-c limits.txt\n", "src/limits.txt": "idna<3.8\n"})
    versions = by_pip_tools.versions()
    assert versions.keys() == {"certifi", "charset-normalizer", "idna", "requests", "urllib3"}
    assert versions["idna"] == "3.7"
    packages = by_pip_tools.locked().document["packages"]
    assert all(wheel["hashes"]["sha256"] for package in packages for wheel in package["wheels"])
    by_pip_tools.write({"src/requirements.txt": "requests>=2.32\n", "src/limits.txt": ""})
    assert by_pip_tools.lock("keep").changes == ()
    assert any(change.startswith("~ idna 3.7 → ") for change in by_pip_tools.lock("upgrade").changes)


@pytest.mark.network
@pytest.mark.parametrize("requirements", ["pyproject.toml", "requirements.txt", ["./core", "idna"]])
def test_pip_compile_takes_every_kind_of_requirements(
    by_pip_tools: Workshop, requirements: str | list[str], tmp_path: Path
) -> None:
    by_pip_tools.write(
        {
            "pyproject.toml": '[project]\nname = "x"\nversion = "1"\noptional-dependencies = { fast = ["idna"] }\n',
            "requirements.txt": "idna\n-e ./core\n",
            **{f"core/{name}": text for name, text in project_files("core").items()},
        }
    )
    extras = ("fast",) if requirements == "pyproject.toml" else ()
    names = by_pip_tools.versions(requirements=requirements, extras=extras).keys()
    assert names == ({"idna"} if extras else {"idna", "core"})
    assert str(tmp_path) not in by_pip_tools.lock_text()


@pytest.mark.network
@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("idna<3\nidna>3\n", "Cannot install idna<3 and idna>3"),
        ("lpack-no-such-thing\n", "No matching distribution found for lpack-no-such-thing"),
    ],
)
def test_what_pip_compile_can_t_meet_is_told_in_its_words(by_pip_tools: Workshop, requirements: str, said: str) -> None:
    by_pip_tools.write({"src/requirements.txt": requirements})
    with pytest.raises(ResolveError, match="the requirements of `orders` can't be met") as caught:
        by_pip_tools.lock()
    assert any(said in line for line in caught.value.details)
    assert not any("Traceback" in line or "File" in line for line in caught.value.details)
