"""A sibling is what the parser makes of the target that a client would send for it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import pytest

from proxy.path.kept.siblings import sibling, varied_keys
from tests.factories import member

if TYPE_CHECKING:
    from proxy.model import Query

TARGETS = (
    "/t?id=eq.{}",
    "/t?select=a,b&id=eq.{}&order=a.desc&limit=5",
    "/t?order=a&limit=12&id=eq.{}&select=*,u(x)&status=eq.done&u.x=gt.3",
    "/t?status=eq.{}&id=eq.7&k=in.(1,2)&order=a",
)


def read(target: str) -> Query:
    return member(target).query


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "literal", [b"5", b"123456", b"a value & more, \xc3\xa9%", b"0d1f6c1e-0000-4000-8000-00000000000a"]
)
def test_it_is_the_query_of_the_same_target_with_another_literal(target: str, literal: bytes) -> None:
    first = read(target.format("21"))
    (varied,) = [one for one in varied_keys(first, b"i") if one.literal == b"21"]
    assert sibling(first, varied.key, literal) == read(target.format(quote(literal, safe="")))


def test_look_alikes_have_one_shape_and_others_have_not() -> None:
    (one,), (two,), (other,) = (varied_keys(read(f"/t?id=eq.{text}"), b"i") for text in ("1", "22", "3&limit=1"))
    assert one.shape == two.shape
    assert one.shape != other.shape
    assert one.shape != varied_keys(read("/t?id=eq.1"), b"another")[0].shape
    head = msgspec.structs.replace(read("/t?id=eq.1"), method=b"HEAD")
    assert one.shape != varied_keys(head, b"i")[0].shape


def test_a_list_is_not_varied() -> None:
    assert not varied_keys(read("/t?id=in.(5)"), b"i")
