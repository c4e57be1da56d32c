"""TOML documents in which anything may stand at any place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

_TEXTS = st.sampled_from(
    [
        "",
        "1.0",
        "demo",
        "git",
        "ab" * 32,
        "'x' in extras",
        "extra == 'x'",
        "demo-1.0-py3-none-any.whl",
        "\0",
        "//[",
        "^3",
    ]
)
_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)


def variants_of(document: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """The document with another value at one of its places."""
    places = [place for place in _places_in(document) if place]
    return st.builds(lambda place, value: _replaced(document, place, value), st.sampled_from(places), _VALUES)


def _places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _places_in(value[key], (*place, key))


def _replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = _replaced(value[place[0]], place[1:], new)
    return copy
