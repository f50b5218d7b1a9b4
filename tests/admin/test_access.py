"""Access to the admin port, rule by rule, for browsers, scripts, local and remote clients."""

from __future__ import annotations

import pytest

from proxy.admin.access import OPEN, UNIX, AccessPolicy, AdminRequest, host_name

TOKEN = "a-token-of-some-length"
HERE, NEARBY = "127.0.0.1", "192.0.2.7"


def request(path: str = "/api/config", peer: str = HERE, host: str = "127.0.0.1:9000", **more: object) -> AdminRequest:
    return AdminRequest(**{"method": "GET", "path": path, "peer": peer, "hosts": (host,), **more})  # type: ignore[arg-type]


def status(what: AdminRequest, token: str | None = None, hosts: tuple[str, ...] = ()) -> int:
    """200 if the policy allows the request, else the status of the denial."""
    denied = AccessPolicy(token, hosts, b"k" * 32).check(what)
    return 200 if denied is None else denied.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9000", "localhost", "LOCALHOST:9000", "[::1]:9000", "10.0.0.5:9000", "localhost.", "fanin:9000"]
)
def test_an_ip_address_localhost_and_a_configured_name_are_valid_hosts(host: str) -> None:
    assert status(request(host=host), hosts=("Fanin",)) == 200


@pytest.mark.parametrize("path", ["/api/config", "/nowhere", *sorted(OPEN)])
@pytest.mark.parametrize(
    "host", ["evil.example:9000", "localhost.evil.example", "127.0.0.1.nip.io", "", "a:b", "127.0.0.1:9000:1"]
)
def test_any_other_host_is_denied_on_every_path_against_dns_rebinding(host: str, path: str) -> None:
    assert status(request(path, host=host)) == 403
    assert status(request(path, host=host, authorization=f"Bearer {TOKEN}"), TOKEN) == 403


NAMELESS = ("", ":9000", "a:b", "localhost:x", "localhost:²", "localhost:99999999999", "[]", "[]:1")


@pytest.mark.parametrize("host", NAMELESS)
def test_an_empty_name_is_no_name_of_the_port_whose_address_is_off(host: str) -> None:
    for path in ("/api/config", *OPEN):
        assert status(request(path, host=host), hosts=("127.0.0.1", "")) == 403
        assert status(request(path, hosts=()), hosts=("127.0.0.1", "")) == 403


@pytest.mark.parametrize("text", ["\udc80", "caf\xe9", "\udcff" * 40])
def test_a_token_or_cookie_that_is_no_text_is_a_wrong_one(text: str) -> None:
    for wrong in ({"authorization": f"Bearer {text}"}, {"cookie": text}):
        assert status(request(peer=NEARBY, **wrong), TOKEN) == 401
    assert not AccessPolicy(TOKEN, (), b"k" * 32).is_token(text)


def test_a_client_of_a_unix_socket_is_local() -> None:
    assert status(request(peer=UNIX, host="localhost")) == 200
    assert status(request(peer="", host="localhost")) == 403


def test_several_hosts_or_no_host_are_denied() -> None:
    assert status(request(hosts=("localhost", "localhost"))) == 403
    assert status(request(hosts=())) == 403


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
def test_the_name_of_a_host_excludes_the_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("path", sorted(OPEN))
def test_metrics_and_health_need_no_token(path: str) -> None:
    assert status(request(path, NEARBY), TOKEN) == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_local_client_needs_no_token(peer: str) -> None:
    assert status(request(peer=peer), TOKEN) == status(request(peer=peer)) == 200


@pytest.mark.parametrize("peer", [NEARBY, "::ffff:192.0.2.7", "", "fe80::1%eth0"])
@pytest.mark.parametrize("path", ["/", "/api/config", "/api/traces", "/metrics/", "/not/there"])
def test_a_remote_client_without_a_token_is_denied_on_every_protected_path(peer: str, path: str) -> None:
    assert status(request(path, peer)) == 403
    assert status(request(path, peer), TOKEN) == 401
    assert status(request(path, peer, authorization="Bearer wrong"), TOKEN) == 401
    assert status(request(path, peer, authorization=f"Basic {TOKEN}"), TOKEN) == 401


def test_a_request_forwarded_by_a_local_proxy_is_not_local() -> None:
    assert status(request(forwarded=True)) == 403
    assert status(request(forwarded=True, authorization=f"Bearer {TOKEN}"), TOKEN) == 200


def test_the_token_gives_access_to_a_remote_client() -> None:
    assert status(request(peer=NEARBY, authorization=f"bearer {TOKEN} "), TOKEN) == 200
    assert status(request(peer=NEARBY, authorization=f"Bearer {TOKEN}é"), TOKEN) == 401


def test_the_cookie_gives_access_until_the_token_or_the_process_changes() -> None:
    policy = AccessPolicy(TOKEN, (), b"k" * 32)
    entering = request(peer=NEARBY, cookie=policy.session)
    assert policy.check(entering) is None
    assert AccessPolicy(TOKEN, (), b"k" * 32).check(entering) is None
    assert AccessPolicy(TOKEN + "2", (), b"k" * 32).check(entering) is not None
    assert AccessPolicy(TOKEN, (), b"l" * 32).check(entering) is not None
    assert TOKEN not in policy.session


def test_without_a_configured_token_no_token_and_no_cookie_gives_access() -> None:
    policy = AccessPolicy(None, (), b"k" * 32)
    assert not policy.is_token("")
    for claim in ({"authorization": "Bearer "}, {"authorization": "Bearer"}, {"cookie": ""}):
        assert policy.check(request(peer=NEARBY, **claim)) is not None


JSON = {"method": "POST", "content_type": "application/json; charset=utf-8"}


def test_a_change_needs_a_post_of_json() -> None:
    assert status(request(**JSON)) == 200
    assert status(request(method="POST", content_type="text/plain")) == 415
    assert status(request(method="POST", content_type="application/jsonp")) == 415
    assert status(request(method="POST")) == 415
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert status(request(method=method, content_type="application/json")) == 405


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
def test_a_change_must_come_from_the_same_origin(origin: str, expected: int) -> None:
    assert status(request(origin=origin, **JSON)) == expected
    assert status(request(origin=origin, authorization=f"Bearer {TOKEN}", **JSON), TOKEN) == expected


def test_another_origin_reads_nothing_but_metrics() -> None:
    assert status(request(origin="http://evil.example")) == status(request(origin="null")) == 403
    assert status(request(origin="http://evil.example", authorization=f"Bearer {TOKEN}"), TOKEN) == 403
    assert status(request("/metrics", origin="http://evil.example")) == 200
    assert status(request(origin="http://127.0.0.1:9000")) == 200


def test_a_page_of_another_origin_is_denied_but_may_link_to_the_pages() -> None:
    for site in ("cross-site", "same-site"):
        assert status(request(site=site)) == 403
        assert status(request(site=site, **JSON)) == 403
        assert status(request("/", site=site, navigates=True)) == 200
    assert status(request(site="same-origin")) == status(request("/", site="none", navigates=True)) == 200


def test_a_change_on_an_open_path_needs_the_token() -> None:
    assert status(request("/metrics", NEARBY, **JSON), TOKEN) == 401
