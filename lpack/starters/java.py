"""A first Java function."""

from __future__ import annotations

import re
from pathlib import Path

from ..aws.runtimes import Runtime
from ..errors import UsageError
from .code import Code, first_match, places

_BUILDS = ("pom.xml", "build.gradle", "build.gradle.kts")

_PACKAGE = re.compile(rb"^\s*package\s+(?P<name>[\w.]+)", re.MULTILINE)
_CLASS = re.compile(rb"\bclass\s+(?P<name>\w+)[^{]*\bimplements\s[^{]*\bRequest(?:Stream)?Handler\b")

_CODE = """\
package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** The Lambda function {name}. */
public class App implements RequestHandler<Map<String, String>, Map<String, Object>> {{
    /** Greet whom the event names. */
    @Override
    public Map<String, Object> handleRequest(Map<String, String> event, Context context) {{
        String message = "Hello, " + event.getOrDefault("name", "world") + "!";
        Map<String, Object> response = new java.util.TreeMap<>();
        response.put("statusCode", 200);
        response.put("body", "{{\\"message\\":\\"" + message + "\\"}}");
        return response;
    }}
}}
"""

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>{name}</artifactId>
  <version>1.0</version>
  <properties>
{compiler}
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-core</artifactId>
      <version>1.2.3</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-compiler-plugin</artifactId>
        <version>3.14.1</version>
      </plugin>
    </plugins>
  </build>
</project>
"""


def existing_code(folder: Path, name: str) -> Code | None:
    """The first class there that handles Lambda's requests; UsageError for a project that has none."""
    for source in places(name):
        build = next((file for file in _BUILDS if (folder / source / file).is_file()), None)
        if not build:
            continue
        files = sorted((folder / source).glob("src/main/java/**/*.java"))
        found = first_match(folder, (str(file.relative_to(folder)) for file in files), _CLASS)
        if not found:
            raise UsageError(
                f"`{build}` is there, but no class under src/main/java that implements RequestHandler",
                hint="write one first, or start in another folder",
            )
        file, match = found
        package = _PACKAGE.search((folder / file).read_bytes())
        prefix = f"{package['name'].decode()}." if package else ""
        return Code(source, f"{prefix}{match['name'].decode()}::handleRequest", {})
    return None


def new_code(_folder: Path, name: str, runtime: Runtime) -> Code:
    """A function that greets, with its pom.xml."""
    source = f"src/{name}"
    files = {
        f"{source}/pom.xml": _POM.format(name=name, compiler=_compiler(runtime)),
        f"{source}/src/main/java/example/App.java": _CODE.format(name=name),
    }
    return Code(source, "example.App::handleRequest", files)


def _compiler(runtime: Runtime) -> str:
    if runtime.version != "8":
        return f"    <maven.compiler.release>{runtime.version}</maven.compiler.release>"
    # Java 8 itself has no --release.
    return "\n".join(f"    <maven.compiler.{key}>1.8</maven.compiler.{key}>" for key in ("source", "target"))
