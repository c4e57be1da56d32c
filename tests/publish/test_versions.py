"""Versions, and the aliases that lead to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_front import Front
from aws_projects import HANDLER, ORDERS, record
from in_process import lpack

from lpack.errors import UsageError
from lpack.publish.versions import Alias, read_alias

Client = Callable[..., Any]
UPDATE = ("publish", "--update", "--json")


@pytest.fixture
def release(built: Any) -> Callable[[int], Path]:
    """A project whose code is another with every number."""
    return lambda number: built({"orders/app.py": f"{HANDLER}NUMBER = {number}\n"}, toml=ORDERS)


def alias(client: Client) -> tuple[str, dict[str, float]]:
    there = client("lambda").get_alias(FunctionName="orders", Name="live")
    return there["FunctionVersion"], (there.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})


def test_a_version_is_published_and_only_once(release: Any, deployed: Any, client: Client) -> None:
    deployed()
    folder = release(1)
    for _ in range(2):
        run = lpack(*UPDATE, "--publish-version", folder=folder)
        assert run.exit_code == 0, run.stderr
        assert run.json["artifacts"][0]["version"] == "1"
    there = client("lambda").get_function_configuration(FunctionName="orders", Qualifier="1")
    assert there["CodeSha256"] == record(folder)["code_sha256"]


def test_an_alias_is_made_and_moved(release: Any, deployed: Any, client: Client) -> None:
    deployed()
    for number in (1, 2):
        run = lpack(*UPDATE, "--alias", "live", folder=release(number))
        assert run.exit_code == 0, run.stderr
        assert run.json["artifacts"][0]["changes"] == ["code", "alias"]
        assert alias(client) == (str(number), {})


def test_a_share_of_the_traffic_moves_first_and_the_rest_later(
    release: Any, deployed: Any, aws: Front, client: Client
) -> None:
    deployed()
    assert lpack(*UPDATE, "--alias", "live", folder=release(1)).exit_code == 0
    folder = release(2)
    for _ in range(2):
        assert lpack(*UPDATE, "--alias", "live", "--weight", "0.1", folder=folder).exit_code == 0
        assert alias(client) == ("1", {"2": 0.1})
    assert len([call for call in aws.calls("lambda") if call.endswith("/aliases/live") and " PUT " in call]) == 1
    assert lpack(*UPDATE, "--alias", "live", folder=folder).exit_code == 0
    assert alias(client) == ("2", {})


def test_an_alias_can_go_back_to_a_version(release: Any, deployed: Any, client: Client) -> None:
    deployed()
    for number in (1, 2):
        assert lpack(*UPDATE, "--alias", "live", folder=release(number)).exit_code == 0
    run = lpack(*UPDATE, "--alias", "live=1", folder=release(2))
    assert run.exit_code == 0, run.stderr
    assert alias(client) == ("1", {})


def test_shares_need_an_alias_that_is_there(release: Any, deployed: Any) -> None:
    deployed()
    run = lpack(*UPDATE, "--alias", "live", "--weight", "0.1", folder=release(1))
    assert run.exit_code == 7
    assert "function `orders` has no alias `live`, so there is no traffic to share" in run.stderr


def test_latest_can_not_share_traffic(release: Any, deployed: Any, client: Client) -> None:
    deployed()
    client("lambda").create_alias(FunctionName="orders", Name="live", FunctionVersion="$LATEST")
    run = lpack(*UPDATE, "--alias", "live", "--weight", "0.1", folder=release(1))
    assert run.exit_code == 2
    assert "alias `live` leads to `$LATEST`, which can't share traffic" in run.stderr
    assert alias(client) == ("$LATEST", {})


def test_aliases_are_read() -> None:
    assert read_alias("live", None) == Alias("live")
    assert read_alias("live=7", 0.5) == Alias("live", "7", 0.5)
    assert read_alias("live=$LATEST", None) == Alias("live", "$LATEST")


@pytest.mark.parametrize(
    ("text", "weight", "told"),
    [
        ("live=blue", None, "`blue` is an alias, and an alias can't point to an alias"),
        ("live=", None, "`` is no version"),
        ("live=$LATEST", 0.1, "alias `live` leads to `$LATEST`, which can't share traffic"),
        ("7", None, "`7` can't be the name of an alias"),
        ("a b", None, "`a b` can't be the name of an alias"),
        ("live", 1.5, "1.5 can't be the weight of an alias"),
        ("live", -0.1, "-0.1 can't be the weight of an alias"),
        ("live", float("nan"), "nan can't be the weight of an alias"),
    ],
)
def test_aliases_that_lambda_would_refuse(text: str, weight: float | None, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_alias(text, weight)
    assert caught.value.message.startswith(told)
    assert caught.value.hint
