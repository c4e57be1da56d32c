from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
import tomli
from built_recipes import RECIPES, family, names

from lpack import catalogue, config
from lpack.aws.runtimes import RUNTIMES
from lpack.catalogue import Recipe
from lpack.errors import ConfigError, LpackError, UsageError

Project = Callable[[Mapping[str, str | bytes]], Path]

DAY = date(2026, 11, 21)
"""When the recipes' runtimes were last looked through."""

FUNCTION = """\
[function.orders]
runtime = "python3.13"
architecture = "arm64"
handler = "app.handler"
"""


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def targets(layer: config.Layer) -> list[str]:
    return [str(target) for target in layer.targets]


@pytest.fixture(params=RECIPES.values(), ids=RECIPES.keys())
def recipe(request: pytest.FixtureRequest) -> Recipe:
    found: Recipe = request.param
    return found


# What there is


def test_the_catalogue_has_what_the_readme_promises() -> None:
    promised = {
        "python": "cryptography lxml own-modules pandas-pyarrow pillow psycopg pydantic requests scipy xray-python",
        "nodejs": "aws-sdk-nodejs sharp xray-nodejs",
        "java": "aws-sdk-java-dynamodb",
        "provided": "program-runtime shell-runtime",
    }
    assert {family: " ".join(names(family)) for family in promised} == promised
    assert list(RECIPES) == sorted(" ".join(promised.values()).split())


def test_every_recipe_says_what_it_is_and_what_it_is_for(recipe: Recipe) -> None:
    assert recipe.layer.description
    assert len(recipe.purpose) > len(recipe.layer.description)
    assert recipe.purpose.endswith(".")


def test_a_recipe_is_for_released_runtimes_that_are_not_deprecated(recipe: Recipe) -> None:
    released = {
        each.name
        for each in RUNTIMES.values()
        if each.family == family(recipe) and each.lifecycle.deprecated and each.lifecycle.deprecated > DAY
    }
    assert {runtime.name for runtime in recipe.layer.runtimes} == released
    assert [architecture.name for architecture in recipe.layer.architectures] == ["x86_64", "arm64"]


def test_the_text_of_a_recipe_is_all_but_its_purpose(recipe: Recipe) -> None:
    whole = tomli.loads((recipe.folder / "layer.toml").read_text(encoding="utf-8"))
    assert {"purpose": whole["purpose"], **tomli.loads(recipe.text)} == whole
    assert " ".join(whole["purpose"].split()) == recipe.purpose


def test_a_recipe_is_found_by_its_name() -> None:
    assert catalogue.recipe("scipy") == RECIPES["scipy"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("panda-pyarrow", "did you mean `pandas-pyarrow`?"), ("numpy", "it has `aws-sdk-java-dyn")],
)
def test_what_is_not_in_the_catalogue_is_told_with_what_is(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        catalogue.recipe(name)
    assert error.value.message == f"`{name}` is not in the catalogue of layers"
    assert hint in str(error.value.hint)


# A project of recipes alone


def test_recipes_make_a_project_without_a_configuration(tmp_path: Path) -> None:
    project = catalogue.recipe_project(tmp_path, ["scipy", "pillow", "scipy"])
    assert project.folder == tmp_path
    assert project.functions == ()
    assert project.layers == (RECIPES["scipy"].layer, RECIPES["pillow"].layer)


def test_a_recipe_can_be_had_for_fewer_targets(tmp_path: Path) -> None:
    wanted = {"runtimes": ["python3.14", "python3.12"], "architectures": ["arm64"]}
    (layer,) = catalogue.recipe_project(tmp_path, ["scipy"], **wanted).layers
    assert targets(layer) == ["python3.12 on arm64", "python3.14 on arm64"]


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ({"runtimes": ["python3.13", "python3.8"]}, "not for `python3.8`", "`python3.13` and `python3.14`"),
        ({"architectures": ["x86-64"]}, "not for `x86-64`", "it is for `x86_64` and `arm64`"),
    ],
)
def test_a_recipe_is_not_had_for_other_targets(
    wanted: dict[str, list[str]], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message) as error:
        catalogue.recipe_project(tmp_path, ["scipy"], **wanted)
    assert str(error.value.hint).endswith(hint)


# Into a project


def test_what_is_added_reads_as_the_recipe_does(recipe: Recipe, project: Project) -> None:
    folder = project({"lpack.toml": ""})
    added = catalogue.add(folder, [recipe.name])
    (layer,) = config.load(folder).layers
    assert added.layers == (layer,)
    moved = tuple((inside, folder / "layers" / recipe.name / path.name) for inside, path in recipe.layer.source)
    assert layer == recipe.layer._replace(source=moved)


def test_not_a_byte_of_what_is_there_changes(project: Project) -> None:
    before = b"\xef\xbb\xbf# mine \xc3\xa9\r\n" + FUNCTION.replace("\n", "\r\n").encode() + b"# the end"
    folder = project({"lpack.toml": before})
    (folder / "lpack.toml").chmod(0o640)
    catalogue.add(folder, ["scipy", "requests"])
    after = (folder / "lpack.toml").read_bytes()
    assert after.startswith(before + b"\r\n\r\n# ")
    assert after.count(b"\n") == after.count(b"\r\n")
    assert (folder / "lpack.toml").stat().st_mode & 0o777 == 0o640
    assert [part.name for part in config.load(folder).parts] == ["scipy", "requests", "orders"]


