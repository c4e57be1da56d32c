from __future__ import annotations

import re
import tomllib

import pytest
from check_samples import of_sizes, package, subject

from lpack.aws.runtimes import Family
from lpack.check import check_layer
from lpack.check.advice import Part, advice
from lpack.check.limits import check_sizes
from lpack.trimming import trimmed

MB = 1 << 20


def tips(sizes: dict[str, int], *packages: str, family: Family = "python", worth: int = 1) -> tuple[str, ...]:
    part = Part("the function", of_sizes(sizes, packages), [package(name, "1.0") for name in packages])
    return advice([part], family, worth=worth)


def test_there_is_nothing_to_say_about_what_is_needed() -> None:
    assert tips({"app.py": MB, "numpy/core.so": MB, "numpy/testing/x.py": MB}, "numpy") == ()
    assert tips({}) == ()


def test_tests_of_packages_can_be_left_out() -> None:
    files = {"scipy/sparse/tests/test_a.py": 4 * MB, "scipy/tests/data/a.csv": 2 * MB, "scipy/core.so": 9 * MB}
    assert tips(files, "scipy") == ('`tests` folders take 6 MB (scipy 6 MB): `trim = { scipy = ["**/tests/"] }`',)


def test_several_packages_are_trimmed_at_once() -> None:
    names = ("pandas", "scipy", "numpy", "a", "b")
    files = {f"{name}/tests/x.py": (5 - number) * MB for number, name in enumerate(names)}
    assert tips(files, *names) == (
        '`tests` folders take 15 MB (pandas 5 MB, scipy 4 MB, numpy 3 MB and 2 more): `trim = { "*" = ["**/tests/"] }`',
    )


def test_the_users_own_tests_are_not_a_packages() -> None:
    assert tips({"tests/test_app.py": MB, "app.pyi": MB}) == ()


def test_only_files_that_are_there_are_named() -> None:
    files = {"torch/include/a.h": 3 * MB, "torch/include/b.cuh": MB, "torch/lib/libx.a": 9 * MB, "torch/x.pyi": 2 * MB}
    assert tips(files, "torch") == (
        'static libraries take 9 MB (torch 9 MB): `trim = { torch = ["**/*.a"] }`',
        'C and C++ headers take 4 MB (torch 4 MB): `trim = { torch = ["**/*.h", "**/*.cuh"] }`',
        'type stubs take 2 MB (torch 2 MB): `trim = { torch = ["**/*.pyi"] }`',
    )


def test_what_saves_little_is_not_worth_a_word() -> None:
    files = {"scipy/tests/x.py": 2 * MB, "scipy/x.pyi": MB}
    assert len(tips(files, "scipy", worth=MB)) == 2
    assert len(tips(files, "scipy", worth=MB + 1)) == 1
    assert tips(files, "scipy", worth=2 * MB + 1) == ()


def test_names_that_toml_would_not_take_are_quoted() -> None:
    (tip,) = tips({"zope.interface/tests/x.py": MB}, "zope.interface")
    assert tip.endswith('`trim = { "zope.interface" = ["**/tests/"] }`')


def test_lambda_has_the_python_sdk_already() -> None:
    files = {
        "boto3/x.py": MB,
        "botocore/data/ec2/service-2.json": 20 * MB,
        "botocore/data/s3/service-2.json": 2 * MB,
        "botocore/data/endpoints.json": MB,
        "botocore/client.py": MB,
    }
    whole, services = tips(files, "boto3", "botocore")
    assert whole == (
        "Lambda's Python runtimes have `boto3` and `botocore` already, which take 25 MB: "
        '`exclude-packages = ["boto3", "botocore"]`; then their version is AWS\'s, and changes with time'
    )
    assert services == (
        "botocore's descriptions of AWS services other than S3 take 20 MB; to keep only those in use, S3 for example: "
        '`trim = { botocore = ["botocore/data/*/", "!botocore/data/s3/"] }`'
    )
    assert tips(files, "boto3", "botocore", family="nodejs") == ()


