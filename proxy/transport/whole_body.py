"""A message body that was read already, or that is empty.

Tests: tests/e2e/exactness/test_merged_writes.py.
"""

from collections.abc import AsyncIterator

from proxy.transport.connection import Body


class WholeBody(Body):
    """``data``, given out once in place of the body that it was read from."""

    def __init__(self, data: bytes) -> None:
        self.framing = len(data)
        self.done = not data
        self._data = data

    def ready(self) -> bytes:
        data, self._data, self.done = self._data, b"", True
        return data

    async def pieces(self) -> AsyncIterator[bytes]:
        if data := self.ready():
            yield data


NO_BODY: Body = WholeBody(b"")
"""The empty body, which most requests have: they all share it."""