def test_comments_of_the_recipe_come_along_and_its_purpose_is_one(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION})
    catalogue.add(folder, ["pandas-pyarrow"])
    text = (folder / "lpack.toml").read_text()
    header = text.index("[layer.pandas-pyarrow]")
    comment = text[len(FUNCTION) : header].replace("\n# ", " ").strip()
    assert comment == RECIPES["pandas-pyarrow"].purpose
    assert "# Arrow Flight" in text[header:]
    assert "purpose" not in text


def test_a_shared_configuration_is_added_to_under_its_own_name(project: Project) -> None:
    before = f'[project]\nname = "shop"\n\n{FUNCTION.replace("[", "[tool.lpack.")}'
    folder = project({"pyproject.toml": before})
    assert catalogue.add(folder, ["pydantic"]).file == folder / "pyproject.toml"
    text = (folder / "pyproject.toml").read_text()
    assert text.startswith(before)
    assert "\n[tool.lpack.layer.pydantic]\n" in text
    assert targets(config.load(folder).layers[0]) == ["python3.13 on arm64"]


def test_a_first_layer_begins_a_configuration(project: Project) -> None:
    folder = project({"pyproject.toml": '[project]\nname = "shop"\n'})
    assert catalogue.add(folder, ["lxml"]).file == folder / "lpack.toml"
    assert (folder / "lpack.toml").read_text().startswith("# XML and HTML")
    assert config.load(folder).layers == (RECIPES["lxml"].layer,)


def test_layers_are_for_the_targets_of_the_functions(project: Project) -> None:
    other = '[function.other]\nruntime = "python3.11"\nhandler = "app.handler"\n'
    folder = project({"lpack.toml": FUNCTION + other})
    (layer,) = catalogue.add(folder, ["scipy"]).layers
    assert [runtime.name for runtime in layer.runtimes] == ["python3.11", "python3.13"]
    assert layer.architectures == RECIPES["scipy"].layer.architectures


def test_defaults_count_for_the_targets_of_the_functions(project: Project) -> None:
    text = '[defaults]\nruntime = "python3.12"\narchitecture = "arm64"\n[function.a]\nhandler = "app.handler"\n'
    (layer,) = catalogue.add(project({"lpack.toml": text}), ["scipy"]).layers
    assert targets(layer) == ["python3.12 on arm64"]


def test_functions_that_a_recipe_does_not_know_leave_it_as_it_is(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION.replace("python3.13", "python3.9")})
    (layer,) = catalogue.add(folder, ["scipy"]).layers
    assert layer.runtimes == RECIPES["scipy"].layer.runtimes
    assert [architecture.name for architecture in layer.architectures] == ["arm64"]


def test_targets_asked_for_come_before_those_of_functions(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION})
    (layer,) = catalogue.add(folder, ["scipy"], runtimes=["python3.14"]).layers
    assert targets(layer) == ["python3.14 on arm64"]


def test_a_function_may_name_a_layer_before_it_is_added(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION + 'layers = ["scipy"]\n'})
    with pytest.raises(ConfigError):
        config.load(folder)
    catalogue.add(folder, ["scipy"])
    assert config.load(folder).functions[0].own_layers == ("scipy",)


def test_files_of_a_recipe_come_along(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION})
    added = catalogue.add(folder, ["own-modules"])
    modules = folder / "layers" / "own-modules" / "modules"
    assert added.copied == (modules / "shared" / "__init__.py", modules / "shared" / "answers.py")
    assert content(modules) == content(RECIPES["own-modules"].folder / "modules")
    assert added.layers[0].source == (("python", modules),)


# What is refused leaves everything as it was


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[layer.own-modules]\nruntimes = ["python3.13"]\nrequirements = ["six"]\n', "has a layer `own-modules` alr"),
        (FUNCTION.replace("orders", "own-modules"), "has a function `own-modules` already"),
        ('layer = { x = { runtimes = ["python3.13"], requirements = ["six"] } }\n', "can't be added to"),
        ("[function.orders]\nruntime = 3\n", "mistake"),
        ("[function", "mistake"),
    ],
)
def test_what_a_configuration_has_no_room_for_is_refused(text: str, message: str, project: Project) -> None:
    folder = project({"lpack.toml": text, "app.py": ""})
    before = content(folder)
    with pytest.raises(UsageError, match=message):
        catalogue.add(folder, ["own-modules"])
    assert content(folder) == before
    assert not (folder / "layers").exists()


def test_a_refused_name_keeps_the_others_out_too(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION})
    before = content(folder)
    with pytest.raises(UsageError, match="is not in the catalogue"):
        catalogue.add(folder, ["own-modules", "scypi"])
    assert content(folder) == before


def test_no_file_is_overwritten(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION, "layers/own-modules/modules/shared/answers.py": "# mine\n"})
    before = content(folder)
    with pytest.raises(UsageError, match="exists already"):
        catalogue.add(folder, ["own-modules"])
    assert content(folder) == before


def test_a_folder_with_two_configurations_is_refused(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION, "pyproject.toml": "[tool.lpack]\n"})
    with pytest.raises(UsageError, match="configures lpack twice"):
        catalogue.add(folder, ["scipy"])


def test_a_place_that_can_not_be_written_to_is_told(project: Project) -> None:
    folder = project({"lpack.toml": FUNCTION, "layers": "a file"})
    before = content(folder)
    with pytest.raises(LpackError, match="can't be written: "):
        catalogue.add(folder, ["own-modules"])
    assert content(folder) == before


def test_a_link_to_a_configuration_stays_one(project: Project) -> None:
    folder = project({"shared.toml": FUNCTION})
    (folder / "lpack.toml").symlink_to("shared.toml")
    catalogue.add(folder, ["scipy"])
    assert (folder / "lpack.toml").is_symlink()
    assert "[layer.scipy]" in (folder / "shared.toml").read_text()
