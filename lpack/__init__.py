"""lpack builds AWS Lambda deployment artifacts."""

__version__ = "0.1.0"
