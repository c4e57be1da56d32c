"""The commands, their options and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..errors import UsageError
from .options import (
    DIST,
    AllowDeprecated,
    BackendOption,
    Base,
    InContainer,
    Names,
    NoNetwork,
    Output,
    Rie,
    with_session,
)
from .session import Session


def _examples(*lines: str) -> str:
    return "\n".join(("Examples:", *(f"$ {line}" for line in lines)))


app = typer.Typer(
    name="lpack",
    help="Build AWS Lambda functions: for the target, proved to load, byte for byte reproducible, fast.",
    epilog="Start with `lpack init` and `lpack build`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
layers = typer.Typer()
cache = typer.Typer(help="Look after the store of wheels and packed files.", no_args_is_help=True)


def _show_version(*, value: bool) -> None:
    if value:
        print(f"lpack {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _show_version(value=value),
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=_examples("lpack init", "lpack init --runtime python3.13 --architecture arm64"))
@with_session
def init(
    session: Session,
    *,
    runtime: Annotated[str | None, typer.Option(help="A Lambda runtime; the newest Python when left out.")] = None,
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64.")] = "x86_64",
    name: Annotated[str | None, typer.Option(help="The function's name; the folder's when left out.")] = None,
) -> int:
    """Make a working lpack.toml, with a handler where there is none."""
    from .housekeeping import make_project

    return make_project(session, runtime=runtime, architecture=architecture, name=name)


@app.command(epilog=_examples("lpack lock", "lpack lock orders --upgrade", "lpack lock --check    # in CI"))
@with_session
def lock(
    session: Session,
    names: Names = None,
    *,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Take the newest of everything.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when a lock is out of date.")] = False,
    in_container: InContainer = False,
) -> int:
    """Resolve the requirements for the target and write the locks."""
    from .locking import lock_named

    return lock_named(session, names or [], upgrade=upgrade, check=check, in_container=in_container)


@app.command(
    epilog=_examples(
        "lpack build",
        "lpack build orders -o out",
        "lpack build --frozen --json    # in CI",
        "lpack build orders --whole && docker load -i dist/orders.tar",
        "lpack build orders --push --repository localhost:5000/shop:v1",
        "lpack build --in-container -v    # compile inside Amazon Linux, and see how",
        "lpack build --layer scipy --runtime python3.13 --architecture arm64",
    )
)
@with_session
def build(
    session: Session,
    names: Names = None,
    *,
    output: Output = DIST,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Build a layer of the catalogue (`lpack layers`).")
    ] = None,
    runtime: Annotated[list[str] | None, typer.Option(help="For this runtime alone, with --layer.")] = None,
    architecture: Annotated[list[str] | None, typer.Option(help="For this architecture alone, with --layer.")] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Fail rather than change a lock.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go in; write no artifact.")] = False,
    allow_deprecated: AllowDeprecated = False,
    in_container: InContainer = False,
    image_format: Annotated[
        str | None, typer.Option("--format", metavar="docker|oci", help="The media types of images.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Put the layers of base images into archives, so that they load anywhere.")
    ] = False,
    push: Annotated[bool, typer.Option("--push", help="Send images to the repository, with what it lacks.")] = False,
    repository: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:TAG]",
            help="Where to push to; that of [publish] when left out. The tag is the function's name if you say none.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Build the artifacts of functions and layers, and their records."""
    from .building import Wishes, build_named, build_recipes, format_named

    wishes = Wishes(
        session.path(output),
        frozen=frozen,
        dry_run=dry_run,
        allow_deprecated=allow_deprecated,
        in_container=in_container,
        image_format=format_named(image_format),
        whole=whole,
        push=push,
        repository=repository,
    )
    if layer:
        if names:
            fact = "a build is of the project's parts or, with `--layer`, of the catalogue's, not of both"
            raise UsageError(fact, hint="leave out one of the two")
        return build_recipes(session, layer, wishes, runtimes=runtime or [], architectures=architecture or [])
    if runtime or architecture:
        raise UsageError("`--runtime` and `--architecture` go with `--layer`", hint="the configuration has the targets")
    return build_named(session, names or [], wishes)


@app.command(
    epilog=_examples(
        "lpack check",
        "lpack check orders",
        "lpack check build/app.zip --runtime python3.13 --handler app.handler --layer build/deps.zip",
        "lpack check docker-daemon:orders:latest --runtime python3.13",
    )
)
@with_session
def check(
    session: Session,
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|FILE|IMAGE]...", help="Functions and layers, or zips and images that any tool built."
        ),
    ] = None,
    *,
    output: Output = DIST,
    runtime: Annotated[str | None, typer.Option(help="The runtime of a FILE.")] = None,
    architecture: Annotated[str | None, typer.Option(help="The architecture of a FILE.")] = None,
    handler: Annotated[str | None, typer.Option(help="The handler of a FILE.")] = None,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A layer's zip beneath the function.", show_default=False)
    ] = None,
    allow_deprecated: AllowDeprecated = False,
) -> int:
    """Prove that artifacts will load: limits, native code, handler, permissions."""
    from .checking import Settings, check_named

    settings = Settings(
        session.path(output), runtime, architecture, handler, layer or [], allow_deprecated=allow_deprecated
    )
    return check_named(session, subjects or [], settings)


