"""Which relations are shared, and who was admitted."""

from __future__ import annotations

from proxy.path.kept.sharing import ADMITTED, DIFFER, DIFFERED, LONGEST_UNSEEN, UNKNOWN, UNREAD, AccessFacts, Sharing

FACTS = AccessFacts("1", {"public.rates": "", "public.own": "policy own"})


def test_a_relation_is_shared_while_what_was_read_of_it_is_new() -> None:
    sharing = Sharing()
    assert sharing.why_not("public.rates", 0.0) == UNREAD
    assert sharing.apply(FACTS, 1.0)
    assert sharing.why_not("public.rates", 1.0 + LONGEST_UNSEEN) == ""
    assert sharing.why_not("public.rates", 1.1 + LONGEST_UNSEEN) == UNREAD
    assert not sharing.apply(FACTS, 10.0)
    assert sharing.why_not("public.rates", 11.0) == ""
    assert sharing.why_not("public.own", 11.0) == "policy own"
    assert sharing.why_not("public.other", 11.0) == UNKNOWN
    assert sharing.refused == {"public.own": "policy own", "public.other": UNKNOWN}


def test_an_identity_is_admitted_until_its_token_expires_or_it_is_to_be_asked_again() -> None:
    sharing = Sharing()
    sharing.admit(b"a", 0.0, until=5.0)
    sharing.admit(b"b", 0.0, until=float("inf"))
    assert [sharing.is_admitted(b"a", now) for now in (4.9, 5.0)] == [True, False]
    assert [sharing.is_admitted(b"b", now) for now in (ADMITTED - 1, ADMITTED)] == [True, False]
    assert not sharing.is_admitted(b"c", 0.0)
    sharing.expel(b"b")
    sharing.expel(b"c")
    assert not sharing.is_admitted(b"b", 0.0)


def test_a_change_of_any_fact_ends_all_admissions() -> None:
    for facts in (AccessFacts("2", FACTS.refusals), AccessFacts("1", {})):
        sharing = Sharing()
        sharing.apply(FACTS, 0.0)
        sharing.admit(b"a", 0.0, until=9.0)
        assert sharing.apply(facts, 1.0)
        assert not sharing.is_admitted(b"a", 1.0)


def test_a_relation_whose_answers_differed_is_not_shared_for_a_while() -> None:
    sharing = Sharing()
    sharing.apply(FACTS, 0.0)
    sharing.differ("public.rates", 0.0)
    assert sharing.why_not("public.rates", 1.0) == DIFFER
    sharing.apply(FACTS, DIFFERED)
    assert sharing.why_not("public.rates", DIFFERED) == ""
