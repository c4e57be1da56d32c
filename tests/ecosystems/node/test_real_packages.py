"""Real packages from the registry: for both architectures, like npm's own, and run by Node.js from the unpacked zip."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest
from own_store import own_store

from lpack.archive.zip_writer import write_zip
from lpack.config.keys import Bundle
from lpack.ecosystems.node import check_handler
from lpack.errors import ToolError
from lpack.store import Store
from lpack.tree import Tree

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("node", "npm", "unzip")]

HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")


def process_arch() -> str:
    """What Node.js calls this machine."""
    return {"x86_64": "x64"}.get(HERE, HERE)


CODE = """
const sharp = require("sharp"), { S3Client } = require("@aws-sdk/client-s3"), { z } = require("zod");
exports.handler = async (event) => {
  const image = { create: { width: 8, height: 8, channels: 3, background: "red" } };
  const png = await sharp(image).png().toBuffer();
  return { png: png.subarray(1, 4).toString(), s3: typeof S3Client, name: z.string().parse(event.name) };
};
"""
REQUIRED = {"sharp": "^0.34", "@aws-sdk/client-s3": "^3", "zod": "^4", "esbuild": "^0.25"}


def run(tree: Tree, handler: str, event: Any, folder: Path, store: Path) -> Any:
    """What the handler answers in the Node.js of this machine, from the unpacked zip and with Lambda's NODE_PATH."""
    write_zip(tree, folder / "out.zip", store=Store(store))
    subprocess.run(["unzip", "-q", folder / "out.zip", "-d", folder / "task"], check=True)
    call = f"import({json.dumps(handler)}).then(module => module.handler({json.dumps(event)}))"
    code = f"{call}.then(answer => console.log(JSON.stringify(answer)))"
    environ = {**os.environ, "NODE_PATH": "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules"}
    command = ["node", "-e", code]
    printed = subprocess.run(command, cwd=folder / "task", env=environ, check=True, capture_output=True, text=True)
    return json.loads(printed.stdout)


def test_native_packages_are_there_for_either_architecture(workshop: Any, tmp_path: Path) -> None:
    workshop.write({"src/index.js": CODE, "src/package.json": {"dependencies": REQUIRED}})
    trees = {name: workshop.tree(workshop.function(architecture=name)) for name in ("x86_64", "arm64")}
    for name, cpu in (("x86_64", "x64"), ("arm64", "arm64")):
        native = ("node_modules/@img/sharp-l", "node_modules/@esbuild/")
        there = {path.split("/")[2] for path in trees[name].by_path if path.startswith(native)}
        assert there == {f"sharp-linux-{cpu}", f"sharp-libvips-linux-{cpu}", f"linux-{cpu}"}
    assert not workshop.heard.warnings, "esbuild's install script is not needed"
    if HERE:
        answer = run(trees[HERE], "./index.js", {"name": "x"}, tmp_path, workshop.store)
        assert answer == {"png": "PNG", "s3": "function", "name": "x"}


def test_the_tree_is_that_of_npm_ci(workshop: Any) -> None:
    workshop.write({"src/index.js": "", "src/package.json": {"dependencies": REQUIRED}})
    installed = workshop.install(workshop.function(architecture="arm64"))
    here = workshop.folder / "npm"
    workshop.write({"npm/package.json": {"dependencies": REQUIRED}})
    (here / "package-lock.json").write_bytes((workshop.folder / "package-lock.orders.json").read_bytes())
    command = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--os=linux", "--cpu=arm64", "--libc=glibc"]
    subprocess.run(command, cwd=here, check=True, capture_output=True)
    expected = {
        path.relative_to(here / "node_modules").as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in (here / "node_modules").rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".package-lock.json"
    }
    entries = [entry for part in installed.parts for entry in part.entries]
    assert {entry.path: (entry.read(), bool(entry.mode & 0o100)) for entry in entries} == expected


TYPESCRIPT = """
import { S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import { z } from "zod";
import { twice } from "./lib/numbers";

const Event = z.object({ number: z.number() });
export const handler = async (event: unknown): Promise<object> => ({
  s3: typeof S3Client, sharp: typeof sharp, number: twice(Event.parse(event).number),
});
"""


@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_typescript_is_bundled_with_native_packages_beside_it(
    workshop: Any, shared_folder: Path, tmp_path: Path, kind: str
) -> None:
    workshop.write(
        {
            "src/app/index.ts": TYPESCRIPT,
            "src/app/lib/numbers.ts": "export const twice = (one: number): number => 2 * one;",
            "src/table.txt": "data",
            "src/package.json": {"type": kind, "dependencies": REQUIRED},
        }
    )
    bundle = Bundle(minify=True, source_map=True, external=("sharp",))
    name = "app/index.mjs" if kind == "module" else "app/index.js"
    about = {"handler": "app/index.handler", "bundle": bundle, "include": ("*.txt",)}
    function = workshop.function(architecture=HERE or "x86_64", **about)
    tree = workshop.tree(function)
    own = {path for path in tree.by_path if not path.startswith("node_modules/")}
    assert own == {name, f"{name}.map", "table.txt"}
    assert "node_modules/zod/package.json" not in tree.by_path
    assert "node_modules/sharp/package.json" in tree.by_path
    assert not check_handler(tree, "app/index.handler", function.target, own_store())
    assert check_handler(tree, "app/index.other", function.target, own_store())
    if HERE:
        answer = run(tree, f"./{name}", {"number": 21}, tmp_path, workshop.store)
        assert answer == {"s3": "function", "sharp": "function", "number": 42}
    # Another store, which knows nothing of this bundle; what npm installs in it is the same for both kinds.
    elsewhere = type(workshop)(tmp_path / "other" / "place", shared_folder / "node-store")
    elsewhere.folder.parent.mkdir()
    workshop.folder.rename(elsewhere.folder)
    again = elsewhere.function(architecture=HERE or "x86_64", **about)
    assert elsewhere.tree(again).content == tree.content


