"""The settings of a request, with the overrides for its relation and route; computed once, then looked up."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from proxy.postgrest.names import forms
from proxy.settings.loading import changed
from proxy.settings.model import Settings
from proxy.settings.tables import Override

T = TypeVar("T")


class ByRequest(Generic[T]):
    """The result of ``make`` per relation and route, for the settings that apply to them.

    A client can name any relation and route: only those named in overrides have an entry, so the table is bounded.
    """

    def __init__(self, settings: Settings, make: Callable[[Settings], T]) -> None:
        self._settings = settings
        self._make = make
        self._made: dict[frozenset[tuple[str, Any]], T] = {}
        self.default = self._of(())
        """The result for requests without an override."""
        schema = settings.catalog.schemas[0]
        names = {name for override in settings.override for name in forms(override.relation, schema)}
        routes = {override.route for override in settings.override}
        self._table = {
            (relation, route): self._of(
                override for override in settings.override if _holds(override, relation, route, schema)
            )
            for relation in (names | {""} if settings.override else ())
            for route in routes | {""}
        }
        self._names, self._routes = frozenset(names), frozenset(routes)

    @property
    def all(self) -> tuple[T, ...]:
        """All different results."""
        return tuple(self._made.values())

    def of(self, relation: str, route: str) -> T:
        """The result for a request; ``relation`` as in ``Query.relation``, ``route`` as in ``RequestHead.route``."""
        if not self._table:
            return self.default
        return self._table[relation if relation in self._names else "", route if route in self._routes else ""]

    def _of(self, overrides: Iterable[Override]) -> T:
        changes: dict[str, Any] = {}
        for override in overrides:
            changes |= override.changes
        key = frozenset((name, repr(value)) for name, value in changes.items())
        if key not in self._made:
            self._made[key] = self._make(changed(self._settings, changes) if changes else self._settings)
        return self._made[key]


def _holds(override: Override, relation: str, route: str, schema: str) -> bool:
    its_relation = not override.relation or relation in forms(override.relation, schema)
    return its_relation and override.route in ("", route)
