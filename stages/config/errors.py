"""Faults of the inputs."""

from __future__ import annotations


class InputError(Exception):
    """A fault of the inputs, for the user: one line naming what, where and what is allowed."""
