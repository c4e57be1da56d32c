"""The room as a whole, with a stand-in for Maven."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lpack.config import Dependencies
from lpack.ecosystems import Provided
from lpack.errors import InputError, LpackError, ResolveError, ToolError, UsageError
from lpack.store import Store
from lpack.tree import Member

POM = "<project><groupId>example</groupId><artifactId>orders</artifactId><version>1</version></project>"
CLASS_PATH = """
The following files have been resolved:
   org.one:codec:jar:1.0:compile:@jars@/codec-1.0.jar -- module org.one.codec
   org.two:codec:jar:1.0:runtime:@jars@/two/codec-1.0.jar (optional) -- module two
   org.one:net:jar:linux:2.0:compile:@jars@/net-2.0-linux.jar
   org.one:all:pom:2.0:compile:@jars@/all-2.0.pom

example:orders:jar:1
+- org.one:codec:jar:1.0:compile
|  \\- org.two:codec:jar:1.0:runtime
\\- org.one:net:jar:linux:2.0:compile
   \\- (org.two:codec:jar:1.0:runtime - omitted for duplicate)
"""

Make = Callable[..., Any]


@pytest.fixture
def source(project: Callable[[Mapping[str, str | bytes]], Path], maven: Any, jar: Any) -> Path:
    """A Maven project whose class path has three jars."""
    for name in ("codec-1.0.jar", "two/codec-1.0.jar", "net-2.0-linux.jar"):
        file = maven.jars / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(jar({name: name}))
    return project(
        {"pom.xml": POM, "class-path": CLASS_PATH, "classes/a/A.class": "A" * 9000, "classes/words.txt": "hello"}
    )


def test_classes_lie_at_the_root_and_jars_in_lib(source: Path, make: Make, maven: Any) -> None:
    made = make(source, environ=maven.environ)
    assert made.paths == [
        "a/A.class",
        "lib/net-2.0-linux.jar",
        "lib/org.one.codec-1.0.jar",
        "lib/org.two.codec-1.0.jar",
        "words.txt",
    ]
    assert [(part.package.name, part.package.purl) for part in made.installed.parts] == [
        ("org.one:codec", "pkg:maven/org.one/codec@1.0"),
        ("org.two:codec", "pkg:maven/org.two/codec@1.0"),
        ("org.one:net:linux", "pkg:maven/org.one/net@2.0?classifier=linux"),
    ]
    assert made.tree.by_path["lib/net-2.0-linux.jar"].read() == (maven.jars / "net-2.0-linux.jar").read_bytes()
    assert made.required_by == {
        "org.one:codec": ("",),
        "org.one:net:linux": ("",),
        "org.two:codec": ("org.one:codec", "org.one:net:linux"),
    }


def test_the_source_is_only_read(source: Path, make: Make, maven: Any) -> None:
    before = sorted(source.rglob("*"))
    make(source, environ=maven.environ)
    assert sorted(source.rglob("*")) == before


def test_nothing_changed_needs_no_maven(source: Path, make: Make, maven: Any, tmp_path: Path) -> None:
    first = make(source, environ=maven.environ)
    (source / "target").mkdir()
    (source / "target" / "old.jar").write_text("what the user's own Maven left")
    (source / "lpack.toml").write_text("memory = 512")
    again = make(source, environ=maven.environ)
    assert len(maven.calls) == 1
    assert again.tree == first.tree
    make(source, environ=maven.environ, store=tmp_path / "other")
    assert len(maven.calls) == 2


@pytest.mark.parametrize("name", ["pom.xml", "classes/words.txt", ".mvn/maven.config", "src/main/java/New.java"])
def test_what_counts_makes_maven_run_again(name: str, source: Path, make: Make, maven: Any) -> None:
    make(source, environ=maven.environ)
    file = source / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(POM + " ")
    make(source, environ=maven.environ)
    assert len(maven.calls) == 2


def asked_for_the_class_path(calls: list[str]) -> list[bool]:
    return ["maven-dependency-plugin" in call for call in calls]


def test_other_sources_are_compiled_without_asking_for_the_class_path_again(
    source: Path, make: Make, maven: Any
) -> None:
    first = make(source, environ=maven.environ)
    (source / "classes" / "words.txt").write_text("hello again")
    again = make(source, environ=maven.environ)
    assert asked_for_the_class_path(maven.calls) == [True, False]
    assert again.tree.by_path["words.txt"].read() == b"hello again"
    assert (again.jars, again.required_by) == (first.jars, first.required_by)


@pytest.mark.parametrize(
    "change",
    [
        lambda source, _: (source / "pom.xml").write_text(f"{POM}\n"),
        lambda source, _: [(source / ".mvn").mkdir(), (source / ".mvn" / "maven.config").write_text("-Pother")],
        lambda _, jars: (jars / "net-2.0-linux.jar").rename(jars / "moved.jar"),
    ],
    ids=["the pom", "Maven's settings", "a jar is gone"],
)
def test_what_decides_about_the_class_path_makes_maven_tell_it_anew(
    change: Callable[[Path, Path], object], source: Path, make: Make, maven: Any
) -> None:
    make(source, environ=maven.environ)
    (source / "classes" / "words.txt").write_text("hello again")
    change(source, maven.jars)
    (source / "class-path").write_text("   org.one:codec:jar:1.0:compile:@jars@/codec-1.0.jar\n")
    assert make(source, environ=maven.environ).jars == {"codec-1.0.jar"}
    assert asked_for_the_class_path(maven.calls) == [True, True]


@pytest.mark.parametrize(
    ("pom", "class_path"),
    [
        (
            (
                "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>[1,2)</version>"
                "</dependency></dependencies>"
            ),
            CLASS_PATH,
        ),
        (
            "<profiles><profile><activation><file><exists>x</exists></file></activation></profile></profiles>",
            CLASS_PATH,
        ),
        ("<parent><groupId>g</groupId><artifactId>p</artifactId><version>1-SNAPSHOT</version></parent>", CLASS_PATH),
        ("", CLASS_PATH.replace("linux:2.0", "linux:2.0-SNAPSHOT")),
    ],
    ids=["a range", "a profile", "a parent", "a snapshot"],
)
def test_a_class_path_that_may_be_another_tomorrow_is_asked_for_each_time(
    pom: str, class_path: str, source: Path, make: Make, maven: Any
) -> None:
    (source / "pom.xml").write_text(POM.replace("</project>", f"{pom}</project>"))
    (source / "class-path").write_text(class_path)
    make(source, environ=maven.environ)
    (source / "classes" / "words.txt").write_text("hello again")
    make(source, environ=maven.environ)
    assert asked_for_the_class_path(maven.calls) == [True, True]


def test_another_maven_or_other_options_make_it_run_again(source: Path, make: Make, maven: Any) -> None:
    make(source, environ=maven.environ)
    make(source, environ={**maven.environ, "MAVEN_OPTS": "-Dstage=prod"})
    program = Path(maven.environ["PATH"].partition(":")[0], "mvn")
    program.write_text(program.read_text().replace("21.0.2", "25.0.1"))
    make(source, environ=maven.environ)
    assert len(maven.calls) == 3


def test_upgrading_asks_anew(source: Path, make: Make, maven: Any) -> None:
    make(source, environ=maven.environ)
    make(source, environ=maven.environ, policy="upgrade")
    assert len(maven.calls) == 2
    assert "--update-snapshots" in maven.calls[1]


@pytest.mark.parametrize("kind", ["jars", "java-classes"])
def test_what_is_lost_from_the_store_is_made_again(
    kind: str, source: Path, make: Make, maven: Any, store_folder: Path
) -> None:
    first = make(source, environ=maven.environ)
    for archive, _ in first.installed.archives:
        if archive.is_relative_to(store_folder / kind):
            Store(store_folder).discard(archive)
    again = make(source, environ=maven.environ)
    assert again.tree.content == first.tree.content
    assert all(archive.is_file() for archive, _ in again.installed.archives)


def test_classes_are_packed_once(source: Path, make: Make, maven: Any) -> None:
    entry = make(source, environ=maven.environ).tree.by_path["a/A.class"]
    assert isinstance(entry.source, Member)
    assert entry.source.packed_size < 100


def test_a_module_is_built_along_with_the_others(
    project: Callable[[Mapping[str, str]], Path], make: Make, maven: Any
) -> None:
    parent = "<project><packaging>pom</packaging><modules><module>app</module></modules></project>"
    folder = project({"pom.xml": parent, "app/pom.xml": POM, "class-path": "\na:app:jar:1\n"})
    with pytest.raises(ToolError, match="does not say where its classes are"):
        make(folder / "app", environ=maven.environ)  # the stand-in knows nothing of modules
    assert "package --projects=app --also-make -DskipTests" in maven.calls[0]


def test_what_other_modules_hold_does_not_count(
    project: Callable[[Mapping[str, str]], Path], make: Make, maven: Any
) -> None:
    program = Path(maven.environ["PATH"].partition(":")[0], "mvn")
    program.write_text(program.read_text().replace("mkdir -p target", "cd app; mkdir -p target"))
    modules = "<modules><module>app</module><module>other</module></modules>"
    listing = "\nThe following files have been resolved:\n   none\n\nexample:orders:jar:1\n"
    folder = project(
        {
            "pom.xml": f"<project><packaging>pom</packaging>{modules}</project>",
            "app/pom.xml": POM,
            "app/class-path": listing,
            "app/classes/A.class": "A",
            "other/pom.xml": POM.replace("orders", "other"),
            "other/src/Other.java": "one",
        }
    )
    assert make(folder / "app", environ=maven.environ).paths == ["A.class"]
    (folder / "other/src/Other.java").write_text("two")
    make(folder / "app", environ=maven.environ)
    assert len(maven.calls) == 1
    (folder / "app/classes/B.class").write_text("B")
    assert make(folder / "app", environ=maven.environ).paths == ["A.class", "B.class"]


def test_a_pom_without_classes_of_its_own_is_refused(
    project: Callable[[Mapping[str, str]], Path], make: Make, maven: Any
) -> None:
    folder = project({"pom.xml": "<project><packaging>pom</packaging></project>"})
    with pytest.raises(InputError, match="has modules, and no classes of its own"):
        make(folder, environ=maven.environ)


def test_excluded_packages_go_with_what_only_they_need(source: Path, make: Make, maven: Any) -> None:
    made = make(source, environ=maven.environ, exclude_packages=("org-one:codec",))
    assert made.jars == {"net-2.0-linux.jar", "codec-1.0.jar"}
    made = make(source, environ=maven.environ, exclude_packages=("net", "org-one:codec"))
    assert made.jars == set()
    assert {each.path for each in made.left_out} == {"org.one:codec", "org.two:codec", "org.one:net:linux"}


def test_excluding_what_is_not_there_is_a_mistake(source: Path, make: Make, maven: Any) -> None:
    with pytest.raises(UsageError, match="`exclude-packages` names `jackson`, which is not there"):
        make(source, environ=maven.environ, exclude_packages=("jackson",))


def test_own_files_can_be_excluded_and_included(source: Path, make: Make, maven: Any) -> None:
    made = make(source, environ=maven.environ, exclude=("*.txt", "a/"), include=("a/A.class",))
    assert [path for path in made.paths if not path.startswith("lib/")] == ["a/A.class"]
    assert [(each.path, each.reason) for each in made.left_out] == [("words.txt", "exclude")]


def test_what_a_layer_brings_is_not_carried_again(source: Path, make: Make, maven: Any) -> None:
    layer = Dependencies(name="shared", targets=())
    made = make(source, environ=maven.environ, provided={"org.one:codec": Provided("1.0", layer)})
    assert made.jars == {"codec-1.0.jar", "net-2.0-linux.jar"}


def test_another_version_in_a_layer_is_an_error_that_names_both(source: Path, make: Make, maven: Any) -> None:
    layer = Dependencies(name="shared", targets=())
    with pytest.raises(ResolveError) as caught:
        make(source, environ=maven.environ, provided={"org.one:codec": Provided("2.0", layer)})
    assert caught.value.message == "`orders` takes `org.one:codec` 1.0, and its layer `shared` holds 2.0"


def test_versions_that_are_not_fixed_are_worth_a_warning(source: Path, make: Make, maven: Any) -> None:
    ranged = (
        "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>[1,2)</version></dependency>"
    )
    (source / "pom.xml").write_text(POM.replace("</project>", f"{ranged}</dependencies></project>"))
    (source / "class-path").write_text(CLASS_PATH.replace("linux:2.0", "linux:2.0-SNAPSHOT"))
    told = make(source, environ=maven.environ).told
    assert told.warnings == [
        "`orders` asks for g:a [1,2), which may be another version tomorrow",
        "`orders` holds org.one:net:linux 2.0-SNAPSHOT, which may be other bytes tomorrow",
    ]


# Failures


def test_a_failing_compiler_is_quoted_and_nothing_else(source: Path, make: Make, maven: Any) -> None:
    (source / "fail").write_text(
        "[INFO] 1 error\n\x1b[0m[ERROR] COMPILATION ERROR : \n[ERROR] A.java:[8,16] cannot find symbol\n"
        "[ERROR] Failed to execute goal compile: Compilation failure -> [Help 1]\n[ERROR] -> [Help 1]\n[ERROR] \n"
        "[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.\n"
    )
    with pytest.raises(ToolError) as caught:
        make(source, environ=maven.environ)
    assert f"can't build `orders` ({source / 'pom.xml'})" in caught.value.message
    assert caught.value.details == (
        "A.java:[8,16] cannot find symbol",
        "Failed to execute goal compile: Compilation failure",
    )


def test_a_compiler_that_is_too_old_is_named(source: Path, make: Make, maven: Any) -> None:
    (source / "fail").write_text("[ERROR] error: release version 25 not supported\n")
    with pytest.raises(ToolError) as caught:
        make(source, environ=maven.environ)
    assert caught.value.hint == "Maven runs on Java 21: set JAVA_HOME to a newer JDK"


def test_dependencies_that_cannot_be_had_are_told_as_such(source: Path, make: Make, maven: Any) -> None:
    (source / "fail").write_text(
        "[ERROR] Could not find artifact g:a:jar:1 -> [Help 1]\n[ERROR] [Help 1] https://x.invalid/DependencyResolutionException\n"
    )
    with pytest.raises(ResolveError) as caught:
        make(source, environ=maven.environ)
    assert caught.value.details == ("Could not find artifact g:a:jar:1",)


def test_a_missing_maven_is_named_with_what_needs_it(source: Path, make: Make, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        make(source, environ={"PATH": str(tmp_path / "nowhere")})
    assert f"`orders` ({source / 'pom.xml'}) is built with Maven, and `mvn` was not found" in caught.value.message
    assert "apt install maven" in (caught.value.hint or "")


def test_a_maven_without_java_is_told_as_such(source: Path, make: Make, maven: Any) -> None:
    Path(maven.environ["PATH"].partition(":")[0], "mvn").write_text("#!/bin/sh\necho JAVA_HOME is wrong >&2\nexit 1\n")
    with pytest.raises(ToolError) as caught:
        make(source, environ=maven.environ)
    assert "it needs a JDK" in (caught.value.hint or "")
    assert caught.value.details == ("JAVA_HOME is wrong",)


def test_a_jar_that_is_none_is_refused(source: Path, make: Make, maven: Any) -> None:
    (maven.jars / "codec-1.0.jar").write_text("<html>")
    with pytest.raises(InputError, match="is not a jar"):
        make(source, environ=maven.environ)


def test_the_wrapper_is_used_where_it_need_not_be_fetched(source: Path, make: Make, maven: Any, tmp_path: Path) -> None:
    wrapper = source / "mvnw"
    wrapper.write_text(Path(maven.environ["PATH"].partition(":")[0], "mvn").read_text().replace("3.9.9", "3.9.6"))
    wrapper.chmod(0o755)
    properties = source / ".mvn" / "wrapper" / "maven-wrapper.properties"
    properties.parent.mkdir(parents=True)
    properties.write_text("distributionUrl=https://x.invalid/apache-maven-3.9.6-bin.zip\n")
    home = tmp_path / "maven-home"
    environ = {**maven.environ, "MAVEN_USER_HOME": str(home)}
    assert make(source, environ=environ).told.notes[0].startswith("Maven 3.9.9")
    (home / "wrapper/dists/apache-maven-3.9.6-bin/abc").mkdir(parents=True)
    assert make(source, environ=environ).told.notes[0].startswith("Maven 3.9.6")


# Coordinates, jars and classes that are there


def test_a_list_of_coordinates_is_resolved_beside_classes_that_are_there(
    project: Callable[[Mapping[str, str | bytes]], Path], make: Make, maven: Any, jar: Any
) -> None:
    (maven.jars / "codec-1.0.jar").write_bytes(jar({"a": ""}))
    program = Path(maven.environ["PATH"].partition(":")[0], "mvn")
    program.write_text(
        program.read_text()
        .replace("class-path >", "$JARS/class-path >")
        .replace("[ -d classes ]", "grep -q '>codec<' pom.xml")
        .replace("&& cp -r classes target/classes", "|| exit 1")
    )
    (maven.jars / "class-path").write_text("\n   org.one:codec:jar:1.0:compile:@jars@/codec-1.0.jar\n")
    folder = project({"example/App.class": "a class"})
    made = make(folder, environ=maven.environ, requirements=("org.one:codec:[1,2)",))
    assert made.paths == ["example/App.class", "lib/codec-1.0.jar"]
    assert made.told.warnings == ["`orders` asks for org.one:codec [1,2), which may be another version tomorrow"]
    assert "package" not in maven.calls[0]


def test_a_source_without_a_build_file_is_taken_as_it_lies_there(
    project: Callable[[Mapping[str, str | bytes]], Path], make: Make
) -> None:
    made = make(project({"example/App.class": "a class", "lib/a.jar": "a jar"}))
    assert made.paths == ["example/App.class", "lib/a.jar"]
    assert made.required_by == {}


def test_a_jar_of_the_users_own_build_is_unpacked_at_the_root(source: Path, make: Make, jar: Any) -> None:
    build = ("sh", "-c", "mkdir -p target && cp made.jar target/app.jar")
    manifest = "Manifest-Version: 1.0\nBuilt-By: ada\n"
    (source / "made.jar").write_bytes(jar({"META-INF/MANIFEST.MF": manifest, "a/A.class": "A", "a/": ""}))
    made = make(source, artifact="target/app.jar", build=build)
    assert made.paths == ["META-INF/MANIFEST.MF", "a/A.class"]
    assert made.tree.by_path["META-INF/MANIFEST.MF"].read() == b"Manifest-Version: 1.0\r\n\r\n"
    assert made.told.notes == ["running `sh -c 'mkdir -p target && cp made.jar target/app.jar'` for `orders`"]


def test_what_became_of_a_jar_later_does_not_matter(source: Path, make: Make, jar: Any) -> None:
    file = source / "app.jar"
    file.write_bytes(jar({"a/A.class": "A"}))
    made = make(source, artifact="app.jar")
    file.write_bytes(b"other")
    assert made.tree.by_path["a/A.class"].read() == b"A"


def test_what_was_kept_of_a_jar_and_is_damaged_is_kept_anew(source: Path, make: Make, jar: Any) -> None:
    (source / "app.jar").write_bytes(jar({"a/A.class": "A" * 100}))
    entry = make(source, artifact="app.jar").tree.by_path["a/A.class"]
    kept = entry.source.archive
    kept.write_bytes(kept.read_bytes()[::-1])
    assert make(source, artifact="app.jar").tree.by_path["a/A.class"].read() == b"A" * 100


@pytest.mark.parametrize(
    ("options", "error", "fact"),
    [
        ({"artifact": "app.jar"}, InputError, "is not there"),
        ({"artifact": "app.war"}, UsageError, "`artifact` of `orders` is `app.war`"),
        ({"build": ("true",)}, UsageError, "has `build`, and no `artifact`"),
        ({"artifact": "app.jar", "build": ("sh", "-c", "echo oh; exit 3")}, ToolError, "ended with 3"),
        ({"artifact": "app.jar", "build": ("no-such-program",)}, ToolError, "can't be run"),
        ({"artifact": "pom.xml", "build": ("true",)}, UsageError, "is `pom.xml`"),
        ({"requirements": ("requests",)}, UsageError, "is not what Maven calls an artifact"),
    ],
)
def test_mistakes_are_told(  # noqa: PLR0917 -- pytest passes them by name
    options: Any, error: type[LpackError], fact: str, source: Path, make: Make, maven: Any
) -> None:
    with pytest.raises(error) as caught:
        make(source, environ=maven.environ, **options)
    assert fact in caught.value.message


def test_a_jar_that_leaves_the_root_is_refused(source: Path, make: Make) -> None:
    with zipfile.ZipFile(source / "app.jar", "w") as file:
        file.writestr("../evil", "x")
    with pytest.raises(InputError, match="leaves the root"):
        make(source, artifact="app.jar")
