"""AWS's own registries: how they are named, and how one gets in.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import re

from ..errors import PublishError

_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)


def region_of(registry: str) -> str:
    """The AWS Region of a private registry in ECR; "" for any other registry."""
    found = _HOST.fullmatch(registry)
    return found["region"] if found else ""


def account_of(registry: str) -> str:
    """The AWS account of a private registry in ECR; "" for any other registry."""
    found = _HOST.fullmatch(registry)
    return found["account"] if found else ""


def login(registry: str, region: str) -> tuple[str, str]:
    """The user name and password for a private registry, good for 12 hours.

    boto3 finds the user's AWS credentials as it does for all tools: the environment, profiles, roles.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = boto3.client("ecr", region_name=region).get_authorization_token()
        token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    except (BotoCoreError, ClientError) as error:
        raise PublishError(
            f"AWS gives no token for `{registry}`: {error}",
            hint="check your AWS credentials (`aws sts get-caller-identity`), and that they allow "
            "`ecr:GetAuthorizationToken`",
        ) from error
    except (LookupError, ValueError) as error:
        raise PublishError(f"AWS gives a token for `{registry}` that can't be read") from error
    username, _, password = token.partition(":")
    return username, password
