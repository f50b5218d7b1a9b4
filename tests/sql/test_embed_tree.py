"""A parameter goes to the embed that PostgREST gives it to, which then comes first."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.embed_tree import EmbedNode, embed_tree
from proxy.sql.expressions import UnwritableError


def tree(target: str) -> list[EmbedNode]:
    request = read_api_request(b"GET", target.encode(), b"", "", (), b"")
    assert request is not None
    return embed_tree(request.items, request.embed_params)


def names(nodes: list[EmbedNode]) -> list[str]:
    return [node.item.output_name for node in nodes]


def test_without_parameters_the_embeds_keep_their_order() -> None:
    assert names(tree("/t?select=a(id),b(id),c(id)")) == ["a", "b", "c"]


def test_the_embed_of_the_first_filter_comes_first_and_those_with_trees_before_it() -> None:
    assert names(tree("/t?select=a(id),b(id),c(id)&c.x=eq.1&b.y=eq.2")) == ["c", "b", "a"]
    assert names(tree("/t?select=a(id),b(id),c(id)&c.x=eq.1&b.or=(y.eq.2)&a.order=id")) == ["b", "a", "c"]


def test_a_name_means_the_first_embed_of_that_name_or_alias() -> None:
    first, second = tree("/t?select=x:kid(id),kid(id)&kid.a=eq.1")
    assert (len(first.where), len(second.where)) == (1, 0)
    assert first.item.alias == "x"


def test_the_first_order_and_the_last_limit_count() -> None:
    (node,) = tree("/t?select=a(id)&a.order=x&a.order=y&a.limit=1&a.limit=2&a.offset=3&a.p=eq.1&a.q=eq.2")
    assert [term.field.name for term in node.order] == ["x"]
    assert (node.limit, node.offset) == ("2", "3")
    assert [str(getattr(where, "field", "")) for where in node.where] == ["p", "q"]


def test_a_parameter_goes_down_its_path() -> None:
    (node,) = tree("/t?select=a(id,b(id))&a.b.x=eq.1")
    assert not node.where
    assert len(node.children[0].where) == 1
    assert repr(node) == "<EmbedNode a>"


def test_a_parameter_of_no_embed_is_named() -> None:
    with pytest.raises(UnwritableError, match="'b'"):
        tree("/t?select=a(id)&a.b.x=eq.1")
