"""Fixtures that more than one test file needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest

from proxy.demo.data import load
from proxy.demo.stack import Postgres, PostgREST, service_token

if TYPE_CHECKING:
    from collections.abc import Iterator

# A timing is never an assertion: other work on the machine would make tests fail.
hypothesis.settings.register_profile("fanin", deadline=None)
hypothesis.settings.load_profile("fanin")

CREATORS = 100
SECRET = "a secret that only the tests know, long enough"


class Stack(NamedTuple):
    """A running Postgres (superuser's `dsn`) and PostgREST (`url`, no slash at the end)."""

    dsn: str
    url: str
    token: str  # a JWT of the service role


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One RetroMuscle of 100 creators for the whole run: tests must leave its rows as they were."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            yield Stack(postgres.dsn, postgrest.url, service_token(SECRET))
