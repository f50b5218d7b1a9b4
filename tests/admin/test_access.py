"""Who may have what of the admin port: each line of the rules, for browsers, scripts and machines nearby."""

from __future__ import annotations

import pytest

from proxy.admin.access import OPEN, AccessPolicy, AdminRequest, host_name

TOKEN = "a-token-of-some-length"
HERE, NEARBY = "127.0.0.1", "192.0.2.7"


def asked(path: str = "/api/config", peer: str = HERE, host: str = "127.0.0.1:9000", **more: object) -> AdminRequest:
    return AdminRequest(**{"method": "GET", "path": path, "peer": peer, "hosts": (host,), **more})  # type: ignore[arg-type]


def status(what: AdminRequest, token: str | None = None, hosts: tuple[str, ...] = ()) -> int:
    """200 where the gate lets it pass."""
    denied = AccessPolicy(token, hosts, b"k" * 32).check(what)
    return 200 if denied is None else denied.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9000", "localhost", "LOCALHOST:9000", "[::1]:9000", "10.0.0.5:9000", "localhost.", "fanin:9000"]
)
def test_an_address_localhost_and_a_name_that_was_set_are_taken_as_host(host: str) -> None:
    assert status(asked(host=host), hosts=("Fanin",)) == 200


@pytest.mark.parametrize("path", ["/api/config", "/nowhere", *sorted(OPEN)])
@pytest.mark.parametrize(
    "host", ["evil.example:9000", "localhost.evil.example", "127.0.0.1.nip.io", "", "a:b", "127.0.0.1:9000:1"]
)
def test_any_other_host_is_refused_everywhere_against_dns_rebinding(host: str, path: str) -> None:
    assert status(asked(path, host=host)) == 403
    assert status(asked(path, host=host, authorization=f"Bearer {TOKEN}"), TOKEN) == 403


def test_several_hosts_or_none_are_refused() -> None:
    assert status(asked(hosts=("localhost", "localhost"))) == 403
    assert status(asked(hosts=())) == 403


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a:1", "a"),
        ("A.", "a"),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("a:", "a"),
        ("a:x", ""),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_the_name_is_what_stands_before_the_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("path", sorted(OPEN))
def test_metrics_and_health_need_no_token(path: str) -> None:
    assert status(asked(path, NEARBY), TOKEN) == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_token(peer: str) -> None:
    assert status(asked(peer=peer), TOKEN) == status(asked(peer=peer)) == 200


@pytest.mark.parametrize("peer", [NEARBY, "::ffff:192.0.2.7", "", "fe80::1%eth0"])
@pytest.mark.parametrize("path", ["/", "/api/config", "/api/traces", "/metrics/", "/not/there"])
def test_another_machine_gets_nothing_without_a_token_whatever_it_asks_for(peer: str, path: str) -> None:
    assert status(asked(path, peer)) == 403
    assert status(asked(path, peer), TOKEN) == 401
    assert status(asked(path, peer, authorization="Bearer wrong"), TOKEN) == 401
    assert status(asked(path, peer, authorization=f"Basic {TOKEN}"), TOKEN) == 401


def test_a_request_that_a_proxy_on_this_machine_passes_on_is_not_this_machines() -> None:
    assert status(asked(forwarded=True)) == 403
    assert status(asked(forwarded=True, authorization=f"Bearer {TOKEN}"), TOKEN) == 200


def test_the_token_opens_for_another_machine() -> None:
    assert status(asked(peer=NEARBY, authorization=f"bearer {TOKEN} "), TOKEN) == 200
    assert status(asked(peer=NEARBY, authorization=f"Bearer {TOKEN}é"), TOKEN) == 401


def test_the_cookie_opens_until_the_token_or_the_process_is_another_one() -> None:
    gate = AccessPolicy(TOKEN, (), b"k" * 32)
    entering = asked(peer=NEARBY, cookie=gate.session)
    assert gate.check(entering) is None
    assert AccessPolicy(TOKEN, (), b"k" * 32).check(entering) is None
    assert AccessPolicy(TOKEN + "2", (), b"k" * 32).check(entering) is not None
    assert AccessPolicy(TOKEN, (), b"l" * 32).check(entering) is not None
    assert TOKEN not in gate.session


def test_without_a_token_set_no_token_and_no_cookie_opens() -> None:
    gate = AccessPolicy(None, (), b"k" * 32)
    assert not gate.is_token("")
    for claim in ({"authorization": "Bearer "}, {"authorization": "Bearer"}, {"cookie": ""}):
        assert gate.check(asked(peer=NEARBY, **claim)) is not None


JSON = {"method": "POST", "content_type": "application/json; charset=utf-8"}


def test_a_change_is_a_post_of_json() -> None:
    assert status(asked(**JSON)) == 200
    assert status(asked(method="POST", content_type="text/plain")) == 415
    assert status(asked(method="POST", content_type="application/jsonp")) == 415
    assert status(asked(method="POST")) == 415
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert status(asked(method=method, content_type="application/json")) == 405


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:9000", 200),
        ("https://127.0.0.1:9000", 200),
        ("http://127.0.0.1:9001", 403),
        ("http://localhost:9000", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_a_change_comes_from_the_same_origin(origin: str, expected: int) -> None:
    assert status(asked(origin=origin, **JSON)) == expected
    assert status(asked(origin=origin, authorization=f"Bearer {TOKEN}", **JSON), TOKEN) == expected


def test_a_page_of_another_origin_gets_nothing_but_may_link_here() -> None:
    for site in ("cross-site", "same-site"):
        assert status(asked(site=site)) == 403
        assert status(asked(site=site, **JSON)) == 403
        assert status(asked("/", site=site, navigates=True)) == 200
    assert status(asked(site="same-origin")) == status(asked("/", site="none", navigates=True)) == 200


def test_a_change_to_an_open_page_is_nobodys_without_the_token() -> None:
    assert status(asked("/metrics", NEARBY, **JSON), TOKEN) == 401
