"""The recipes for Node.js, used by the Node.js of each runtime as Lambda would use them."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import clean_roots
import pytest
from built_recipes import in_opt, names, unpacked
from command_line import Run
from filelock import FileLock

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("node", "npm")]

PROGRAMS = Path(__file__).parent.parent / ".cache" / "node"
VERSIONS = {"22": "22.23.3", "24": "24.21.0"}
"""The version of npm's packages of Node.js that stands for each runtime."""

HERE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())

SWITCHED_OFF = {"22": ["--no-experimental-require-module", "--no-experimental-detect-module"]}
"""What Lambda does not let Node.js do: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html"""

LAMBDAS_IMPORT = """
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const parents = process.env.NODE_PATH.split(":").map((folder) => pathToFileURL(`${folder}/../any.mjs`).href);

registerHooks({
  resolve(specifier, context, next) {
    for (const parentURL of [context.parentURL, ...parents]) {
      try {
        return next(specifier, { ...context, parentURL });
      } catch (error) {
        if (error.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^file:/.test(specifier)) throw error;
      }
    }
    return next(specifier, context);
  },
});
"""
"""Lambda's Node.js looks into NODE_PATH for what is imported, too, which others don't.

Source: https://aws.amazon.com/blogs/compute/node-js-18-x-runtime-now-available-in-aws-lambda/
"""

USES = {
    "aws-sdk-nodejs": """
        import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
        import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
        import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
        import { SQSClient } from "@aws-sdk/client-sqs";
        import { DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";
        import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

        export const handler = async (event) => {
          const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
          const settings = { region: "eu-central-1", credentials };
          new SecretsManagerClient(settings), new SQSClient(settings);
          let sent;
          const requestHandler = { handle: async (request) => { sent = request; throw new Error("sent"); } };
          const database = new DynamoDBClient({ ...settings, requestHandler, maxAttempts: 1 });
          const put = new PutCommand({ TableName: "orders", Item: { number: event.number } });
          await DynamoDBDocumentClient.from(database).send(put).catch((error) => { if (!sent) throw error; });
          const read = new GetObjectCommand({ Bucket: "orders", Key: "1" });
          const url = new URL(await getSignedUrl(new S3Client(settings), read));
          return [JSON.parse(sent.body).Item.number.N, url.host];
        };
        """,
    "sharp": """
        import sharp from "sharp";

        export const handler = async (event) => {
          const image = sharp({ create: { width: 16, height: 16, channels: 3, background: "teal" } });
          const read = async (format) => sharp(await image.clone().resize(event.number).toFormat(format).toBuffer());
          const formats = ["jpeg", "png", "webp", "avif", "gif", "tiff"];
          const kinds = await Promise.all(formats.map(async (format) => (await (await read(format)).metadata())));
          return kinds.map(({ format, width }) => `${format} ${width}`);
        };
        """,
    "xray-nodejs": """
        import xray from "aws-xray-sdk-core";

        export const handler = async (event) => {
          xray.setContextMissingStrategy("LOG_ERROR");
          const segment = new xray.Segment("work");
          const answer = await xray.getNamespace().runAndReturn(async () => {
            xray.setSegment(segment);
            return xray.captureAsyncFunc("part", async (part) => (part.close(), event.number));
          });
          return [segment.subsegments[0].name, answer];
        };
        """,
}

ANSWERS = {
    "aws-sdk-nodejs": ["3", "orders.s3.eu-central-1.amazonaws.com"],
    "sharp": ["jpeg 3", "png 3", "webp 3", "heif 3", "gif 3", "tiff 3"],
    "xray-nodejs": ["part", 3],
}

PLACES = [
    pytest.param(name, version, architecture, marks=clean_roots.needs(architecture))
    for name in names("nodejs")
    for version in VERSIONS
    for architecture in ("x86_64", "arm64")
    if architecture == HERE or name == "sharp"  # the others are the same for both
]


