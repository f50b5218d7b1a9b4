"""The settings of the rules: each one's level, and from where on it finds something, with why that is the default."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from proxy.settings.base import OVERRIDE, Count, Positive, Section


class Thresholds(Section):
    """From where on a rule finds something: a relation or a route may have bounds of its own."""

    model_config = ConfigDict(json_schema_extra=OVERRIDE)


class NPlusOne(Thresholds):
    min_calls: Count = Field(
        5, description="FAN001, FAN002: look-alikes in one trace. Fewer may well be as many fields of one form."
    )
    min_distinct: Count = Field(
        5, description="FAN001, FAN002: different keys among them: one row asked again and again is FAN003's."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN002: a longer wait between two look-alikes ends their loop: a timer or a person made it, and "
        "it would stay.",
    )


class NPlusOneWrite(NPlusOne):
    min_calls: Count = Field(
        5, description="FAN004: writes of one row in one trace. Fewer may well be as many things that happened."
    )
    min_distinct: Count = Field(5, description="FAN004: different keys among them, where they have keys.")
    max_pause: Positive = Field(
        0.5, description="FAN004: a longer wait between two of them ends their loop: events come so, and loops do not."
    )


class DuplicateRead(Section):
    min_calls: Annotated[int, Field(ge=2)] = Field(
        3,
        description="FAN003: equal reads in one trace with no write between them. Twice is often by design.",
        json_schema_extra=OVERRIDE,
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN003: after a longer time in which the trace asks nothing, a read is for what may have changed.",
        json_schema_extra=OVERRIDE,
    )
    rpc: tuple[str, ...] = Field(
        (),
        description="Functions whose equal GETs may share a call, as name or schema.name, beside those that db_uri's "
        "catalog knows to be stable: only those without effects.",
    )


class OversizedInList(Section):
    head_bytes: Count = Field(51_202, description="FAN005: bytes of a request head that upstream takes; PostgREST's.")
    concurrent_chunks: Count = Field(4, description="FAN005: parts of one list in flight at once.")
    concurrent_lists: Count = Field(4, description="FAN005: lists that are cut at once; more wait for their turn.")


class TruncatedRead(Thresholds):
    min_answers: Annotated[int, Field(ge=2)] = Field(
        2, description="FAN010: different reads with the same round number of rows, while max-rows is not known."
    )
    round_to: Count = Field(100, description="FAN010: row counts that are multiples of this are round.")


class ReferenceRead(Thresholds):
    min_traces: Annotated[int, Field(ge=2)] = Field(
        20, description="FAN006: traces that read it. Fewer do not show that nearly all do."
    )
    max_rows: Count = Field(100, description="FAN006: its rows. More are data, and have filters that are missing here.")


class ListToFindOne(Thresholds):
    min_rows: Annotated[int, Field(ge=2)] = Field(
        50, description="FAN007: rows of a list. Shorter ones are menus and the like, and cost little more than a row."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN007: a longer time in which nothing is asked after a list: somebody looks at it, and picks.",
    )


class PatchAndRecount(Thresholds):
    min_rounds: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN008: writes with a list after each. Twice may be a change and its correction."
    )
    max_pause: Positive = Field(
        0.5, description="FAN008: a longer wait between two rounds parts them: somebody looked at the list meanwhile."
    )


class UnboundedRead(Thresholds):
    min_rows: Count = Field(
        500, description="FAN009: rows of one answer without a limit. Half of what Supabase cuts at, so before it does."
    )


class SelectStar(Thresholds):
    min_bytes: Count = Field(
        50_000,
        description="FAN011: bytes moved without named columns in one trace. Below, nobody would notice the gain.",
    )


class DeepOffset(Thresholds):
    min_offset: Count = Field(
        1000, description="FAN012: rows skipped by one read. Below, skipping costs less than the request itself."
    )


class ExactCount(Thresholds):
    min_rows: Count = Field(
        10_000, description="FAN013: rows counted by one read. Below, counting takes about a millisecond."
    )
    min_calls: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN013: times that one trace has the same rows counted, however few."
    )


class SerialCalls(Thresholds):
    min_calls: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN014: reads in a row. Two are often a check and its use."
    )
    min_seconds: Positive = Field(
        0.02, description="FAN014: time that they would save together. Below, nobody waits for it."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN014: a longer time in which nothing is asked ends a row of reads: a timer or a person made it.",
    )


class ChattyTrace(Thresholds):
    min_queries: Count = Field(30, description="FAN015: requests of one trace. A page seldom needs more.")
    min_kinds: Count = Field(10, description="FAN015: different kinds among them. Fewer kinds are fan-outs, or loops.")
    max_seconds: Positive = Field(30.0, description="FAN015: a longer trace is a worker's or an open page's.")


class SlowQuery(Thresholds):
    p95: Positive = Field(0.5, description="FAN016: seconds that 5 of 100 requests take longer than. Users notice.")
    min_calls: Count = Field(
        5,
        description="FAN016: requests that took longer. Fewer may have met a cold cache, a new connection, or a lock.",
    )


class RuleSettings(Section):
    model_config = ConfigDict(json_schema_extra=OVERRIDE)

    fan001: Literal["off", "report", "rewrite"] = Field("rewrite", description="Level of FAN001 n-plus-one-read.")
    fan002: Literal["off", "report"] = Field("report", description="Level of FAN002 sequential-n-plus-one.")
    n_plus_one: NPlusOne = NPlusOne()
    fan003: Literal["off", "report", "rewrite"] = Field("rewrite", description="Level of FAN003 duplicate-read.")
    duplicate_read: DuplicateRead = DuplicateRead()
    fan004: Literal["off", "report"] = Field("report", description="Level of FAN004 n-plus-one-write.")
    n_plus_one_write: NPlusOneWrite = NPlusOneWrite()
    fan005: Literal["off", "report", "rewrite"] = Field("report", description="Level of FAN005 oversized-in-list.")
    oversized_in_list: OversizedInList = OversizedInList()
    fan006: Literal["off", "report"] = Field("report", description="Level of FAN006 reference-table-read.")
    reference_read: ReferenceRead = ReferenceRead()
    fan007: Literal["off", "report"] = Field("report", description="Level of FAN007 list-all-to-find-one.")
    list_to_find_one: ListToFindOne = ListToFindOne()
    fan008: Literal["off", "report"] = Field("report", description="Level of FAN008 patch-and-recount.")
    patch_and_recount: PatchAndRecount = PatchAndRecount()
    fan009: Literal["off", "report"] = Field("report", description="Level of FAN009 unbounded-read.")
    unbounded_read: UnboundedRead = UnboundedRead()
    fan010: Literal["off", "report"] = Field("report", description="Level of FAN010 truncated-read.")
    truncated_read: TruncatedRead = TruncatedRead()
    fan011: Literal["off", "report"] = Field("report", description="Level of FAN011 select-star.")
    select_star: SelectStar = SelectStar()
    fan012: Literal["off", "report"] = Field("report", description="Level of FAN012 deep-offset.")
    deep_offset: DeepOffset = DeepOffset()
    fan013: Literal["off", "report"] = Field("report", description="Level of FAN013 exact-count.")
    exact_count: ExactCount = ExactCount()
    fan014: Literal["off", "report"] = Field("report", description="Level of FAN014 serial-independent-calls.")
    serial_calls: SerialCalls = SerialCalls()
    fan015: Literal["off", "report"] = Field("report", description="Level of FAN015 chatty-trace.")
    chatty_trace: ChattyTrace = ChattyTrace()
    fan016: Literal["off", "report"] = Field("report", description="Level of FAN016 slow-query.")
    slow_query: SlowQuery = SlowQuery()

    def level(self, code: str) -> str:
        """The level of the rule ``code``; ``report`` for one that has no setting, because it can do no more."""
        return getattr(self, code.lower(), "report")
