"""The recipe for Java, on the class path of a function that is without its jars."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from built_recipes import built, unpacked
from command_line import Run

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("mvn", "javac", "java")]

FUNCTION = """
[function.orders]
runtime = "java17"
architecture = "arm64"
handler = "example.Orders::handle"
source = "classes"
requirements = ["software.amazon.awssdk:dynamodb:2.55.0", "org.slf4j:slf4j-simple:1.7.36"]
exclude-packages = ["netty-nio-client"]
layers = ["aws-sdk-java-dynamodb"]
"""

CODE = """
package example;

import java.net.URI;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

public class Orders {
    public String handle(String event) {
        var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("id", "secret"));
        var nowhere = URI.create("http://127.0.0.1:9");
        var builder = DynamoDbClient.builder().region(Region.EU_CENTRAL_1).credentialsProvider(credentials);
        try (var client = builder.endpointOverride(nowhere).build()) {
            return "unexpected: " + client.listTables();
        } catch (SdkClientException error) {
            return error.getMessage().contains("Connection refused") ? "asked " + event : error.getMessage();
        }
    }

    public static void main(String[] arguments) {
        System.out.println(new Orders().handle(arguments[0]));
    }
}
"""


def test_its_artifact_is_the_same_for_all_and_needs_no_remark(shared_folder: Path, tmp_path: Path) -> None:
    (artifact,) = built("aws-sdk-java-dynamodb", shared_folder)
    assert artifact["findings"] == []
    opt = unpacked(artifact["path"], tmp_path / "opt")
    assert {path.parent for path in opt.rglob("*") if path.is_file()} == {opt / "java" / "lib"}


def test_a_function_finds_the_jars_of_its_layer_and_lacks_them(
    project: Callable[[Mapping[str, str]], Path], lpack: Callable[..., Run], tmp_path: Path
) -> None:
    folder = project({"lpack.toml": FUNCTION, "code/Orders.java": CODE})
    (folder / "classes").mkdir()
    assert lpack("layers", "add", "aws-sdk-java-dynamodb", folder=folder).exit_code == 0
    assert lpack("build", "aws-sdk-java-dynamodb", folder=folder).exit_code == 0
    opt = unpacked(folder / "dist" / "aws-sdk-java-dynamodb.zip", tmp_path / "opt")
    jars = f"{opt}/java/lib/*"
    compiler = ["javac", "--release", "17", "-d", folder / "classes", "-cp", jars, folder / "code" / "Orders.java"]
    subprocess.run(compiler, check=True)
    run = lpack("build", "orders", folder=folder)
    assert run.exit_code == 0, run.stderr
    task = unpacked(folder / "dist" / "orders.zip", tmp_path / "task")
    files = {path.relative_to(task).as_posix() for path in task.rglob("*") if path.is_file()}
    assert files == {"example/Orders.class", "lib/slf4j-simple-1.7.36.jar"}
    own = f"{task}:{task}/lib/*"
    alone = subprocess.run(["java", "-cp", own, "example.Orders", "now"], capture_output=True, text=True, check=False)
    assert "NoClassDefFoundError" in alone.stderr
    both = subprocess.run(
        ["java", "-cp", f"{own}:{jars}", "example.Orders", "now"], capture_output=True, text=True, check=False
    )
    assert both.stdout == "asked now\n", both.stderr
