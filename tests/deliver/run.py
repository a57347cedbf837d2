#!/usr/bin/env python3
"""Sending, from outside: a real `telos serve` and a receiver of webhooks that answers as each case needs.

Usage: run.py TELOS [CASE…]        only the standard library is used; ends with "N passed, N failed"
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "whsec_of_the_tests"
WRITE_KEY = "wk_of_the_tests"


class Receiver:
    """Answers POSTs by path; `answers[path]` is a function (nth request of that delivery, request) -> (status, headers, delay)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []
        self.answers = {}
        self.endless = {}  # path -> (bytes at a time, seconds between): the body never ends
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = {"path": self.path[1:], "headers": {k.lower(): v for k, v in self.headers.items()}, "raw": body,
                           "body": json.loads(body), "at": time.time()}
                request["id"] = request["headers"].get("telos-delivery")
                with receiver.lock:
                    nth = 1 + sum(r["id"] == request["id"] for r in receiver.requests)
                    receiver.requests.append(request)
                status, headers, delay = receiver.answers.get(request["path"], lambda n, r: (200, {}, 0))(nth, request)
                time.sleep(delay)
                request["answered"] = status
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                endless = receiver.endless.get(request["path"])
                if not endless:
                    self.send_header("Content-Length", "2")
                self.end_headers()
                try:
                    self.wfile.write(b"ok")
                    while endless:  # until the other side has had enough
                        self.wfile.write(b"x" * endless[0])
                        request["wrote"] = request.get("wrote", 0) + endless[0]
                        time.sleep(endless[1])
                except OSError:
                    self.close_connection = True

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.directory = tempfile.mkdtemp(prefix="telos-receiver-")
        self.ca, key = os.path.join(self.directory, "ca.pem"), os.path.join(self.directory, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.ca], check=True, stderr=subprocess.DEVNULL)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.ca, key)
        sealed = Server(("127.0.0.1", 0), Handler)
        sealed.socket = tls.wrap_socket(sealed.socket, server_side=True, do_handshake_on_connect=False)
        self.tls_port = sealed.server_address[1]
        threading.Thread(target=sealed.serve_forever, daemon=True).start()

    def seen(self, path, kind=None):
        with self.lock:
            return [r for r in self.requests if r["path"] == path and (kind is None or (r["body"].get("type") == "recall") == (kind == "recall"))]


