"""Tables of the TOML file: what a route may cost, for ``fanin check``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from proxy.settings_base import Section

Most = Annotated[int, Field(ge=0)]


class Budget(Section):
    """What one request of a route may cost."""

    route: str = Field(min_length=1, description="Value of X-Fanin-Route.")
    max_queries: Most | None = Field(
        None, description="Maximum requests to PostgREST, without retries (X-Retry-Count)."
    )
    max_upstream_calls: Most | None = Field(
        None, description="Maximum calls that fanin made to upstream for these requests."
    )
    max_rows: Most | None = Field(None, description="Maximum rows in all answers.")
    max_bytes: Most | None = Field(None, description="Maximum bytes in the bodies of all answers.")
    forbid: tuple[str, ...] = Field(
        (), description="Rules whose findings on this route fail the check, whatever --fail-on says."
    )

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if not (self.bounds or self.forbid):
            raise ValueError("sets no maximum and forbids no rule; add one, e.g. max_queries")
        return self

    @property
    def bounds(self) -> dict[str, int]:
        """The maximum of each measure that has one, by the name of the measure."""
        named = {
            "queries": self.max_queries,
            "upstream_calls": self.max_upstream_calls,
            "rows": self.max_rows,
            "bytes": self.max_bytes,
        }
        return {name: bound for name, bound in named.items() if bound is not None}


class Growth(Section):
    """The same work at two sizes on one route: its cost must not grow with the size."""

    route: str = Field("", description="Value of X-Fanin-Route; empty: any route.")
    small: str = Field(min_length=1, description="Prefix of the trace ids of the small size.")
    large: str = Field(min_length=1, description="The same for the large size.")
    by: Literal["trace", "recording"] = Field(
        "trace", description="recording: small and large are file names given to --traces, without their folders."
    )
    measure: Literal["queries", "upstream_calls"] = Field("queries", description="The measure that must not grow.")
    allow: Most = Field(0, description="Growth that is still accepted.")
