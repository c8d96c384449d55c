"""Damages to files, drawn from a seed: what disks, copies and hands do to them."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from stages.store.files import read_json, write_json


def flip(content: bytes, random: Random) -> bytes:
    position = random.randrange(len(content))
    return content[:position] + bytes([content[position] ^ 1 << random.randrange(8)]) + content[position + 1 :]


def zeros(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content))
    end = min(len(content), start + random.choice([8, 64, 512]))
    return content[:start] + bytes(end - start) + content[end:]


def cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))]


def insert(content: bytes, random: Random) -> bytes:
    position = random.randrange(len(content))
    return content[:position] + random.randbytes(random.randrange(1, 20)) + content[position:]


def empty(content: bytes, random: Random) -> bytes:
    return b""


def noise(content: bytes, random: Random) -> bytes:
    return random.randbytes(len(content))


def swapped(content: bytes, random: Random) -> bytes:
    half = len(content) // 2
    return content[half:] + content[:half]


BYTES = (flip, flip, flip, zeros, zeros, cut, cut, insert, empty, noise, swapped)


def damage_bytes(path: Path, random: Random) -> str:
    """Damage a file in place; return how."""
    kind = random.choice(BYTES)
    path.write_bytes(kind(path.read_bytes(), random))
    return kind.__name__


def damage_record(path: Path, random: Random) -> str:
    """Change a record in place as a hand or another version of the program would; return how.

    Without its digest made again it is edited; with it, it is a whole file of another kind.
    """
    content = read_json(path)
    places = list(_places(content))
    parent, key = random.choice(places)
    kind = random.choice(["removed", "text", "list", "null", "number"])
    before = parent[key]
    if kind == "removed":
        del parent[key]
    else:
        parent[key] = {"text": "x", "list": [parent[key]], "null": None, "number": random.choice([-1, 1e9, 0.5])}[kind]
    # Another number or text, or one less in a list, with the digest made again is a forgery, which nothing could tell.
    forged = kind == "number" or isinstance(parent, list) or (kind == "text" and isinstance(before, str))
    if forged or random.random() < 0.5:
        path.write_text(json.dumps({**content, "digest": "0" * 64}))
        return f"edited: {kind}"
    write_json(path, content)
    return f"of another kind: {kind}"


def _places(content: Any) -> Any:
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)
