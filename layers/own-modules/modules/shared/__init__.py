"""Modules that several functions share: ``from shared.answers import answer``."""
