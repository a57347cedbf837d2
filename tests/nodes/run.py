#!/usr/bin/env python3
"""Three nodes on one PostgreSQL, with a seeded load on all of them while nodes are killed and connections to the database are cut: nothing acknowledged
is lost or doubled, the result is that of one node alone, the audit is clean on every node, and what one node answered the others know.

With TELOS_TEST_CITUS (tests/lib/postgres.py) two of the cases run on Citus, too.

Usage: run.py TELOS [CASE…]        TELOS_TEST_SEED, TELOS_NODES_KILLS (default 8) · ends with "N passed, N failed"
"""
import configparser
import http.client
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import sending  # noqa: E402
import sharing  # noqa: E402
from cluster import HTTP_POLICY, KEYS, POLICY, Nodes, postgres  # noqa: E402
from telos import Telos, run_cases  # noqa: E402

PEOPLE = 12
SEED = int(os.environ.get("TELOS_TEST_SEED") or time.time())
KILLS = int(os.environ.get("TELOS_NODES_KILLS") or 8)


def message_of(chance, number, client):
    """What is said of one person, each thing at a time of its own, so that the order in which nodes take them says nothing."""
    who, name = chance.randrange(PEOPLE), "%d-%d" % (client, number)
    kind = chance.random()
    message = {"messageId": "m-" + name, "timestamp": "2026-02-01T%02d:%02d:%02d.%03dZ" % (client, number // 3600 % 60, number // 60 % 60, number % 60)}
    if kind < 0.2:
        message.update(type="identify", userId="p-%d" % who, traits={"name": "N" + name, "email": "p%d@example.hu" % who})
    else:
        message.update(type="track", event="Step", userId="p-%d" % who, properties={"n": name})
        if kind < 0.6:
            message["anonymousId"] = "a-%d" % who  # joins
    return message


class Client(threading.Thread):
    """Sends each message until it was acknowledged, to whichever node answers; every third one to two nodes at once."""

    def __init__(self, nodes, number):
        super().__init__(daemon=True)
        self.nodes, self.number = nodes, number
        self.chance = random.Random(SEED * 1000 + number)
        self.messages, self.running, self.error = [], True, None

    def send(self, batch, node):
        try:
            code, _, _ = node.request("POST", "/v1/batch", {"batch": batch}, key=KEYS["SITE_WRITE_KEY"], timeout=20)
            return code == 200
        except (OSError, http.client.HTTPException, TypeError):
            return False

    def run(self):
        while self.running:
            batch = [message_of(self.chance, len(self.messages) + i, self.number) for i in range(self.chance.choice([1, 1, 3, 20]))]
            self.messages += batch
            twice = self.chance.random() < 0.33
            other = threading.Thread(target=self.send, args=(batch, self.chance.choice(self.nodes)))
            if twice:
                other.start()
            until = time.time() + 120
            while not self.send(batch, self.chance.choice(self.nodes)):
                if time.time() > until:
                    self.error = "a batch was not taken within 120 s"
                    return
                time.sleep(0.02)
            if twice:
                other.join()


def told(telos):
    """What a node tells of everybody: traits, and how often each message is stored."""
    people = {}
    for who in range(PEOPLE):
        subject = "user_id:p-%d" % who
        profile = telos.profile(subject, "service")
        counts = {}
        for item in telos.timeline(subject, "service") if isinstance(profile, dict) else []:
            if item["what"] == "collected" and item["detail"].get("properties", {}).get("n"):
                number = item["detail"]["properties"]["n"]
                counts[number] = counts.get(number, 0) + 1
        people[subject] = (profile.get("traits") if isinstance(profile, dict) else profile, counts)
    return people


def load_with_kills(program, kills, **how):
    print("      seed %d" % SEED, flush=True)
    chance = random.Random(SEED)
    with Nodes(program, **how) as cluster:
        clients = [Client(cluster.nodes, number) for number in range(4)]
        for client in clients:
            client.start()
        for kill in range(kills):
            time.sleep(chance.uniform(0.1, 0.6))
            if kill % 2:
                cluster.cut()
            else:
                node = chance.choice(cluster.nodes)
                node.kill()
                node.start()
        time.sleep(0.5)
        for client in clients:
            client.running = False
        for client in clients:
            client.join(130)
            assert not client.is_alive() and not client.error, client.error
        messages = [message for client in clients for message in client.messages]
        alone = Telos(program, POLICY, KEYS).start()
        for first in range(0, len(messages), 50):
            alone.call("POST", "/v1/batch", {"batch": messages[first:first + 50]}, key=KEYS["SITE_WRITE_KEY"])
        wanted = told(alone)
        alone.stop()
        for node in cluster.nodes:
            got = told(node)
            for subject, (traits, counts) in wanted.items():
                assert all(count == 1 for count in got[subject][1].values()), (subject, "stored twice")
                assert got[subject][1] == counts, (subject, set(counts) ^ set(got[subject][1]))
                assert got[subject][0] == traits, (subject, got[subject][0], traits)
        cluster.audited()
        print("      %d messages, %d kills and cuts" % (len(messages), kills), flush=True)


def killed_nodes_and_cut_connections_leave_what_one_node_would_have(program):
    load_with_kills(program, KILLS)


def behind_a_pooler_in_transaction_mode_it_is_the_same(program):
    load_with_kills(program, KILLS // 2, pooled=True)


def on_citus_it_is_the_same(program):
    load_with_kills(program, KILLS, citus=True)


def a_withdrawal_on_one_node_holds_on_the_others_at_once(program, **how):
    with Nodes(program, **how) as cluster:
        a, b, c = cluster.nodes
        for i in range(10):
            subject = "user_id:w-%d" % i
            a.consent(subject, "offers", "given", notice="site@1")
            decision = {"subject": subject, "purpose": "offers"}
            assert b.call("POST", "/v1/decide", decision)["decision"] == "allow"
            c.consent(subject, "offers", "withdrawn")
            for node in cluster.nodes:
                assert node.call("POST", "/v1/decide", decision)["decision"] == "deny"
        for node in cluster.nodes:
            node.command("audit", "check")


def on_citus_a_withdrawal_on_one_node_holds_on_the_others_at_once(program):
    a_withdrawal_on_one_node_holds_on_the_others_at_once(program, citus=True)


def the_files_for_several_nodes_fit_each_other(program):
    deploy = os.path.join(HERE, "..", "..", "deploy")
    unit = open(os.path.join(deploy, "telos@.service")).read()
    names = dict(line.split("=", 1) for line in open(os.path.join(deploy, "nodes.env")) if "=" in line and not line.startswith("#"))
    pooler = configparser.ConfigParser(strict=True, interpolation=None)
    pooler.read(os.path.join(deploy, "pgbouncer.ini"))
    for name in ("TELOS_STORE", "TELOS_VAULT"):
        address = urllib.parse.urlsplit(names[name].strip())
        assert address.scheme == "postgres" and not address.password
        assert address.path[1:] in pooler["databases"], (name, address.path)
        assert address.port == int(pooler["pgbouncer"]["listen_port"])
    assert pooler["pgbouncer"]["pool_mode"] == "transaction"
    assert "EnvironmentFile=/etc/telos/nodes.env" in unit and "serve --data /var/lib/telos/%i" in unit
    if shutil.which("systemd-analyze"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "telos@.service")
            with open(path, "w") as f:
                f.write(unit.replace("/usr/local/bin/telos", program))
            done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "telos@" in line]
            assert not said, said


class Beside(threading.Thread):
    """A case that mostly waits, run beside the others; it is told at the end."""

    def __init__(self, case, program):
        super().__init__(daemon=True)
        self.case, self.program, self.error = case, program, None
        self.__name__ = case.__name__
        self.start()

    def run(self):
        try:
            self.case(self.program)
        except BaseException as error:  # told by whoever asks
            self.error = error

    def __call__(self, _):
        self.join()
        if self.error:
            raise self.error


def main():
    program, only = os.path.abspath(sys.argv[1]), sys.argv[2:]

    def wanted(case):
        return not only or any(word in case.__name__ for word in only)

    beside = [Beside(case, program) for case in sending.SLOW if wanted(case)]
    cases = [the_files_for_several_nodes_fit_each_other, a_withdrawal_on_one_node_holds_on_the_others_at_once, killed_nodes_and_cut_connections_leave_what_one_node_would_have,
             behind_a_pooler_in_transaction_mode_it_is_the_same, *sending.CASES]
    if postgres.citus():
        cases += [on_citus_it_is_the_same, on_citus_a_withdrawal_on_one_node_holds_on_the_others_at_once]
    if any(wanted(case) for case in sharing.CASES):
        with Nodes(program, HTTP_POLICY) as shared:
            def on_shared(case):
                def run(_):
                    case(shared)
                run.__name__ = case.__name__
                return run
            return run_cases([*map(on_shared, sharing.CASES), *cases, *beside], program, only=only)
    return run_cases([*cases, *beside], program, only=only)


if __name__ == "__main__":
    sys.exit(main())