@app.command(epilog=_examples("lpack inspect orders", "lpack inspect dist/orders.zip -v"))
@with_session
def inspect(
    session: Session,
    subject: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A function or layer, or a zip that any tool built.")
    ],
    *,
    output: Output = DIST,
) -> int:
    """Show what is in an artifact and why: packages, sizes, files left out."""
    from .inspecting import inspect_named

    return inspect_named(session, subject, session.path(output))


@app.command(
    "test",
    epilog=_examples(
        "lpack test",
        "lpack test orders                      # the tests of a function",
        "lpack test orders:smoke -v             # one test, with what the function printed",
        "lpack test -j 4 --junit junit.xml      # in CI",
    ),
)
@with_session
def run_tests(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|NAME:TEST]...", help="Functions, or tests; all when none is named."),
    ] = None,
    *,
    output: Output = DIST,
    workers: Annotated[
        int | None, typer.Option("-j", "--jobs", min=1, help="Environments at once; as many as processors otherwise.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit's XML, for CI.")] = None,
    backend: BackendOption = None,
    no_network: NoNetwork = False,
    rie: Rie = None,
    base: Base = None,
) -> int:
    """Run the tests of lpack.toml on the finished artifacts, under AWS's emulator."""
    from ..emulator import Settings
    from .testing import Wishes, test_named

    settings = Settings(backend=backend, network=not no_network, rie=rie, base=base)
    where = session.path(junit) if junit else None
    return test_named(session, names or [], Wishes(session.path(output), settings, workers, where))


@app.command(
    epilog=_examples(
        "lpack invoke orders",
        """lpack invoke orders --event '{"order": 1}'""",
        "lpack invoke orders --event @events/order.json --repeat 20",
        "lpack invoke orders --event-source s3:put --event-option bucket=orders",
        "lpack invoke orders --keep --port 3001    # then: aws lambda invoke --endpoint-url http://127.0.0.1:3001 …",
    )
)
@with_session
def invoke(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A function that was built.")],
    *,
    event: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE|-", help="The event; {} when left out.", show_default=False)
    ] = None,
    event_source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A sample event instead, such as s3:put (`lpack events`).", show_default=False
        ),
    ] = None,
    event_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the sample event is filled in with.", show_default=False),
    ] = None,
    output: Output = DIST,
    timeout: Annotated[
        int | None, typer.Option(min=1, max=900, help="Seconds, instead of the configured ones.", show_default=False)
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Invoke it so often, in one environment.")] = 1,
    backend: BackendOption = None,
    no_network: NoNetwork = False,
    rie: Rie = None,
    base: Base = None,
    keep: Annotated[bool, typer.Option("--keep", help="Serve Lambda's Invoke API on a port, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for --keep; 0 takes a free one.")] = 3001,
    concurrency: Annotated[int, typer.Option(min=1, help="Environments side by side at most, for --keep.")] = 10,
) -> int:
    """Run a function as it was built under AWS's Runtime Interface Emulator, and print its response."""
    from ..emulator import Settings
    from .invoking import Calls, Event, invoke_named

    settings = Settings(backend=backend, network=not no_network, rie=rie, base=base)
    if keep:
        if event is not None or event_source or event_option or repeat != 1:
            raise UsageError("`--keep` serves events of others", hint="leave out `--event` and `--repeat`")
        from .serving import Serving, serve_named

        return serve_named(session, name, Serving(session.path(output), port, concurrency, timeout), settings)
    wanted = Event(event, event_source, event_option or [])
    return invoke_named(session, name, Calls(session.path(output), wanted, repeat, timeout), settings)


@app.command(
    epilog=_examples(
        "lpack events",
        "lpack events s3:put --options",
        "lpack events s3:put bucket=orders key=2026/order.json region=eu-west-1",
        "lpack events apigateway:http method=POST path=/orders body=@order.json",
    )
)
@with_session
def events(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The event to print; all are listed when left out.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="What it is filled in with; @FILE is what a file holds."),
    ] = None,
    *,
    show_options: Annotated[bool, typer.Option("--options", help="List the event's options instead.")] = False,
) -> int:
    """List the sample events, or print one, filled in."""
    from .events import list_events, print_event, print_options

    if name is None:
        if show_options:
            raise UsageError("`--options` is about one event", hint="name it; `-v` tells the options of all")
        return list_events(session)
    return print_options(session, name) if show_options else print_event(session, name, options or [])


