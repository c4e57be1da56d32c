"""Locks from the real package index."""

from __future__ import annotations

import pytest
from packaging.version import Version
from workshop import Workshop, target

from lpack.ecosystems.python.selection import Choice, select
from lpack.ecosystems.python.tags import fits
from lpack.errors import ResolveError

pytestmark = pytest.mark.network


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("runtime", ["python3.11", "python3.13", "python3.14"])
def test_pandas_and_its_kind_are_locked_for_every_target(workshop: Workshop, runtime: str, architecture: str) -> None:
    workshop.target = target(runtime, architecture)
    locked = workshop.lock(requirements=["pandas", "numpy", "requests", "pydantic", "cryptography"])
    distributions = {
        each.name: each for each in select(locked.locks[workshop.target], workshop.target, Choice(), workshop.store)
    }
    assert distributions.keys() >= {"pandas", "numpy", "pydantic-core", "cryptography", "cffi", "urllib3"}
    for distribution in distributions.values():
        assert distribution.kind == "wheel"
        assert fits(distribution.file_name, workshop.target)
    # Newer ones need a newer glibc than Amazon Linux 2 has.
    assert (Version(distributions["numpy"].version) < Version("2.3")) is (runtime == "python3.11")
    assert (
        workshop.lock("frozen", requirements=["pandas", "numpy", "requests", "pydantic", "cryptography"]).changes == ()
    )


def test_the_design_s_own_example_is_explained(workshop: Workshop) -> None:
    workshop.target = target("python3.11")
    with pytest.raises(ResolveError) as caught:
        workshop.lock(requirements=["numpy==2.3.1"])
    assert caught.value.message == (
        "`numpy` 2.3.1 has no wheel for python3.11 on x86_64 (Amazon Linux 2, glibc 2.26): its wheels need glibc 2.28"
    )
    assert str(caught.value.hint).startswith(
        "ask for `numpy==2.2.6`, the newest version that has one, or use runtime python3.12 or newer"
    )


def test_a_package_for_another_system_is_explained(workshop: Workshop) -> None:
    with pytest.raises(
        ResolveError, match=r"`pywin32` \d+ has no wheel for python3\.13 .*: its wheels are for Windows"
    ):
        workshop.lock(requirements=["pywin32"])


def test_a_pure_project_without_wheels_is_locked_as_its_source(workshop: Workshop) -> None:
    (package,) = workshop.locked(requirements=["docopt==0.6.2"]).document["packages"]
    assert package["sdist"]["url"].endswith("/docopt-0.6.2.tar.gz")
    assert "docopt.py" in workshop.assemble(requirements=["docopt==0.6.2"]).tree.by_path


def test_a_package_from_its_address_is_locked(workshop: Workshop) -> None:
    (of_index,) = workshop.locked(requirements=["idna==3.10"]).document["packages"]
    workshop.write({"src/requirements.txt": f"idna @ {of_index['wheels'][0]['url']}\n"})
    (package,) = workshop.locked().document["packages"]
    assert package["archive"]["hashes"]["sha256"].startswith("946d195a0d259cbb")
