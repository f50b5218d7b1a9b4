"""Building blocks of the tables of the TOML file: base class, marks for settings, bounds for values."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

RESTART: JsonDict = {"restart": True}
"""Marks a setting, or a table, whose change needs a restart; all others change at run time (SIGHUP)."""
OVERRIDE: JsonDict = {"override": True}
"""Marks a setting, or a table, that [[override]] can set for a relation or a route."""
NO_OVERRIDE: JsonDict = {"override": False}
"""Marks a setting of such a table that [[override]] cannot set."""

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(Section):
    """Thresholds of a rule. Each rule's file has a subclass; the help text of a threshold explains its default."""

    model_config = ConfigDict(json_schema_extra=OVERRIDE)
    table: ClassVar[str]
    """Name of the table under ``rules``. Rules with the same thresholds share one class, and so one table."""
