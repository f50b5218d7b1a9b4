"""What every table of the TOML file has: marks for its settings, and bounds for their values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

RESTART: JsonDict = {"restart": True}
"""Marks a setting, or a table, whose change takes a restart; all others change at run time (SIGHUP)."""
OVERRIDE: JsonDict = {"override": True}
"""Marks a setting, or a table, of which a relation or a route may have values of its own."""

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
