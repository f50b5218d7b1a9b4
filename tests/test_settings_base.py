"""A table of the TOML file takes no unknown setting, and does not change once it is made."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from proxy.settings_base import Count, Positive, Section


class Table(Section):
    count: Count = 1
    seconds: Positive = Field(1.0)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Table.model_validate({"counts": 1})


def test_a_table_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Table(), "count", 2)  # noqa: B010 – mypy knows that it cannot be set


@pytest.mark.parametrize("values", [{"count": 0}, {"count": 1.5}, {"seconds": 0}, {"seconds": -1}])
def test_a_value_outside_of_its_bounds_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Table.model_validate(values)
