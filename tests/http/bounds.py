"""What a server does at its bounds: too many connections, clients that say nothing, clients that say it a byte at a time. On a Telos of its own
with small bounds, so that the test need not wait for the usual ones."""
import contextlib
import json
import os
import resource
import socket
import threading
import time

from collect import SITE, basic, raw
from telos import Telos

HERE = os.path.dirname(os.path.abspath(__file__))
BODY = b'{"userId":"bound-1","event":"Bound"}'
WHOLE = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic(SITE)["Authorization"].encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


@contextlib.contextmanager
def bounded(telos, **settings):
    words = [word for name, value in settings.items() for word in ("--" + name.replace("_", "-"), str(value))]
    own = Telos(telos.program, os.path.join(HERE, "policy.yaml"), {"SITE_WRITE_KEY": SITE, "SHOP_WRITE_KEY": "shop-key-1", "QUIET_WRITE_KEY": "quiet-key-1"},
                arguments=words)
    try:
        yield own.start()
    finally:
        own.remove()


def connect(telos):
    s = socket.create_connection(("127.0.0.1", telos.port), timeout=20)
    s.settimeout(20)
    return s


def answer(s):
    """All that comes until the close."""
    got = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return got
            got += piece
    except ConnectionResetError:
        return got


def closed_after(s):
    """Seconds until the other side closes."""
    begun = time.time()
    answer(s)
    return time.time() - begun


def gauge(telos, name):
    return int(next(line for line in raw(telos, "GET", "/metrics")[1].decode().splitlines() if line.startswith(name + " ")).split()[1])


def one_connection_too_many_is_told_so_and_closed(telos):
    with bounded(telos, connections=40) as own:
        inside = [connect(own) for _ in range(39)]
        inside[0].sendall(WHOLE)
        assert inside[0].recv(1000).startswith(b"HTTP/1.1 200")
        fortieth = connect(own)
        fortieth.sendall(WHOLE)
        assert fortieth.recv(1000).startswith(b"HTTP/1.1 200")
        for speaks in (False, True) * 20:
            s = connect(own)
            begun = time.time()
            if speaks:
                with contextlib.suppress(OSError):
                    s.sendall(WHOLE)
            got = answer(s)
            assert time.time() - begun < 5
            if got:  # a client that speaks first may see a reset instead
                head, body = got.split(b"\r\n\r\n", 1)
                assert head.startswith(b"HTTP/1.1 503") and b"Retry-After" in head and json.loads(body)["status"] == 503, got
            assert got or speaks
            s.close()
        assert own.command("show", "queues") is not None, "local commands find room"
        inside[1].sendall(WHOLE)
        assert inside[1].recv(1000).startswith(b"HTTP/1.1 200"), "who is inside is served"
        for s in inside[2:]:
            s.close()
        deadline = time.time() + 5
        status = tries = 0
        while status != 200 and time.time() < deadline:
            tries += 1
            with contextlib.suppress(OSError):
                status = raw(own, "POST", "/v1/track", BODY, basic(SITE))[0]
        assert status == 200, "room again"
        assert 40 <= gauge(own, "telos_http_turned_away_total") < 40 + tries  # the last try found room


def who_says_nothing_is_closed(telos):
    with bounded(telos, idle_seconds=2) as own:
        silent, asked, began = [connect(own) for _ in range(200)], connect(own), connect(own)
        asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.recv(1000).startswith(b"HTTP/1.1 200")
        began.sendall(WHOLE[:60])
        for s in silent + [asked, began]:
            assert closed_after(s) < 12
        assert raw(own, "POST", "/v1/track", BODY, basic(SITE))[0] == 200
        assert gauge(own, "telos_http_connections") <= 2


def who_sends_a_byte_a_second_is_closed_after_its_time(telos):
    with bounded(telos, idle_seconds=4, request_seconds=3) as own:
        slow = [connect(own) for _ in range(20)]
        head = WHOLE.index(b"\r\n\r\n") + 4
        for s in slow[:10]:
            s.sendall(WHOLE[:head])  # these send the body slowly, the others the head
        over = threading.Event()

        def send():
            position = 0
            while not over.is_set():
                for i, s in enumerate(slow):
                    at = position + (head if i < 10 else 0)
                    with contextlib.suppress(OSError):
                        s.sendall(WHOLE[at:at + 1])
                position += 1
                time.sleep(1)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        begun = time.time()
        try:
            for s in slow[:10]:
                assert closed_after(s) < 15 and time.time() - begun > 2, "after its time, and not before"
            for s in slow[10:]:
                assert closed_after(s) < 18
            assert raw(own, "POST", "/v1/track", BODY, basic(SITE))[0] == 200
        finally:
            over.set()
            sender.join()


def a_half_closed_connection_is_answered_and_closed(telos):
    """The client has said all that it will: a whole request gets its answer, half a request gets the close."""
    with bounded(telos, idle_seconds=30) as own:
        whole, half, nothing = [connect(own) for _ in range(100)], [connect(own) for _ in range(100)], [connect(own) for _ in range(100)]
        for s in whole:
            s.sendall(WHOLE)
        for s in half:
            s.sendall(WHOLE[:90])
        for s in whole + half + nothing:
            s.shutdown(socket.SHUT_WR)
        begun = time.time()
        assert all(answer(s).startswith(b"HTTP/1.1 200") for s in whole)
        assert not any(answer(s) for s in half + nothing)
        assert time.time() - begun < 20, "long before they count as idle"
        assert gauge(own, "telos_http_connections") <= 2


def a_small_limit_of_files_still_answers(telos):
    """No descriptor left: the clients are told, those who are inside are served."""
    with bounded(telos) as own:
        resource.prlimit(own.process.pid, resource.RLIMIT_NOFILE, (120, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        clients = [connect(own) for _ in range(150)]
        clients[0].sendall(WHOLE)
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 200")
        assert answer(clients[-1]).startswith(b"HTTP/1.1 503"), "turned away at once"
        for s in clients:
            s.close()
        deadline, status = time.time() + 10, 0
        while status != 200 and time.time() < deadline:
            with contextlib.suppress(OSError):
                status = raw(own, "POST", "/v1/track", BODY, basic(SITE))[0]
        assert status == 200


CASES = [
    one_connection_too_many_is_told_so_and_closed,
    who_says_nothing_is_closed,
    who_sends_a_byte_a_second_is_closed_after_its_time,
    a_half_closed_connection_is_answered_and_closed,
    a_small_limit_of_files_still_answers,
]