def test_a_typescript_handler_is_bundled_unless_the_user_refuses(workshop: Any) -> None:
    workshop.write({"src/index.ts": "export const handler = async (): Promise<number> => 1;"})
    assert [entry.path for entry in workshop.own_files(workshop.function()).entries] == ["index.js"]
    assert [entry.path for entry in workshop.own_files(workshop.function(bundle=False)).entries] == ["index.ts"]


def bundle_text(workshop: Any, code: str) -> str:
    """The bundle of a function with this code, without what names the code's own file."""
    workshop.write({"src/index.js": code})
    (entry,) = workshop.own_files(workshop.function(bundle=Bundle())).entries
    return str(entry.read().decode())


def test_packages_are_laid_out_for_esbuild_once(workshop: Any, tmp_path: Path) -> None:
    workshop.store = tmp_path / "store"  # in which something will be damaged
    workshop.write(
        {
            "src/package.json": {"dependencies": {"ms": "2.1.3", "shared": "file:../shared"}},
            "shared/package.json": {"name": "shared", "version": "1.0.0"},
            "shared/index.js": "module.exports = 'first';",
        }
    )
    code = "exports.handler = () => [require('ms')('1s'), require('shared')];"
    assert "'first'" in bundle_text(workshop, code).replace('"', "'")
    kept = workshop.store / "unpacked"
    (ms,) = kept.rglob("ms/index.js")
    assert not list(kept.rglob("shared"))
    workshop.write({"shared/index.js": "module.exports = 'second';"})
    again = bundle_text(workshop, code).replace('"', "'")
    assert "'second'" in again
    assert "// node_modules/ms/index.js" in again
    assert list(kept.rglob("ms/index.js")) == [ms]

    ms.write_text("module.exports = () => 'damaged';")
    assert "damaged" not in bundle_text(workshop, f"{code}\n// again")


def test_what_esbuild_says_is_told_with_the_way_out(workshop: Any) -> None:
    workshop.write({"src/index.js": "exports.handler = require('./it.node')", "src/it.node": "native"})
    with pytest.raises(ToolError, match="esbuild can't bundle `orders`") as caught:
        workshop.own_files(workshop.function(bundle=Bundle()))
    assert "name it in `external`" in str(caught.value.hint)
    workshop.write({"src/index.js": "import x from 'nowhere'; export const handler = x;"})
    with pytest.raises(ToolError) as caught:
        workshop.own_files(workshop.function(bundle=Bundle()))
    assert "name it under `dependencies`" in str(caught.value.hint)
    assert any('Could not resolve "nowhere"' in line for line in caught.value.details)


def test_the_runtimes_own_sdk_is_not_installed_when_it_is_external(workshop: Any) -> None:
    code = "import { S3Client } from '@aws-sdk/client-s3'; export const handler = () => S3Client;"
    workshop.write({"src/index.mjs": code, "src/package.json": {"dependencies": {"@aws-sdk/client-s3": "^3"}}})
    tree = workshop.tree(workshop.function(bundle=Bundle(external=("@aws-sdk/*",))))
    assert [entry.path for entry in tree] == ["index.mjs"]
    assert b"@aws-sdk/client-s3" in tree.by_path["index.mjs"].read()


def test_a_function_keeps_the_version_that_its_layer_holds(workshop: Any) -> None:
    workshop.write({"src/index.js": "", "src/package.json": {"dependencies": {"zod": "^4"}}})
    installed = workshop.install(workshop.function(), provided={"zod": "4.1.5"})
    assert not installed.parts
    lock = json.loads((workshop.folder / "package-lock.orders.json").read_text())
    assert lock["packages"]["node_modules/zod"]["version"] == "4.1.5"


def test_folders_elsewhere_come_with_what_they_need(workshop: Any) -> None:
    workshop.write(
        {
            "shared/package.json": {"name": "shared", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}},
            "shared/index.js": "module.exports = require('ms')('1s');",
            "src/package.json": {"dependencies": {"shared": "file:../shared", "ms": "2.0.0"}},
            "src/index.js": "",
        }
    )
    installed = workshop.install(workshop.function())
    assert {part.package.root: part.package.version for part in installed.parts} == {
        "ms": "2.0.0",
        "shared": "1.0.0",
        "shared/node_modules/ms": "2.1.3",
    }


@pytest.mark.parametrize(
    ("name", "source", "event", "expected"),
    [
        ("node-plain", "src", {"name": "you"}, {"statusCode": 200, "body": "Hello, you!"}),
        ("node-typescript", "src", {"items": [{"price": 1.5, "count": 2}]}, {"total": 3}),
        (
            "node-workspace",
            "packages/api",
            {"name": "you", "milliseconds": 60000},
            {"greeting": "Hello, you!", "later": "1m"},
        ),
        ("node-native", "src", {"width": 8}, {"architecture": process_arch(), "format": "png", "client": "S3Client"}),
    ],
)
def test_the_fixtures_work(  # noqa: PLR0917
    workshop: Any, copied_fixture: Any, tmp_path: Path, name: str, source: str, event: Any, expected: Any
) -> None:
    if not HERE:
        pytest.skip("Lambda has no such machine")
    here = type(workshop)(copied_fixture(name), workshop.store)
    function = here.function(architecture=HERE, source=source)
    tree = here.tree(function)
    assert not check_handler(tree, "index.handler", function.target, own_store())
    handler = next(f"./{path}" for path in ("index.mjs", "index.js") if path in tree.by_path)
    assert run(tree, handler, event, tmp_path, here.store) == expected
