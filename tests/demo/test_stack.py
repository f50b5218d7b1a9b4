"""Tokens of the service role, and a count of statements that is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.stack import (
    reset,
    service_token,
    statements,
)
from tests.demo.processes import get

if TYPE_CHECKING:
    from tests.conftest import Stack


pytestmark = pytest.mark.stack


async def test_each_request_counts_one_statement(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await reset(connection)
        assert await statements(connection) == 0
        for n in range(1, 8):
            get(stack, f"/creators?select=id,monthly_tracking(id)&limit={n}")
            assert await statements(connection) == n
    finally:
        await connection.close()


def test_claims_are_added_to_the_token() -> None:
    # The signature is openssl's: dgst -sha256 -hmac secret
    assert service_token("secret", {"sub": "1"}) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJyb2xlIjoic2VydmljZV9yb2xlIiwic3ViIjoiMSJ9."
        "12ftB586e-4sTGW8ZK5mR6OiGWC_Xuhzgc8FDPyuu4s"
    )
