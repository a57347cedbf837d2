"""Bad input: a clear problem or a clean close, and everything else goes on."""
import gzip
import json
import os
import random
import resource
import socket
import time
import zlib

from collect import SITE, basic, raw
from people import bearer

DEEP = b'{"a":' * 100000 + b"1" + b"}" * 100000


def alive(telos):
    begun = time.time()
    assert raw(telos, "GET", "/healthz")[0] == 200
    assert raw(telos, "POST", "/v1/track", json.dumps({"userId": "alive", "event": "A"}), basic(SITE))[0] == 200
    assert time.time() - begun < 5, "it answers, but slowly"


def talk(telos, data, timeout=10, end=True):
    """Sends bytes as they are; what comes back until the close (or the timeout)."""
    got = b""
    with socket.create_connection(("127.0.0.1", telos.port), timeout=timeout) as s:
        try:
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except (OSError, socket.timeout):
            pass
    return got


def broken_bodies_are_refused_at_every_door(telos):
    bodies = [b"", b"{", b"[", b'{"a":1,}', b"{'a':1}", b'{"a":"\x01"}', b"\xff\xfe\x00", b"nul", b'{"a":1e}', DEEP, b"[" * 300000, b'{"a":' * 70 + b"1" + b"}" * 70,
              b"[" + b"[]," * 250000 + b"[]]", b'"text"', b"42", b"{}{}", b'{"subject":"email:needle@x.hu"', os.urandom(5000)]
    doors = [("POST", "/v1/consents"), ("POST", "/v1/decide"), ("PUT", "/v1/preferences?subject=user_id:x"), ("POST", "/v1/rights"), ("POST", "/v1/tokens"),
             ("POST", "/v1/policy"), ("POST", "/v1/policy/check"), ("POST", "/v1/policy/plan"), ("POST", "/v1/identities/user_id:x/merges")]
    for method, path in doors:
        for body in bodies:
            status, content, _ = raw(telos, method, path, body, bearer(telos.token))
            wanted = (400, 413, 422) if "policy" in path else (400, 413)
            assert status in wanted and json.loads(content)["detail"], (path, body[:20], status, content[:200])
            assert b"needle" not in content
    for body in bodies:
        for path in ("/v1/track", "/v1/batch", "/v1/import", "/v1/t", "/beacon/v1/batch?writeKey=" + SITE):
            status, content, _ = raw(telos, "POST", path, body, basic(SITE))
            assert status in (400, 413), (path, body[:20], status, content[:100])
    alive(telos)


def wrong_types_everywhere_are_refused_or_ignored(telos):
    values = [None, True, 7, -1, 1.5, 1e308, "", "x", [], {}, [[]], {"a": 1}, "\u0000", "\ud800", "x" * 9000, 10 ** 30, "1970-01-01T00:00:00Z", "2099-12-31"]
    question = {"subject": "user_id:types-1", "purpose": "newsletter", "categories": ["email"], "recipient": "hook", "channel": "email", "contact": True,
                "at": "2026-11-24T10:00:00Z", "known_at": "2026-11-24T10:00:00Z"}
    statement = {"subject": "user_id:types-1", "purpose": "newsletter", "status": "given", "notice": "newsletter@3", "method": "x", "at": "2026-11-20T10:00:00Z",
                 "explicit": True, "by": "self", "reference": "r"}
    for path, body in (("/v1/decide", question), ("/v1/consents", statement)):
        for name in body:
            for value in values:
                status, content, _ = telos.request("POST", path, json.dumps(dict(body, **{name: value})))
                assert status < 500, (path, name, value, status, content)
    message = {"type": "track", "userId": "types-1", "anonymousId": "a", "event": "E", "properties": {}, "context": {}, "timestamp": "2026-11-24T10:00:00Z",
               "messageId": "m", "integrations": {}, "traits": {}, "previousId": "p", "groupId": "g", "sentAt": "2026-11-24T10:00:00Z", "writeKey": SITE,
               "originalTimestamp": "2026-11-24T10:00:00Z"}
    for name in message:
        for value in values:
            text = json.dumps(dict(message, messageId="types-%s-%s" % (name, json.dumps(value)[:20]), **({name: value} if name != "messageId" else {})))
            for path in ("/v1/track", "/v1/identify", "/v1/batch"):
                wrapped = '{"batch":[%s],"context":%s}' % (text, json.dumps(value)) if path == "/v1/batch" else text
                status, content, _ = raw(telos, "POST", path, wrapped, basic(SITE))
                assert status in (200, 400, 413), (path, name, value, status, content)
    alive(telos)


