"""Mistakes that the documentation calls a `ValueError`, which also end a command in the usual way."""

from __future__ import annotations

from hca_core.errors import ArgumentError, ConfigError

__all__ = ["KeyFileError", "UsageError"]


class UsageError(ArgumentError, ValueError):
    """Arguments are wrong, or do not go together."""


class KeyFileError(ConfigError, ValueError):
    """A file of credentials is missing, or holds something else."""
