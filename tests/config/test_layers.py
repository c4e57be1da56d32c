"""``[layer.NAME]``, and what functions say of layers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack import config
from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import RUNTIMES
from lpack.config import Layer, Project
from lpack.config.keys import LAYER_KEYS, LayerArn
from lpack.config.packages import Groups
from lpack.errors import ConfigError, UsageError

Load = Callable[[str], Project]
Problems = Callable[[str], tuple[str, ...]]

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:extras:3"
LAYER = '[layer.science]\nruntimes = ["python3.13"]\nrequirements = ["numpy"]\n'
FUNCTION = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'
EXPORTED = '[project]\nname = "shop"\n[dependency-groups]\nlayer = []\n'


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Project:
        (tmp_path / "lpack.toml").write_text(text)
        return config.load(tmp_path)

    return load


def layer_with(line: str) -> str:
    return f'[layer.science]\nruntimes = ["python3.13"]\n{line}\n'


# What is read


def test_a_minimal_layer_is_for_intel(load: Load) -> None:
    project = load(LAYER)
    assert project.functions == ()
    assert project.layers == (Layer("science", (RUNTIMES["python3.13"],), (X86_64,), requirements=("numpy",)),)
    assert project.parts == project.selected(["science"]) == project.layers
    assert [str(target) for target in project.layers[0].targets] == ["python3.13 on x86_64"]


def test_every_key_of_a_layer_is_read(load: Load, tmp_path: Path) -> None:
    for folder in ("libs/shared", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "requirements.txt").touch()
    (layer,) = load("""
        [layer.science]
        runtimes = ["python3.13", "python3.12", "python3.13"]
        architectures = ["x86_64", "arm64"]
        source = { python = "libs/shared", "bin/" = "tools" }
        requirements = "requirements.txt"
        extras = ["Fast_JSON"]
        groups = ["prod"]
        include = ["data/**"]
        exclude = ["*.md"]
        exclude-packages = ["Boto3"]
        trim = { "PyArrow" = ["pyarrow/include/"], pyarrow = ["pyarrow/tests/"], "*" = ["**/tests/"] }
        provided-libraries = ["libpq.so.5"]
        per-runtime = true
        description = "Numbers"
        license = "MIT"
    """).layers
    assert layer == Layer(
        name="science",
        runtimes=(RUNTIMES["python3.13"], RUNTIMES["python3.12"]),
        architectures=(X86_64, ARM64),
        source=(("python", tmp_path / "libs" / "shared"), ("bin", tmp_path / "tools")),
        requirements=tmp_path / "requirements.txt",
        extras=("fast-json",),
        groups=("prod",),
        include=("data/**",),
        exclude=("*.md",),
        exclude_packages=("boto3",),
        trim=(("pyarrow", ("pyarrow/include/", "pyarrow/tests/")), ("*", ("**/tests/",))),
        provided_libraries=frozenset({"libpq.so.5"}),
        per_runtime=True,
        description="Numbers",
        license="MIT",
    )
    assert len(layer.targets) == 4
    assert layer.dependencies.trim == layer.trim


def test_a_folder_alone_goes_to_the_root_of_the_layer(load: Load, tmp_path: Path) -> None:
    assert load(layer_with('source = "."')).layers[0].source == (("", tmp_path),)


def test_a_layer_of_files_may_be_for_any_runtimes(load: Load) -> None:
    (layer,) = load('[layer.tools]\nruntimes = ["provided.al2023", "nodejs22.x", "python3.13"]\nsource = "."').layers
    assert [runtime.family for runtime in layer.runtimes] == ["provided", "nodejs", "python"]


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ('{ group = "Layer_x" }', ("layer-x",)),
        ('{ groups = ["a", "b", "a"] }', ("a", "b")),
        ('{ group = "c", groups = ["a"] }', ("c", "a")),
        ('{ file = "sub/../pyproject.toml", group = "a" }', ("a",)),
    ],
)
def test_requirements_may_be_dependency_groups(load: Load, tmp_path: Path, table: str, names: tuple[str, ...]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "pyproject.toml").write_text(EXPORTED)
    project = load(f"{layer_with(f'requirements = {table}')}{FUNCTION}requirements = {table}")
    expected = Groups(tmp_path / "pyproject.toml", names)
    assert (project.layers[0].requirements, project.functions[0].requirements) == (expected, expected)


def test_a_function_names_layers_of_the_project_and_others(load: Load) -> None:
    aws = "arn:aws:lambda:::awslayer:AmazonLinux"
    layers = f'layers = ["science", "{ARN}", {{ arn = "{aws}" }}, {{ arn = "{ARN[:-1]}4", unzipped-size = 123 }}]'
    (function,) = load(f"{LAYER}{FUNCTION}{layers}").functions
    assert function.layers == ("science", LayerArn(ARN), LayerArn(aws), LayerArn(f"{ARN[:-1]}4", 123))
    assert function.own_layers == ("science",)


def test_functions_inherit_layers_and_trim_from_the_defaults(load: Load) -> None:
    defaults = '[defaults]\nlayers = ["science"]\ntrim = { "*" = ["tests/"] }\n'
    plain, bare = load(f"{LAYER}{defaults}{FUNCTION}{FUNCTION.replace('orders', 'bare')}layers = []").functions
    assert (plain.layers, bare.layers) == (("science",), ())
    assert plain.trim == plain.dependencies.trim == (("*", ("tests/",)),)


def test_an_image_has_no_layers(problems: Problems) -> None:
    text = '[function.a]\nruntime = "python3.13"\nhandler = "a.b"\npackage = "image"\nlayers = ["x"]\n'
    assert "`function.a.layers` can't be used with an image: Lambda layers are not supported" in problems(text)[0]


def test_layers_of_pyproject_are_read_as_well(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(LAYER.replace("[layer", "[tool.lpack.layer"))
    assert config.load(tmp_path).layer("science").requirements == ("numpy",)
    file.write_text(LAYER.replace("[layer", "[tool.lpack.layer") + "runtime = 1")
    with pytest.raises(ConfigError) as raised:
        config.load(tmp_path)
    assert raised.value.problems == ("`tool.lpack.layer.science.runtime` is not known; did you mean `runtimes`?",)


def test_layers_come_before_the_functions_that_use_them(load: Load) -> None:
    project = load(f'{FUNCTION}layers = ["science"]\n{LAYER}')
    assert [part.name for part in project.parts] == ["science", "orders"]
    assert [part.name for part in project.selected(["orders", "science"])] == ["orders", "science"]


def test_a_layer_is_no_function(load: Load) -> None:
    with pytest.raises(UsageError, match="`science` is not a function of") as raised:
        load(LAYER).function("science")
    assert raised.value.hint == "it has none"
    with pytest.raises(UsageError, match="`sciense` is not a function or layer of") as raised:
        load(LAYER + FUNCTION).selected(["sciense"])
    assert raised.value.hint == "did you mean `science`?"


# The names of artifacts


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("", "science"),
        ('architectures = ["arm64"]', "science"),
        ('architectures = ["x86_64", "arm64"]', "science science-x86_64 science-arm64"),
        ("per-runtime = true", "science-python313 science-python312"),
        (
            'per-runtime = true\narchitectures = ["x86_64", "arm64"]',
            """science-python313 science-python312 science-python313-x86_64 science-python313-arm64
            science-python312-x86_64 science-python312-arm64""",
        ),
    ],
)
def test_artifacts_are_named_after_what_the_layer_is_split_by(load: Load, keys: str, names: str) -> None:
    text = f'[layer.science]\nruntimes = ["python3.13", "python3.12"]\nsource = "."\n{keys}'
    assert load(text).layers[0].artifact_names == tuple(names.split())


def test_what_is_for_one_runtime_is_not_split_by_runtimes(load: Load) -> None:
    assert load(LAYER + "per-runtime = true").layers[0].artifact_names == ("science",)


BOTH = 'architectures = ["x86_64", "arm64"]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            LAYER.replace("science", "orders") + FUNCTION,
            "`layer.orders` can have an artifact `orders.zip`, and so can the function `orders`",
        ),
        (
            LAYER + BOTH + FUNCTION.replace("orders", "science-arm64"),
            "`layer.science` can have an artifact `science-arm64.zip`, and so can the function `science-arm64`",
        ),
        (
            LAYER.replace("science", "science-arm64") + LAYER + BOTH,
            "`layer.science` can have an artifact `science-arm64.zip`, and so can the layer `science-arm64`",
        ),
    ],
)
def test_artifacts_that_could_be_the_same_file_are_told(problems: Problems, text: str, problem: str) -> None:
    assert problems(text) == (f"{problem}: rename one of them",)


def test_names_that_only_look_like_an_artifact_s_are_fine(load: Load) -> None:
    assert len(load(LAYER + FUNCTION.replace("orders", "science-arm64")).parts) == 2


# What is wrong in it


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("requirements = 1", "`layer.science.requirements` must be a file's path, a list of requirements or a table,"),
        ("requirements = []\nextras = 'x'", "`layer.science.extras` must be a list, not a string"),
        ("requirements = []\ngroups = [1]", "`layer.science.groups[0]` must be a string, not a whole number"),
        ("source = '.'\narchitectures = []", "`layer.science.architectures` must not be empty"),
        ("source = '.'\narchitectures = 'arm64'", "`layer.science.architectures` must be a list, not a string"),
        (
            "source = '.'\narchitectures = ['aarch64']",
            "`layer.science.architectures[0]` names `aarch64`, which is not a Lambda architecture; did you mean `arm",
        ),
        ("source = '.'\nper-runtime = 1", "`layer.science.per-runtime` must be a boolean, not a whole number"),
        ("source = '.'\ndescription = ''", "`layer.science.description` must not be empty"),
        (
            f"source = '.'\ndescription = '{'x' * 257}'",
            "`layer.science.description` has 257 characters, and Lambda takes 256",
        ),
        (
            f"source = '.'\nlicense = '{'x' * 513}'",
            "`layer.science.license` has 513 characters, and Lambda takes 512",
        ),
        ("source = '.'\ninclude = 1", "`layer.science.include` must be a list, not a whole number"),
        ("source = '.'\nexclude = [1]", "`layer.science.exclude[0]` must be a string, not a whole number"),
        ("source = '.'\nprovided-libraries = 'x'", "`layer.science.provided-libraries` must be a list, not a string"),
        (
            "source = 1",
            "`layer.science.source` must be a folder, or a table of the layer's folders, not a whole number",
        ),
        ("source = {}", "`layer.science.source` must not be empty"),
        ("source = { python = 1 }", "`layer.science.source.python` must be a string, not a whole number"),
        ("source = { python = 'no' }", "`layer.science.source.python` names `"),
        ("source = { '/opt' = '.' }", '`layer.science.source."/opt"` can\'t be a folder of a layer: it is absolute'),
        (
            "source = { '../x' = '.' }",
            '`layer.science.source."../x"` can\'t be a folder of a layer: it leaves the root',
        ),
        ("source = { '' = '.' }", '`layer.science.source.""` can\'t be a folder of a layer: it is empty'),
        (
            "source = '.'\nextras = ['x']",
            "`layer.science.extras` is about packages, and the layer has no `requirements`",
        ),
        ("source = '.'\ntrim = {}", "`layer.science.trim` is about packages, and the layer has no `requirements`"),
        ("requirements = []\ntrim = 1", "`layer.science.trim` must be a table, not a whole number"),
        ("requirements = []\ntrim = { x = 'tests' }", "`layer.science.trim.x` must be a list, not a string"),
        ("requirements = []\ntrim = { 'x y' = [] }", '`layer.science.trim."x y"` holds `x y`, which is not a name of'),
        (
            "requirements = {}",
            '`layer.science.requirements` must name dependency groups: { group = "NAME" }, with `file` if they are',
        ),
        ("requirements = { group = '' }", "`layer.science.requirements.group` must not be empty"),
        ("requirements = { groups = [] }", "`layer.science.requirements.groups` must not be empty"),
        (
            "requirements = { group = 'a', grup = 1 }",
            "`layer.science.requirements.grup` is not known; did you mean `gr",
        ),
        ("requirements = { group = 'a', file = 'no' }", "`layer.science.requirements.file` names `"),
        (
            "requirements = { group = 'a', file = 'lpack.toml' }",
            "`layer.science.requirements.file` names `{folder}/lpack.toml`, and dependency groups are in a pyproject",
        ),
        (
            "handler = 'x'\nsource = '.'",
            "`layer.science.handler` is not known; what can stand here is `runtimes`, `arch",
        ),
        ("", "`layer.science` has neither `requirements` nor `source`: a layer without files is none"),
    ],
)
def test_a_mistake_in_a_layer_is_told_with_its_key_path(
    problems: Problems, tmp_path: Path, lines: str, problem: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(EXPORTED)
    (actual,) = problems(layer_with(lines))
    assert actual.startswith(problem.replace("{folder}", str(tmp_path)))


def test_groups_without_a_pyproject_are_told_where_was_looked(problems: Problems, tmp_path: Path) -> None:
    (actual,) = problems(layer_with('requirements = { group = "a" }'))
    assert actual == f"`layer.science.requirements` names `{tmp_path}/pyproject.toml`: no such file or directory"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("source = '.'", '`layer.x.runtimes` is missing; write, for example, runtimes = ["python3.13"]'),
        ("source = '.'\nruntimes = []", "`layer.x.runtimes` must not be empty"),
        ("source = '.'\nruntimes = 'python3.13'", "`layer.x.runtimes` must be a list, not a string"),
        (
            "source = '.'\nruntimes = ['python3.13', 'pyton3.13']",
            "`layer.x.runtimes[1]` names `pyton3.13`, which is not a Lambda runtime; did you mean `python3.13`",
        ),
        (
            "requirements = ['a']\nruntimes = ['ruby3.4']",
            "`layer.x.requirements` for ruby runtimes are not supported by this version of lpack yet",
        ),
        (
            "requirements = ['a']\nruntimes = ['python3.13', 'ruby3.4']",
            "`layer.x.runtimes` are of different languages (`python` and `ruby`), and one layer's `requirements` are",
        ),
    ],
)
def test_runtimes_of_a_layer_are_checked(problems: Problems, text: str, problem: str) -> None:
    (actual,) = problems(f"[layer.x]\n{text}")
    assert actual.startswith(problem)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "ä", "x" * 141])
def test_a_name_that_lambda_refuses_is_told(problems: Problems, name: str) -> None:
    (actual,) = problems(tomli_w.dumps({"layer": {name: {"runtimes": ["python3.13"], "source": "."}}}))
    assert actual.endswith("can't be the name of a layer: use letters, digits, `-` and `_`, at most 140")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("layer = 1", "`layer` must be a table, not a whole number"),
        ("[layer]\nruntimes = []", "`layer.runtimes` must be a table, not a list"),
    ],
)
def test_layers_must_be_tables(problems: Problems, text: str, problem: str) -> None:
    assert problems(text) == (problem,)


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ("'science'", "`function.orders.layers` must be a list, not a string"),
        (
            "[1]",
            "`function.orders.layers[0]` must be a layer's name, its ARN, or a table with `arn`, not a whole number",
        ),
        ("['']", "`function.orders.layers[0]` must not be empty"),
        ("['science', 'science']", "`function.orders.layers` names `science` twice"),
        (f"['{ARN}', {{ arn = '{ARN}', unzipped-size = 1 }}]", f"`function.orders.layers` names `{ARN}` twice"),
        (
            json.dumps([f"{ARN}{number}" for number in range(6)]),
            "`function.orders.layers` names 6 layers, and a function can have 5",
        ),
        ("['sciense']", "`function.orders.layers` names `sciense`, which is not a layer of this project; did you mean"),
        ("['zzz']", "`function.orders.layers` names `zzz`, which is not a layer of this project; it has `science`"),
        (
            "['orders']",
            "`function.orders.layers` names `orders`, which is not a layer of this project; it has `science`",
        ),
        (
            f"['{ARN[:-2]}']",
            f"`function.orders.layers[0]` names `{ARN[:-2]}`, which lacks the layer's version: write `{ARN[:-2]}:1`",
        ),
        (
            "['arn:aws:s3:::bucket']",
            "`function.orders.layers[0]` names `arn:aws:s3:::bucket`, which is not the ARN of a layer version, such as",
        ),
        (
            "['ARN:aws:lambda:eu:1:layer:x:1\\u001b']",
            '`function.orders.layers[0]` names `"ARN:aws:lambda:eu:1:layer:x:1\\u001b"`, which is not the ARN of',
        ),
        ("[{}]", "`function.orders.layers[0]` needs an `arn`; a layer of this project is named by a string"),
        ("[{ name = 'science' }]", "`function.orders.layers[0].name` is not known; what can stand here is `arn` and"),
        ("[{ arn = 'science' }]", "`function.orders.layers[0].arn` names `science`, which is not the ARN of a layer v"),
        (
            f"[{{ arn = '{ARN}', unzipped-size = -1 }}]",
            "`function.orders.layers[0].unzipped-size` must not be negative",
        ),
        (
            f"[{{ arn = '{ARN}', unzipped-size = '1' }}]",
            "`function.orders.layers[0].unzipped-size` must be a whole num",
        ),
    ],
)
def test_a_mistake_in_a_function_s_layers_is_told(problems: Problems, layers: str, problem: str) -> None:
    text = f"{LAYER}{FUNCTION}layers = {layers.replace(chr(39), chr(34))}"
    assert problems(text)[0].replace(" or ", " and ").startswith(problem.replace(" or ", " and "))


def test_an_unknown_layer_in_the_defaults_is_told_once_where_it_stands(problems: Problems) -> None:
    text = f'{FUNCTION}{FUNCTION.replace("orders", "mail")}[defaults]\nlayers = ["science"]'
    assert problems(text) == ("`defaults.layers` names `science`, which is not a layer of this project; it has none",)


@pytest.mark.parametrize(
    ("runtime", "layer"),
    [
        ('"python3.12"', LAYER),
        ('"python3.13"\narchitecture = "arm64"', LAYER),
        ('"python3.13"', '[layer.science]\nsource = "."\nruntimes = ["ruby3.4", "nodejs22.x"]\n' + BOTH),
    ],
)
def test_a_layer_for_another_runtime_or_architecture_is_told(problems: Problems, runtime: str, layer: str) -> None:
    (actual,) = problems(f'{FUNCTION.replace(chr(34) + "python3.13" + chr(34), runtime)}layers = ["science"]\n{layer}')
    there = "`ruby3.4` and `nodejs22.x` on `x86_64` and `arm64`" if "ruby" in layer else "`python3.13` on `x86_64`"
    target = (
        "python3.12 on x86_64" if "3.12" in runtime else f"python3.13 on {'arm64' if 'arm64' in runtime else 'x86_64'}"
    )
    assert actual == (
        f"`function.orders.layers` names `science`, which is for {there}, and the function is for {target}"
    )


def test_mistakes_of_layers_and_functions_are_told_together(problems: Problems) -> None:
    assert problems(f"{layer_with('per-runtime = 1')}{FUNCTION}memory = '1'\nlayers = ['sciense']") == (
        "`layer.science.per-runtime` must be a boolean, not a whole number",
        "`layer.science` has neither `requirements` nor `source`: a layer without files is none",
        "`function.orders.memory` must be a whole number, not a string",
        "`function.orders.layers` names `sciense`, which is not a layer of this project; did you mean `science`?",
    )


# A layer from elsewhere


def test_a_layer_can_be_read_from_a_document_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "layer.toml"
    layer = config.layer_from({"runtimes": ["python3.13"], "source": "."}, "own", folder=tmp_path, file=file)
    assert (layer.name, layer.source) == ("own", (("", tmp_path),))
    with pytest.raises(ConfigError, match=r"layer\.toml` has a mistake") as raised:
        config.layer_from({"source": "."}, "own", folder=tmp_path, file=file)
    assert raised.value.problems == ('`runtimes` is missing; write, for example, runtimes = ["python3.13"]',)


# Any input

any_text = st.text(max_size=8) | st.sampled_from(["python3.13", "nodejs22.x", "arm64", ".", "demo", ARN, "group"])
any_scalar = any_text | st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.dates()
any_key = any_text | st.sampled_from(["group", "groups", "file", "arn", "unzipped-size", "*"])
any_value = st.recursive(
    any_scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_key, inner, max_size=3),
    max_leaves=5,
)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def loads_or_tells(folder: Path, document: dict[str, Any]) -> None:
    (folder / "lpack.toml").write_bytes(tomli_w.dumps(document).encode())
    parts: tuple[object, ...] = ()
    problems: tuple[str, ...] = ()
    try:
        parts = config.load(folder).parts
    except ConfigError as error:
        problems = error.problems
    assert bool(parts) != bool(problems)
    assert all(problem.isprintable() for problem in problems)


@in_one_folder
@given(st.dictionaries(any_key | st.sampled_from([*LAYER_KEYS]), any_value, max_size=6))
def test_any_layer_is_a_project_or_a_clear_error(tmp_path: Path, table: dict[str, Any]) -> None:
    loads_or_tells(tmp_path, {"layer": {"science": {"runtimes": ["python3.13"], "source": ".", **table}}})


@in_one_folder
@given(any_value, any_value, any_value)
def test_any_use_of_layers_is_a_project_or_a_clear_error(tmp_path: Path, layers: Any, trim: Any, asked: Any) -> None:
    function = {"runtime": "python3.13", "handler": "a.b", "layers": layers, "trim": trim, "requirements": asked}
    layer = {"runtimes": ["python3.13"], "requirements": ["a"]}
    loads_or_tells(tmp_path, {"defaults": {"layers": layers}, "function": {"x": function}, "layer": {"demo": layer}})
