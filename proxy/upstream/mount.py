"""Which paths are PostgREST's (the mount), and what they are upstream: there the base replaces the mount."""

import msgspec

from proxy.postgrest.request.target import AFTER_MOUNT, decoded, function_of


class Mount(msgspec.Struct, frozen=True):
    """``mount`` and ``base`` without a trailing slash; both empty for a plain PostgREST."""

    mount: bytes
    base: bytes
    alias: bytes = b""
    """Another path under which clients reach PostgREST; empty for none."""

    def without_alias(self, target: bytes) -> bytes:
        """``target`` under the mount if it is under the alias; else unchanged."""
        size = len(self.alias)
        if self.alias == self.mount or not target.startswith(self.alias) or target[size : size + 1] not in AFTER_MOUNT:
            return target
        rest = target[size:]
        return self.mount + rest if self.mount or rest[:1] == b"/" else b"/" + rest

    def on_mount(self, target: bytes) -> bool:
        """Whether ``target`` is the mount or something under it."""
        if not target.startswith(self.mount or b"/"):
            return False  # `OPTIONS *` is about the whole server, not about the mount
        return target[len(self.mount) : len(self.mount) + 1] in AFTER_MOUNT

    def is_function(self, target: bytes) -> bool:
        """Whether ``target`` is a call of a function."""
        return target.startswith(b"/rpc/", len(self.mount)) and self.on_mount(target)

    def function_of(self, target: bytes, path_end: int) -> bytes:
        """The decoded name of the function that ``target`` calls; empty if it calls none."""
        if not target.startswith(b"/rpc/", len(self.mount)):
            return b""
        return decoded(function_of(target, path_end, self.mount) or b"")

    def upstream_target(self, target: bytes) -> bytes:
        """The target to send upstream for ``target``. Outside the mount it is the same."""
        if self.mount == self.base or not self.on_mount(target):
            return target
        rest = target[len(self.mount) :]
        return self.base + rest if self.base or rest[:1] == b"/" else b"/" + rest