class Telos:
    def __init__(self, program, receiver):
        self.program, self.receiver = program, receiver
        self.directory = tempfile.mkdtemp(prefix="telos-deliver-")
        self.data = os.path.join(self.directory, "data")
        shutil.copytree(os.path.join(HERE, "notices"), os.path.join(self.directory, "notices"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            dead = s.getsockname()[1]
        with open(os.path.join(HERE, "policy.yaml")) as f:
            text = f.read().replace("@PORT@", str(receiver.port)).replace("@DEAD@", str(dead))
            text = text.replace("@TLS@", str(receiver.tls_port)).replace("@CA@", receiver.ca)
        self.policy = os.path.join(self.directory, "policy.yaml")
        with open(self.policy, "w") as f:
            f.write(text)
        self.environment = dict(os.environ, WEB_WRITE_KEY=WRITE_KEY, HOOK_SECRET=SECRET)
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.token = None

    def start(self):
        arguments = [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:0"]
        if self.token is None:
            arguments += ["--policy", self.policy]
        self.process = subprocess.Popen(arguments, env=self.environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if "listening on http://" in line:
                self.port = int(line.strip().rsplit(":", 1)[1].rstrip("/"))
                break
        else:
            raise RuntimeError("telos serve did not start; see " + self.log.name)
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        if self.token is None:
            out = subprocess.run([self.program, "token", "create", "--data", self.data, "--role", "admin", "--purpose", "*", "--json"],
                                 env=self.environment, stdout=subprocess.PIPE, check=True, text=True).stdout
            self.token = json.loads(out)["token"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def call(self, method, path, body=None, basic=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": "Basic " + base64.b64encode((basic + ":").encode()).decode() if basic else "Bearer " + self.token}
        text = None
        if body is not None:
            text = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection.request(method, path, text, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        try:
            value = json.loads(content) if content else None
        except ValueError:
            value = content
        if reply.status >= 300:
            raise AssertionError("%s %s: %d %s" % (method, path, reply.status, str(value)[:300]))
        return value

    def consent(self, user, status):
        body = {"subject": "user_id:" + user, "purpose": "newsletter", "status": status, "method": "test"}
        if status == "given":
            body["notice"] = "newsletter@1"
        self.call("POST", "/v1/consents", body)

    def person(self, user):
        self.consent(user, "given")
        return user

    def track(self, event, *users, **properties):
        batch = [{"type": "track", "userId": u, "event": event, "properties": properties} for u in users]
        self.call("POST", "/v1/batch", {"batch": batch}, basic=WRITE_KEY)

    def deliveries(self, destination, state=None):
        reply = self.call("GET", "/v1/deliveries?destination=" + destination + ("&state=" + state if state else ""))
        return items(reply)

    def destination(self, name):
        return next(d for d in items(self.call("GET", "/v1/destinations")) if d["name"] == name)


def items(reply):
    """The list in a page, whatever its name."""
    if isinstance(reply, list):
        return reply
    return next(v for v in reply.values() if isinstance(v, list))


def wait(condition, seconds, what):
    until = time.time() + seconds
    while time.time() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("not within %s s: %s" % (seconds, what))


def status_list(*statuses):
    """These answers one after another for each delivery, then 200."""
    return lambda nth, request: (statuses[nth - 1] if nth <= len(statuses) else 200, {}, 0)


# ---- the cases; each has its own destination and its own people ----

def a_delivery_is_signed_and_has_the_shape_of_the_contract(telos, receiver):
    telos.person("plain-1")
    telos.track("Plain", "plain-1", colour="green")
    request = wait(lambda: receiver.seen("plain"), 10, "a delivery")[0]
    body, headers = request["body"], request["headers"]
    assert {"id", "type", "purpose", "profile", "event", "sent_at"} <= set(body), sorted(body)
    assert body["purpose"] == "newsletter" and body["id"] == headers["telos-delivery"], body
    assert body["event"]["properties"]["colour"] == "green", body["event"]
    assert headers["content-type"].startswith("application/json") and headers["telos-attempt"] == "1"
    parts = dict(p.split("=", 1) for p in headers["telos-signature"].split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + request["raw"], hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, parts["v1"])
    assert abs(int(parts["t"]) - time.time()) < 30
    time.sleep(0.5)
    assert len(receiver.seen("plain")) == 1, "sent twice"


def a_recipient_hears_of_its_own_purpose_only(telos, receiver):
    telos.person("secret-1")
    telos.call("POST", "/v1/consents", {"subject": "user_id:secret-1", "purpose": "care", "status": "given", "explicit": True, "notice": "newsletter@1"})
    telos.call("POST", "/v1/identify", {"userId": "secret-1", "traits": {"diagnosis": "flu", "colour": "red"}}, basic=WRITE_KEY)
    telos.track("Plain", "secret-1", secret=1)
    request = wait(lambda: [r for r in receiver.seen("plain") if b"secret" in r["raw"]], 10, "a delivery")[0]
    profile = request["body"]["profile"]
    assert profile["traits"] == {"colour": "red"} and list(profile["consents"]) == ["newsletter"] and "withheld" not in profile, profile
    assert [f["purposes"] for f in profile["facts"]] == [["newsletter"]], profile["facts"]
    assert b"diagnosis" not in request["raw"] and b"care" not in request["raw"], request["raw"]


def deliveries_of_a_person_keep_their_order_through_failures(telos, receiver):
    people = [telos.person("order-%d" % i) for i in range(8)]
    chance = random.Random(1)
    receiver.answers["order"] = lambda nth, request: (500 if nth == 1 and chance.random() < 0.15 else 200, {}, chance.random() / 100)
    for step in range(12):
        telos.track("Order", *people, step=step)
    wait(lambda: sum(r.get("answered") == 200 for r in receiver.seen("order")) >= 96, 60, "96 deliveries")
    last = {}
    for request in receiver.seen("order"):
        who, step = request["body"]["profile"]["id"], request["body"]["event"]["properties"]["step"]
        assert last.get(who, 0) <= step <= last.get(who, -1) + 1, "person %s: %s after %s" % (who, step, last.get(who))
        last[who] = step
    assert len(last) == 8


def a_failed_attempt_is_repeated_with_the_same_id(telos, receiver):
    receiver.answers["retry"] = status_list(503, 500)
    telos.person("retry-1")
    telos.track("Retry", "retry-1")
    seen = wait(lambda: len(receiver.seen("retry")) >= 3 and receiver.seen("retry"), 20, "three attempts")
    assert len({r["id"] for r in seen}) == 1
    assert [r["headers"]["telos-attempt"] for r in seen] == ["1", "2", "3"]
    wait(lambda: [d["state"] for d in telos.deliveries("retry")] == ["delivered"], 5, "delivered")


def retry_after_is_obeyed(telos, receiver):
    receiver.answers["wait"] = lambda nth, request: (429, {"Retry-After": "3"}, 0) if nth == 1 else (200, {}, 0)
    telos.person("wait-1")
    telos.track("Wait", "wait-1")
    seen = wait(lambda: len(receiver.seen("wait")) >= 2 and receiver.seen("wait"), 15, "a second attempt")
    assert 2.9 <= seen[1]["at"] - seen[0]["at"] < 8, seen[1]["at"] - seen[0]["at"]


def a_refused_delivery_is_a_dead_letter_and_can_be_replayed(telos, receiver):
    receiver.answers["letter"] = lambda nth, request: (400, {}, 0)
    telos.person("letter-1")
    telos.track("Letter", "letter-1", "letter-1")
    dead = wait(lambda: len(telos.deliveries("letter", "dead")) == 2 and telos.deliveries("letter", "dead"), 10, "two dead letters")
    assert all(d["reason"] == "http_400" for d in dead), dead
    assert len(receiver.seen("letter")) == 2
    receiver.answers["letter"] = lambda nth, request: (200, {}, 0)
    telos.call("POST", "/v1/deliveries/%s/retry" % dead[0]["id"], {})
    wait(lambda: any(r["id"] == dead[0]["id"] and r.get("answered") == 200 for r in receiver.seen("letter")), 10, "the retried one")
    telos.call("POST", "/v1/destinations/letter/replay", {})
    wait(lambda: [d["state"] for d in telos.deliveries("letter")] == ["delivered"] * 2, 10, "the replayed one")


def a_paused_destination_gets_nothing_until_it_is_resumed(telos, receiver):
    telos.person("pause-1")
    telos.call("POST", "/v1/destinations/pause/pause", {})
    telos.track("Pause", "pause-1")
    time.sleep(1.5)
    assert receiver.seen("pause") == []
    telos.call("POST", "/v1/destinations/pause/resume", {})
    wait(lambda: receiver.seen("pause"), 5, "the delivery")


def a_slow_and_a_dead_destination_delay_no_other(telos, receiver):
    receiver.answers["slow"] = lambda nth, request: (200, {}, 5)
    people = [telos.person("isolation-%d" % i) for i in range(40)]
    telos.track("Isolation", *people)
    time.sleep(1)
    begun = time.time()
    telos.track("Isolation", *people, again=True)
    wait(lambda: len(receiver.seen("quick")) == 80, 10, "80 quick ones")
    assert time.time() - begun < 5, time.time() - begun
    status = wait(lambda: telos.destination("dead").get("last_error") and telos.destination("dead"), 10, "an error in the status")
    assert status["last_error"] == "connect_failed", status
    wait(lambda: telos.destination("dead").get("backlog", 0) >= 80, 10, "its backlog in the status")


def an_endless_answer_is_an_answer(telos, receiver):
    """The status counts; of the body a little is read and thrown away, and a drip holds its slot no longer than the timeout."""
    for event, piece in (("Endless", (65536, 0)), ("Drip", (1, 0.2))):
        path = event.lower()
        receiver.endless[path] = piece
        telos.person(path + "-1")
        telos.track(event, path + "-1")
        wait(lambda: telos.deliveries(path, "delivered"), 10, "the delivery to be taken for delivered")
        assert len(receiver.seen(path)) == 1
        assert receiver.seen(path)[0].get("wrote", 0) < 64 * 1024 * 1024
        assert telos.destination(path)["state"] == "ready"


def a_redirect_and_a_410_are_told_and_what_waited_arrives(telos, receiver):
    receiver.answers["letter"] = lambda nth, request: (302, {"Location": "http://127.0.0.1:%d/elsewhere" % receiver.port}, 0)
    telos.person("moved-1")
    telos.track("Letter", "moved-1")
    row = wait(lambda: [d for d in telos.deliveries("letter") if d.get("reason") == "http_302"], 10, "the redirect as a reason")[0]
    assert not receiver.seen("elsewhere"), "data went to an address that the policy does not declare"
    assert row["state"] in ("dead", "pending"), row
    receiver.answers["letter"] = lambda nth, request: (410, {}, 0)
    telos.person("moved-2")
    telos.track("Letter", "moved-2")
    wait(lambda: telos.destination("letter")["state"] == "gone", 15, "the destination to be shown as gone")
    telos.call("POST", "/v1/destinations/letter/pause", {})
    receiver.answers["letter"] = lambda nth, request: (200, {}, 0)
    telos.call("POST", "/v1/destinations/letter/resume", {})
    telos.call("POST", "/v1/destinations/letter/replay", {})
    wait(lambda: telos.destination("letter")["backlog"] == 0 and not telos.deliveries("letter", "dead"), 15, "what waited to arrive")


def only_a_trusted_certificate_is_talked_to(telos, receiver):
    telos.person("sealed-1")
    telos.track("Sealed", "sealed-1")
    wait(lambda: receiver.seen("sealed"), 10, "the delivery over TLS")
    wait(lambda: telos.destination("forged").get("last_error") == "tls_not_trusted", 10, "the refusal in the status")
    assert receiver.seen("forged") == []


def what_is_withdrawn_while_it_waits_is_never_sent(telos, receiver):
    receiver.answers["gate"] = lambda nth, request: (503, {}, 0) if request["body"]["type"] != "recall" else (200, {}, 0)
    telos.person("gate-1")
    telos.person("gate-2")
    telos.call("POST", "/v1/destinations/gate/pause", {})
    telos.track("Gate", "gate-1")
    telos.consent("gate-1", "withdrawn")
    telos.call("POST", "/v1/destinations/gate/resume", {})
    rows = wait(lambda: [d for d in telos.deliveries("gate") if d["state"] == "cancelled"], 10, "a cancelled row")
    assert rows[0]["reason"] == "consent_withdrawn", rows
    time.sleep(1)
    assert receiver.seen("gate") == []
    telos.track("Gate", "gate-2")
    wait(lambda: len(receiver.seen("gate", "event")) >= 1, 10, "a first attempt")
    telos.consent("gate-2", "withdrawn")
    before = len(receiver.seen("gate", "event"))
    time.sleep(4)
    assert len(receiver.seen("gate", "event")) <= before + 1, "attempts after the withdrawal" # one may have been under way


def a_recall_follows_a_withdrawal_until_it_is_confirmed(telos, receiver):
    receiver.answers["recall"] = lambda nth, request: (200, {}, 0) if request["body"]["type"] != "recall" or nth > 3 else ((500, 404, 410)[nth - 1], {}, 0)
    telos.person("recall-1")
    telos.track("Recall", "recall-1")
    wait(lambda: [d["state"] for d in telos.deliveries("recall")] == ["delivered"], 10, "the delivery")
    telos.consent("recall-1", "withdrawn")
    recalls = wait(lambda: len(receiver.seen("recall", "recall")) >= 4 and receiver.seen("recall", "recall"), 30, "four attempts at the recall")
    assert len({r["id"] for r in recalls}) == 1
    subject = json.dumps(recalls[0]["body"]["subject"])
    assert "recall-1" in subject, subject
    assert "event" not in recalls[0]["body"] or not recalls[0]["body"]["event"], "a recall carries no data"
    wait(lambda: all(d["state"] == "delivered" for d in telos.deliveries("recall")), 5, "the recall is confirmed")
    time.sleep(1)
    assert len(receiver.seen("recall", "recall")) == 4


def a_withdrawal_while_a_request_is_under_way_is_recalled(telos, receiver):
    receiver.answers["race"] = lambda nth, request: (200, {}, 2 if request["body"]["type"] != "recall" else 0)
    telos.person("race-1")
    telos.track("Race", "race-1")
    wait(lambda: receiver.seen("race", "event"), 10, "the request is under way")
    telos.consent("race-1", "withdrawn")
    wait(lambda: receiver.seen("race", "recall"), 15, "a recall of what was taken meanwhile")


def what_waits_survives_a_kill(telos, receiver):
    receiver.answers["restart"] = lambda nth, request: (503, {}, 0)
    telos.person("restart-1")
    telos.track("Restart", "restart-1", step=1)
    first = wait(lambda: receiver.seen("restart"), 10, "a first attempt")[0]["id"]
    telos.track("Restart", "restart-1", step=2)
    telos.kill()
    receiver.answers["restart"] = lambda nth, request: (200, {}, 0)
    telos.start()
    wait(lambda: len({r["id"] for r in receiver.seen("restart") if r.get("answered") == 200}) == 2, 30, "both deliveries")
    assert receiver.seen("restart")[-1]["id"] != first
    assert [r["id"] for r in receiver.seen("restart") if r.get("answered") == 200][0] == first


def kills_under_load_lose_nothing(telos, receiver):
    receiver.answers["burst"] = lambda nth, request: (200, {}, 0.01)
    people = [telos.person("burst-%d" % i) for i in range(50)]
    sent = 0
    for round_number in range(4):
        for step in range(4):
            telos.track("Burst", *people, n=sent)
            sent += 1
        time.sleep(0.05 * round_number)
        telos.kill()
        telos.start()
    wait(lambda: len({r["id"] for r in receiver.seen("burst") if r.get("answered") == 200}) == 50 * sent, 60, "%d deliveries" % (50 * sent))
    got = {}
    for request in receiver.seen("burst"):
        who, n = request["body"]["profile"]["id"], request["body"]["event"]["properties"]["n"]
        assert n >= got.get(who, 0) and n <= got.get(who, -1) + 1, "order of %s" % who
        got[who] = n


CASES = [
    a_delivery_is_signed_and_has_the_shape_of_the_contract, a_recipient_hears_of_its_own_purpose_only,
    deliveries_of_a_person_keep_their_order_through_failures,
    a_failed_attempt_is_repeated_with_the_same_id,
    retry_after_is_obeyed,
    a_refused_delivery_is_a_dead_letter_and_can_be_replayed,
    a_paused_destination_gets_nothing_until_it_is_resumed,
    a_slow_and_a_dead_destination_delay_no_other,
    an_endless_answer_is_an_answer,
    a_redirect_and_a_410_are_told_and_what_waited_arrives,
    only_a_trusted_certificate_is_talked_to,
    what_is_withdrawn_while_it_waits_is_never_sent,
    a_recall_follows_a_withdrawal_until_it_is_confirmed,
    a_withdrawal_while_a_request_is_under_way_is_recalled,
    what_waits_survives_a_kill,
    kills_under_load_lose_nothing,
]


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    wanted = sys.argv[2:]
    receiver = Receiver()
    telos = Telos(os.path.abspath(sys.argv[1]), receiver)
    passed = failed = 0
    telos.start()
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        try:
            case(telos, receiver)
            passed += 1
            print("ok    ", case.__name__, flush=True)
        except Exception as error:  # the next case still runs
            failed += 1
            print("FAILED", case.__name__ + ":", type(error).__name__, error, flush=True)
            if telos.process.poll() is not None:
                print("       telos ended with", telos.process.returncode, flush=True)
                telos.start()
    stopped = telos.stop()
    if stopped != 0:
        failed += 1
        print("FAILED stopping: exit status", stopped)
    if failed:
        print("log:", telos.log.name)
    else:
        shutil.rmtree(telos.directory)
    shutil.rmtree(receiver.directory)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
