"""What a function finds around itself in Lambda: environment variables and search paths.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html and
https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

from __future__ import annotations

from collections.abc import Mapping

from ..aws.layer_paths import package_folders
from ..clients import FOLDER, Client
from .runnable import Runnable

TASK = "/var/task"
LAYERS = "/opt"
LANGUAGE = "/var/lang"
REGION = "us-east-1"
"""The region in the ARN that the emulator tells functions."""

USER, GROUP = 993, 990
USER_NAME = "sbx_user1051"
"""Lambda's own, under which it runs functions."""

DESCRIPTORS = PROCESSES = 1024
"""Lambda's limits of open files, and of processes and threads.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

ROOM = 256 << 20
"""Bytes of memory for the emulator itself, and for files that are read, beside what the function may have."""

_COMMON = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": f"{LANGUAGE}/bin:/usr/local/bin:/usr/bin/:/bin:{LAYERS}/bin",
    "LD_LIBRARY_PATH": f"{LANGUAGE}/lib:/lib64:/usr/lib64:{FOLDER}:{FOLDER}/lib:{TASK}:{TASK}/lib:{LAYERS}/lib",
    "LAMBDA_TASK_ROOT": TASK,
    "LAMBDA_RUNTIME_DIR": FOLDER,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
}


def variables(runnable: Runnable, client: Client | None, *, has_own: bool = False) -> dict[str, str]:
    """The environment variables of the function: Lambda's, and the user's own over those that Lambda lets them set.

    With ``has_own`` those that an image has stay as they are there.
    """
    name = runnable.name
    paths: Mapping[str, str] = {} if has_own else search_paths(runnable, client)
    # Where users have places of their own searched, the runtime interface client must still find its own.
    extended = {key: f"{runnable.environment[key]}:{paths[key]}" for key in paths if key in runnable.environment}
    return {
        **({} if has_own else _COMMON),
        **paths,
        **runnable.environment,
        **extended,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runnable.target.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(runnable.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(runnable.timeout),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
    }


def search_paths(runnable: Runnable, client: Client | None) -> Mapping[str, str]:
    """Where the language looks for packages: the function's own, then those of layers, then the runtime's."""
    family = runnable.target.runtime.family
    layers = [f"{LAYERS}/{folder}" for folder in package_folders(runnable.target.runtime)]
    own = client.environ if client else {}
    match family:
        case "python":
            return {**own, "PYTHONPATH": ":".join([TASK, *layers, FOLDER])}
        case "nodejs":
            return {**own, "NODE_PATH": ":".join([*layers, f"{FOLDER}/node_modules", FOLDER, TASK])}
        case _:
            return own


def java_options(memory: int) -> tuple[str, ...]:
    """The options that make Java fit into so many MB, of which Lambda gives 85 % to its heap."""
    return (f"-XX:MaxHeapSize={memory * 1024 * 85 // 100}k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
