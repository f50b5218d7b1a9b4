"""The page about recordings has every field of a line, and what a field that is missing means."""

from __future__ import annotations

import msgspec
import pytest

from proxy.recording.schema import CURRENT_FORMAT, Literal, RecordedSpan, RecordedTrace, RecordingHead
from proxy.reference.recording_page import recording

PAGE = "\n".join(recording())


@pytest.mark.parametrize("kind", [RecordingHead, RecordedTrace, RecordedSpan, Literal])
def test_every_field_has_a_row(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        assert f"| `{field.encode_name}` |" in PAGE, field.name


def test_it_says_what_a_field_that_is_missing_means() -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `shared` |")]
    assert row.rstrip(" |").endswith("`1`")


def test_it_says_which_format_it_describes() -> None:
    assert f"This is format {CURRENT_FORMAT}." in PAGE
