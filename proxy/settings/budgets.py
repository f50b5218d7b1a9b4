"""Tables of the TOML file, as in ``tables``: what a route may cost, for ``fanin check``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from proxy.settings_base import Section

Most = Annotated[int, Field(ge=0)]


class Budget(Section):
    """What one request of a route may cost."""

    route: str = Field(min_length=1, description="What X-Fanin-Route says.")
    max_queries: Most | None = Field(None, description="Requests to PostgREST, repeated ones (X-Retry-Count) left out.")
    max_upstream_calls: Most | None = Field(None, description="Calls that fanin made for them.")
    max_rows: Most | None = Field(None, description="Rows in all answers.")
    max_bytes: Most | None = Field(None, description="Bytes of all answers' bodies.")
    forbid: tuple[str, ...] = Field((), description="Rules that may find nothing there, whatever --fail-on says.")

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if not (self.bounds or self.forbid):
            raise ValueError("bounds nothing and forbids nothing")
        return self

    @property
    def bounds(self) -> dict[str, int]:
        """What is bounded, by the name of its measure."""
        named = {
            "queries": self.max_queries,
            "upstream_calls": self.max_upstream_calls,
            "rows": self.max_rows,
            "bytes": self.max_bytes,
        }
        return {name: bound for name, bound in named.items() if bound is not None}


class Growth(Section):
    """One route at two sizes of the same work: what it costs must not grow with the size."""

    route: str = Field("", description="What X-Fanin-Route says; empty: any.")
    small: str = Field(min_length=1, description="How the ids of the traces of the small size begin.")
    large: str = Field(min_length=1, description="The same for the large size.")
    by: Literal["trace", "recording"] = Field(
        "trace", description="recording: small and large are names of files given to --traces, without their folders."
    )
    measure: Literal["queries", "upstream_calls"] = Field("queries", description="What must not grow.")
    allow: Most = Field(0, description="By how many it may grow all the same.")
