"""What AWS Lambda accepts, runs and refuses, as tables."""
