"""What the tables of the TOML file are made of: their base, marks for settings, bounds for values.

Tests: tests/settings/test_model.py, tests/settings/test_rules.py.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

RESTART: JsonDict = {"restart": True}
"""Marks a setting, or a table, whose change takes a restart; all others change at run time (SIGHUP)."""
OVERRIDE: JsonDict = {"override": True}
"""Marks a setting, or a table, of which a relation or a route may have values of its own."""
NO_OVERRIDE: JsonDict = {"override": False}
"""Marks a setting of such a table that is nevertheless the same for all requests."""

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(Section):
    """From where on a rule finds something. Each rule's file has a subclass; the help text of a threshold says why its
    default is the default.
    """

    model_config = ConfigDict(json_schema_extra=OVERRIDE)
    table: ClassVar[str]
    """The table's name below ``rules``. Rules with the same thresholds share one class, and so one table."""
