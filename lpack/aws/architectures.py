"""Lambda's two instruction set architectures, under the names that the other worlds give them."""

from __future__ import annotations

from typing import NamedTuple


class Architecture(NamedTuple):
    """An architecture: Lambda's ``name``, the kernel's ``machine``, the ELF header's ``elf_machine``, Go's ``image``.

    Container images are written and read in Go, and name architectures as it does.
    """

    name: str
    machine: str
    elf_machine: str
    image: str

    def __str__(self) -> str:
        return self.name


X86_64 = Architecture("x86_64", machine="x86_64", elf_machine="EM_X86_64", image="amd64")
ARM64 = Architecture("arm64", machine="aarch64", elf_machine="EM_AARCH64", image="arm64")

ARCHITECTURES: dict[str, Architecture] = {each.name: each for each in (X86_64, ARM64)}
