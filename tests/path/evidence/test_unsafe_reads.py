"""Which queries meet a hazard of the catalog."""

from __future__ import annotations

import pytest

from proxy.path.evidence.unsafe_reads import UnsafeReads
from proxy.postgrest.hazards import Hazard, Hazards
from tests.factories import member

VIEW, FAR, TOKEN = Hazard("volatile-view", "v"), Hazard("foreign-table", "f"), Hazard("volatile-column", "t")
HAZARDS = Hazards(
    {"public.ticket": VIEW, "public.far": FAR, "other.hidden": FAR, "public.far off": FAR},
    {"public.base": {"token": TOKEN}},
    {"far_id": FAR},
)


def reason(target: str, lines: str = "Host: h", hazards: Hazards = HAZARDS) -> str:
    reads, request = UnsafeReads("public", 10), member(target, lines)
    reads.apply(hazards)
    found = reads.hazard_of(request.query, request.head.accept_profile)
    assert found == reads.hazard_of(request.query, request.head.accept_profile)
    return found.reason if found else ""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/ticket?id=eq.1", "volatile-view"),
        ("/far", "foreign-table"),
        ("/base?id=eq.1", ""),
        ("/base?select=id,token", "volatile-column"),
        ("/base?select=id,token_count,tokens", ""),
        ("/base?select=t:token&id=eq.1", "volatile-column"),
        ("/base?order=token.desc", "volatile-column"),
        ("/base?token=is.null", "volatile-column"),
        ("/base?title=eq.token", ""),
        ("/base?select=id,%74oken", "volatile-column"),
        ("/kid?select=token", ""),
        ("/kid?select=id,base(token)", "volatile-column"),
        ("/kid?select=id,base(id)", ""),
        ("/kid?select=id,ticket", ""),
        ("/kid?select=id,ticket(*)", "volatile-view"),
        ("/kid?select=id,...ticket(token)", "volatile-view"),
        ("/kid?select=id,a:b!ticket(id)", "volatile-view"),
        ("/kid?select=id,x:far_id(id)", "foreign-table"),
        ("/kid?select=id,far_id+(id)", "foreign-table"),
        ("/kid?select=id,...far_id!inner(id)", "foreign-table"),
        ("/kid?select=id,base!far_id(id)", "foreign-table"),
        ("/kid?select=id,base!inner!far_id(id)", "foreign-table"),
        ("/kid?select=id,far_id,base(id)&far_id=eq.1", ""),
        ("/kid?select=id,base(id,far_id)&or=(far_id.eq.1,id.eq.2)&order=far_id", ""),
        ("/kid?select=id,ticket:base(id)&ticket.id=eq.1", ""),
        ("/kid?select=id,base(kids(far(id)))", "foreign-table"),
        ("/kid?select=id,hidden(id)", ""),
        ("/kid?select=id,%22far%20off%22(id)", "foreign-table"),
        ("/rpc/f?select=id,ticket(*)", "volatile-view"),
        ("/rpc/f?select=id", ""),
    ],
)
def test_a_query_meets_the_hazards_of_what_it_names(target: str, expected: str) -> None:
    assert reason(target) == expected


def test_names_are_those_of_the_schema_that_the_profile_names() -> None:
    assert reason("/kid?select=hidden(id)", "Host: h\nAccept-Profile: other") == "foreign-table"
    assert reason("/hidden?id=eq.1", "Host: h\nAccept-Profile: other") == "foreign-table"


def test_without_a_hazard_no_query_meets_one() -> None:
    assert reason("/ticket?select=far(token)", hazards=Hazards()) == ""


def test_only_what_may_differ_each_time_is_not_shared() -> None:
    assert [hazard.may_share for hazard in (VIEW, FAR, TOKEN)] == [False, True, False]
    assert [Hazard(reason, "").may_share for reason in ("volatile-policy", "rules", "security-barrier")] == [
        False,
        True,
        True,
    ]


def test_the_queries_remembered_are_bounded() -> None:
    reads = UnsafeReads("public", 2)
    reads.apply(HAZARDS)
    for name in "abcdefg":
        reads.hazard_of(member(f"/{name}?id=eq.1").query, "")
    assert len(reads._known) <= 2
