"""Schemas of folders: which columns their tables have."""

from __future__ import annotations

import pytest

from stages.auditing.tables.schema import DIFFUSION, FaultyFile, parse_schema


def test_columns_come_in_one_order() -> None:
    schema = parse_schema("schema.yaml", "coordinates: [task]\nbeside: [n, sd]\nmarks: [bold]\n")
    assert schema.axes == ("task", "metric")
    message = "paper table row column task metric value n sd bold where source note"
    assert schema.columns == tuple(message.split())
    assert parse_schema("schema.yaml", "coordinates: [task]\n").columns == tuple(
        message.replace(" n sd bold", "").split()
    )


def test_without_a_file_they_are_those_of_the_diffusion_papers() -> None:
    message = "paper table row column dataset model sampler spacing eta fix steps metric value improvement k b"
    assert DIFFUSION.columns == (*message.split(), "where", "source", "note")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Input should be"),
        ("[1", "schema.yaml:1: not YAML"),
        ("beside: [n]", "coordinates: Field required"),
        ("coordinates: []", "coordinates: "),
        ("coordinates: [Task]", "coordinates.0: "),
        ("coordinates: [task]\nother: [n]", "other: "),
        ("coordinates: [task]\nbeside: [task]", "task: that name is already taken"),
        ("coordinates: [value]", "value: that name is already taken"),
        ("coordinates: [spread]", "spread: that name is already taken"),
        ("coordinates: [label]", "label: that name is already taken"),
        ("coordinates: [task]\nbeside: [key]", "key: that name is already taken"),
        ("coordinates: [axes, of_source]", "axes, of_source: that name is already taken"),
        ("coordinates: [class]\nmarks: bold", "marks: "),
        ("coordinates: [class]", "class: must not be a Python keyword"),
        ("coordinates: !!python/object/apply:os.system [ls]", "not YAML"),
        ("coordinates: " + "[" * 5000, "nested too deep"),
    ],
)
def test_faults_are_one_line(text: str, fault: str) -> None:
    with pytest.raises(FaultyFile) as caught:
        parse_schema("schema.yaml", text)
    assert str(caught.value).startswith("schema.yaml")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)
