"""A handler is found, or it is told what is there instead; the modules are parsed, never run."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_store import own_store

from lpack.aws.architectures import X86_64
from lpack.aws.runtimes import runtime
from lpack.ecosystems.node import check_handler
from lpack.ecosystems.node.exports import exports_of
from lpack.model import Finding, Severity, Target
from lpack.tree import LINK, REGULAR, Content, Entry, Tree

COMMONJS = {
    "a property": "exports.handler = async () => 1;",
    "a property of module": "module.exports.handler = () => 1;",
    "a property by its string": "exports['handler'] = () => 1;",
    "a key": "module.exports = { other: 1, handler: () => 1 };",
    "a short key": "const handler = () => 1; module.exports = { handler };",
    "a method": "module.exports = { async handler() {} };",
    "a key of both": "module.exports = exports = { handler() {} };",
    "a defined property": "Object.defineProperty(exports, 'handler', { value: () => 1 });",
    "an assigned property": "Object.assign(module.exports, { handler() {} });",
    "a chain": "exports.handler = exports.main = () => 1;",
    "TypeScript's output": "exports.handler = void 0; const handler = () => 1; exports.handler = handler;",
    "esbuild's annotation": "module.exports = t(q); 0 && (module.exports = { handler });",
    "esbuild's annotation, minified": "var q=1;module.exports=t(q);0&&(module.exports={handler,other});",
    "esbuild's annotation, and a comment": "0 && (module.exports = {\n  handler\n});\n//# sourceMappingURL=a.js.map\n",
    "esbuild's helper": "var q = {}; __export(q, { handler: () => handler }); module.exports = __toCommonJS(q);",
    "inside a condition": "if (process.env.X) { exports.handler = a; } else { exports.handler = b; }",
    "inside a function": "(function () { exports.handler = () => 1; })();",
    "newer syntax": "class A { static #x = 1; static { this.#x ??= 2; } } exports.handler = () => A?.b;",
}
UNKNOWN = {
    "required": "module.exports = require('./other');",
    "spread": "module.exports = { ...require('./other') };",
    "given away": "install(exports);",
    "named otherwise": "const target = exports; target[name] = 1;",
    "computed": "exports[name] = () => 1;",
    "a function": "module.exports = () => 1;",
}
MODULES = {
    "a constant": "export const handler = async () => 1;",
    "a function": "export async function handler() {}",
    "a class": "export class handler {}",
    "a name": "const x = 1; export { x as handler };",
    "a pattern": "export const { a: handler, ...rest } = make();",
    "a nested pattern": "export const [{ b: [handler = 1] }] = make();",
    "from elsewhere": "export { handler } from './other.mjs';",
    "a namespace": "export * as handler from './other.mjs';",
    "everything": "export * from './other.mjs';",
    "a string": "const x = 1; export { x as 'handler' };",
    "awaited": "const x = await import('node:fs'); export const handler = x.readFile;",
    "attributes": "import x from './x.json' with { type: 'json' }; export const handler = () => x;",
}


def tree_of(**files: str) -> Tree:
    return Tree.of(Entry(path, REGULAR, Content.of(text.encode())) for path, text in files.items())


def findings(files: dict[str, str], handler: str = "index.handler", name: str = "nodejs22.x") -> list[Finding]:
    return check_handler(tree_of(**files), handler, Target(runtime(name), X86_64), own_store())


def message(files: dict[str, str], handler: str = "index.handler", name: str = "nodejs22.x") -> str:
    (found,) = findings(files, handler, name)
    assert found.severity is Severity.ERROR
    return f"{found.message} | {found.hint}"


@pytest.mark.parametrize("text", (COMMONJS | UNKNOWN).values(), ids=(COMMONJS | UNKNOWN).keys())
def test_commonjs_exports_are_found(text: str) -> None:
    assert not findings({"index.js": text})


@pytest.mark.parametrize("text", COMMONJS.values(), ids=COMMONJS.keys())
def test_what_commonjs_does_not_export_is_missed(text: str) -> None:
    assert "does not export `hadnler`" in message({"index.js": text}, "index.hadnler")


@pytest.mark.parametrize("text", MODULES.values(), ids=MODULES.keys())
def test_exports_of_es_modules_are_found(text: str) -> None:
    assert not findings({"index.mjs": text})
    assert not findings({"index.js": text, "package.json": '{"type": "module"}'})


@pytest.mark.parametrize(
    "handler", ["src/index.handler", "./src/index.handler", "/var/task/src/index.handler", "src/index.handler.inner"]
)
def test_a_handler_may_lie_in_a_folder(handler: str) -> None:
    assert not findings({"src/index.js": "exports.handler = { inner() {} };"}, handler)


def test_the_nearest_package_json_decides() -> None:
    files = {"package.json": '{"type": "module"}', "src/package.json": "{}", "src/index.js": "exports.handler = 1;"}
    assert not findings(files, "src/index.handler")


def test_files_are_tried_in_lambdas_order() -> None:
    both = {"index.js": "exports.one = 1", "index.mjs": "export const two = 2"}
    assert not findings(both, "index.one")
    assert "`index.js` does not export `two`" in message(both, "index.two")
    assert not findings({"index.cjs": "exports.handler = 1"})


def test_an_es_module_without_a_sign_is_refused_by_older_runtimes() -> None:
    files = {"index.js": "export const handler = () => 1;"}
    assert "nodejs22.x would not take it for one" in message(files)
    assert not findings(files, name="nodejs24.x")
    assert 'write "type": "module"' in message(files)


def test_exports_in_an_es_module_are_a_mistake() -> None:
    said = message({"index.mjs": "exports.handler = () => 1;"})
    assert "is an ES module, where `exports` is not known | write `export const handler = …`" in said


@pytest.mark.parametrize(
    ("files", "handler", "said"),
    [
        (
            {"index.ts": ""},
            "index.handler",
            "`index.ts` is TypeScript, which Lambda does not run | set `bundle = true`",
        ),
        ({"src/index.js": ""}, "index.handler", "`index.js` is not there | `src/index.js` is: set the handler"),
        ({"app.js": ""}, "index.handler", "the artifact's own modules are `app.js`"),
        ({"data.txt": ""}, "index.handler", "is `source` the right folder?"),
        ({"index.js": "exports.handle = 1"}, "index.handler", "did you mean `index.handle`?"),
        ({"index.js": ""}, "index", "is not of the form `file.export`"),
        ({"index.js": ""}, "../index.handler", "which Lambda refuses"),
    ],
)
def test_a_missing_handler_is_explained(files: dict[str, str], handler: str, said: str) -> None:
    assert said in message(files, handler)


def test_what_is_not_javascript_is_told_with_its_line() -> None:
    (found,) = findings({"index.js": "const a = 1;\nconst = ;\n"})
    assert found.severity is Severity.WARNING
    assert "from line 2 on" in found.message


def test_a_handler_may_be_a_package_or_lie_in_a_layer() -> None:
    files = {"node_modules/wrapper/main.js": ""}
    assert not findings(files, "wrapper.handler")
    inside = {"wrapper/handler.js": "exports.handler = 1"}
    assert not findings(inside, "/opt/nodejs/node_modules/wrapper/handler.handler")


def test_links_are_followed() -> None:
    entries = [
        Entry("app/index.js", REGULAR, Content.of(b"exports.handler = 1")),
        Entry("main", LINK, Content.of(b"app")),
        Entry("circle.js", LINK, Content.of(b"circle.js")),
    ]
    target = Target(runtime("nodejs22.x"), X86_64)
    assert not check_handler(Tree.of(entries), "main/index.handler", target, own_store())
    assert check_handler(Tree.of(entries), "circle.handler", target, own_store())


@given(st.text())
def test_any_text_is_read_without_failing(text: str) -> None:
    exports_of(text.encode("utf-8", "replace"))


NAMES = st.from_regex(r"[a-z_$][A-Za-z0-9_$]{0,8}", fullmatch=True).filter(lambda name: f"{name}" not in RESERVED)
RESERVED = {"do", "if", "in", "of", "let", "new", "try", "var", "case", "else", "enum", "null", "this", "true", "void"}
RESERVED |= {"with", "async", "await", "break", "catch", "class", "const", "false", "super", "throw", "while", "yield"}
RESERVED |= {"delete", "export", "import", "public", "return", "static", "switch", "typeof", "default", "finally"}
RESERVED |= {"package", "private", "continue", "debugger", "for", "function", "interface", "protected", "extends"}
RESERVED |= {"implements", "instanceof", "module", "exports", "undefined", "arguments", "eval", "get", "set"}


@pytest.mark.needs("node")
@pytest.mark.slow
def test_what_node_exports_is_found(tmp_path: Path) -> None:
    for number, text in enumerate(COMMONJS.values()):
        file = tmp_path / f"{number}.cjs"
        file.write_text(f"var t = x => x, q, a, b, __toCommonJS = t, __export = () => {{}};\n{text}")
    node = str(shutil.which("node"))
    for file in tmp_path.glob("*.cjs"):
        code = f"console.log(JSON.stringify(Object.getOwnPropertyNames(require({json.dumps(str(file))}) ?? {{}})))"
        printed = subprocess.run([node, "-e", code], check=True, capture_output=True, text=True).stdout
        assert set(json.loads(printed)) <= exports_of(file.read_bytes()).of_commonjs


@given(st.lists(NAMES, min_size=1, unique=True))
def test_all_names_of_an_object_are_found(names: list[str]) -> None:
    declared = "".join(f"const {name} = 1;" for name in names)
    text = f"{declared} module.exports = {{ {', '.join(names)} }};"
    assert exports_of(text.encode()).of_commonjs == set(names)
    text = f"{declared} export {{ {', '.join(names)} }};"
    assert exports_of(text.encode()).of_module == set(names)


def test_a_large_module_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "exports.handler = async () => 1;\n" + "// words\n" * 10_000
    assert findings({"index.js": text}, "index.handler") == []
    monkeypatch.setattr("lpack.ecosystems.node.handler.exports_of", None)  # it would fail if it was read again
    assert findings({"index.js": text}, "index.handler") == []
    (found,) = findings({"index.js": text}, "index.other")
    assert "does not export `other`" in found.message


@pytest.mark.parametrize(
    "text",
    [
        "exports.handler = 1; // 0 && (module.exports = { other });",
        "exports.handler = '0 && (module.exports = { other });';",
        "exports.handler = 1; /*\n0 && (module.exports = { other }); */",
        "exports.handler = `\n0 && (module.exports = { other });`;",
    ],
)
def test_what_only_looks_like_esbuilds_annotation_is_none(text: str) -> None:
    assert exports_of(text.encode()).of_commonjs == {"handler"}
