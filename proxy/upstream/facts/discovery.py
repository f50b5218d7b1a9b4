"""Finds out at start what upstream is: under which path PostgREST is, and which gateway is in front of it."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import first_value
from proxy.observe.events import Warned
from proxy.postgrest.response.gateway import POSTGREST, PROFILES, SUPABASE, Gateway
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.transport.address import parse_address, split_listen
from proxy.upstream.client import Upstream
from proxy.upstream.messages import UpstreamRequest

SUPABASE_MOUNT = "/rest/v1"
UNREACHABLE = frozenset((502, 503, 504))
"""Statuses of a gateway that cannot reach PostgREST, or not yet."""
SUPABASE_NAMES = (".supabase.co", ".supabase.in", ".supabase.net")


class Discovered(msgspec.Struct, frozen=True):
    """``mount``: PostgREST's path for clients. ``base``: its path upstream. ``gateway``: the gateway in front of it."""

    mount: str
    base: bytes
    gateway: Gateway
    failure: FaultError | None = None
    """Why upstream could not be asked. Then the other fields are those of a PostgREST without a gateway."""
    is_certain: bool = True
    """Whether the settings decide, or PostgREST or Supabase answered; else the same fields as with a failure."""


def known_mount(settings: Settings) -> str | None:
    """PostgREST's path for clients, by the settings; None if upstream would have to be asked."""
    address = parse_address(settings.upstream)
    by_settings = settings.profile == "supabase" or address.host.endswith(SUPABASE_NAMES)
    if settings.mount == "auto" and settings.profile == "auto" and not by_settings:
        return None
    return _mount(settings, address.base, by_settings, False)[0]


async def discover(settings: Settings, upstream: Upstream) -> Discovered:
    """The mount, the base and the gateway. Upstream is asked only if neither ``profile`` nor its host name decides."""
    by_settings = settings.profile == "supabase" or upstream.address.host.endswith(SUPABASE_NAMES)
    by_answer, failure = None, None
    if asks(settings):
        try:
            by_answer = await _answers_as_supabase(upstream)
        except FaultError as error:
            failure = error
    mount, base = _mount(settings, upstream.address.base, by_settings, bool(by_answer))
    gateway = PROFILES.get(settings.profile) or (SUPABASE if by_settings or by_answer else POSTGREST)
    return Discovered(mount, base, gateway, failure, by_answer is not None or not asks(settings))


def asks(settings: Settings) -> bool:
    """Whether ``discover`` has to ask upstream: neither ``profile`` nor its host name decides."""
    return settings.profile == "auto" and not parse_address(settings.upstream).host.endswith(SUPABASE_NAMES)


def failed_discovery(failure: FaultError) -> Warned:
    """The warning for a start at which upstream could not be asked."""
    reason = failure.fault.message + (f" ({failure.details})" if failure.details else "")
    return Warned(
        f"upstream could not be asked whether it is Supabase: {reason}",
        f"{failure.fault.remedy} fanin asks again when upstream answers. With --profile and --mount it does not ask.",
    )


def address_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """The settings that are no valid upstream URL, listening address or mount, and why. Nothing is sent."""
    listening = (("listen", settings.listen), ("admin", settings.admin), ("metrics", settings.metrics))
    checks: list[tuple[str, Callable[[], object]]] = [("upstream", lambda: parse_address(settings.upstream))]
    checks += [
        (name, partial(split_listen, address)) for name, address in listening if address != "off" or name == "listen"
    ]
    if settings.mount != "auto":
        checks.append(("mount", lambda: _check_mount(settings)))
    for name, check in checks:
        try:
            check()
        except ConfigError as error:
            yield name, str(error).removeprefix(f"{name}: ")


def _check_mount(settings: Settings) -> None:
    if not settings.mount.startswith("/"):
        raise ConfigError(f"mount: '{settings.mount}' must begin with '/'")


def _mount(settings: Settings, base: bytes, by_settings: bool, by_answer: bool) -> tuple[str, bytes]:
    """The mount and its path upstream. ``by_settings`` and ``by_answer`` say that upstream is Supabase, whose path
    is the same on both sides.
    """
    if settings.mount != "auto":
        _check_mount(settings)
        return settings.mount, base
    if by_settings or (by_answer and not base):
        return SUPABASE_MOUNT, base or SUPABASE_MOUNT.encode()
    return "/", base


async def _answers_as_supabase(upstream: Upstream) -> bool | None:
    """Ask upstream. A plain PostgREST names itself in ``Server``; a gateway has PostgREST under Supabase's path. None
    if neither answers, but a gateway that hides the name, or has no routes yet.

    FaultError if there is no answer, or one of a gateway that cannot reach PostgREST.
    """
    try:
        async with asyncio.timeout(upstream.timeouts.connect):
            if await _server_at(upstream, b"/") == b"postgrest":
                return False
            return await _server_at(upstream, SUPABASE_MOUNT.encode() + b"/") in (b"postgrest", b"locked") or None
    except TimeoutError:
        raise FaultError("FANIN504", "no answer for timeouts.connect") from None


async def _server_at(upstream: Upstream, path: bytes) -> bytes:
    """``postgrest``, ``locked`` (it wants an API key), or empty for anything else. FaultError for a 502, 503 or 504 of
    another server than PostgREST.
    """
    head = b"HEAD " + path + b" HTTP/1.1\r\nHost: " + upstream.address.authority + b"\r\n\r\n"
    async with upstream.send(upstream.others, UpstreamRequest(b"HEAD", head)) as answer:
        if (first_value(answer.fields, b"server") or b"").startswith(b"postgrest"):
            return b"postgrest"
        if answer.status in UNREACHABLE:
            raise FaultError("FANIN502", f"a gateway answers {answer.status}")
        return b"locked" if answer.status == 401 else b""
