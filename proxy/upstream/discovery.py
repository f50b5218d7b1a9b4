"""Finds out at start what upstream is: under which path PostgREST is, and which gateway is in front of it."""

import asyncio

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import first_value
from proxy.observe.events import Events, Warned
from proxy.postgrest.response.gateway import POSTGREST, PROFILES, SUPABASE, Gateway
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.transport.address import parse_address, split_listen
from proxy.upstream.client import Upstream
from proxy.upstream.messages import UpstreamRequest

SUPABASE_MOUNT = "/rest/v1"
SUPABASE_NAMES = (".supabase.co", ".supabase.in", ".supabase.net")


class Discovered(msgspec.Struct, frozen=True):
    """``mount``: PostgREST's path for clients. ``base``: its path upstream. ``gateway``: the gateway in front of it."""

    mount: str
    base: bytes
    gateway: Gateway


def known_mount(settings: Settings) -> str | None:
    """PostgREST's path for clients, by the settings; None if upstream would have to be asked."""
    address = parse_address(settings.upstream)
    by_settings = settings.profile == "supabase" or address.host.endswith(SUPABASE_NAMES)
    if settings.mount == "auto" and settings.profile == "auto" and not by_settings:
        return None
    return _mount(settings, address.base, by_settings, False)[0]


async def discover(settings: Settings, upstream: Upstream, events: Events) -> Discovered:
    """The mount, the base and the gateway. Upstream is asked only if neither ``profile`` nor its host name decides."""
    by_settings = settings.profile == "supabase" or upstream.address.host.endswith(SUPABASE_NAMES)
    has_to_ask = settings.profile == "auto" and not by_settings
    by_answer = has_to_ask and await _answers_as_supabase(upstream, events)
    mount, base = _mount(settings, upstream.address.base, by_settings, by_answer)
    gateway = PROFILES.get(settings.profile) or (SUPABASE if by_settings or by_answer else POSTGREST)
    return Discovered(mount, base, gateway)


def check_addresses(settings: Settings) -> None:
    """ConfigError for an invalid upstream URL, listening address or mount. Nothing is sent."""
    parse_address(settings.upstream)
    for name, address in (("listen", settings.listen), ("admin", settings.admin), ("metrics", settings.metrics)):
        try:
            if address != "off" or name == "listen":
                split_listen(address)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    if settings.mount != "auto":
        _check_mount(settings)


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


async def _answers_as_supabase(upstream: Upstream, events: Events) -> bool:
    """Ask upstream. A plain PostgREST names itself in ``Server``; a gateway has PostgREST under Supabase's path."""
    try:
        async with asyncio.timeout(upstream.timeouts.connect):
            if await _server_at(upstream, b"/") == b"postgrest":
                return False
            return await _server_at(upstream, SUPABASE_MOUNT.encode() + b"/") in (b"postgrest", b"locked")
    except FaultError as error:
        reason = error.fault.message
    except TimeoutError:
        reason = "no answer for timeouts.connect"
    remedy = "Start upstream before fanin, or set --profile (and --mount), so that fanin does not have to ask."
    events.emit(Warned(f"upstream could not be asked whether it is Supabase: {reason}", remedy))
    return False


async def _server_at(upstream: Upstream, path: bytes) -> bytes:
    """``postgrest``, ``locked`` (it wants an API key), or empty for anything else."""
    head = b"HEAD " + path + b" HTTP/1.1\r\nHost: " + upstream.address.authority + b"\r\n\r\n"
    async with upstream.send(upstream.others, UpstreamRequest(b"HEAD", head)) as answer:
        if (first_value(answer.fields, b"server") or b"").startswith(b"postgrest"):
            return b"postgrest"
        return b"locked" if answer.status == 401 else b""
