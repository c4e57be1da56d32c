"""Whatever a registry or a file gives for a document, it is read or refused: nothing else comes out."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_images import sample_image

from lpack.errors import InputError
from lpack.image.challenges import parse_challenges
from lpack.image.config import parse_config
from lpack.image.manifest import parse_manifest

IMAGE = sample_image({"a": b"1"})
READERS: dict[str, tuple[Callable[[bytes, str], Any], bytes]] = {
    "manifest": (parse_manifest, IMAGE.manifest_bytes),
    "config": (parse_config, IMAGE.config_bytes),
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", READERS)
@given(st.data())
@settings(max_examples=100, deadline=None)
def test_documents_with_something_else_in_them(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    document = json.loads(good)
    place = document
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if data.draw(st.booleans()) or not isinstance(place[key], dict):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    with contextlib.suppress(InputError):
        read(json.dumps(document).encode(), "it")


@pytest.mark.parametrize("name", READERS)
@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes(name: str, data: bytes) -> None:
    read, _ = READERS[name]
    with contextlib.suppress(InputError):
        read(data, "it")


@given(st.text(max_size=100) | st.text(alphabet='Bearer realm="\\,= ', max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_challenge(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower()
