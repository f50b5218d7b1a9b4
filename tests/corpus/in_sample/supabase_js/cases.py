"""Recorded scenarios a little below and above the thresholds of the rules."""

from __future__ import annotations

from msgspec.structs import replace

from tests.corpus.variations import (
    Case,
    alike,
    all_with,
    apart,
    first,
    lasting,
    mixed,
    pages,
    rows,
    same_values,
    unanswered,
)

LIST, LOOP, FORM = (
    "a list that asks for each row in parallel",
    "payment export in a loop",
    "deliveries updated in a loop",
)
USER, POSTS = "the same user in middleware, layout and page", "applications inserted in a loop"
TABLES, ALL = "dashboards that read the reference tables", "all creators to find one"
REVIEW, PENDING = "bulk review", "pending videos with all columns"
CHATTY, SERIAL, SLOW = "a chatty dashboard", "reference tables one after another", "a report that takes long"

CASES = (
    Case(LIST, "four look-alikes", alike(4), "FAN001", False),
    Case(LIST, "five look-alikes", alike(5), "FAN001", True),
    Case(LIST, "four keys", same_values(4), "FAN001", False),
    Case(LIST, "five keys", same_values(5), "FAN001", True),
    Case(LIST, "one after another", apart(0.001), "FAN001", False),
    Case(LIST, "one after another", apart(0.001), "FAN002", True),
    Case(LIST, "retries", unanswered(), "FAN001", False),
    Case(LIST, "mixed", mixed(), "FAN001", False),
    Case(LOOP, "four look-alikes", alike(4), "FAN002", False),
    Case(LOOP, "five look-alikes", alike(5), "FAN002", True),
    Case(LOOP, "70 ms between them", apart(0.07), "FAN002", True),
    Case(LOOP, "0.4 s between them, in the order of a list", apart(0.4), "FAN002", True),
    Case(LOOP, "0.6 s between them", apart(0.6), "FAN002", False),
    Case(LOOP, "runs of four, 0.9 s between them", apart(0.9, of=4), "FAN002", False),
    Case(USER, "twice", alike(2), "FAN003", False),
    Case(USER, "30 ms apart, not quite evenly", apart(0.03, of=2), "FAN003", True),
    Case(USER, "every 80 ms", apart(0.08), "FAN003", True),
    Case(USER, "every 0.25 s", apart(0.25), "FAN003", False),
    Case(USER, "every 0.6 s", apart(0.6), "FAN003", False),
    Case(USER, "not found", all_with(status=404), "FAN003", False),
    Case(FORM, "four look-alikes", alike(4), "FAN004", False),
    Case(FORM, "five look-alikes", alike(5), "FAN004", True),
    Case(FORM, "70 ms between them", apart(0.07), "FAN004", True),
    Case(FORM, "90 ms between them", apart(0.09), "FAN004", False),
    Case(POSTS, "four of them", alike(4), "FAN004", False),
    Case(POSTS, "five of them", alike(5), "FAN004", True),
    Case(POSTS, "90 ms between them", apart(0.09), "FAN004", False),
    Case(POSTS, "refused", all_with(status=409), "FAN004", False),
    Case("a list of fifteen hundred ids in the URL", "taken", all_with(status=200), "FAN005", True),
    Case(
        "a list of fifteen hundred ids in the URL",
        "taken, and short enough for clients",
        all_with(status=200, head_size=16_384),
        "FAN005",
        False,
    ),
    Case("a list of fifteen hundred ids in the URL", "too long by status", all_with(status=414), "FAN005", True),
    Case(TABLES, "19 traces", pages(19), "FAN006", False),
    Case(TABLES, "20 traces", pages(20), "FAN006", True),
    Case(ALL, "49 rows", rows(49), "FAN007", False),
    Case(ALL, "50 rows", rows(50), "FAN007", True),
    Case(ALL, "0.4 s between them", apart(0.4), "FAN007", True),
    Case(ALL, "0.6 s between them", apart(0.6), "FAN007", False),
    Case(ALL, "a trace that was cut off", lambda traces: [replace(t, truncated=True) for t in traces], "FAN007", False),
    Case(REVIEW, "two rounds", first(8), "FAN008", False),
    Case(REVIEW, "three rounds", first(11), "FAN008", True),
    Case(PENDING, "499 rows", rows(499), "FAN009", False),
    Case(PENDING, "500 rows", rows(500), "FAN009", True),
    Case("all videos of a status, cut at a thousand", "not cut", rows(999), "FAN010", False),
    Case(PENDING, "49,999 bytes", all_with(size=49_999), "FAN011", False),
    Case(PENDING, "50,000 bytes", all_with(size=50_000), "FAN011", True),
    Case("videos by deep offset", "offset 999", all_with(offset=999), "FAN012", False),
    Case("videos by deep offset", "offset 1,000", all_with(offset=1000), "FAN012", True),
    Case("a pager that counts each time", "9,999, once", lambda t: first(1)(all_with(total=9_999)(t)), "FAN013", False),
    Case(
        "a pager that counts each time", "10,000, once", lambda t: first(1)(all_with(total=10_000)(t)), "FAN013", True
    ),
    Case("a small pager that counts each time", "twice", first(2), "FAN013", False),
    Case(SERIAL, "two", first(2), "FAN014", False),
    Case(SERIAL, "9 ms each", lasting(0.009), "FAN014", False),
    Case(SERIAL, "11 ms each", lasting(0.011), "FAN014", True),
    Case(SERIAL, "0.4 s between them", apart(0.4), "FAN014", True),
    Case(SERIAL, "0.6 s between them", apart(0.6), "FAN014", False),
    Case(CHATTY, "29 requests", first(29), "FAN015", False),
    Case(CHATTY, "30 requests", first(30), "FAN015", True),
    Case(CHATTY, "longer than 30 s", apart(1.0), "FAN015", False),
    Case(SLOW, "four times", pages(4), "FAN016", False),
    Case(SLOW, "five times", pages(5), "FAN016", True),
    Case(SLOW, "0.3 s each", lasting(0.3), "FAN016", False),
    Case(SLOW, "two of six quick", lambda t: [*lasting(0.01)(t[:2]), *t[2:]], "FAN016", False),
)