def gzip_bombs_are_not_unpacked(telos):
    bomb = gzip.compress(b"\0" * (1 << 28), 9)
    twice = gzip.compress(bomb, 9)
    begun = time.time()
    for path in ("/v1/batch", "/v1/track", "/v1/import"):
        for body in (bomb, twice, bomb[:1000], bomb[:-4], b"\x1f\x8b" + os.urandom(500), gzip.compress(b"")):
            status, content, _ = raw(telos, "POST", path, body, basic(SITE))
            assert status in (400, 413), (path, status, content)
    status, _, _ = raw(telos, "POST", "/v1/decide", bomb, dict(bearer(telos.token), **{"Content-Encoding": "gzip"}))
    assert status == 413
    packed = zlib.compress(json.dumps({"userId": "zlib-1", "event": "Z"}).encode())
    assert raw(telos, "POST", "/v1/track", packed, dict(basic(SITE), **{"Content-Encoding": "deflate"}))[0] == 200
    assert time.time() - begun < 20
    alive(telos)


def broken_http_is_closed_or_told(telos):
    chance = random.Random(7)
    head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic(SITE)["Authorization"].encode() + b"\r\n"
    body = b'{"userId":"broken-1","event":"E"}'
    texts = [b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
             b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA" + b"b" * 70000 + b": c\r\n\r\n",
             head + b"Content-Length: -1\r\n\r\n" + body, head + b"Content-Length: 99999999999999999999\r\n\r\n" + body, head + b"Content-Length: x\r\n\r\n" + body,
             head + b"Content-Length: 1000\r\n\r\n" + body, head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + body,
             head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello", b"\0" * 1000, os.urandom(4000),
             head + b"Content-Length: 10000000000\r\n\r\n" + body, b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"]
    texts += [bytes(chance.randrange(256) for _ in range(chance.randrange(300))) for _ in range(50)]
    whole = head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    texts += [whole[:cut] for cut in range(0, len(whole), 7)]
    for text in texts:
        got = talk(telos, text, timeout=0.5)
        assert got == b"" or got.startswith(b"HTTP/1."), (text[:60], got[:60])
        assert not got.startswith(b"HTTP/1.1 5") or b" 50" in got[:13], got[:80]
    assert b"200 OK" in talk(telos, whole)
    chunked = head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % c for c in body) + b"0\r\n\r\n"
    assert b"200 OK" in talk(telos, chunked, end=False)
    assert b"200 OK" in talk(telos, b"GET /healthz HTTP/1.0\r\n\r\n", end=False)
    assert b"200 OK" in talk(telos, b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", end=False)
    both = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert talk(telos, both, end=False).count(b"200 OK") == 4, "pipelined"
    alive(telos)


def a_half_closed_client_gets_its_answer(telos):
    body = b'{"userId":"half-1","event":"Half"}'
    text = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic(SITE)["Authorization"].encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", telos.port), timeout=10) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
    for _ in range(50):  # and one that leaves before the answer hurts nobody
        s = socket.create_connection(("127.0.0.1", telos.port))
        s.sendall(text)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    alive(telos)


def what_is_too_large_is_told_before_it_is_sent(telos):
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic(SITE)["Authorization"].encode() + b"\r\nContent-Length: %d\r\n"
    got = talk(telos, head % (1 << 40) + b"Expect: 100-continue\r\n\r\n", end=False)
    assert got.startswith(b"HTTP/1.1 413") and b"problem+json" in got, got[:200]
    status, content, _ = raw(telos, "POST", "/v1/decide", b"[" + b" " * (3 << 20) + b"]", bearer(telos.token))
    assert status == 413 and json.loads(content)["type"] == "/problems/too-large"
    status, content, _ = raw(telos, "POST", "/v1/nothing", b"x" * (3 << 20), bearer(telos.token))
    assert status == 404
    alive(telos)


def slow_senders_hold_up_nobody(telos):
    body = b'{"userId":"slow-1","event":"Slow"}'
    text = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic(SITE)["Authorization"].encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    slow = [socket.create_connection(("127.0.0.1", telos.port), timeout=30) for _ in range(300)]
    for position in range(0, len(text), 24):
        for s in slow:
            s.sendall(text[position:position + 24])
        if position % 96 == 0:
            alive(telos)
    for s in slow:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        s.close()


def ten_thousand_idle_connections_hold_up_nobody(telos):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 10000
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        count = hard - 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 500) if hard != resource.RLIM_INFINITY else count + 500, hard))
    idle = []
    try:
        for i in range(count):
            s = socket.socket()
            s.settimeout(10)
            s.connect(("127.0.0.1", telos.port))
            if i % 3 == 0:
                s.sendall(b"GET /healthz HTT")
            idle.append(s)
            if i % 2000 == 0:
                alive(telos)
        alive(telos)
        open_now = int(next(line for line in raw(telos, "GET", "/metrics")[1].decode().splitlines() if line.startswith("telos_http_connections ")).split()[1])
        assert open_now >= count, open_now
        s = idle[0]
        s.sendall(b"P/1.1\r\nHost: x\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
    finally:
        for s in idle:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    alive(telos)


def odd_addresses_and_queries_are_harmless(telos):
    paths = ["/v1/profiles/" + p for p in ("%", "%zz", "%00", "user_id:%00", "user_id:" + "x" * 3000, "user_id:%ff%fe", "email:needle-person", ":", "user_id:", "::::", "%2f%2f",
                                           "user_id:a%2fb", "email:a@b@c", "user_id:%f0%9f%92%a9")]
    paths += ["/v1/consents", "/v1/consents?subject", "/v1/consents?subject=", "/v1/consents?&&&=&subject=user_id:x&subject=email:y", "/v1/consents?subject=%00:x",
              "/v1/deliveries?limit=0", "/v1/deliveries?limit=-5", "/v1/deliveries?limit=99999999999999999999", "/v1/deliveries?cursor=%ff", "/v1/deliveries?cursor=YzE6LTU",
              "/v1/consents/not-a-uuid/receipt", "/v1/consents/00000000-0000-7000-8000-000000000000/receipt", "/v1/policy?at=never", "/v1/policy/versions/0",
              "/v1/policy/versions/-1", "/v1/evidence/proof/-1", "/v1/evidence/proof/1?size=99999999999", "/tile/entries/000.p/0", "/tile/0/000.p/257", "/v1/ropa?format=pdf",
              "/v1/admin/show/secrets", "/v1/identities/user_id:x/merges/y/undo", "//", "///v1//policy", "/?" + "a=b&" * 5000]
    for path in paths:
        status, content, _ = raw(telos, "GET", path, headers=dict(bearer(telos.token), Purpose="service"))
        assert status < 500, (path[:80], status, content[:200])
        assert b"needle-person" not in content
    alive(telos)


def an_address_that_is_no_utf8_names_nobody(telos):
    service = dict(bearer(telos.token), Purpose="service")
    for path in ("/v1/profiles/user_id:%ff", "/v1/profiles/user_id:%c0%80", "/v1/profiles/user_id:%ed%a0%80", "/v1/consents?subject=user_id:%ff", "/v1/consents?%ff=x",
                 "/v1/preferences?subject=user_id:x%e2%82", "/%ff"):
        status, content, _ = raw(telos, "GET", path, headers=service)
        assert status == 400 and b"UTF-8" in content and b"/problems/malformed" in content, (path, status, content)
    line = b"GET /v1/profiles/user_id:\xff HTTP/1.1\r\nHost: x\r\nPurpose: service\r\nConnection: close\r\nAuthorization: Bearer " + telos.token.encode()
    assert talk(telos, line + b"\r\n\r\n").startswith(b"HTTP/1.1 400")
    before = telos.call("GET", "/v1/counters")
    status, content, _ = raw(telos, "GET", "/pixel/v1/track?writeKey=site-key-1&userId=%ff&event=A")
    assert status == 200 and content[:3] == b"GIF"  # an image has nobody to tell; nothing is stored
    assert telos.call("GET", "/v1/counters") == before
    status, content, _ = raw(telos, "POST", "/preferences", b"t=%ff", {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 400, (status, content)


def more_parameters_than_are_read_are_refused(telos):
    service = dict(bearer(telos.token), Purpose="service")
    few, many = "&".join(["a=b"] * 250), "&".join(["a=b"] * 257)
    assert raw(telos, "GET", "/v1/consents?%s&subject=user_id:x" % few, headers=service)[0] < 300
    status, content, _ = raw(telos, "GET", "/v1/consents?%s&subject=user_id:x" % many, headers=service)
    assert status == 400 and b"256" in content, (status, content)


CASES = [
    broken_bodies_are_refused_at_every_door,
    wrong_types_everywhere_are_refused_or_ignored,
    gzip_bombs_are_not_unpacked,
    broken_http_is_closed_or_told,
    a_half_closed_client_gets_its_answer,
    what_is_too_large_is_told_before_it_is_sent,
    slow_senders_hold_up_nobody,
    ten_thousand_idle_connections_hold_up_nobody,
    odd_addresses_and_queries_are_harmless,
    an_address_that_is_no_utf8_names_nobody,
    more_parameters_than_are_read_are_refused,
]