@pytest.mark.parametrize("root", ["", "nodejs/"])
def test_lambda_has_the_node_sdk_already(root: str) -> None:
    files = {
        f"{root}node_modules/@aws-sdk/client-s3/index.js": 7 * MB,
        f"{root}node_modules/@smithy/core/index.js": 3 * MB,
        f"{root}node_modules/left-pad/index.js": MB,
    }
    (tip,) = tips(files, family="nodejs")
    assert tip.startswith("Lambda's Node.js runtimes have the AWS SDK already, which takes 10 MB: leave out `@aws-sdk`")
    assert tips(files, family="python") == ()


def test_a_line_that_is_offered_does_what_it_says() -> None:
    sizes = {
        "botocore/data/ec2/2016-11-15/service-2.json": 7 * MB,
        "botocore/data/s3/2006-03-01/service-2.json": 5 * MB,
        "botocore/data/endpoints.json": 3 * MB,
        "botocore/tests/x.py": 11 * MB,
        "botocore/testing.py": 13 * MB,
        "numpy/core/tests/test/x.h": 17 * MB,
        "numpy/include/x.h": 19 * MB,
        "numpy/test.py": 23 * MB,
    }
    entries = of_sizes(sizes, ["botocore", "numpy"]).entries
    saved = {}
    for tip in tips(sizes, "botocore", "numpy"):
        if match := re.search(r"take (\d+) MB.*`(trim = .*)`", tip):
            document = tomllib.loads(match[2])["trim"]
            left = [
                entry
                for package in ("botocore", "numpy")
                for entry in trimmed(
                    [entry for entry in entries if entry.package == package],
                    tuple((name, tuple(patterns)) for name, patterns in document.items()),
                ).entries
            ]
            gone = {entry.path for entry in entries} - {entry.path for entry in left}
            saved[match[2]] = sum(sizes[path] for path in gone)
            assert saved[match[2]] == int(match[1]) * MB
    assert sorted(saved.values()) == [7 * MB, 17 * MB, 28 * MB, 36 * MB]


def test_what_saves_most_comes_first_in_whatever_part() -> None:
    function = Part("the function", of_sizes({"a/tests/x": 2 * MB}, ["a"]), [package("a", "1")])
    layer = Part("the layer `b`", of_sizes({"python/b/tests/x": 3 * MB, "python/b/x.pyi": MB}, ["b"]), [])
    assert [tip.split(" take")[0] for tip in advice([function, layer], "python", worth=1)] == [
        "the layer `b`: `tests` folders",
        "the function: `tests` folders",
        "the layer `b`: type stubs",
    ]


def test_the_data_of_services_is_found_in_layers() -> None:
    tree = of_sizes({"python/botocore/data/ec2/x.json": 30 * MB}, ["botocore"])
    part = Part("the layer", tree, [package("botocore", "1.44", "python")])
    assert len(advice([part], "python", worth=1)) == 2


def test_a_broken_limit_says_what_helps() -> None:
    tree = of_sizes({"scipy/tests/x.py": 20 * MB, "scipy/x.so": 240 * MB, "scipy/x.pyi": MB}, ["scipy"])
    (finding,) = check_sizes(tree, subject(), [package("scipy", "1.16.0")], [])
    assert finding.details[-2:] == (
        "what helps (try the result):",
        '`tests` folders take 20 MB (scipy 20 MB): `trim = { scipy = ["**/tests/"] }`',
    )
    (again,) = check_layer(tree, [subject("provided.al2023")], packages=[package("scipy", "1.16.0")], elf={})[:1]
    assert again.details == finding.details


def test_a_little_too_large_is_helped_by_little() -> None:
    tree = of_sizes({"scipy/x.so": 262_144_000 - 10, "scipy/x.pyi": 10}, ["scipy"])
    (finding,) = check_sizes(tree, subject(), [package("scipy", "1.16.0")], [])
    assert finding.details[-1].startswith("type stubs take 10 bytes")
