from __future__ import annotations

from check_samples import facts, package, subject, tree
from elf_files import elf_file

from lpack.check import check
from lpack.model import Severity
from lpack.tree import Content, Entry, Tree

FILES: dict[str, bytes | str] = {
    "app.py": b"def handler(event, context): ...\n",
    "pkg/a.so": elf_file(machine=183, needed=["libc.so.6"]),
    "pkg/b.so": elf_file(needed=["libnowhere.so.1"]),
    "gone": "nothing",
}


def test_a_sound_artifact_has_no_findings() -> None:
    files: dict[str, bytes | str] = {"app.py": b"", "pkg/a.so": elf_file(needed=["libc.so.6"]), "link": "app.py"}
    sound = subject(handler="app.handler", memory=128, timeout=3, ephemeral_storage=512, function_name="orders")
    assert check(tree(files), sound, packages=[], elf=facts(files)) == []


def test_every_kind_of_check_has_its_say_in_a_fixed_order() -> None:
    entries = [*tree(FILES, {"pkg": "1"}), Entry("secret.py", 0o100600, Content.of(b""))]
    wrong = subject("python3.9", handler="", environment={"AWS_REGION": ""})
    findings = check(Tree.of(entries), wrong, packages=[package("pkg", "1")], elf=facts(FILES))
    assert [finding.check for finding in findings] == [
        "runtime-deprecated",
        "handler",
        "environment-reserved",
        "permissions",
        "links",
        "elf-architecture",
        "elf-libraries",
    ]
    assert {finding.severity for finding in findings} == {Severity.ERROR, Severity.WARNING}
