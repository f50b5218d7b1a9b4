"""Reads PostgREST's OpenAPI description at start, and again after ``catalog.lifetime``.

Tests: tests/e2e/findings/test_openapi.py.
"""

import asyncio
from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.model import NOT_JSON
from proxy.observe.events import Warned
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.postgrest.openapi import read_openapi
from proxy.settings.model import Settings
from proxy.upstream.background_task import BackgroundTask
from proxy.upstream.calls import CallLabels, UpstreamContext

MAX_BYTES = 16_000_000
"""A larger description is not read."""


class OpenApiReader:
    """Calls ``on_facts`` with what each description says. It reads none if ``db_uri`` tells more."""

    def __init__(
        self, settings: Settings, context: Callable[[], UpstreamContext], on_facts: Callable[[DatabaseFacts], None]
    ) -> None:
        self._settings, self._context, self._on_facts = settings, context, on_facts
        self._task = BackgroundTask()
        self._warned = False

    def start(self) -> None:
        """Read in the background."""
        if self._settings.detect.openapi and self._settings.db_uri is None:
            self._task.start(self._run())

    async def stop(self) -> None:
        """End the reading."""
        await self._task.stop()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.timeouts.connect):
                    bodies = {schema: await self._read(schema) for schema in self._settings.catalog.schemas}
                self._on_facts(await asyncio.to_thread(read_openapi, bodies))
            except (FaultError, TimeoutError, *NOT_JSON) as error:
                self._warn(type(error).__name__)
            await asyncio.sleep(self._settings.catalog.lifetime)

    async def _read(self, schema: str) -> bytes:
        context = self._context()
        lines = [
            b"Host: " + context.client.address.authority,
            b"Accept: application/openapi+json",
            b"Accept-Profile: " + schema.encode(),
        ]
        if self._settings.openapi_token is not None:
            token = self._settings.openapi_token.get_secret_value().encode()
            lines += [b"Authorization: Bearer " + token, b"apikey: " + token]
        headers = b"".join(line + b"\r\n" for line in lines)
        request = context.request(b"GET", context.mount.mount + b"/", headers)
        async with context.call(request, CallLabels("openapi", b"GET", "", costs="FAN001")) as answer:
            body = await answer.read(MAX_BYTES)
            if answer.status != 200 or body is None:
                raise FaultError("FANIN502", f"the OpenAPI description is answered with {answer.status}")
            return body

    def _warn(self, reason: str) -> None:
        """Once: it is read again and again."""
        if not self._warned:
            self._warned = True
            what = f"PostgREST's OpenAPI description could not be read ({reason})"
            remedy = "Check openapi-mode of PostgREST, catalog.schemas, and openapi_token. Findings do without it."
            self._context().events.emit(Warned(what, remedy))
