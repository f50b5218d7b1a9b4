"""What upstream is, found out once, at start: where PostgREST lives in its paths, and what stands before it."""

import asyncio

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import first_value
from proxy.observe.events import Events, Warned
from proxy.postgrest.response.gateway import POSTGREST, PROFILES, SUPABASE, Gateway
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.transport.address import parse_address, split_listen
from proxy.upstream.client import Upstream, UpstreamRequest

SUPABASE_MOUNT = "/rest/v1"
SUPABASE_NAMES = (".supabase.co", ".supabase.in", ".supabase.net")


class Discovered(msgspec.Struct, frozen=True):
    """``mount`` is PostgREST's path for clients, ``base`` its path upstream, ``gateway`` what stands before it."""

    mount: str
    base: bytes
    gateway: Gateway


def known_mount(settings: Settings) -> str | None:
    """PostgREST's path for clients as far as settings tell it; None where upstream would have to be asked."""
    address = parse_address(settings.upstream)
    told = settings.profile == "supabase" or address.host.endswith(SUPABASE_NAMES)
    if settings.mount == "auto" and settings.profile == "auto" and not told:
        return None
    return _mount(settings, address.base, told, False)[0]


async def discover(settings: Settings, upstream: Upstream, events: Events) -> Discovered:
    """Supabase is known by its name or by asking; whoever names ``profile`` is believed, and nobody is asked."""
    told = settings.profile == "supabase" or upstream.address.host.endswith(SUPABASE_NAMES)
    asks = settings.profile == "auto" and not told
    seen = asks and await _looks_like_supabase(upstream, events)
    mount, base = _mount(settings, upstream.address.base, told, seen)
    return Discovered(mount, base, PROFILES.get(settings.profile) or (SUPABASE if told or seen else POSTGREST))


def check_reachable_settings(settings: Settings) -> None:
    """ConfigError for what no upstream could be reached by, or nobody be listened to, whoever is there."""
    parse_address(settings.upstream)
    for name, where in (("listen", settings.listen), ("admin", settings.admin), ("metrics", settings.metrics)):
        try:
            if where != "off" or name == "listen":
                split_listen(where)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    if settings.mount != "auto":
        _check_mount(settings)


def _check_mount(settings: Settings) -> None:
    if not settings.mount.startswith("/"):
        raise ConfigError(f"mount: '{settings.mount}' must begin with '/'")


def _mount(settings: Settings, base: bytes, told: bool, seen: bool) -> tuple[str, bytes]:
    """The mount, and the path that it has upstream. What fanin finds out itself has the same path on both sides."""
    if settings.mount != "auto":
        _check_mount(settings)
        return settings.mount, base
    if told or (seen and not base):
        return SUPABASE_MOUNT, base or SUPABASE_MOUNT.encode()
    return "/", base


async def _looks_like_supabase(upstream: Upstream, events: Events) -> bool:
    """Ask: a plain PostgREST says so in Server; a gateway has PostgREST under Supabase's path."""
    try:
        async with asyncio.timeout(upstream.timeouts.connect):
            if await _server_at(upstream, b"/") == b"postgrest":
                return False
            return await _server_at(upstream, SUPABASE_MOUNT.encode() + b"/") in (b"postgrest", b"locked")
    except FaultError as error:
        why = error.fault.message
    except TimeoutError:
        why = "no answer for timeouts.connect"
    remedy = "Start upstream before fanin, or set --profile (and --mount) so that nothing has to be asked."
    events.emit(Warned(f"upstream could not be asked what it is: {why}", remedy))
    return False


async def _server_at(upstream: Upstream, path: bytes) -> bytes:
    """``postgrest``, ``locked`` (an API key is wanted), or nothing we know."""
    head = b"HEAD " + path + b" HTTP/1.1\r\nHost: " + upstream.address.authority + b"\r\n\r\n"
    async with upstream.send(upstream.others, UpstreamRequest(b"HEAD", head)) as answer:
        if (first_value(answer.fields, b"server") or b"").startswith(b"postgrest"):
            return b"postgrest"
        return b"locked" if answer.status == 401 else b""
