"""Addresses are selected by the keys that had several rows, for the callers who may read them."""

from __future__ import annotations

from proxy.path.batches.addressed_keys import AddressedKeys

T, OTHER = ("public.t", ""), ("public.t", "api")


def test_a_key_that_had_several_rows_is_remembered_for_its_table() -> None:
    seen = AddressedKeys(60.0, 9)
    assert not seen.has_several(T, b"k")
    seen.record_several(T, b"k")
    assert seen.has_several(T, b"k")
    assert not seen.has_several(T, b"id")
    assert not seen.has_several(OTHER, b"k")


def test_a_refusal_is_valid_for_one_caller_and_for_some_time() -> None:
    seen = AddressedKeys(60.0, 9)
    seen.record_refusal(T, b"ann", 5.0)
    assert seen.is_refused(T, b"ann", 64.9)
    assert not seen.is_refused(T, b"bob", 64.9)
    assert not seen.is_refused(OTHER, b"ann", 64.9)
    assert not seen.is_refused(T, b"ann", 65.0)


def test_what_is_remembered_is_bounded() -> None:
    seen = AddressedKeys(60.0, 3)
    for number in range(9):
        seen.record_several(T, b"%d" % number)
        seen.record_refusal(T, b"%d" % number, 0.0)
    assert [number for number in range(9) if seen.has_several(T, b"%d" % number)] == [6, 7, 8]
    assert [number for number in range(9) if seen.is_refused(T, b"%d" % number, 1.0)] == [6, 7, 8]
