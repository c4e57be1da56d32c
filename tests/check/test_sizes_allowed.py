from __future__ import annotations

from pathlib import Path

import pytest
from check_samples import layer, of_sizes, package, subject

from lpack.archive.zip_reader import read_zip
from lpack.archive.zip_writer import write_zip
from lpack.check import LayerPart, check, check_layer
from lpack.check.limits import check_layer_size, check_sizes, check_upload
from lpack.model import Finding, Severity
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Tree

LIMIT = 262_144_000
LAYER_ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3"


def sizes(own: int, *layers: int | None) -> list[Finding]:
    """What is said of a function of that size, with layers of those sizes."""
    parts = [LayerPart(name=f"layer{number}", unzipped_size=size) for number, size in enumerate(layers)]
    return check_sizes(of_sizes({"app.py": own}), subject(), [], parts)


# The function alone


@pytest.mark.parametrize(("size", "number"), [(0, 0), (LIMIT - 1, 0), (LIMIT, 1), (LIMIT + 1, 1)])
def test_unzipped_it_must_be_smaller_than_250_mb(size: int, number: int) -> None:
    assert len(sizes(size)) == number
    assert len(check_layer_size(of_sizes({"python/x.py": size}), subject(), [])) == number


def test_a_broken_limit_lists_the_ten_biggest_packages() -> None:
    names = [f"p{number:02}" for number in range(12)]
    packed = {f"{name}/file": (40 - number) << 20 for number, name in enumerate(names)}
    tree = of_sizes({"own": 5 << 30, **packed}, names)
    (finding,) = check_sizes(tree, subject(), [package("p00", "1.2"), package("p01", "3")], [])
    assert (finding.severity, finding.check) == (Severity.ERROR, "unzipped-size")
    assert finding.message == (
        "`orders` is 5,802,819,584 bytes unzipped (5.4 GB): Unzipped size must be smaller than 262144000 bytes (250 MB)"
    )
    assert [line.split("  ")[0].strip() for line in finding.details[:4]] == [
        "your own files",
        "p00 1.2",
        "p01 3",
        "p02",
    ]
    assert finding.details[1].endswith("   40 MB")
    assert len(finding.details) == 10


def test_it_says_what_no_layer_and_what_an_image_can_do() -> None:
    (finding,) = sizes(1 << 30)
    assert finding.hint is not None
    assert "more layers don't help" in finding.hint
    assert finding.hint.endswith('a container image (`package = "image"`) may take 10 GB, of which this is 10.0 %')


# The function with its layers


@pytest.mark.parametrize(
    ("own", "layers", "checks"),
    [
        (1, (LIMIT - 1,), []),
        (1, (LIMIT,), ["unzipped-size"]),
        (100, (LIMIT - 200, 100), []),
        (101, (LIMIT - 200, 100), ["unzipped-size"]),
        (0, (LIMIT,), []),
        (0, (LIMIT + 1,), ["layers-size"]),
        (LIMIT, (LIMIT, 1), ["unzipped-size", "layers-size"]),
        (LIMIT, (1,), ["unzipped-size"]),
        (LIMIT - 1, (None,), ["layer-size-unknown"]),
        (LIMIT - 1, (None, 2), ["unzipped-size", "layer-size-unknown"]),
    ],
)
def test_together_they_may_be_250_mb(own: int, layers: tuple[int | None, ...], checks: list[str]) -> None:
    assert [finding.check for finding in sizes(own, *layers)] == checks


def test_it_is_said_in_lambdas_words() -> None:
    (together,) = sizes(1, LIMIT)
    assert together.message == (
        "`orders`: Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        "The actual size is 262144001 bytes."
    )
    (layers,) = sizes(1, LIMIT, 5)
    assert layers.message == "`orders`: Layers consume more than the available size of 262144000 bytes"
    assert layers.details == (
        "the layer `layer0`  262,144,000 bytes",
        "the layer `layer1`            5 bytes",
        "together            262,144,005 bytes",
    )


def test_what_takes_most_is_found_in_all_parts() -> None:
    part = LayerPart(
        name="scientific",
        tree=of_sizes({"python/scipy/a.so": 150 << 20, "python/mine.py": 1 << 20}, ["scipy"]),
        packages=[package("scipy", "1.16.0", "python")],
    )
    tree = of_sizes({"pandas/b.so": 120 << 20, "app.py": 10}, ["pandas"])
    theirs = LayerPart(name=LAYER_ARN, unzipped_size=5)
    (finding,) = check_sizes(tree, subject(), [package("pandas", "2.3")], [part, theirs])
    assert [" ".join(line.split()) for line in finding.details] == [
        "the function 125,829,130 bytes",
        "the layer `scientific` 158,334,976 bytes",
        f"the layer `{LAYER_ARN}` 5 bytes",
        "together 284,164,111 bytes",
        "takes most:",
        "scipy 1.16.0 in the layer `scientific` 150 MB",
        "pandas 2.3 in the function 120 MB",
        "your own files in the layer `scientific` 1 MB",
        "your own files in the function 10 bytes",
    ]


def test_a_layer_of_unknown_size_is_a_note_that_names_it() -> None:
    parts = [LayerPart(name=LAYER_ARN), layer("known", {"python/a.py": b""})]
    (finding,) = check_sizes(of_sizes({"app.py": 1}), subject(), [], parts)
    assert (finding.severity, finding.check) == (Severity.NOTE, "layer-size-unknown")
    assert finding.message == f"`orders` uses `{LAYER_ARN}`, whose size is not known: it is not counted"
    assert finding.hint == f'tell it, in bytes: `layers = [{{ arn = "{LAYER_ARN}", unzipped-size = … }}]`'


def test_the_edge_is_right_with_real_files(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    block = bytes(range(256)) * (4 << 10)  # which packs well
    whole, rest = divmod(LIMIT - 1000, len(block))

    def on_disk(name: str, entries: dict[str, bytes]) -> Tree:
        made = Tree.of(Entry(path, REGULAR, Content.of(data)) for path, data in entries.items())
        return read_zip(write_zip(made, tmp_path / name, store=store, workers=2).path)

    first = on_disk("first.zip", {f"lib/{number:03}": block for number in range(whole // 2)})
    second = {f"lib/{number:03}": block for number in range(whole // 2, whole)}
    parts = [
        LayerPart(name="first", tree=first),
        LayerPart(name="second", tree=on_disk("second.zip", {**second, "lib/rest": block[:rest]})),
    ]
    fits = on_disk("fits.zip", {"app.py": b"#" * 1000})
    assert sum(part.size or 0 for part in parts) + fits.size == LIMIT
    assert check(fits, subject(), packages=[], elf={}, layers=parts) == []
    assert all(check_layer(part.tree or fits, [subject()], packages=[], elf={}) == [] for part in parts)

    too_much = on_disk("too-much.zip", {"app.py": b"#" * 1001})
    (finding,) = check(too_much, subject(), packages=[], elf={}, layers=parts)
    assert (finding.severity, finding.check) == (Severity.ERROR, "unzipped-size")
    assert finding.message.endswith("The actual size is 262144001 bytes.")


def test_a_large_zip_goes_by_s3() -> None:
    assert check_upload("orders", 52_428_800) == []
    (finding,) = check_upload("orders", 52_428_801)
    assert (finding.severity, finding.check) == (Severity.NOTE, "direct-upload")
