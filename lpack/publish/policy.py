"""The policy that lets other accounts read what is published to a bucket."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..aws.limits import ACCOUNT_ID
from ..config.publish import Destination
from ..errors import UsageError


def bucket_policy(destination: Destination, accounts: Sequence[str], *, partition: str = "aws") -> str:
    """The policy as JSON, for the bucket's own account to put there; it opens the prefix alone.

    Lambda reads code with the permissions of whoever deploys it, so that reading is all that they need. Source:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
    """
    for account in accounts:
        if not ACCOUNT_ID.fullmatch(account):
            raise UsageError(f"`{account}` is not an account", hint="name it by its number of 12 digits")
    if destination.bucket is None:
        raise UsageError("there is no bucket to write a policy for", hint="set `bucket` in [publish], or `--bucket`")
    prefix = f"{destination.prefix}/" if destination.prefix else ""
    statement = {
        "Sid": "ReadLambdaArtifacts",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:{partition}:iam::{account}:root" for account in dict.fromkeys(accounts)]},
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": f"arn:{partition}:s3:::{destination.bucket}/{prefix}*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2) + "\n"
