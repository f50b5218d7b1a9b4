"""Which index would help one request, for ``fanin explain``.

Tests: tests/e2e/findings/test_explain_plan.py.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from proxy.advisor.advice import Advice, AdvisedIndex
from proxy.advisor.levels import ReadLevel
from proxy.database.advise import AdvisorSettings, answer
from proxy.database.questions import AskedCalls, Question, Questions
from proxy.database.trial import CalledStatement
from proxy.schema.snapshot import Database
from proxy.sql.relationships import DeclaredSchema

if TYPE_CHECKING:
    from proxy.database.session import Connection

NAME = "the request"


async def advise_request(
    connection: "Connection",
    database: Database,
    levels: Iterable[ReadLevel],
    declared: DeclaredSchema,
    statement: CalledStatement,
    policies: bool,
) -> tuple[str, ...]:
    """The indexes that would help a request with its own values, as statements, or why there is none.

    ``levels`` are those of the request, ``statement`` is what PostgREST runs; ``policies``: whether Postgres adds any.

    DatabaseFaultError.
    """
    questions = Questions(database, declared, {}, policies)
    of = AskedCalls(NAME, 1, 1.0)
    indexes, from_filters = questions.usable(of, levels, {})
    questions.asked += [Question(of, "as sent", statement, 1.0, indexes, from_filters)] if indexes else []
    return tuple(_lines(await answer(connection, database, questions, AdvisorSettings(), 1.0)))


def _lines(advice: Advice) -> Iterator[str]:
    for one in advice.indexes:
        yield f"{one.statement};{_gain(one)}"
    if not advice.indexes:
        reasons = dict.fromkeys(
            each.reason if each.about == NAME else f"{each.reason}: {each.about}" for each in advice.none
        )
        yield from (f"none: {reason}" for reason in reasons or ("no other index could find its rows",))


def _gain(one: AdvisedIndex) -> str:
    if one.proof == "none":
        return " -- by statistics: HypoPG would prove it"
    (pair,) = one.plans
    return f" -- estimated cost {pair.before.cost:,.0f}, with it {pair.after.cost:,.0f}"
