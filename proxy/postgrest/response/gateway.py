"""What a gateway before PostgREST adds to answers: the one table of its names.

Source: docs/explanation/architecture.md#gateways.

Supabase puts Kong or Envoy before PostgREST, and Cloudflare before those. Each adds headers of its own to every answer,
whatever the rows are, so an answer that serves several callers may carry them. A name stands here only if gateways own
it: SQL can set any header for one row (``response.headers``), and would set a name of this table for everybody.

Sources: https://supabase.com/docs/guides/telemetry/logs (allowed headers); Supabase's docker/volumes/api (Kong, Envoy);
https://developers.cloudflare.com/fundamentals/reference/http-headers/ and …/policies-compliances/cloudflare-cookies/;
https://docs.konghq.com/gateway/latest/reference/configuration/ (headers); Envoy's router filter, "HTTP headers".
"""

import msgspec


class Gateway(msgspec.Struct, frozen=True):
    """What stands before PostgREST, by what it adds to answers. Names are in lower case."""

    name: str
    """Value of the setting ``profile``."""
    prefixes: tuple[bytes, ...] = ()
    """Beginnings of header names."""
    headers: frozenset[bytes] = frozenset()
    compresses: bool = False
    cookies: frozenset[bytes] = frozenset()
    """Cookies that it sets for whoever holds the connection: fanin, where one answer serves several callers."""

    def adds_header(self, name: bytes) -> bool:
        """Whether the header ``name`` (lower case) is the gateway's."""
        return name in self.headers or name.startswith(self.prefixes)

    def adds_vary(self, name: bytes, value: bytes) -> bool:
        """Whether this header line says no more than that the gateway compresses. It does so by media type, and a
        merged call may ask for another one than its callers: what the line says of them cannot be known.
        """
        return self.compresses and name == b"vary" and value.lower() == b"accept-encoding"

    def sets_cookie(self, name: bytes, value: bytes) -> bool:
        """Whether this header line sets one of the gateway's cookies (RFC 6265 §5.2), and nothing else."""
        if name != b"set-cookie":
            return False
        cookie, equals, _ = value.partition(b";")[0].partition(b"=")
        return bool(equals) and cookie.strip(b" \t") in self.cookies


POSTGREST = Gateway("postgrest")
"""Nothing that adds headers: PostgREST itself, or a proxy that leaves its answers as they are."""

SUPABASE = Gateway(
    "supabase",
    prefixes=(
        b"sb-",  # Supabase: gateway version, project, request id
        b"x-sb-",
        b"x-kong-",  # Kong: latencies, request id
        b"x-envoy-",  # Envoy: attempts, time of the service behind it
        b"cf-",  # Cloudflare: ray, cache status
    ),
    headers=frozenset(
        (
            b"via",  # Kong
            b"age",  # caches (RFC 9111 §5.1)
            b"alt-svc",  # Cloudflare: HTTP/3
            b"nel",  # Cloudflare: network error logging
            b"report-to",
            b"strict-transport-security",  # whoever ends TLS
            b"x-content-type-options",  # Cloudflare: "nosniff", beside the former
        )
    ),
    compresses=True,
    cookies=frozenset(
        (
            b"__cf_bm",
            b"__cflb",
            b"__cfruid",
            b"__cfseq",
            b"__cfwaitingroom",
            b"_cfuvid",
            b"cf_chl_rc_i",
            b"cf_chl_rc_m",
            b"cf_chl_rc_ni",
            b"cf_clearance",
            b"cf_ob_info",
            b"cf_use_ob",
        )
    ),
)
"""Kong or Envoy behind Cloudflare, as Supabase runs them; hosted by itself it is the same without Cloudflare."""

PROFILES = {gateway.name: gateway for gateway in (POSTGREST, SUPABASE)}
