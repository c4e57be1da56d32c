"""cfn-lint, which knows CloudFormation's and SAM's resources from AWS's own schemas."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def cfn_lint(template: Any, folder: Path) -> str:
    """What cfn-lint has to say, in the region that all is for; warnings count."""
    file = folder / "template.json"
    file.write_text(json.dumps(template))
    program = Path(sys.executable).with_name("cfn-lint")
    command = [program, "--regions", "eu-west-1", "--format", "parseable", "--template", file]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.stderr == ""
    assert (process.returncode == 0) == (process.stdout == "")
    return process.stdout