@app.command(
    epilog=_examples(
        "lpack publish",
        "lpack publish orders --update --alias live --weight 0.1",
        "lpack publish --output cloudformation --to template.json",
        'lpack publish --output github --to "$GITHUB_OUTPUT"',
        "lpack publish --bucket-policy 123456789012",
    )
)
@with_session
def publish(
    session: Session,
    names: Names = None,
    *,
    artifacts: Annotated[Path, typer.Option("--from", metavar="DIR", help="Where the artifacts are.")] = DIST,
    update: Annotated[bool, typer.Option("--update", help="Give functions that exist their new code.")] = False,
    publish_version: Annotated[
        bool, typer.Option("--publish-version", help="Publish a version of each function, with --update.")
    ] = False,
    alias: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=VERSION]", help="Move an alias to the version, which is published unless one is named."
        ),
    ] = None,
    weight: Annotated[float | None, typer.Option(help="The share of the alias's traffic that moves, 0 to 1.")] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="ACCOUNT|org:ID|public", help="Let others use the layers.", show_default=False),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="json, cloudformation, sam, terraform or github.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where the output goes.")] = None,
    inline: Annotated[bool, typer.Option("--inline", help="Put small functions into the template itself.")] = False,
    bucket: Annotated[str | None, typer.Option(help="In place of the configuration's bucket.")] = None,
    prefix: Annotated[str | None, typer.Option(help="In place of the configuration's prefix.")] = None,
    repository: Annotated[str | None, typer.Option(help="In place of the configuration's repository.")] = None,
    create_repository: Annotated[
        bool, typer.Option("--create-repository", help="Make the repository of images if it is not there.")
    ] = False,
    region: Annotated[str | None, typer.Option(help="In place of the configuration's region.")] = None,
    profile: Annotated[str | None, typer.Option(help="In place of the configuration's profile.")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--bucket-policy",
            metavar="ACCOUNT",
            help="Print the policy that lets other accounts read the bucket, and do nothing else.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the calls that would change anything.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish what failed its checks, too.")] = False,
) -> int:
    """Upload zips to S3, images to ECR and layers to Lambda, and print where they went."""
    from .publishing import Wishes, print_policy, publish_named

    settings = {
        "bucket": bucket,
        "prefix": prefix,
        "repository": repository,
        "region": region,
        "profile": profile,
    }
    if policy:
        return print_policy(session, policy, settings)
    wishes = Wishes(
        folder=session.path(artifacts),
        settings=settings,
        update=update,
        publish_version=publish_version,
        alias=alias,
        weight=weight,
        share=share or [],
        format=output,
        file=session.path(file) if file else None,
        inline=inline,
        create_repository=create_repository,
        dry_run=dry_run,
        force=force,
    )
    return publish_named(session, names or [], wishes)


@app.command(epilog=_examples("lpack doctor", "lpack doctor --json"))
@with_session
def doctor(session: Session) -> int:
    """Tell what this machine has, and what each thing is needed for."""
    from .housekeeping import examine_machine

    return examine_machine(session)


@layers.callback(
    invoke_without_command=True, epilog=_examples("lpack layers", "lpack layers -v", "lpack layers --json")
)
@with_session
def layers_list(session: Session, *, context: typer.Context) -> int:
    """List the catalogue of ready layers, which `lpack build --layer NAME` builds and `add` puts into a project."""
    if context.invoked_subcommand:
        return 0
    from .catalogue import list_catalogue

    return list_catalogue(session)


@layers.command("add", epilog=_examples("lpack layers add scipy", "lpack layers add pillow lxml --architecture arm64"))
@with_session
def layers_add(
    session: Session,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Layers of the catalogue.")],
    *,
    runtime: Annotated[
        list[str] | None, typer.Option(help="For this runtime; those of the project's functions when left out.")
    ] = None,
    architecture: Annotated[
        list[str] | None, typer.Option(help="For this architecture; those of the functions when left out.")
    ] = None,
) -> int:
    """Put ready layers into the project's lpack.toml."""
    from .catalogue import add_recipes

    return add_recipes(session, names, runtimes=runtime or [], architectures=architecture or [])


@cache.command("dir")
@with_session
def cache_dir(session: Session) -> int:
    """Print where the store is."""
    from .housekeeping import print_folder

    return print_folder(session)


@cache.command("size")
@with_session
def cache_size(session: Session) -> int:
    """Print what the store holds."""
    from .housekeeping import print_usage

    return print_usage(session)


@cache.command("prune", epilog=_examples("lpack cache prune", "lpack cache prune --days 7"))
@with_session
def cache_prune(
    session: Session, *, days: Annotated[float, typer.Option(min=0, help="Keep what was used in so many days.")] = 30
) -> int:
    """Remove what was not used lately."""
    from .housekeeping import prune

    return prune(session, days=days)


@cache.command("clear")
@with_session
def cache_clear(session: Session) -> int:
    """Remove everything; the next build fetches again."""
    from .housekeeping import clear

    return clear(session)


app.add_typer(layers, name="layers")
app.add_typer(cache, name="cache")
