"""The partitions of AWS: which Regions belong to which, and how their names end.

Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")
ACCOUNT = re.compile(r"\d{12}")


class Partition(NamedTuple):
    """A part of AWS with accounts and names of its own: ``name`` stands in ARNs, ``suffix`` ends its hosts."""

    name: str
    suffix: str


_COMMERCIAL = Partition("aws", "amazonaws.com")

_BY_PREFIX = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
}


def partition_of(region: str) -> Partition:
    """The partition that the Region belongs to."""
    return next((each for prefix, each in _BY_PREFIX.items() if region.startswith(prefix)), _COMMERCIAL)
