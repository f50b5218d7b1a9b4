"""Gives the parameters of embeds to the embeds that PostgREST gives them to, and puts these in its order.

A parameter belongs to the first embed of its name or alias, which then becomes the first of its level. PostgREST reads
filters, then orders, then limits, then trees of filters, each from the last to the first.

Source: PostgREST 12, ``Plan.hs`` (``addFilters``, ``updateNode``). The order in which it reads several limits is that
of a hash table, and not known: it only decides which of several embeds is joined first.
"""

from typing import TYPE_CHECKING

from proxy.postgrest.request.api_request import EmbedParam, OrderTerm
from proxy.postgrest.request.select_list import Embed, Items
from proxy.sql.expressions import UnwritableError

if TYPE_CHECKING:
    from proxy.postgrest.request.conditions import Where

KINDS = ("filter", "order", "range", "logic")
"""In the order in which PostgREST reads them."""


class EmbedNode:
    """An embed with its own parameters, and the embeds in it."""

    def __init__(self, item: Embed) -> None:
        self.item = item
        self.children = [EmbedNode(one) for one in item.items if isinstance(one, Embed)]
        self.where: list[Where] = []
        self.order: tuple[OrderTerm, ...] = ()
        self.limit: str | None = None
        self.offset: str | None = None

    def __repr__(self) -> str:
        return f"<EmbedNode {self.item.output_name}>"

    def take(self, param: EmbedParam) -> None:
        """A parameter of this embed; they come from the last to the first."""
        if param.where is not None:
            self.where.insert(0, param.where)
        elif param.kind == "order":
            self.order = param.order
        else:
            self.limit = param.limit if self.limit is None else self.limit
            self.offset = param.offset if self.offset is None else self.offset


def embed_tree(items: Items, params: tuple[EmbedParam, ...]) -> list[EmbedNode]:
    """The embeds of a select. UnwritableError for a parameter of none of them, which PostgREST rejects."""
    nodes = [EmbedNode(item) for item in items if isinstance(item, Embed)]
    for kind in KINDS:
        for param in reversed(params):
            if param.kind == kind:
                _give(param, nodes)
    return nodes


def _give(param: EmbedParam, nodes: list[EmbedNode]) -> None:
    node: EmbedNode | None = None
    for name in param.path:
        node = next((one for one in nodes if name in (one.item.relation, one.item.alias)), None)
        if node is None:
            raise UnwritableError(f"parameters of '{name}', which select does not embed: PostgREST rejects them")
        nodes.remove(node)
        nodes.insert(0, node)
        nodes = node.children
    if node is not None:
        node.take(param)
