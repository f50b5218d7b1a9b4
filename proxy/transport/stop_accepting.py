"""A listening socket that nobody new can connect to, while those who are connecting still can (Linux).

Closing it resets whoever the system has accepted since the last ``accept``, with the request that is on its way. A
socket filter drops what begins a connection (SYN without ACK) before the system answers it. The client's system asks
again a second later, and is told by then that nobody listens.
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
        (0x30, 0, 0, 13),  # the byte of the TCP header that has the flags (RFC 9293 §3.1)
        (0x54, 0, 0, 0x12),  # SYN and ACK of it
        (0x15, 1, 0, 0x02),  # SYN alone: over the next step
        (0x06, 0, 0, 0xFFFFFFFF),  # take it
        (0x06, 0, 0, 0),  # drop it
    )
)
"""Classic BPF, steps of ``struct sock_filter``."""


def stop_accepting(listening: socket.socket) -> bool:
    """From now on no connection begins; False where the system cannot do that."""
    if not sys.platform.startswith("linux"):
        return False
    steps = ctypes.create_string_buffer(PROGRAM, len(PROGRAM))
    program = struct.pack("@HP", len(PROGRAM) // 8, ctypes.addressof(steps))
    try:
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True
