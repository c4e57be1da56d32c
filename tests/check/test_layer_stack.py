from __future__ import annotations

from typing import Any

import pytest
from check_samples import layer, package, subject, tree

from lpack.check import LayerPart, check_layers
from lpack.model import Finding, Severity
from lpack.tree import Tree

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs"


def found(*layers: LayerPart, runtime: str = "python3.13") -> list[Finding]:
    return check_layers(subject(runtime).target, layers)


def only(findings: list[Finding], check: str, severity: Severity = Severity.ERROR) -> Finding:
    (finding,) = findings
    assert (finding.check, finding.severity) == (check, severity)
    assert finding.hint
    return finding


def with_runtimes(*runtimes: str, architectures: tuple[str, ...] = (), name: str = "shared") -> LayerPart:
    return layer(name, {"python/a.py": b""}, runtimes=runtimes, architectures=architectures)


def test_a_function_without_layers_has_nothing_to_fear() -> None:
    assert found() == []


def test_layers_that_fit_are_not_worth_a_word() -> None:
    one = layer("one", {"python/a.py": b"a", "lib/libx.so": b""}, runtimes=["python3.13"], architectures=["x86_64"])
    other = layer("other", {"python/b.py": b"b", "lib/libx.so": b""})
    assert found(one, other, LayerPart(name=f"{ARN}:3")) == []


# Which layers


def test_six_layers_are_too_many() -> None:
    layers = [layer(f"layer{number}", {}) for number in range(6)]
    assert found(*layers[:5]) == []
    finding = only(found(*layers), "layers-number")
    assert finding.message == "6 layers are too many: Lambda takes 5"
    assert finding.details[-1] == "layer5"


def test_a_layer_is_named_once() -> None:
    one = layer("one", {"python/a.py": b""})
    assert only(found(one, one), "layers-twice").message == "the layer `one` is there 2 times"
    theirs = LayerPart(name=f"{ARN}:3")
    assert only(found(theirs, one, theirs), "layers-twice").message == f"the layer `{ARN}` is there 2 times"


def test_two_versions_of_a_layer_are_one_too_many() -> None:
    finding = only(found(LayerPart(name=f"{ARN}:3"), LayerPart(name=f"{ARN}:4")), "layers-twice")
    assert finding.message == f"the layer `{ARN}` is there in 2 versions, and Lambda takes one of them"
    assert finding.details == (f"{ARN}:3", f"{ARN}:4")


def test_layers_of_aws_have_no_version() -> None:
    names = [f"arn:aws:lambda:::awslayer:AmazonLinux{number}" for number in (1803, 1703)]
    assert found(*(LayerPart(name=name) for name in names)) == []


@pytest.mark.parametrize(
    ("runtimes", "architectures", "made_for"),
    [
        (("python3.11", "python3.12"), (), "`python3.11` and `python3.12`"),
        ((), ("arm64",), "`arm64`"),
        (("python3.13",), ("arm64",), "`python3.13` on `arm64`"),
        (("nodejs22.x",), ("x86_64", "arm64"), "`nodejs22.x` on `x86_64` and `arm64`"),
    ],
)
def test_a_layer_for_something_else_is_an_error_that_names_both(
    runtimes: tuple[str, ...], architectures: tuple[str, ...], made_for: str
) -> None:
    finding = only(found(with_runtimes(*runtimes, architectures=architectures)), "layer-target")
    assert finding.message == f"the layer `shared` is for {made_for}, and the function for `python3.13` on `x86_64`"


def test_a_layer_may_be_for_others_too() -> None:
    assert found(with_runtimes("python3.12", "python3.13", architectures=("arm64", "x86_64"))) == []


# Where they meet


def test_a_file_can_not_be_where_another_layer_has_a_folder() -> None:
    finding = only(
        found(layer("one", {"data": b"", "python/a.py": b""}), layer("two", {"data/x": b""})), "layers-clash"
    )
    assert finding.message == ("the layers can't be unpacked into one folder: Lambda layer conversion failed")
    assert finding.details == ("data is a file in `one` and a folder in `two`",)


def test_overwritten_files_are_named_for_each_pair() -> None:
    one = layer("one", {f"python/f{number:02}.py": b"1" for number in range(30)})
    two = layer("two", {f"python/f{number:02}.py": b"2" for number in range(12)})
    three = layer("three", {"python/f00.py": b"2", "python/f20.py": b"3"})
    first, second = found(one, two, three)
    assert {(each.check, each.severity) for each in (first, second)} == {("layers-overwritten", Severity.WARNING)}
    assert first.message == "the layer `two` overwrites 12 files of the layer `one` with other content"
    assert first.details[0] == "python/f00.py"
    assert first.details[10:] == ("and 2 more",)
    assert second.message == "the layer `three` overwrites a file of the layer `one` with other content"
    assert second.details == ("python/f20.py",)


def test_the_packages_of_overwritten_files_are_named() -> None:
    one = layer("one", {"python/six/a.py": b"1", "python/six/b.py": b"1"}, {"six": "1.16"})
    two = layer("two", {"python/six/a.py": b"2"}, {"six": "1.17"})
    three = layer("three", {"python/six/b.py": b"3"})
    assert [finding.details for finding in found(one, two, three)] == [
        ("python/six/a.py: `six` 1.16 by `six` 1.17",),
        ("python/six/b.py: `six` 1.16 by a file of no package",),
        ("`six` 1.16 in `one`, 1.17 in `two`",),
    ]


def test_two_versions_of_a_package_are_named_even_if_no_file_meets() -> None:
    one = layer("one", {"python/six/a.py": b"1"}, {"six": "1.16", "idna": "3.10"})
    two = layer("two", {"python/six/b.py": b"2"}, {"six": "1.17", "idna": "3.10"})
    finding = only(found(one, two), "layers-versions", Severity.WARNING)
    assert finding.message == "the layers `one` and `two` hold a package in different versions"
    assert finding.details == ("`six` 1.16 in `one`, 1.17 in `two`",)


def test_what_the_function_does_not_see_is_in_nobodys_way() -> None:
    folder = "python/lib/python3.12/site-packages"

    def made(name: str, version: str) -> LayerPart:
        owned = Tree.of(entry._replace(package="six") for entry in tree({f"{folder}/six/a.py": version.encode()}))
        return LayerPart(name=name, tree=owned, packages=[package("six", version, folder)])

    parts = made("one", "1.16"), made("two", "1.17")
    assert found(*parts) == []
    assert [finding.check for finding in found(*parts, runtime="python3.12")] == [
        "layers-overwritten",
        "layers-versions",
    ]


# Extensions


def extensions(name: str, number: int, start: int = 0) -> LayerPart:
    return layer(name, {f"extensions/agent{each}": b"" for each in range(start, start + number)})


def test_ten_extensions_are_allowed_in_all_layers_together() -> None:
    assert found(extensions("one", 6), extensions("two", 4, start=6)) == []
    assert found(extensions("one", 6), extensions("two", 6)) == []
    shared: dict[str, Any] = {f"extensions/shared/{number}": b"" for number in range(20)}
    assert found(layer("one", shared), extensions("two", 10)) == []
    finding = only(found(extensions("one", 6), extensions("two", 5, start=6)), "extensions-number")
    assert finding.message == "the layers hold 11 extensions, and Lambda takes 10"
