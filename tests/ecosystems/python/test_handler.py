from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from own_store import own_store
from workshop import target

from lpack.ecosystems.python.handler import check_handler
from lpack.model import Finding, Severity
from lpack.tree import LINK, REGULAR, Content, Entry, Tree

KNOWN = target("python3.11")
"""No newer than any Python that lpack runs on."""


def tree_of(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> Tree:
    entries = [
        Entry(path, REGULAR, Content.of(text.encode() if isinstance(text, str) else text))
        for path, text in files.items()
    ]
    entries += [Entry(path, LINK, Content.of(place.encode())) for path, place in (links or {}).items()]
    return Tree.of(entries)


def the_finding(files: Mapping[str, str | bytes], handler: str = "app.handler") -> Finding:
    (finding,) = check_handler(tree_of(files), handler, KNOWN, own_store())
    assert (finding.severity, finding.check) == (Severity.ERROR, "handler")
    return finding


DEFINITIONS = {
    "a function": "def handler(event, context): ...",
    "async": "async def handler(event, context): ...",
    "decorated": "@tracer.capture\ndef handler(event, context): ...",
    "a class": "class handler:\n    def __call__(self, event, context): ...",
    "assigned": "handler = Mangum(app)",
    "annotated": "handler: Callable = make()",
    "unpacked": "(first, [*handler]) = make()",
    "imported": "from orders import handler",
    "imported by another name": "from orders import main as handler",
    "a module": "import orders as handler",
    "star import": "from orders import *",
    "lazy": "def __getattr__(name): ...",
    "conditional": "if FLAG:\n    from a import handler\nelse:\n    def other(): ...",
    "in the other branch": "if FLAG:\n    pass\nelse:\n    def handler(event, context): ...",
    "tried": "try:\n    from fast import handler\nexcept ImportError:\n    pass",
    "after a failure": "try:\n    import x\nexcept ImportError:\n    def handler(event, context): ...",
    "in an exception group": "try:\n    import x\nexcept* OSError:\n    handler = None",
    "at last": "try:\n    pass\nfinally:\n    handler = 1",
    "in a block": "with open('x') as file:\n    def handler(event, context): ...",
    "by a block": "with make() as handler: ...",
    "in a loop": "for each in (1,):\n    handler = each",
    "by a loop": "for handler in (f, g): ...",
    "in a case": "match x:\n    case 1:\n        handler = f",
    "by a case": "match x:\n    case {'a': handler}: ...",
    "by an expression": "print(handler := make())",
    "by globals": "globals()['handler'] = make()",
    "by locals": "locals()['handler'] = make()",
    "by vars": "vars().update(handler=make())",
    "from inside a function": "def prepare():\n    global handler\n    handler = make()\nprepare()",
    "by the rest of a case": "match x:\n    case {'a': 1, **handler}: ...",
    "inside a case of another name": "match x:\n    case [handler] as both: ...",
    "by its own module": "setattr(sys.modules[__name__], 'handler', make())",
    "after a byte order mark": "\ufeffdef handler(event, context): ...",
    "with an odd escape": "pattern = '\\d'\ndef handler(event, context): ...",
}


@pytest.mark.parametrize("text", DEFINITIONS.values(), ids=DEFINITIONS.keys())
def test_a_handler_is_found_however_it_is_defined(text: str) -> None:
    assert check_handler(tree_of({"app.py": text}), "app.handler", KNOWN, own_store()) == []


NO_DEFINITIONS = {
    "nothing": "",
    "a comment": "# def handler(): ...",
    "in a function": "def main():\n    def handler(): ...\n    handler2 = handler",
    "in a class": "class Orders:\n    def handler(self): ...",
    "only annotated": "handler: Callable",
    "in a comprehension": "x = [handler for handler in y]",
    "in a lambda": "f = lambda: (handler := 1)",
    "a parameter": "def main(handler): ...",
    "used": "print(handler)",
}


@pytest.mark.parametrize("text", NO_DEFINITIONS.values(), ids=NO_DEFINITIONS.keys())
def test_a_name_that_the_module_does_not_bind_is_no_handler(text: str) -> None:
    assert "`app.py` does not define `handler`" in the_finding({"app.py": text}).message


def test_the_nearest_name_is_offered() -> None:
    text = "def handle(event, context): ...\ndef lambda_handler(event, context): ..."
    assert the_finding({"app.py": text}, "app.handel").hint == "did you mean `app.handle`?"
    assert the_finding({"app.py": text}, "app.run").hint == "did you mean `app.lambda_handler`?"
    assert the_finding({"app.py": "x = 1"}, "app.run").hint == "define `run` in `app.py`"


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("app.py", "app.handler"),
        ("my-app.py", "my-app.handler"),
        ("src/orders/app.py", "src.orders.app.handler"),
        ("src/orders/app.py", "src/orders/app.handler"),
        ("src/orders/app.py", "src/orders.app.handler"),
        ("orders/__init__.py", "orders.handler"),
        ("orders/app/__init__.py", "orders.app.handler"),
    ],
)
def test_a_module_is_found_in_packages_and_in_folders_without_init(path: str, handler: str) -> None:
    assert check_handler(tree_of({path: "def handler(event, context): ..."}), handler, KNOWN, own_store()) == []


