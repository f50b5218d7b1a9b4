"""What the settings of fanin's log, spans and recording refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.settings.observability import LogSettings, OtlpSettings, RecordSettings


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://", "http://a b"])
def test_an_endpoint_of_spans_is_an_http_url(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        OtlpSettings(endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["", "http://collector:4318", "https://collector"])
def test_an_endpoint_of_spans_may_be_empty(endpoint: str) -> None:
    assert OtlpSettings(endpoint=endpoint).endpoint == endpoint


@pytest.mark.parametrize("values", [{"max_bytes": 9_999}, {"files": 1}, {"queue": 0}])
def test_a_recording_has_room_for_a_trace_and_an_older_file(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecordSettings(**values)


def test_traces_may_have_no_log_lines_and_warnings_always_have_some() -> None:
    assert LogSettings(traces=0).traces == 0
    with pytest.raises(ValidationError, match="warnings"):
        LogSettings(warnings=0)
