import pytest

from lpack.aws.partitions import ACCOUNT, REGION, partition_of


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", ("aws", "amazonaws.com")),
        ("cn-northwest-1", ("aws-cn", "amazonaws.com.cn")),
        ("us-gov-east-1", ("aws-us-gov", "amazonaws.com")),
        ("us-iso-east-1", ("aws-iso", "c2s.ic.gov")),
        ("us-isob-east-1", ("aws-iso-b", "sc2s.sgov.gov")),
        ("eusc-de-east-1", ("aws-eusc", "amazonaws.eu")),
    ],
)
def test_a_region_belongs_to_a_partition(region: str, partition: tuple[str, str]) -> None:
    assert REGION.fullmatch(region)
    assert partition_of(region) == partition


@pytest.mark.parametrize("text", ["mars", "eu-west", "EU-WEST-1", "eu-west-1a", ""])
def test_what_is_no_region(text: str) -> None:
    assert not REGION.fullmatch(text)


def test_an_account_has_twelve_digits() -> None:
    assert ACCOUNT.fullmatch("012345678901")
    assert not ACCOUNT.fullmatch("12345")
