"""A report as JSON has one shape, and names as they came."""

from __future__ import annotations

import json

import pytest

from proxy.audit.formats.as_json import as_json
from tests.audit.factories import NAMES, PLAIN, report
from tests.check.factories import shape


@pytest.mark.parametrize("name", NAMES)
def test_json_tells_names_as_they_came(name: str) -> None:
    made = json.loads(as_json(report(name)))
    assert shape(made) == shape(json.loads(as_json(report(PLAIN))))
    assert made["findings"][0]["finding"]["route"] == name
    assert made["fanin-audit"] == 1
