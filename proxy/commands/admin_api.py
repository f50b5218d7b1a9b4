"""Reads the API of a running fanin on its admin port.

Tests: tests/e2e/pages/test_not_merged.py, tests/e2e/pages/test_top.py.
"""

import json
from typing import Any
from urllib.error import HTTPError, URLError

from proxy.recording.admin_client import open_admin

TIMEOUT = 5.0
"""Seconds to wait for an answer of the admin port."""


class AdminPortError(Exception):
    """The admin port cannot be read; the message says why and what to do."""


def read_api(admin: str, token: str | None, path: str, member: str, body: bytes | None = None) -> Any:
    """A member of the JSON object at ``path``, to which ``body`` is posted unless it is None; raises
    AdminPortError, ConfigError.
    """
    try:
        with open_admin(admin, path, token, TIMEOUT, body) as answer:
            return json.load(answer)[member]
    except HTTPError as error:
        remedy = "pass the token with --token or FANIN_ADMIN_TOKEN" if error.code in (401, 403) else "is it a fanin?"
        raise AdminPortError(f"{admin} answers {error.code}: {remedy}") from error
    except (OSError, URLError, ValueError, KeyError, TypeError) as error:
        kind = type(error).__name__
        raise AdminPortError(f"{admin} cannot be read ({kind}): is it the admin port of a fanin?") from error
