"""aws-lambda-java-runtime-interface-client, by Maven.

Source: https://github.com/aws/aws-lambda-java-libs/tree/main/aws-lambda-java-runtime-interface-client
"""

from __future__ import annotations

from ..ecosystems.java.pinned import pinned_jars
from ..means import Means
from ..model import Target
from . import FOLDER, Client

_NAME = "aws-lambda-java-runtime-interface-client"
_VERSION = "2.10.1"
PINS = {
    f"{_NAME}-{_VERSION}.jar": "b0dd01f45b7258da0e32ade0bff950b12d0cf279ccebf416ad8c3795af21f1db",
    "aws-lambda-java-core-1.4.0.jar": "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
    "aws-lambda-java-serialization-1.2.0.jar": "1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
    "annotations-2.34.0.jar": "fafdcb55f4e5af603f5219f4a2b080aa0decb562a7c0944f7a7eca82dd47e487",
    "utils-lite-2.34.0.jar": "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
}
_MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"

_SUBJECT = "AWS's runtime interface client for Java"


def java_client(target: Target, means: Means) -> Client:
    """The client, which is one for all versions of Java and both architectures."""
    # Lambda's class path: its own jars, the function's classes and jars, then those of layers.
    folders = (f"{FOLDER}/*", "/var/task", "/var/task/lib/*", "/opt/java/lib/*")
    tree = pinned_jars([f"com.amazonaws:{_NAME}:{_VERSION}"], PINS, target, means, subject=_SUBJECT)
    return Client(
        name=_NAME,
        version=_VERSION,
        interpreter="java",
        arguments=("-cp", ":".join(folders), _MAIN),
        content=tree.content,
        read=lambda: tree,
    )
