"""A Postgres that speaks German, French, Japanese or Russian: the same is merged as where it speaks English."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.data import load
from proxy.demo.stack import Postgres, PostgREST, service_token
from proxy.observe.events import FellBack
from tests.conftest import SECRET, Stack
from tests.e2e.exactness.test_column_types import ROUNDS, TOLD, statements_of_bursts
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.unusual_types import unusual_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

LANGUAGES = {"de_DE": "existiert nicht", "fr_FR": "n'existe pas", "ja_JP": "存在しません", "ru_RU": "не существует"}
"""Locales, each with what Postgres says of an operator that does not exist."""


def translated_postgres() -> Path | None:
    """The programs of a Postgres whose messages are translated; Debian's are, those from PyPI are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    german = Path("/usr/share/locale/de/LC_MESSAGES")
    return next((path for path in found if (german / f"postgres-{path.parent.name}.mo").exists()), None)


BINARIES = translated_postgres()
NEEDS_TRANSLATIONS = pytest.mark.skipif(
    BINARIES is None or shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/de_DE").exists(),
    reason="needs a Postgres with translations, and the locales (Debian: apt-get install postgresql locales)",
)


@pytest.fixture(scope="module")
def locales() -> Iterator[Path]:
    """A folder with the locales, which Postgres' own user can read."""
    with TemporaryDirectory(prefix="fanin-locales-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for locale in LANGUAGES:
            subprocess.run(["localedef", "-i", locale, "-f", "UTF-8", folder / f"{locale}.UTF-8"], check=True)
        yield folder


@pytest.fixture(scope="module", params=LANGUAGES)
def foreign(request: pytest.FixtureRequest, locales: Path) -> Iterator[Stack]:
    """The schema ``unusual`` in a Postgres that speaks the language of the locale."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FANIN_PG_BIN", str(BINARIES))
        patch.setenv("LOCPATH", str(locales))
        with Postgres(settings={"lc_messages": f"{request.param}.UTF-8"}) as postgres:
            asyncio.run(load(postgres.dsn, 1))
            assert LANGUAGES[request.param] in asyncio.run(error_of(postgres.dsn, "select 1 where 1 -|- 'x'"))
            with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
                stack = Stack(postgres.dsn, postgrest.url, service_token(SECRET))
                with unusual_tables(stack) as made:
                    yield made


async def error_of(dsn: str, sql: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    except asyncpg.PostgresError as error:
        return str(error)
    finally:
        await connection.close()
    return ""


@NEEDS_TRANSLATIONS
async def test_types_are_understood(foreign: Stack) -> None:
    for name, literals in TOLD.items():
        requests = [get(f"/kinds?select=id&{name}=eq.{literal}&order=id") for literal in literals]
        assert await statements_of_bursts(foreign, requests) == [1] * ROUNDS, name


BAD = {
    "id=eq.{}": ("1", "2", "3", "99999999999", "4"),
    "si=eq.{}&order=id": ("1", "2", "40000", "3"),
    "bi=eq.{}&order=id": ("1", "2", "9223372036854775808", "3"),
    "u=eq.{}&order=id": ("1", "2", "3"),
    "en=eq.{}&order=id": ("sad", "glad", "mad", "so%20so"),
    "da=eq.{}&order=id": ("2024-02-27", "2024-02-29", "2024-03-01"),
}
"""Filters with literals of which one, or each, is not of the column's type."""


@NEEDS_TRANSLATIONS
@pytest.mark.parametrize("condition", BAD)
async def test_a_bad_value_costs_no_more_than_one_call(foreign: Stack, condition: str) -> None:
    requests = [get(f"/kinds?select=id&{condition.format(literal)}") for literal in BAD[condition]]
    direct = await one_by_one(foreign.url, requests)
    reasons: list[str] = []
    async with fanin(foreign.url, merge__deadline_floor=10.0) as sidecar:
        sidecar._events.subscribe(lambda event: reasons.append(event.reason) if isinstance(event, FellBack) else None)
        for _ in range(ROUNDS):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert reasons in ([], ["bad-value"]), "the value is remembered, and the others merge from then on"


@NEEDS_TRANSLATIONS
async def test_a_type_that_is_never_merged_is_not_merged(foreign: Stack) -> None:
    for name in ("rg", "rp", "qc", "ar", "ci"):
        requests = [get(f"/kinds?select=id&{name}=eq.{literal}&order=id") for literal in ("a", "A", "1", "%5B1,9)")]
        direct = await one_by_one(foreign.url, requests)
        async with fanin(foreign.url, merge__deadline_floor=10.0) as sidecar:
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            assert_all_same(requests, direct, await together(sidecar.port, requests))
