"""The settings that Lambda's API would refuse, found before it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..aws.limits import (
    ENVIRONMENT_BYTES,
    ENVIRONMENT_KEY,
    EPHEMERAL_STORAGE_MB,
    FUNCTION_NAME,
    FUNCTION_NAME_CHARACTERS,
    HANDLER,
    HANDLER_CHARACTERS,
    LAYER_DESCRIPTION_CHARACTERS,
    LAYER_LICENSE_CHARACTERS,
    LAYER_NAME,
    LAYER_NAME_CHARACTERS,
    MEMORY_MB,
    RESERVED_ENVIRONMENT_KEYS,
    TIMEOUT_SECONDS,
)
from ..model import Finding, Severity
from .subject import Subject
from .wording import details, quoted


def check_configuration(subject: Subject) -> list[Finding]:
    """Findings about names, numbers and environment variables. No variable's value is ever part of one."""
    return [
        *_name("function-name", "the function name", subject.function_name, FUNCTION_NAME, FUNCTION_NAME_CHARACTERS),
        *_name("layer-name", "the layer name", subject.layer_name, LAYER_NAME, LAYER_NAME_CHARACTERS),
        *_length("description", subject.description, LAYER_DESCRIPTION_CHARACTERS),
        *_length("license", subject.license, LAYER_LICENSE_CHARACTERS),
        *_name("handler", "the handler", subject.handler, HANDLER, HANDLER_CHARACTERS),
        *_number("memory", subject.memory, MEMORY_MB, "MB"),
        *_number("timeout", subject.timeout, TIMEOUT_SECONDS, "seconds"),
        *_number("ephemeral-storage", subject.ephemeral_storage, EPHEMERAL_STORAGE_MB, "MB"),
        *_environment(subject.environment),
    ]


def environment_size(environment: Mapping[str, str]) -> int:
    """The bytes that Lambda counts: all variables as one compact JSON object in UTF-8."""
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    document = json.dumps(dict(environment), separators=(",", ":"), ensure_ascii=False)
    return len(document.encode(errors="surrogatepass"))


def _name(check: str, label: str, value: str | None, pattern: re.Pattern[str], most: int) -> list[Finding]:
    if value is None:
        return []
    if len(value) > most:
        return _too_long(check, label, value, most)
    if not pattern.fullmatch(value):
        fact = f"{label} `{value}` is not one that Lambda takes"
        return [Finding(Severity.ERROR, check, fact, hint=f"it has to match `{pattern.pattern}`")]
    return []


def _length(check: str, value: str | None, most: int) -> list[Finding]:
    return _too_long(check, f"the {check}", value, most) if value and len(value) > most else []


def _too_long(check: str, label: str, value: str, most: int) -> list[Finding]:
    fact = f"{label} has {len(value)} characters, and Lambda takes {most}"
    return [Finding(Severity.ERROR, check, fact, hint="choose a shorter one")]


def _number(check: str, value: int | None, allowed: range, unit: str) -> list[Finding]:
    if value is None or value in allowed:
        return []
    fact = f"`{check} = {value}` is not possible"
    return [Finding(Severity.ERROR, check, fact, hint=f"Lambda takes {allowed[0]:,} to {allowed[-1]:,} {unit}")]


def _environment(environment: Mapping[str, str]) -> list[Finding]:
    findings = []
    reserved = sorted(RESERVED_ENVIRONMENT_KEYS.intersection(environment))
    if reserved:
        fact = f"Lambda sets {quoted(reserved)} itself, and refuses functions that do"
        findings.append(Finding(Severity.ERROR, "environment-reserved", fact, hint="use other names in `environment`"))
    malformed = sorted(
        key for key in environment if not ENVIRONMENT_KEY.fullmatch(key) and key not in RESERVED_ENVIRONMENT_KEYS
    )
    if malformed:
        fact = f"Lambda does not take environment variables called {quoted(malformed)}"
        findings.append(
            Finding(
                Severity.ERROR,
                "environment-name",
                fact,
                hint="a name starts with a letter, goes on with letters, digits and underscores, and has two "
                "characters or more",
            )
        )
    size = environment_size(environment) if environment else 0
    if size > ENVIRONMENT_BYTES:
        largest = sorted(environment, key=lambda key: (-environment_size({key: environment[key]}), key))
        findings.append(
            Finding(
                Severity.ERROR,
                "environment-size",
                f"the environment takes {size:,} bytes as JSON, and Lambda takes {ENVIRONMENT_BYTES:,}",
                hint="keep what is large in Parameter Store, Secrets Manager or a file of the artifact",
                # Names and sizes only: values are secrets more often than not.
                details=details([f"{key}: {environment_size({key: environment[key]}) - 2:,} bytes" for key in largest]),
            )
        )
    return findings