def test_a_package_comes_before_a_module_of_its_name_and_a_plain_folder_after_it() -> None:
    package = {"app/__init__.py": "", "app.py": "def handler(event, context): ..."}
    assert "`app/__init__.py` does not define `handler`" in the_finding(package).message
    assert check_handler(tree_of({"app/x.py": "", "app.py": "handler = 1"}), "app.handler", KNOWN, own_store()) == []


def test_a_module_that_hides_the_folder_is_named() -> None:
    files = {"orders.py": "", "orders/app.py": "handler = 1"}
    finding = the_finding(files, "orders.app.handler")
    assert "`orders/app.py` is not in a package" in finding.message
    assert finding.hint == "give the module or the folder another name"


@pytest.mark.parametrize("suffix", [".so", ".abi3.so", ".cpython-311-x86_64-linux-gnu.so", ".pyc"])
def test_what_can_t_be_read_is_believed(suffix: str) -> None:
    assert check_handler(tree_of({f"app{suffix}": b"\x7fELF"}), "app.handler", KNOWN, own_store()) == []


def test_an_extension_of_another_python_is_no_module() -> None:
    assert "was not found" in the_finding({"app.cpython-38-x86_64-linux-gnu.so": b"\x7fELF"}).message


def test_links_are_followed() -> None:
    files = {"src/orders/app.py": "def handler(event, context): ..."}
    links = {"app.py": "src/orders/app.py", "orders": "./src/orders", "loop": "loop"}
    for handler in ("app.handler", "orders.app.handler"):
        assert check_handler(tree_of(files, links), handler, KNOWN, own_store()) == []
    (finding,) = check_handler(tree_of(files, links), "loop.handler", KNOWN, own_store())
    assert "was not found" in finding.message


@pytest.mark.parametrize("handler", ["", "app", ".handler", "app."])
def test_a_handler_without_module_or_function_is_refused(handler: str) -> None:
    assert "is not of the form `module.function`" in the_finding({"app.py": ""}, handler).message


def test_a_module_that_python_itself_has_is_refused() -> None:
    assert "is in a module that Python itself has" in the_finding({"time.py": "handler = 1"}, "time.handler").message


def test_what_was_looked_at_is_said() -> None:
    finding = the_finding({"src/app.py": "", "data.csv": ""})
    assert finding.message.endswith("was not found: neither `app.py` nor `app/__init__.py` is there")
    assert finding.hint == "`src/app.py` is there: set the handler, or `source`, so that they meet"
    others = {f"m{number}.py": "" for number in range(7)}
    assert str(the_finding(others).hint).endswith("`m3.py`, `m4.py` and 2 more")
    assert (
        the_finding({"data.csv": ""}).hint
        == "the artifact has no Python file of its own: is `source` the right folder?"
    )


def test_a_mistake_in_the_syntax_is_shown_with_its_line() -> None:
    finding = the_finding({"app.py": "x = 1\ndef handler(event, context:\n"})
    assert finding.message == "`app.py`, line 2, the handler's module, is not valid Python: '(' was never closed"
    assert "not valid Python" in the_finding({"app.py": b"\0"}).message
    assert "not valid Python" in the_finding({"app.py": b"# coding: nonsense\n"}).message
    assert "not valid Python" in the_finding({"app.py": b"'\xff'\n"}).message
    assert "not valid Python" in the_finding({"app.py": "-" * 100_000 + "1"}).message


def test_syntax_that_the_runtime_does_not_know_yet_is_a_mistake() -> None:
    text = "def handler(event, context):\n    match event:\n        case 1: ..."
    (finding,) = check_handler(tree_of({"app.py": text}), "app.handler", target("python3.9"), own_store())
    assert "the handler's module, is not valid Python: Pattern matching is only supported" in finding.message


def test_syntax_that_only_the_runtime_knows_is_no_mistake() -> None:
    # What no Python has yet stands for what this one has not.
    text = "async defer handler = t'{event}' $ {}"
    newer = KNOWN._replace(runtime=KNOWN.runtime._replace(version="3.99"))
    assert check_handler(tree_of({"app.py": text}), "app.handler", newer, own_store()) == []
    (finding,) = check_handler(tree_of({"app.py": text}), "app.other", newer, own_store())
    assert "does not define `other`" in finding.message


def test_a_huge_module_is_not_read() -> None:
    assert "too large to be read" in the_finding({"app.py": "#" * (9 << 20)}).message


@given(st.binary(max_size=200), st.text(max_size=20))
@example(b"", "/top.handler")
def test_any_module_and_any_handler_have_an_answer(module: bytes, handler: str) -> None:
    for each in (handler, f"app.{handler}", "app.handler"):
        assert len(check_handler(tree_of({"app.py": module}), each, KNOWN, own_store())) <= 1
