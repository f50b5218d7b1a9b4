"""The environment variables in which applications expect the URL of Supabase or PostgREST."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

SUPABASE = (
    "SUPABASE_URL",
    "NEXT_PUBLIC_SUPABASE_URL",
    "VITE_SUPABASE_URL",
    "PUBLIC_SUPABASE_URL",
    "NUXT_PUBLIC_SUPABASE_URL",
    "EXPO_PUBLIC_SUPABASE_URL",
    "REACT_APP_SUPABASE_URL",
    "SUPABASE_PUBLIC_URL",
)
"""URL of a Supabase project, to which its clients append /rest/v1: Python and Node, Next.js, Vite, SvelteKit and Astro,
Nuxt, Expo, Create React App, Supabase's own containers."""
POSTGREST = ("POSTGREST_URL", "NEXT_PUBLIC_POSTGREST_URL", "VITE_POSTGREST_URL", "SUPABASE_REST_URL")
"""URL of PostgREST itself."""
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
UNPROXIED = ("no_proxy", "NO_PROXY")
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0"))  # noqa: S104 – compared, not bound
PORTS = {"http": 80, "https": 443}


class RequestedVariable(msgspec.Struct, frozen=True):
    """A variable of ``--env NAME`` or ``--env NAME=/path``; ``path`` is what follows the sidecar's address."""

    name: str
    path: str | None = None


class SidecarPlace(msgspec.Struct, frozen=True):
    """Where the sidecar is, and what it serves."""

    address: str
    """``http://HOST:PORT`` of the sidecar."""
    mount: str
    """PostgREST's path there, without a trailing slash."""
    upstream: str
    """URL of upstream."""
    base: str
    """PostgREST's path upstream, without a trailing slash."""


class CommandVariables(msgspec.Struct, frozen=True):
    """The variables to set for the command, and those that name another server and stay as they are."""

    changed: dict[str, str]
    kept: tuple[str, ...]


def find_upstream(environment: Mapping[str, str], requested: Sequence[RequestedVariable]) -> tuple[str, str] | None:
    """The first variable that has a URL, and the URL; ``requested`` ones come first. None if there is none."""
    for name in _names(requested):
        value = environment.get(name, "").strip()
        if _is_url(value):
            return name, value
    return None


def variables(
    environment: Mapping[str, str], requested: Sequence[RequestedVariable], place: SidecarPlace, is_chosen: bool
) -> CommandVariables:
    """The variables for the command. One that names the upstream keeps its path.

    Unless the user has chosen the upstream (``is_chosen``), one with the URL of another server is kept: its requests
    would go to another database.
    """
    changed, kept = {}, []
    paths = {one.name: one.path for one in requested}
    for name in _names(requested):
        value, path = environment.get(name, "").strip(), paths.get(name)
        if path is not None:
            changed[name] = place.address + path
        elif _is_url(value) and _same_server(value, place.upstream):
            changed[name] = place.address + _translated(value, place)
        elif _is_url(value) and not is_chosen and name not in paths:
            kept.append(name)
        else:
            changed[name] = place.address + (place.mount if name in POSTGREST else "")
    if any(environment.get(name) for name in PROXIES):
        changed |= {name: _with_loopback(environment.get(name, "")) for name in UNPROXIED}
    return CommandVariables(changed, tuple(kept))


def _names(requested: Sequence[RequestedVariable]) -> Iterator[str]:
    yield from dict.fromkeys((*(one.name for one in requested), *SUPABASE, *POSTGREST))


def _is_url(value: str) -> bool:
    try:
        return urlsplit(value).scheme in PORTS and bool(urlsplit(value).hostname)
    except ValueError:
        return False


def _same_server(value: str, upstream: str) -> bool:
    return _is_url(upstream) and _server(value) == _server(upstream)


def _server(url: str) -> tuple[str, int]:
    """Host and port; all names of this machine are one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    host = parts.hostname or ""
    return "localhost" if host in LOOPBACK else host, port or PORTS[parts.scheme]


def _translated(value: str, place: SidecarPlace) -> str:
    """The path of ``value`` upstream as a path of the sidecar, where the mount replaces the base."""
    path = urlsplit(value).path
    under = path.startswith(place.base) and path[len(place.base) : len(place.base) + 1] in ("/", "")
    return place.mount + path[len(place.base) :] if under else path


def _with_loopback(hosts: str) -> str:
    return ",".join(filter(None, (hosts, "127.0.0.1")))
