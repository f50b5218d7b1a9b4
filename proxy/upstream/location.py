"""``Location`` of answers outside the mount, where upstream sees its own name in ``Host`` instead of fanin's.

An upstream that builds an absolute URL from ``Host`` would lead its client past fanin: a resumable upload (TUS), for
example, goes on at the ``Location`` of its first answer (https://tus.io/protocols/resumable-upload#creation).
"""

import msgspec

from proxy.http1.head import HeaderField

DEFAULT_PORTS = {b"http:": b":80", b"https:": b":443"}


def through_fanin(fields: tuple[HeaderField, ...], authority: bytes) -> tuple[HeaderField, ...]:
    """The header lines of an answer, with each ``Location`` on the host ``authority`` as a path.

    A client takes such a path to be on the host that it called, which is fanin (RFC 9110 §10.2.2).
    """
    if not any(field.name == b"location" for field in fields):
        return fields
    return tuple([_as_path(field, authority) if field.name == b"location" else field for field in fields])


def _as_path(field: HeaderField, authority: bytes) -> HeaderField:
    scheme, slashes, rest = field.value.partition(b"//")
    end = min((at for mark in b"/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    host, scheme = rest[:end].lower(), scheme.lower()
    own = authority.lower()
    port = DEFAULT_PORTS.get(scheme, b"")
    is_own = host == own or (port and host.removesuffix(port) == own.removesuffix(port))
    if not slashes or scheme not in (b"http:", b"https:", b"") or not is_own:
        return field
    path = rest[end:] if rest[end : end + 1] == b"/" else b"/" + rest[end:]
    if path.startswith(b"//"):  # it would be read as a host
        return field
    name = field.line.partition(b":")[0]
    return msgspec.structs.replace(field, value=path, line=name + b": " + path)
