"""A failed connection to upstream has the code of its cause, and no address of upstream."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from proxy.upstream import connect_faults
from proxy.upstream.connect_faults import connect_fault


def refused_certificate() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate in certificate chain"
    return error


@pytest.mark.parametrize(
    ("error", "code", "details"),
    [
        (refused_certificate(), "FANIN510", "self-signed certificate in certificate chain"),
        (OSError(errno.EMFILE, "x"), "FANIN509", None),
        (OSError(errno.ENFILE, "x"), "FANIN509", None),
        (ConnectionRefusedError(errno.ECONNREFUSED, "to 10.0.0.1"), "FANIN501", "Connection refused"),
        (OSError("Multiple exceptions: 10.0.0.1"), "FANIN501", "no address of the host accepts connections"),
        (socket.gaierror(-2, "Name or service not known"), "FANIN501", "Name or service not known"),
        (ssl.SSLError(1, "wrong version number"), "FANIN501", "wrong version number"),
    ],
)
def test_each_cause_has_its_code(error: OSError, code: str, details: str | None) -> None:
    fault = connect_fault(error)
    assert (fault.fault.code, fault.details) == (code, details)


def test_any_failure_without_a_descriptor_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_faults, "is_exhausted", lambda: True)
    assert connect_fault(socket.gaierror(-3, "Temporary failure")).fault.code == "FANIN509"
