"""``[[ignore]]`` tables of the settings: which findings they suppress, which expired, which match nothing."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec
from pydantic import Field, model_validator

from proxy.findings.model import Finding
from proxy.postgrest.names import forms
from proxy.settings_base import Section


class Ignore(Section):
    """A finding that is known. What is named here must all be the finding's."""

    finding: str = Field("", description="The finding's own key, which it prints after 'Mute with'.")
    rule: str = Field("", description="The rule's code, e.g. FAN001.")
    relation: str = Field("", description="The table or view: name, or schema.name.")
    route: str = Field("", description="Value of X-Fanin-Route.")
    fingerprint: str = Field("", description="The query without its values, as findings and traces show it.")
    reason: str = Field(pattern=r"\S", description="Why it is left as it is.")
    owner: str = Field("", description="Who answers for it.")
    until: dt.date | None = Field(None, description="The last day on which it holds.")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.finding or self.rule or self.relation or self.route or self.fingerprint):
            raise ValueError("names no finding, rule, relation, route or fingerprint")
        return self


class IgnoreState(msgspec.Struct, frozen=True):
    """An ignore with its display ``name``, whether it has expired, and the findings that it matches."""

    name: str
    ignore: Ignore
    expired: bool
    matched: tuple[Finding, ...]


class Ignores:
    """The configured ignores. ``schema`` is the default schema (no profile header); callers pass today's date."""

    def __init__(self, ignores: Sequence[Ignore], schema: str) -> None:
        self._ignores = ignores
        self._schema = schema
        self._matched = [False] * len(ignores)
        self._reported: set[int] = set()

    def not_ignored(self, findings: Iterable[Finding], today: dt.date) -> tuple[Finding, ...]:
        """The findings that are not ignored."""
        return tuple(finding for finding, ignore in self.with_ignore(findings, today) if ignore is None)

    def with_ignore(self, findings: Iterable[Finding], today: dt.date) -> Iterator[tuple[Finding, Ignore | None]]:
        """Each finding with the ignore that suppresses it, or None."""
        for finding in findings:
            yield finding, self._find_ignore(finding, today)

    def expired(self, today: dt.date) -> Iterator[str]:
        """A message per ignore whose last day has passed; each ignore has at most one message in its lifetime."""
        for number, ignore in enumerate(self._ignores):
            if _is_expired(ignore, today) and number not in self._reported:
                self._reported.add(number)
                yield f"{_display_name(number, ignore)} expired on {ignore.until}: its findings are reported again"

    def unmatched(self, today: dt.date) -> Iterator[str]:
        """A message per ignore that has matched no finding; each ignore has at most one message in its lifetime."""
        for number, ignore in enumerate(self._ignores):
            if not (self._matched[number] or number in self._reported or _is_expired(ignore, today)):
                self._reported.add(number)
                yield _unmatched(number, ignore)

    def named(self, message: str) -> Ignore | None:
        """The ignore that a message of ``unmatched`` is about."""
        return next((one for number, one in enumerate(self._ignores) if _unmatched(number, one) == message), None)

    def states(self, findings: Sequence[Finding], today: dt.date) -> Iterator[IgnoreState]:
        """Each ignore with the findings that it matches, whether or not it has expired."""
        for number, ignore in enumerate(self._ignores):
            matched = tuple(finding for finding in findings if self._matches(ignore, finding))
            yield IgnoreState(_display_name(number, ignore), ignore, _is_expired(ignore, today), matched)

    def _find_ignore(self, finding: Finding, today: dt.date) -> Ignore | None:
        matching = [number for number, ignore in enumerate(self._ignores) if self._matches(ignore, finding)]
        for number in matching:
            self._matched[number] = True
        holding = [self._ignores[number] for number in matching if not _is_expired(self._ignores[number], today)]
        return holding[0] if holding else None

    def _matches(self, ignore: Ignore, finding: Finding) -> bool:
        names = forms(finding.relation, self._schema)
        named = (
            (ignore.finding, {finding.key, *(finding.key_for(name) for name in names)}),
            (ignore.rule, {finding.code}),
            (ignore.relation, names),
            (ignore.route, {finding.route}),
            (ignore.fingerprint, {finding.fingerprint}),
        )
        return all(name in values for name, values in named if name)


def _is_expired(ignore: Ignore, today: dt.date) -> bool:
    return ignore.until is not None and today > ignore.until


def _unmatched(number: int, ignore: Ignore) -> str:
    return f"{_display_name(number, ignore)} has matched no finding"


def _display_name(number: int, ignore: Ignore) -> str:
    """Name for messages: the number of the ignore, the names that it matches, its owner."""
    fields = (ignore.finding, ignore.rule, ignore.relation, ignore.route, ignore.fingerprint)
    names = ", ".join(name for name in fields if name)
    owner = f", owner {ignore.owner}" if ignore.owner else ""
    return f"ignore {number + 1} ({names}{owner})"
