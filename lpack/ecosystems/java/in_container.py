"""Maven in the container: run on a copy of the project there, with all that it made and resolved brought back."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from ...container import Task, build_image_for, keep_log, perform, settings_of
from ...container.task import CACHE, SOURCES
from ...engine import FOR_WORK, connect
from ...means import Means
from ...processes import Result
from .. import Ask
from .maven import LISTING, Runner, Work
from .programs import FIXED, FIXED_OPTIONS, Program

_REPOSITORY = f"{CACHE}/m2"
_BROUGHT = "from-container"

_TAKE_OUT = f"""
cd /lpack
find sources -name '*{LISTING}' -exec cat {{}} + \\
    | sed -n 's,.*:\\({_REPOSITORY}/[^ ]*\\.jar\\).*,\\1,p' | sort -u > jars
mkdir -p results{_REPOSITORY}
while read -r jar; do
    mkdir -p "results$(dirname "$jar")"
    cp "$jar" "results$jar"
done < jars
mv sources results/
"""


def maven_of_image(ask: Ask) -> Program:
    """The image's Maven; which one, and with which Java, the image decides, whose reference stands for both."""
    image = build_image_for(ask.project.building, ask.wanted.targets[0])
    return Program("Maven", Path("mvn"), f"of `{image.base}`", image.reference)


def run_in_container(work: Work, ask: Ask) -> Runner:
    """What runs Maven in the container; its work's copy holds afterwards what Maven made there."""

    def runner(arguments: Sequence[str]) -> Result:
        settings, target = settings_of(ask.host.environ), ask.wanted.targets[0]
        top = work.top.relative_to(work.copy)
        options = f"{settings.variables['MAVEN_OPTS']} {ask.host.environ.get('MAVEN_OPTS', '')} {FIXED_OPTIONS}"
        with ask.store.temporary_folder() as results, connect(ask.host.environ, timeout=FOR_WORK) as client:
            task = Task(
                doing=f"building {work.title}",
                image=build_image_for(ask.project.building, target).ready(
                    client, settings, Means(ask.store, ask.host, ask.reporter)
                ),
                architecture=target.architecture,
                script=f"cd {shlex.quote(f'{SOURCES}/{top}')}\n{shlex.join(['mvn', *arguments])}\n{_TAKE_OUT}",
                files={**settings.files, "sources": work.copy},
                variables={**settings.variables, **FIXED, "MAVEN_OPTS": options},
                host_network=settings.host_network,
            )
            outcome = perform(client, task, results=results, printing=ask.reporter.printed)
            if outcome.exit_code == 0:
                _bring_home(results, work.copy)
            else:
                log = keep_log(outcome.printed, ask.store)
                ask.reporter.note(f"all that Maven printed is in `{log}`")
        return Result(outcome.exit_code, outcome.printed.replace(SOURCES, str(work.copy)), "")

    return runner


def _bring_home(results: Path, copy: Path) -> None:
    """Put what was made into the copy, and say in its listings where the jars are now."""
    shutil.copytree(results / "sources", copy, dirs_exist_ok=True, symlinks=True)
    shutil.copytree(results / _REPOSITORY[1:], copy.parent / _BROUGHT)
    for listing in copy.rglob(f"*{LISTING}"):
        text = listing.read_text(encoding="utf-8")
        text = text.replace(f":{_REPOSITORY}/", f":{copy.parent / _BROUGHT}/").replace(f":{SOURCES}/", f":{copy}/")
        listing.write_text(text, encoding="utf-8")
