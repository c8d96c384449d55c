"""Errors that the user can correct."""

from __future__ import annotations


class InputError(Exception):
    """An error in params, files or arguments: one line that states what, where and what is allowed."""
