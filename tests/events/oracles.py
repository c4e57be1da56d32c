"""Who else knows what AWS's events look like: made once each, and kept in .cache.

AWS's SAM command line brings templates of its own, its Powertools bring models for pydantic, its library for Go brings
types, and DefinitelyTyped has types for TypeScript. None of them knows lpack, and lpack has nothing of theirs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator import EMULATOR, kept

POWERTOOLS = "aws-lambda-powertools[parser]==3.37.0"
TYPESCRIPT = ("typescript@7.0.2", "@types/aws-lambda@8.10.164")

_TEMPLATES = "samcli/lib/generated_sample_events/events/"


def templates_of_sam() -> Path:
    """The folder of SAM's templates."""
    return kept(f"events-of-{EMULATOR}", _take_templates)


def _take_templates(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={place}", EMULATOR]
        subprocess.run(command, check=True)
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(_TEMPLATES) and name.endswith(".json"):
                    file = folder / name.removeprefix(_TEMPLATES)
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(archive.read(name))


def parsed_by_powertools(models: Mapping[str, str], events: Mapping[str, Any]) -> dict[str, str | None]:
    """What Powertools' model of each event has against it, by the event's name; None where that is nothing."""
    packages = kept(POWERTOOLS.replace("[", "-").replace("]", ""), _install_powertools)
    program = """
import json, sys
from aws_lambda_powertools.utilities.parser import ValidationError, models
asked, complaints = json.load(sys.stdin), {}
for name, model in asked["models"].items():
    try:
        getattr(models, model).model_validate(asked["events"][name])
        complaints[name] = None
    except ValidationError as error:
        complaints[name] = str(error)
print(json.dumps(complaints))
"""
    process = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps({"models": models, "events": events}),
        env={"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)  # type: ignore[no-any-return]


def _install_powertools(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"--target={folder}"]
    subprocess.run([*pip, POWERTOOLS], check=True)


def typed_by_typescript(types: Mapping[str, str], events: Mapping[str, Any], folder: Path) -> dict[str, list[str]]:
    """What TypeScript has against each event as a literal of its type: keys that lack, and keys that are too many.

    Null fits everywhere, since the types don't say where AWS sends it.
    """
    packages = kept("-".join(TYPESCRIPT).replace("/", "-"), _install_typescript)
    names = list(types)
    literals = [
        f"export const event{number}: lambda.{types[name]} = {json.dumps(events[name])};"
        for number, name in enumerate(names)
    ]
    (folder / "node_modules").symlink_to(packages / "node_modules")
    (folder / "events.ts").write_text("\n".join(['import * as lambda from "aws-lambda";', *literals]))
    (folder / "tsconfig.json").write_text(json.dumps(_TYPESCRIPT_OPTIONS))
    compiler = packages / "node_modules" / ".bin" / "tsc"
    process = subprocess.run([compiler, "-p", "."], cwd=folder, capture_output=True, text=True, check=False)
    complaints: dict[str, list[str]] = {}
    for line in process.stdout.splitlines():
        if line.startswith("events.ts("):
            number = int(line.partition("(")[2].partition(",")[0]) - 2
            complaints.setdefault(names[number], []).append(line.partition(": ")[2])
        else:
            raise AssertionError(process.stdout)
    return complaints


_TYPESCRIPT_OPTIONS = {
    "compilerOptions": {
        "strict": True,
        "strictNullChecks": False,
        "noEmit": True,
        "skipLibCheck": True,
        "types": ["aws-lambda"],
        "module": "node16",
    },
    "files": ["events.ts"],
}


def _install_typescript(folder: Path) -> None:
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *TYPESCRIPT]
    subprocess.run(command, cwd=folder, check=True)


def decoded_by_go(types: Mapping[str, str], events: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """What AWS's own types for Go have against events: a key that they don't know, or a value of another kind."""
    kinds = "\n".join(f"{json.dumps(name)}: &{kind}{{}}," for name, kind in types.items())
    (folder / "main.go").write_text(_GO_PROGRAM.replace("KINDS", kinds))
    for file in ("go.mod", "go.sum"):
        shutil.copy(_GO_FIXTURE / file, folder)
    process = subprocess.run(
        ["go", "run", "."], cwd=folder, input=json.dumps(events), capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return dict(line.split("\t") for line in process.stdout.splitlines())


_GO_FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "custom-go"
_GO_PROGRAM = """package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/events"
)

var kinds = map[string]any{KINDS}

func main() {
	given := map[string]json.RawMessage{}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	for name, kind := range kinds {
		decoder := json.NewDecoder(bytes.NewReader(given[name]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(kind); err != nil {
			fmt.Printf("%s\\t%s\\n", name, err)
		}
	}
}
"""
