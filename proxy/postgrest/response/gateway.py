"""Headers that a gateway in front of PostgREST adds to answers, per profile.

Source: docs/explanation/architecture.md#gateways.

Supabase runs Kong or Envoy in front of PostgREST, and Cloudflare in front of those. Each adds its headers to every
answer, independent of the rows, so an answer for several callers may contain them. The table contains only names that
gateways own: SQL can set any header for one row (``response.headers``), and fanin would give a header of this table to
all callers.

Sources: https://supabase.com/docs/guides/telemetry/logs (allowed headers); Supabase's docker/volumes/api (Kong, Envoy);
https://developers.cloudflare.com/fundamentals/reference/http-headers/ and …/policies-compliances/cloudflare-cookies/;
https://docs.konghq.com/gateway/latest/reference/configuration/ (headers); Envoy's router filter, "HTTP headers".
"""

import msgspec


class Gateway(msgspec.Struct, frozen=True):
    """A kind of gateway and what it adds to answers. Names are in lower case."""

    name: str
    """Value of the setting ``profile``."""
    prefixes: tuple[bytes, ...] = ()
    """Prefixes of its header names."""
    headers: frozenset[bytes] = frozenset()
    compresses: bool = False
    cookies: frozenset[bytes] = frozenset()
    """Cookies that it sets for the client of the connection. If an answer serves several callers, that is fanin."""
    same: frozenset[bytes] = frozenset()
    """Headers that are the same in all answers of one merged call, as the operator says (``merge.same_headers``)."""

    def adds_header(self, name: bytes) -> bool:
        """Whether the header ``name`` (lower case) belongs to the gateway."""
        return name in self.headers or name.startswith(self.prefixes)

    def adds_vary(self, name: bytes, value: bytes) -> bool:
        """Whether this header line is the ``Vary`` of a gateway that compresses.

        Such a gateway decides by media type, and a merged call may ask for another media type than its callers. Whether
        they would get this line alone is therefore unknown.
        """
        return self.compresses and name == b"vary" and value.lower() == b"accept-encoding"

    def sets_cookie(self, name: bytes, value: bytes) -> bool:
        """Whether this header line sets one of the gateway's cookies (RFC 6265 §5.2)."""
        if name != b"set-cookie":
            return False
        cookie, equals, _ = value.partition(b";")[0].partition(b"=")
        return bool(equals) and cookie.strip(b" \t") in self.cookies


POSTGREST = Gateway("postgrest")
"""No gateway: PostgREST itself, or a proxy that adds no headers."""

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
            b"strict-transport-security",  # the server that terminates TLS
            b"x-content-type-options",  # Cloudflare: "nosniff", together with the former
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
"""Kong or Envoy behind Cloudflare, as Supabase runs them. Self-hosted Supabase is the same without Cloudflare."""

PROFILES = {gateway.name: gateway for gateway in (POSTGREST, SUPABASE)}
