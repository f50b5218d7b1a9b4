"""Stops new TCP connections to a listening socket without dropping those in progress or in the backlog (Linux, BPF).

To close the socket resets the connections in its backlog, with the requests that clients have sent. So a socket filter
first drops the packets that begin a connection (SYN without ACK). The client's system sends its SYN again a second
later; by then the socket is closed, and the answer is a reset.
"""

import ctypes
import socket
import struct
import sys

SO_ATTACH_FILTER = 26
"""Linux, asm-generic/socket.h."""
PROGRAM = b"".join(
    struct.pack("=HBBI", *step)
    for step in (
        (0x30, 0, 0, 13),  # load the byte of the TCP header with the flags (RFC 9293 §3.1)
        (0x54, 0, 0, 0x12),  # keep SYN and ACK
        (0x15, 1, 0, 0x02),  # SYN without ACK: skip the next instruction
        (0x06, 0, 0, 0xFFFFFFFF),  # accept the packet
        (0x06, 0, 0, 0),  # drop the packet
    )
)
"""Classic BPF: an array of ``struct sock_filter`` (linux/filter.h)."""


def stop_accepting(listening: socket.socket) -> bool:
    """Drop new connections to ``listening`` from now on. False if the system does not support it."""
    if not sys.platform.startswith("linux"):
        return False
    steps = ctypes.create_string_buffer(PROGRAM, len(PROGRAM))
    program = struct.pack("@HP", len(PROGRAM) // 8, ctypes.addressof(steps))
    try:
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True
