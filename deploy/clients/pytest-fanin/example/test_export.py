"""An example of a test suite. The application under test is the two functions here."""

import json
import os
from urllib.request import Request, urlopen

AUTHORIZATION = {"Authorization": f"Bearer {os.environ['EXAMPLE_TOKEN']}"}


def ask(url, headers):
    """Send one request to PostgREST."""
    with urlopen(Request(url, headers={**AUTHORIZATION, **headers})) as answer:  # noqa: S310
        return json.load(answer)


def export(base, headers, size):
    """Creators with their payout profiles, in two queries."""
    creators = ask(f"{base}/creators?select=id&order=id&limit={size}", headers)
    ids = ",".join(str(creator["id"]) for creator in creators)
    return ask(f"{base}/creator_payout_profiles?select=*&creator_id=in.({ids})", headers)


def export_row_by_row(base, headers, size):
    """The same rows, with one query per creator."""
    creators = ask(f"{base}/creators?select=id&order=id&limit={size}", headers)
    return [
        ask(f"{base}/creator_payout_profiles?select=*&creator_id=eq.{creator['id']}", headers) for creator in creators
    ]


def test_the_export_keeps_its_budget(fanin):
    """It makes two queries, whatever its size."""
    with fanin.trace("export") as t:
        assert export(fanin.url, t.headers, 20)
    assert t.queries <= 3
    t.assert_no("FAN001", "FAN002")


def test_the_export_does_not_grow(fanin):
    """It makes as many queries for 20 creators as for 2."""
    counts = []
    for size in (2, 20):
        with fanin.trace("export", prefix=f"export-{size}-") as t:
            export(fanin.url, t.headers, size)
        counts.append(t.queries)
    assert counts[0] == counts[1] == 2


def test_an_export_row_by_row_is_found(fanin):
    """An N+1 is a finding."""
    with fanin.trace("export") as t:
        export_row_by_row(fanin.url, t.headers, 20)
    assert t.queries == 21
    assert {finding["code"] for finding in t.findings} >= {"FAN002"}
