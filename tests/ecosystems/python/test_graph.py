from __future__ import annotations

from pathlib import Path

import pytest
from workshop import target

from lpack.ecosystems.python.graph import asked_for, refuse_unknown, requirements_among, without
from lpack.ecosystems.python.wheels import Wheel
from lpack.errors import UsageError

REQUIRES = {
    "boto3": ["botocore<2,>=1", "jmespath", "s3transfer"],
    "botocore": ["jmespath", "python_dateutil>=2.1", "urllib3!=2.2 ; python_version >= '3.10'", "crt ; extra == 'crt'"],
    "s3transfer": ["botocore", "botocore[crt] ; extra == 'crt'"],
    "jmespath": [],
    "python-dateutil": ["Six (>=1.5)"],
    "six": [],
    "urllib3": ["brotli ; extra == 'brotli'"],
    "requests": ["urllib3", "idna"],
    "idna": [],
}  # fmt: skip


def wheels(requires: dict[str, list[str]]) -> list[Wheel]:
    return [Wheel(name, "1.0", Path(), b"", tuple(needed), ()) for name, needed in requires.items()]


def graph_of(direct: dict[str, frozenset[str]], requires: dict[str, list[str]] | None = None) -> dict[str, set[str]]:
    return {
        name: set(needed) for name, needed in requirements_among(wheels(requires or REQUIRES), target(), direct).items()
    }


def names(*direct: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(direct, frozenset())


def stay(excluded: list[str], *direct: str) -> set[str]:
    graph = requirements_among(wheels(REQUIRES), target(), names(*direct))
    return set(without(excluded, graph, names(*direct)))


def test_the_graph_follows_names_markers_and_extras() -> None:
    graph = graph_of(names("boto3", "requests"))
    assert graph["botocore"] == {"jmespath", "python-dateutil", "urllib3"}
    assert graph["python-dateutil"] == {"six"}
    assert graph["urllib3"] == set()


def test_an_extra_adds_its_requirements_wherever_it_is_asked_for() -> None:
    requires = {
        "app": ["web[fast]"],
        "web": ["quick ; extra == 'fast'", "slow ; extra == 'careful'", "old ; python_version < '3'"],
        "quick": ["deep[More-Extra]; extra == 'never'"],
        "slow": [],
        "old": [],
        "deep": [],
    }
    assert graph_of(names("app"), requires)["web"] == {"quick"}
    assert graph_of({"app": frozenset(), "web": frozenset({"careful"})}, requires)["web"] == {"quick", "slow"}
    # Nobody tells which extras were asked for: any may have been.
    assert graph_of({}, requires)["web"] == {"quick", "slow"}


def test_metadata_that_can_t_be_read_adds_nothing() -> None:
    requires = {"old": ["new (>>1)", "new ; nonsense == '1'", "new ; extra in 'a b'", "???"], "new": []}
    assert graph_of(names("old"), requires)["old"] <= {"new"}


def test_what_only_an_excluded_package_needed_goes_with_it() -> None:
    assert stay(["boto3"], "boto3", "requests") == {"requests", "urllib3", "idna"}


def test_what_others_need_stays() -> None:
    assert stay(["requests"], "boto3", "requests") == REQUIRES.keys() - {"requests", "idna"}


def test_what_was_asked_for_directly_stays() -> None:
    assert stay(["boto3"], "boto3", "requests", "python-dateutil") == {
        *("requests", "urllib3", "idna", "python-dateutil", "six")
    }


def test_an_excluded_package_goes_although_others_need_it() -> None:
    assert stay(["botocore"], "boto3", "requests") == {
        *("boto3", "s3transfer", "jmespath", "requests", "urllib3", "idna")
    }


def test_what_nobody_needs_must_have_been_asked_for() -> None:
    graph = requirements_among(wheels(REQUIRES), target(), {})
    assert asked_for(graph, {}) == {"boto3", "requests"}
    assert asked_for(graph, {"six", "unknown"}) == {"boto3", "requests", "six"}
    assert set(without(["boto3"], graph, {})) == {"requests", "urllib3", "idna"}


def test_packages_that_need_each_other_go_together() -> None:
    requires = {"top": ["a"], "a": ["b"], "b": ["a"], "other": []}
    graph = requirements_among(wheels(requires), target(), names("top", "other"))
    assert set(without(["top"], graph, names("top", "other"))) == {"other"}


def test_an_unknown_name_is_refused_and_the_nearest_offered() -> None:
    with pytest.raises(UsageError) as caught:
        refuse_unknown(["boto"], list(REQUIRES), "exclude-packages")
    assert caught.value.message == "`exclude-packages` names `boto`, which is not among the packages"
    assert caught.value.hint == "did you mean `boto3`?"
    with pytest.raises(UsageError) as caught:
        refuse_unknown(["six", "zzz"], list(REQUIRES), "exclude-packages")
    assert caught.value.hint == "remove it from `exclude-packages`"
