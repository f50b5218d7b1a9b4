"""Why a connection to upstream failed, as an error of fanin's own."""

import os
import socket
import ssl

from proxy.errors.codes import FaultError
from proxy.transport.descriptors import EXHAUSTED, is_exhausted

CONNECT_FAULTS = frozenset(("FANIN501", "FANIN506", "FANIN510"))
"""Faults of a call that got no connection."""


def connect_fault(error: OSError) -> FaultError:
    """FANIN510 for a refused certificate, FANIN509 without a file descriptor, else FANIN501."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return FaultError("FANIN510", error.verify_message)
    if lacks_descriptor(error):
        return FaultError("FANIN509")
    return FaultError("FANIN501", _error_text(error))


def lacks_descriptor(error: OSError) -> bool:
    """Whether the connection failed because no file descriptor was left: then host names cannot be resolved either."""
    return error.errno in EXHAUSTED or is_exhausted()


def _error_text(error: OSError) -> str:
    """The system's error text without upstream's address, which clients must not see."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or type(error).__name__
    return os.strerror(error.errno) if error.errno else "no address of the host accepts connections"
