"""The commands, their options and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from .options import DIST, HERE, AllowDeprecated, Folder, Json, Names, NoColor, Output, Quiet, Verbose
from .session import Session

app = typer.Typer(
    name="lpack",
    help="Builds AWS Lambda functions: for the target, proved to load, byte for byte reproducible, fast.",
    epilog="Start with `lpack init` and `lpack build`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
cache = typer.Typer(help="The store of wheels and packed files.", no_args_is_help=True)
app.add_typer(cache, name="cache")


def _show_version(*, value: bool) -> None:
    if value:
        print(f"lpack {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=lambda value: _show_version(value=value), is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: lpack init --runtime python3.13 --architecture arm64")
def init(
    *,
    runtime: Annotated[str | None, typer.Option(help="A Lambda runtime; the newest when left out.")] = None,
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64.")] = "x86_64",
    name: Annotated[str | None, typer.Option(help="The function's name; the folder's when left out.")] = None,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Make a working lpack.toml with a handler."""
    from .housekeeping import make_project

    session = Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)
    return make_project(session, runtime=runtime, architecture=architecture, name=name)


@app.command(epilog="Example: lpack lock --upgrade · in CI: lpack lock --check")
def lock(
    names: Names = None,
    *,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Take the newest of everything.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when a lock is out of date.")] = False,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Resolve the requirements for the target and write the lock."""
    from .building import lock_functions

    session = Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)
    return lock_functions(session, names or [], upgrade=upgrade, check=check)


@app.command(epilog="Example: lpack build orders · in CI: lpack build --frozen --json")
def build(
    names: Names = None,
    *,
    output: Output = DIST,
    frozen: Annotated[bool, typer.Option("--frozen", help="Fail rather than change a lock.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go in; write no artifact.")] = False,
    allow_deprecated: AllowDeprecated = False,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Build the artifacts and their records."""
    from .building import Wishes, build_functions

    session = Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)
    wishes = Wishes(session.path(output), frozen=frozen, dry_run=dry_run, allow_deprecated=allow_deprecated)
    return build_functions(session, names or [], wishes)


@app.command(
    epilog="Example: lpack check orders · lpack check build/app.zip --runtime python3.13 --handler app.handler"
)
def check(
    subjects: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|FILE]...", help="Functions, or zips that any tool built.")
    ] = None,
    *,
    output: Output = DIST,
    runtime: Annotated[str | None, typer.Option(help="The runtime of a FILE.")] = None,
    architecture: Annotated[str | None, typer.Option(help="The architecture of a FILE.")] = None,
    handler: Annotated[str | None, typer.Option(help="The handler of a FILE.")] = None,
    allow_deprecated: AllowDeprecated = False,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Prove that artifacts will load: limits, native code, handler, permissions."""
    from .checking import FileSettings, check_subjects

    session = Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)
    settings = FileSettings(runtime, architecture, handler, allow_deprecated=allow_deprecated)
    return check_subjects(session, subjects or [], session.path(output), settings)


@app.command(epilog="Example: lpack inspect orders · lpack inspect dist/orders.zip")
def inspect(
    subject: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A function, or a zip that any tool built.")],
    *,
    output: Output = DIST,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Show what is in an artifact and why: sizes by package, files left out, where each came from."""
    from .inspecting import inspect_subject

    session = Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)
    return inspect_subject(session, subject, session.path(output))


@app.command(epilog="Example: lpack doctor --json")
def doctor(
    *,
    folder: Folder = HERE,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> int:
    """Tell what this machine has, and what each thing is needed for."""
    from .housekeeping import examine_machine

    return examine_machine(Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color))


@cache.command("dir")
def cache_dir(*, json: Json = False) -> int:
    """Print where the store is."""
    from .housekeeping import print_folder

    return print_folder(_plain(json=json))


@cache.command("size")
def cache_size(*, json: Json = False) -> int:
    """Print what the store holds."""
    from .housekeeping import print_usage

    return print_usage(_plain(json=json))


@cache.command("prune", epilog="Example: lpack cache prune --days 7")
def cache_prune(
    *, days: Annotated[float, typer.Option(min=0, help="Keep what was used in so many days.")] = 30, json: Json = False
) -> int:
    """Remove what was not used lately."""
    from .housekeeping import prune

    return prune(_plain(json=json), days=days)


@cache.command("clear")
def cache_clear(*, json: Json = False) -> int:
    """Remove everything; the next build fetches again."""
    from .housekeeping import clear

    return clear(_plain(json=json))


def _plain(*, json: bool) -> Session:
    return Session.start(Path(), json=json, verbose=False, quiet=False, no_color=False)
