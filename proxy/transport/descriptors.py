"""File descriptors: how many this process may have, how many the settings need, and whether any is left.

Each connection is one descriptor. A process that has none left can neither accept a client nor connect to upstream.
"""

import errno
import os
import resource
import sys

from proxy.settings.model import Settings

OWN = 64
"""Descriptors for everything but connections: files, pipes, listening sockets, modules being imported."""
ADMIN_SHARE = 16
"""The admin port gets at most one of this many descriptors."""
LAST_STANDARD = 2
"""The descriptor of standard error."""
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE))


def needed(settings: Settings) -> int:
    """The descriptors in use if all limits on connections are reached."""
    pool, limits = settings.pool, settings.limits
    upstream = pool.calls + pool.for_writes + pool.others + pool.tunnels + settings.shadow.concurrency
    return limits.connections + upstream + limits.admin_connections + OWN


def raise_limit(wanted: int) -> int:
    """Raise the soft limit of this process to ``wanted``, as far as the hard limit allows; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):  # a container may forbid it
            return soft
    return max(soft, most)


def share_for_admin(wanted: int) -> int:
    """``wanted`` connections of the admin port, or as few as leave nearly all descriptors to the data port."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(2, min(wanted, soft // ADMIN_SHARE))


def open_standard() -> None:
    """Open the null device in place of the standard streams (0, 1, 2) that the parent process has closed.

    Otherwise sockets would get these numbers: messages for stderr could be sent to a client, and uvloop aborts the
    process when it closes such a socket.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= LAST_STANDARD:
        pass
    os.close(opened)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


def is_exhausted() -> bool:
    """Whether this process could not open one more descriptor now."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno in EXHAUSTED
    return False