def node_program(version: str, architecture: str) -> Path:
    """A Node.js of that version, as a package of npm has it."""
    cpu = {"x86_64": "x64"}.get(architecture, architecture)
    folder = PROGRAMS / f"{VERSIONS[version]}-{cpu}"
    program = folder / "node_modules" / f"node-linux-{cpu}" / "bin" / "node"
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    with FileLock(PROGRAMS / f".{folder.name}.lock"):
        if not program.exists():
            package = f"node-linux-{cpu}@{VERSIONS[version]}"
            options = ["--silent", "--no-save", "--force", f"--prefix={folder}"]  # --force: for whatever machine
            subprocess.run(["npm", "install", *options, package], check=True)
    return program


def invoke(module: Path, opt: Path, *, version: str, architecture: str = HERE) -> Any:
    """What the handler of a module answers in Lambda's Node.js of that version, with these layers in /opt."""
    emulator = clean_roots.emulator(architecture)
    # Of the root, only its libraries are needed.
    emulated = [emulator, "-L", clean_roots._root("3.13", architecture)] if emulator else []  # noqa: SLF001
    hooks = module.parent / "lambda.mjs"
    hooks.write_text(LAMBDAS_IMPORT)
    call = f"import({json.dumps(str(module))}).then((found) => found.handler({{ number: 3 }}))"
    code = f"{call}.then((answer) => console.log(JSON.stringify(answer)))"
    folders = (f"nodejs/node{version}/node_modules", "nodejs/node_modules")
    process = subprocess.run(
        [
            *emulated,
            node_program(version, architecture),
            *SWITCHED_OFF.get(version, ()),
            "--import",
            hooks,
            "--eval",
            code,
        ],
        cwd=module.parent,
        env={"NODE_PATH": os.pathsep.join(str(opt / folder) for folder in folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def as_module(name: str) -> str:
    return textwrap.dedent(USES[name])


def as_commonjs(name: str) -> str:
    """The same code with `require` in place of `import`."""
    code = re.sub(r'import (.+) from (".+");', r"const \1 = require(\2);", as_module(name))
    return code.replace("export const handler", "exports.handler")


@pytest.mark.parametrize(("name", "version", "architecture"), PLACES)
def test_its_packages_can_be_required_and_imported(
    name: str, version: str, architecture: str, shared_folder: Path, tmp_path: Path
) -> None:
    opt = in_opt(name, f"nodejs{version}.x", architecture, shared_folder)
    for file, code in (("use.cjs", as_commonjs(name)), ("use.mjs", as_module(name))):
        (tmp_path / file).write_text(code)
        answer = invoke(tmp_path / file, opt, version=version, architecture=architecture)
        assert answer == ANSWERS[name], file


FUNCTIONS = """
[defaults]
runtime = "nodejs22.x"
architecture = "{architecture}"
source = "src"
handler = "index.handler"
layers = ["aws-sdk-nodejs", "sharp"]

[function.plain]

[function.bundled]
bundle = true
"""

FUNCTION = {
    "src/package.json": json.dumps(
        {"dependencies": {"@aws-sdk/client-s3": "^3", "@aws-sdk/client-sqs": "^3", "ms": "2.1.3", "sharp": "*"}}
    ),
    "src/index.mjs": """
        import { S3Client } from "@aws-sdk/client-s3";
        import { SQSClient } from "@aws-sdk/client-sqs";
        import ms from "ms";
        import sharp from "sharp";

        export const handler = async (event) => [S3Client.name, SQSClient.name, ms(event.number), typeof sharp];
        """,
}


def test_a_function_does_not_carry_what_its_layers_hold(
    project: Callable[[Mapping[str, str]], Path], lpack: Callable[..., Run], tmp_path: Path
) -> None:
    folder = project({"lpack.toml": FUNCTIONS.format(architecture=HERE), **FUNCTION})
    assert lpack("layers", "add", "aws-sdk-nodejs", "sharp", folder=folder).exit_code == 0
    run = lpack("build", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert lpack("check", folder=folder).exit_code == 0
    opt = tmp_path / "opt"
    for layer in ("aws-sdk-nodejs", "sharp"):
        unpacked(folder / "dist" / f"{layer}.zip", opt)
    for name, packages in (("plain", {"ms"}), ("bundled", set())):
        task = unpacked(folder / "dist" / f"{name}.zip", tmp_path / name)
        assert {path.parent.name for path in task.rglob("node_modules/*/package.json")} == packages
        assert invoke(task / "index.mjs", opt, version="22") == ["S3Client", "SQSClient", "3ms", "function"]
