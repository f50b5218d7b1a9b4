"""Fixtures that more than one test file needs."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest

from proxy.demo.data import load
from proxy.demo.stack import Postgres, PostgREST, service_token
from tests.programs import search_path, skips
from tests.timeouts import pytest_enter_pdb as pytest_enter_pdb
from tests.timeouts import pytest_runtest_protocol as pytest_runtest_protocol
from tests.timeouts import pytest_timeout_cancel_timer as pytest_timeout_cancel_timer
from tests.timeouts import pytest_timeout_set_timer as pytest_timeout_set_timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Before test files are imported, since some look for their programs then.
os.environ["PATH"] = search_path()

# A timing is never an assertion: other work on the machine would make tests fail.
hypothesis.settings.register_profile("fanin", deadline=None)
hypothesis.settings.load_profile("fanin")

# Who runs the tests in the background may have interrupts ignored, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup has hangups ignored: this process goes on to do so, but what it starts does not inherit a handler.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

CREATORS = 100
SECRET = "a secret that only the tests know, long enough"


TOLD = "told"
"""The name under which a test's report carries what it tells, from whichever process ran it."""


class Stack(NamedTuple):
    """A running Postgres (superuser's `dsn`) and PostgREST (`url`, no slash at the end)."""

    dsn: str
    url: str
    token: str  # a JWT of the service role


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One RetroMuscle of 100 creators for the whole run: tests must leave its rows as they were."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            yield Stack(postgres.dsn, postgrest.url, service_token(SECRET))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Figures for whoever ran the tests: they are printed at the end of the run, whatever came of the test."""
    return lambda text: record_property(TOLD, text)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test fails the run, as a failed one does, where it may not be skipped."""
    if _refused(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if skipped := skips.of(terminalreporter.getreports("skipped")):
        terminalreporter.section("not run", red=True, bold=True)
        for line in skips.lines(skipped, _refused(config)):
            terminalreporter.line(line)
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for report in sorted(reports, key=lambda report: report.nodeid):
        for name, text in report.user_properties if report.when == "call" else ():
            if name == TOLD:
                terminalreporter.section(report.nodeid.partition("::")[2].replace("_", " "))
                terminalreporter.line(str(text))


def _refused(config: pytest.Config) -> list[skips.Skip]:
    """The tests that were skipped and may not be. Workers have no terminal: it is their controller that looks."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("FRESH"):
        return []
    return skips.refused(skips.of(reporter.getreports("skipped")), skips.read(skips.LIST), os.environ)
