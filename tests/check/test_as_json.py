"""A verdict as JSON has one shape, and names as they came."""

from __future__ import annotations

import json

import pytest

from proxy.check.as_json import as_json
from tests.check.factories import NAMES, PLAIN, shape, verdict_about


@pytest.mark.parametrize("name", NAMES)
def test_json_tells_names_as_they_came(name: str) -> None:
    made = json.loads(as_json(verdict_about(name)))
    assert shape(made) == shape(json.loads(as_json(verdict_about(PLAIN))))
    assert made["checks"][0]["problems"][0]["route"] == name
    assert made["failed"] is True
