#!/usr/bin/env python3
"""Acknowledged means durable (P5): kill -9 under load, a full disk, files that cannot grow, a second start.

Usage: run.py TELOS [CASE…]        TELOS_CRASH_KILLS (default 100) · ends with "N passed, N failed"
"""
import http.client
import os
import random
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from telos import Telos, run_cases, wait  # noqa: E402

KEYS = {"SITE_WRITE_KEY": "site-key-1", "SHOP_WRITE_KEY": "shop-key-1"}
PEOPLE = 24
SEED = int(os.environ.get("TELOS_TEST_SEED") or time.time())


def telos_for(program, **options):
    return Telos(program, os.path.join(HERE, "policy.yaml"), KEYS, **options)


class Client(threading.Thread):
    """Sends as an SDK does: a message that was not acknowledged is sent again, with the same messageId, mostly in another batch."""

    def __init__(self, telos, number):
        super().__init__(daemon=True)
        self.telos, self.number = telos, number
        self.chance = random.Random(SEED * 1000 + number)
        self.acknowledged, self.sent, self.refused = {}, 0, 0  # message number -> person
        self.pending = []
        self.consents = {}  # person -> statuses acknowledged
        self.running = self.paused = True
        self.over = False

    def message(self):
        self.sent += 1
        number = "%d-%d" % (self.number, self.sent)
        return {"type": "track", "event": "Step", "messageId": "m-" + number, "userId": "p-%d" % self.chance.randrange(PEOPLE),
                "properties": {"n": number, "filler": "x" * self.chance.randrange(400)}}

    def step(self, connection):
        if self.chance.random() < 0.05:
            person = "c-%d-%d" % (self.number, self.chance.randrange(8))
            status = self.chance.choice(["given", "withdrawn"])
            body = {"subject": "user_id:" + person, "purpose": "offers", "status": status, "method": "test", "reference": "r-%d" % self.sent}
            if status == "given":
                body["notice"] = "site@1"
            code, value, _ = self.telos.request("POST", "/v1/consents", body, connection=connection, timeout=10)
            if code == 201:
                self.consents.setdefault(person, []).append(value["id"])
            return
        size = self.chance.choice([1, 1, 5, 50])
        while len(self.pending) < size:
            self.pending.append(self.message())
        self.chance.shuffle(self.pending)
        batch = self.pending[:size]
        code, _, _ = self.telos.request("POST", "/v1/batch", {"batch": batch}, key=KEYS["SITE_WRITE_KEY"], connection=connection)
        if code == 200:
            for message in batch:
                self.acknowledged[message["properties"]["n"]] = message["userId"]
            self.pending = self.pending[size:]
        else:
            self.refused += 1
            time.sleep(0.02)

    def run(self):
        while self.running:
            if self.paused:
                self.over = True
                time.sleep(0.005)
                continue
            self.over = False
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.telos.port, timeout=10)
                while self.running and not self.paused:
                    self.step(connection)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
            finally:
                connection.close()


def stored(telos):
    """{message number: how many times it is stored}, and of whom."""
    counts, owners = {}, {}
    for person in range(PEOPLE):
        subject = "user_id:p-%d" % person
        if telos.profile(subject, "service") == 404:
            continue
        for item in telos.timeline(subject, "service"):
            number = item["detail"]["properties"].get("n") if item["what"] == "collected" else None
            if number:
                counts[number] = counts.get(number, 0) + 1
                owners[number] = "p-%d" % person
    return counts, owners


def compare(telos, clients):
    counts, owners = stored(telos)
    for client in clients:
        for number, person in client.acknowledged.items():
            assert counts.get(number) == 1, "message %s was acknowledged and is stored %s times" % (number, counts.get(number, 0))
            assert owners[number] == person
    twice = [number for number, count in counts.items() if count > 1]
    assert not twice, "stored twice: %s" % twice[:5]
    for client in clients:
        for person, ids in client.consents.items():
            reply = telos.call("GET", "/v1/consents?subject=user_id:%s&purpose=offers" % person)
            known = {record["id"] for record in next(value for value in reply.values() if isinstance(value, list))}
            assert set(ids) <= known, "consents of %s were acknowledged and are gone: %s" % (person, set(ids) - known)
    return sum(len(client.acknowledged) for client in clients)


def audit_is_clean(telos):
    report = telos.command("audit", "check")
    assert report is not None


