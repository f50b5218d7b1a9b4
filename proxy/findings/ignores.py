"""Findings that are known and left as they are: which are not told again, and which ignores have nothing to ignore."""

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
    route: str = Field("", description="What X-Fanin-Route says.")
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
    """What an ignore is for; ``name`` says which it is, and ``over`` that its last day has passed."""

    name: str
    ignore: Ignore
    over: bool
    matched: tuple[Finding, ...]


class Ignores:
    """The ignores in force. ``schema`` is the one that needs no profile; days are arguments."""

    def __init__(self, ignores: Sequence[Ignore], schema: str) -> None:
        self._ignores = ignores
        self._schema = schema
        self._matched = [False] * len(ignores)
        self._told: set[int] = set()

    def keep(self, findings: Iterable[Finding], today: dt.date) -> tuple[Finding, ...]:
        """Those that are to be told."""
        return tuple(finding for finding, ignore in self.judged(findings, today) if ignore is None)

    def judged(self, findings: Iterable[Finding], today: dt.date) -> Iterator[tuple[Finding, Ignore | None]]:
        """Each with the ignore that holds for it; None where it is to be told."""
        for finding in findings:
            yield finding, self._ignored(finding, today)

    def expired(self, today: dt.date) -> Iterator[str]:
        """Ignores whose last day has passed, each told once."""
        for number, ignore in enumerate(self._ignores):
            if _is_over(ignore, today) and number not in self._told:
                self._told.add(number)
                yield f"{_name(number, ignore)} ended on {ignore.until}: what it was for is told again"

    def idle(self, today: dt.date) -> Iterator[str]:
        """Ignores that no finding has matched, each told once."""
        for number, ignore in enumerate(self._ignores):
            if not (self._matched[number] or number in self._told or _is_over(ignore, today)):
                self._told.add(number)
                yield f"{_name(number, ignore)} has matched no finding"

    def explained(self, findings: Sequence[Finding], today: dt.date) -> Iterator[IgnoreState]:
        """Each with the findings that it names, whether it still holds for them or is over."""
        for number, ignore in enumerate(self._ignores):
            matched = tuple(finding for finding in findings if self._matches(ignore, finding))
            yield IgnoreState(_name(number, ignore), ignore, _is_over(ignore, today), matched)

    def _ignored(self, finding: Finding, today: dt.date) -> Ignore | None:
        matching = [number for number, ignore in enumerate(self._ignores) if self._matches(ignore, finding)]
        for number in matching:
            self._matched[number] = True
        holding = [self._ignores[number] for number in matching if not _is_over(self._ignores[number], today)]
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


def _is_over(ignore: Ignore, today: dt.date) -> bool:
    return ignore.until is not None and today > ignore.until


def _name(number: int, ignore: Ignore) -> str:
    """For a message: its place among the ignores, what it names, whose it is."""
    said = (ignore.finding, ignore.rule, ignore.relation, ignore.route, ignore.fingerprint)
    names = ", ".join(name for name in said if name)
    owner = f", owner {ignore.owner}" if ignore.owner else ""
    return f"ignore {number + 1} ({names}{owner})"
