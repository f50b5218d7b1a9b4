"""The types of a report are what its JSON is read back as, and each field is described."""

from __future__ import annotations

import msgspec
import pytest

from proxy.audit.formats.as_json import as_json
from proxy.audit.report import IgnoredFinding, QueryUsage, Report, ReportedFinding, RouteUsage, TrafficSummary
from tests.audit.factories import PLAIN, report


def test_the_json_of_a_report_reads_back_as_the_same_report() -> None:
    assert msgspec.json.decode(as_json(report(PLAIN)), type=Report) == report(PLAIN)


@pytest.mark.parametrize("table", [Report, TrafficSummary, ReportedFinding, IgnoredFinding, QueryUsage, RouteUsage])
def test_every_field_is_described(table: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(table):
        described = [each.description for each in field.type.__metadata__ if isinstance(each, msgspec.Meta)]
        assert described != [None], field.name
        assert described, field.name