def nothing_acknowledged_is_lost_or_doubled_by_kill_9(program):
    telos = telos_for(program)
    kills = int(os.environ.get("TELOS_CRASH_KILLS") or 100)
    chance = random.Random(SEED)
    print("      seed %d" % SEED, flush=True)
    telos.start()
    clients = [Client(telos, number) for number in range(6)]
    for client in clients:
        client.start()
    slowest = 0
    for kill in range(kills):
        for client in clients:
            client.paused = False
        time.sleep(chance.uniform(0.01, 0.25))
        telos.kill()
        begun = time.time()
        telos.start()
        slowest = max(slowest, time.time() - begun)
        if kill % 25 == 24:
            for client in clients:
                client.paused = True
            wait(lambda: all(client.over for client in clients), 20, "the clients to rest")
            compare(telos, clients)
    for client in clients:
        client.paused = True
    wait(lambda: all(client.over for client in clients), 20, "the clients to rest")
    for client in clients:
        client.running = False
    count = compare(telos, clients)
    audit_is_clean(telos)
    print("      %d kills, %d acknowledged messages, slowest start %.2f s" % (kills, count, slowest), flush=True)
    assert count > kills * 20, "too little was under way to prove anything: %d" % count
    telos.remove()


def fill_until_refused(telos, number):
    """Sends big messages until the answer is 503; the numbers that were acknowledged."""
    acknowledged = []
    for n in range(20000):
        batch = [{"type": "track", "event": "Fill", "messageId": "f-%d-%d-%d" % (number, n, i), "userId": "p-%d" % (i % PEOPLE),
                  "properties": {"n": "f-%d-%d-%d" % (number, n, i), "filler": os.urandom(1500).hex()}} for i in range(50)]
        status, value, headers = telos.request("POST", "/v1/batch", {"batch": batch}, key=KEYS["SITE_WRITE_KEY"])
        if status != 200:
            assert status == 503, (status, value)
            return acknowledged
        acknowledged += [(m["properties"]["n"], m["userId"]) for m in batch]
    raise AssertionError("it never filled up")


def serves_again(telos, acknowledged):
    def taken():
        status, _, _ = telos.request("POST", "/v1/track", {"userId": "p-0", "event": "Again", "messageId": "again", "properties": {"n": "again"}},
                                     key=KEYS["SITE_WRITE_KEY"])
        return status == 200
    wait(taken, 20, "it to store again without help")
    counts, _ = stored(telos)
    missing = [number for number, _ in acknowledged if counts.get(number) != 1]
    assert not missing, "%d acknowledged messages are not there once: %s" % (len(missing), missing[:5])


def a_full_disk_refuses_with_503_and_loses_nothing(program):
    telos = telos_for(program)
    os.makedirs(telos.data)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", telos.data], stderr=subprocess.DEVNULL).returncode != 0:
        print("      no file system can be mounted here; the next case bounds the files instead", flush=True)
        return
    try:
        telos.start()
        acknowledged = fill_until_refused(telos, 1)
        assert telos.process.poll() is None, "it died of a full disk"
        status, _, _ = telos.request("GET", "/readyz")
        assert status == 503, "readyz says %d while nothing can be stored" % status
        assert telos.profile("user_id:p-1", "service") not in (500, 503), "reading still works"
        subprocess.run(["mount", "-o", "remount,size=200m", telos.data], check=True)
        serves_again(telos, acknowledged)
        telos.kill()
        telos.start()
        serves_again(telos, acknowledged)
        audit_is_clean(telos)
    finally:
        if telos.process and telos.process.poll() is None:
            telos.kill()
        subprocess.run(["umount", "-l", telos.data], check=False)
        telos.remove()


def files_that_cannot_grow_refuse_with_503_and_lose_nothing(program):
    telos = telos_for(program)
    telos.start()
    telos.stop()
    telos.start(limit_file_bytes=6 * 1024 * 1024)
    acknowledged = fill_until_refused(telos, 2)
    assert telos.process.poll() is None, "it died when a file could not grow"
    subprocess.run(["prlimit", "--pid", str(telos.process.pid), "--fsize=unlimited"], check=True)
    serves_again(telos, acknowledged)
    telos.remove()


def a_second_start_on_the_same_directory_says_so_and_leaves(program):
    telos = telos_for(program)
    telos.start()
    done = subprocess.run([program, "serve", "--data", telos.data, "--listen", "127.0.0.1:0"], env=telos.environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert str(telos.process.pid) in done.stderr or "in use" in done.stderr, done.stderr
    assert telos.call("GET", "/healthz") is not None
    telos.remove()


def an_interrupt_ends_it_cleanly(program):
    telos = telos_for(program)
    telos.start()
    client = Client(telos, 99)
    client.start()
    client.paused = False
    time.sleep(0.3)
    assert telos.stop() == 0
    client.paused, client.running = True, False
    telos.start()
    compare(telos, [client])
    telos.remove()


CASES = [
    nothing_acknowledged_is_lost_or_doubled_by_kill_9,
    a_full_disk_refuses_with_503_and_loses_nothing,
    files_that_cannot_grow_refuse_with_503_and_lose_nothing,
    a_second_start_on_the_same_directory_says_so_and_leaves,
    an_interrupt_ends_it_cleanly,
]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run_cases(CASES, os.path.abspath(sys.argv[1]), only=sys.argv[2:]))
