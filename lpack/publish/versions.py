"""Versions of functions, and the aliases that lead to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..aws.limits import ALIAS_NAME, VERSION
from ..errors import PublishError, UsageError
from ..model import Reporter
from .account import Account
from .functions import settled, succeeded
from .refusals import AwsError

LATEST = "$LATEST"

_PATIENCE = 1_560.0
"""Seconds for a version to be ready, as long as AWS's own tools wait: SnapStart initialises it first."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Where an alias goes: to ``version``, or to the one that is published now; with ``weight`` only for a share of 1.

    What is left of the traffic then stays where it was.
    """

    name: str
    version: str | None = None
    weight: float | None = None


def read_alias(text: str, weight: float | None) -> Alias:
    """An alias as the command line names it, ``live`` or ``live=7``; UsageError when Lambda would refuse it."""
    name, given, version = text.partition("=")
    if not ALIAS_NAME.fullmatch(name):
        hint = "use letters, digits, `-` and `_`, and not digits alone"
        raise UsageError(f"`{name}` can't be the name of an alias", hint=hint)
    if given and not VERSION.fullmatch(version):
        kind = "an alias, and an alias can't point to an alias" if ALIAS_NAME.fullmatch(version) else "no version"
        raise UsageError(f"`{version}` is {kind}", hint=f"name a version, such as `{name}=7`, or leave it out")
    if weight is not None and (math.isnan(weight) or not 0 <= weight <= 1):
        raise UsageError(
            f"{weight:g} can't be the weight of an alias", hint="it is a share, from 0 to 1: `--weight 0.1`"
        )
    if weight is not None and version == LATEST:
        raise _refused_latest(name)
    return Alias(name, version or None, weight)


def publish_version(function: str, configuration: dict[str, Any], account: Account, reporter: Reporter) -> str:
    """The number of the version that holds the function's code and configuration; Lambda makes no second one."""
    revision = {"RevisionId": configuration["RevisionId"]} if configuration.get("RevisionId") else {}
    answer = account.change(
        "lambda",
        "PublishVersion",
        instead={"Version": "(the new version)"},
        FunctionName=function,
        CodeSha256=configuration["CodeSha256"],
        **revision,
    )
    version = str(answer["Version"])
    if not account.dry_run:

        def ask() -> dict[str, Any]:
            return account.ask("lambda", "GetFunctionConfiguration", FunctionName=function, Qualifier=version)

        subject = f"version {version} of function `{function}`"
        succeeded(settled(answer, ask, subject, reporter, patience=_PATIENCE), subject)
    return version


def move_alias(function: str, alias: Alias, version: str, account: Account) -> bool:
    """Let the alias lead to the version, or a share of its traffic; whether that changed anything."""
    there = _alias(function, alias.name, account)
    if there is None:
        if alias.weight is not None:
            fact = f"function `{function}` has no alias `{alias.name}`, so there is no traffic to share"
            raise PublishError(fact, hint="make it first, without `--weight`")
        account.change(
            "lambda", "CreateAlias", instead={}, FunctionName=function, Name=alias.name, FunctionVersion=version
        )
        return True
    weights = (there.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    primary = str(there["FunctionVersion"])
    if alias.weight is None or version == primary:
        target, shares = version, {}
    elif primary == LATEST:
        raise _refused_latest(alias.name)
    else:
        target, shares = primary, {version: alias.weight}
    if (target, shares) == (primary, weights):
        return False
    account.change(
        "lambda",
        "UpdateAlias",
        instead={},
        FunctionName=function,
        Name=alias.name,
        FunctionVersion=target,
        RoutingConfig={"AdditionalVersionWeights": shares},
        **({"RevisionId": there["RevisionId"]} if there.get("RevisionId") else {}),
    )
    return True


def _alias(function: str, name: str, account: Account) -> dict[str, Any] | None:
    try:
        return account.ask("lambda", "GetAlias", FunctionName=function, Name=name)
    except AwsError as refusal:
        if refusal.code == "ResourceNotFoundException":
            return None
        raise


def _refused_latest(alias: str) -> UsageError:
    fact = f"alias `{alias}` leads to `{LATEST}`, which can't share traffic"
    return UsageError(fact, hint="let it lead to a version first, without `--weight`")
