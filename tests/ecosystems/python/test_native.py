"""The seam between packages with native code and who builds them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sample_wheels
from index_server import IndexServer
from workshop import Workshop, target

from lpack.config import Building
from lpack.ecosystems.python import native
from lpack.ecosystems.python.native import Job, Native
from lpack.errors import ResolveError
from lpack.model import Host

X86 = target()
TAG = "cp313-cp313-linux_x86_64"


@dataclass
class Making:
    """A builder that compiles nothing: it makes a wheel with the module of the sources."""

    name: str = "zig"
    settings: str = "1"
    lacks: str = ""
    jobs: list[Job] = field(default_factory=list)

    def why_not(self) -> str:
        return self.lacks

    def make(self, job: Job) -> Path:
        self.jobs.append(job)
        assert list(job.folder.iterdir()) == []
        if "fail" in job.environ.get("DEMO", ""):
            raise job.failed("zig build-lib\nerror: https://ann:secret@index.invalid is no C")
        return sample_wheels.make_wheel(
            job.folder, "demo", "1.0", {"demo.c": (job.project / "demo.c").read_text()}, tag=TAG
        )


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces the builders: by name, one, or why it can't build."""

    def install(**found: Making | str) -> None:
        builders = {name: Making(name, lacks=each) if isinstance(each, str) else each for name, each in found.items()}

        def room(builder: Making) -> native.Room:
            return lambda *_: builder

        monkeypatch.setattr(native, "_rooms", lambda: {name: room(each) for name, each in builders.items()})

    return install


def chosen(host: Host, **building: str) -> object:
    return Native(Building(**building), host).able(X86)  # type: ignore[arg-type]


def test_the_first_that_can_is_taken(rooms: Callable[..., None], tmp_path: Path) -> None:
    container, zig, host = Making("container"), Making(), Host({}, tmp_path)
    rooms(container=container, zig=zig)
    assert chosen(host) is container
    assert chosen(host, native="zig") is zig
    assert chosen(host, native="never") == ()
    rooms(container="no engine answers", zig=zig)
    assert chosen(host) is zig
    assert chosen(host, native="container") == ("container: no engine answers",)
    rooms(container="no engine answers", zig="ziglang is not installed")
    assert chosen(host) == ("container: no engine answers", "zig: ziglang is not installed")


def sdist(folder: Path, text: str = "int demo;\n") -> Path:
    """A source distribution of a project that nobody can build without a compiler."""
    import tarfile

    sources = folder / "demo-1.0"
    sources.mkdir(parents=True)
    (sources / "pyproject.toml").write_text('[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n')
    (sources / "PKG-INFO").write_text("Metadata-Version: 2.2\nName: demo\nVersion: 1.0\n")
    (sources / "demo.c").write_text(text)
    archive = folder / "demo-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(sources, "demo-1.0")
    shutil.rmtree(sources)
    return archive


def index_with(index: IndexServer, workshop: Workshop) -> None:
    """demo 1.0 has a wheel for Windows, and its sources."""
    sdist(index.folder)
    sample_wheels.make_wheel(index.folder, "demo", "1.0", tag="cp313-cp313-win_amd64")
    workshop.environ |= {"UV_DEFAULT_INDEX": index.index_url}
    workshop.native = "auto"


def test_what_has_no_fitting_wheel_is_built_once(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    builder = Making()
    rooms(container="no engine answers", zig=builder)
    index_with(index, workshop)
    for _ in range(2):
        tree = workshop.assemble(requirements=["demo"]).tree
        assert tree.by_path["demo.c"].read() == b"int demo;\n"
    (job,) = builder.jobs
    assert job.target == X86
    assert job.title == "the source distribution of `demo` 1.0"
    builder.settings = "2"
    workshop.assemble(requirements=["demo"])
    assert len(builder.jobs) == 2


def test_what_was_built_is_of_use_where_nobody_can_build_it(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    builder = Making()
    rooms(zig=builder)
    index_with(index, workshop)
    workshop.assemble(requirements=["demo"])
    builder.lacks = "ziglang is not installed"
    assert "demo.c" in workshop.assemble(requirements=["demo"]).tree.by_path
    builder.settings = "2"  # its wheel is another one, which nobody has built yet
    with pytest.raises(ResolveError, match="holds native code") as caught:
        workshop.assemble(requirements=["demo"])
    assert caught.value.details == ("zig: ziglang is not installed",)


def test_a_wheel_that_fits_comes_first(workshop: Workshop, index: IndexServer, rooms: Callable[..., None]) -> None:
    builder = Making()
    rooms(zig=builder)
    index_with(index, workshop)
    sample_wheels.make_wheel(index.folder, "demo", "0.9", tag=TAG)
    assert "demo.py" in workshop.assemble(requirements=["demo"]).tree.by_path
    assert builder.jobs == []


def test_with_nobody_to_build_it_both_ways_are_named(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    rooms(container="no engine answers", zig="ziglang is not installed")
    index_with(index, workshop)
    with pytest.raises(ResolveError) as caught:
        workshop.lock(requirements=["demo"])
    assert "`demo` 1.0 has no wheel for python3.13 on x86_64" in caught.value.message
    assert "build it in a container (`lpack build --in-container`" in str(caught.value.hint)
    assert "`pip install 'lpack[zig]'`" in str(caught.value.hint)
    assert caught.value.details == ("container: no engine answers", "zig: ziglang is not installed")
    assert not list(workshop.folder.glob("pylock.*"))


def test_a_build_that_fails_shows_its_last_lines(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    rooms(zig=Making())
    index_with(index, workshop)
    workshop.environ["DEMO"] = "fail"
    with pytest.raises(Exception, match="can't be built") as caught:
        workshop.assemble(requirements=["demo"])
    assert caught.value.details == ("zig build-lib", "error: https://index.invalid is no C")  # type: ignore[attr-defined]
    (log,) = workshop.store.folder.glob("logs/*/*/build.log")
    assert str(log) in caught.value.hint  # type: ignore[attr-defined]
    assert "secret" not in log.read_text()


def test_a_wheel_that_is_kept_needs_nobody_to_build_it(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    builder = Making()
    rooms(container="no engine answers", zig=builder)
    index_with(index, workshop)
    workshop.assemble(requirements=["demo"])
    builder.lacks = "ziglang is not installed"
    assert "demo.c" in workshop.assemble(requirements=["demo"]).tree.by_path


def test_a_wheel_for_another_target_is_refused(
    workshop: Workshop, index: IndexServer, rooms: Callable[..., None]
) -> None:
    rooms(zig=Making())
    index_with(index, workshop)
    workshop.target = target(architecture="arm64")
    with pytest.raises(ResolveError, match=r"is not for python3\.13 on arm64: its wheel is `demo-1\.0-cp313"):
        workshop.assemble(requirements=["demo"])
