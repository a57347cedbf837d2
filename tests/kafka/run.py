#!/usr/bin/env python3
"""Telos beside a real Apache Kafka broker (KRaft, one process) that is killed and comes back.

Usage: run.py TELOS [WORDS OF CASES]        the broker's jars are in libs/ (run.sh); ends with "N passed, N failed"
"""
import atexit
import base64
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import postgres  # noqa: E402
from telos import Telos, run_cases, wait  # noqa: E402

PASSWORD = "password-of-the-tests"
PEOPLE = 40
LONG_S = 90


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def properties(path):
    with open(path) as f:
        return dict(line.strip().split("=", 1) for line in f if "=" in line and not line.startswith("#"))


class Broker:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="telos-kafka-")
        self.plain, self.tls, controller = free_port(), free_port(), free_port()
        self.certificate = os.path.join(self.directory, "broker.crt")
        self.password_file = os.path.join(self.directory, "password")
        self.properties = os.path.join(self.directory, "server.properties")
        self.classes = ":".join(sorted(glob.glob(os.path.join(HERE, "libs", "*.jar"))))
        self.process = None
        atexit.register(self.remove)
        with open(self.password_file, "w") as f:
            f.write(PASSWORD + "\n")
        self.make_certificate()
        settings = properties(os.path.join(HERE, "..", "..", "deploy", "compose", "kafka.properties"))
        settings.update({  # where it listens is all that differs
            "controller.quorum.voters": "1@127.0.0.1:%d" % controller,
            "listeners": "PLAINTEXT://127.0.0.1:%d,SASL_SSL://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d" % (self.plain, self.tls, controller),
            "advertised.listeners": "PLAINTEXT://127.0.0.1:%d,SASL_SSL://127.0.0.1:%d" % (self.plain, self.tls),
            "log.dirs": self.directory + "/log",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.directory + "/broker.pem",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config":
                "org.apache.kafka.common.security.plain.PlainLoginModule required user_telos=\"%s\";" % PASSWORD,
        })
        with open(self.properties, "w") as f:
            f.writelines("%s=%s\n" % setting for setting in settings.items())
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.java("kafka.tools.StorageTool", "format", "-t", name, "-c", self.properties)

    def make_certificate(self):
        key = os.path.join(self.directory, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate], check=True, stderr=subprocess.DEVNULL)
        with open(os.path.join(self.directory, "broker.pem"), "w") as out:
            for path in (key, self.certificate):
                with open(path) as part:
                    out.write(part.read())

    def command(self, *words):
        return ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", self.classes] + list(words)

    def java(self, *words):
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(" ".join(words) + "\n" + done.stdout[-3000:])

    def start(self):
        with open(os.path.join(self.directory, "log.txt"), "ab") as log:
            self.process = subprocess.Popen(self.command("kafka.Kafka", self.properties), stdout=log, stderr=log)

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError("the broker ended with status %d" % self.process.returncode)
            return subprocess.run(["kcat", "-b", "127.0.0.1:%d" % self.plain, "-L", "-m", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

        wait(answers, LONG_S, "the broker answers")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kcat(self, *words, **options):
        return subprocess.run(["kcat", "-q", "-b", "127.0.0.1:%d" % self.plain] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def write(self, topic, lines):
        """Each line: key, tab, value. The writer is idempotent: what it writes is there once, also when the broker dies meanwhile."""
        done = self.kcat("-P", "-E", "-t", topic, "-K", "\t", "-X", "enable.idempotence=true", "-X", "message.timeout.ms=120000", input="".join(line + "\n" for line in lines))
        if done.returncode:
            raise AssertionError("writing to %s: %s" % (topic, done.stderr[-500:]))

    def read(self, topic):
        """All records that are there now; none where there is no such topic."""
        done = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-J", "-X", "allow.auto.create.topics=false")
        return [json.loads(line) for line in done.stdout.splitlines()]


class Shop:
    """Topics of its own, the orders that were written to them, and the Telos (one or several) that read them and send them on."""

    def __init__(self, broker, name):
        self.broker, self.name, self.next, self.nodes = broker, name, 0, []
        self.returns, self.people, self.dead = name + ".returns", name + ".people", name + ".dead"
        self.topic = name + ".orders"
        for topic in (self.topic, self.returns, self.people, self.dead):  # made by asking for them
            wait(lambda name=topic: self.exists(name), LONG_S, "the topic " + topic)
        with open(os.path.join(HERE, "policy.yaml")) as f:
            text = f.read()
        self.policy = os.path.join(broker.directory, name + ".yaml")
        for word, value in (("TLS", broker.tls), ("CA", broker.certificate), ("PASSWORD", broker.password_file), ("NAME", name)):
            text = text.replace("@%s@" % word, str(value))
        with open(self.policy, "w") as f:
            f.write(text)

    def exists(self, topic):
        done = self.broker.kcat("-L", "-J", "-t", topic)
        return done.returncode == 0 and any(t["partitions"] for t in json.loads(done.stdout)["topics"])

    def orders(self, count):
        lines = []
        for _ in range(count):
            person = "p-%d" % (self.next % PEOPLE)
            body = {"type": "track", "event": "Order Completed", "userId": person, "properties": {"order_id": "o-%d" % self.next}}
            lines.append(person + "\t" + json.dumps(body))
            self.next += 1
        return lines

    @property
    def telos(self):
        return self.nodes[-1]

    def write(self, count, topic=None):
        self.broker.write(topic or self.topic, self.orders(count))

    def stored(self):
        """{order: how often}"""
        counts = {}
        for person in range(PEOPLE):
            subject = "user_id:p-%d" % person
            if self.telos.profile(subject, "fulfilment") == 404:
                continue
            for item in self.telos.timeline(subject, "fulfilment"):
                order = item["detail"]["properties"].get("order_id") if item["what"] == "collected" else None
                if order:
                    counts[order] = counts.get(order, 0) + 1
        return counts

    def source(self, node=None):
        return next(s for s in (node or self.telos).call("GET", "/v1/sources")["sources"] if s["name"] == "shop")

    def destination(self):
        return next(d for d in self.telos.call("GET", "/v1/destinations")["destinations"] if d["name"] == "crm")

    def check_stored_once(self):
        wait(lambda: len(self.stored()) == self.next, LONG_S, "all %d orders are stored" % self.next)
        twice = [order for order, count in self.stored().items() if count != 1]
        assert not twice, "stored more than once: %s" % twice[:5]

    def check_sent(self, once):
        wait(lambda: self.destination()["backlog"] == 0 and self.destination()["in_flight"] == 0, LONG_S, "the outbox is empty")
        sent = {}
        for record in self.broker.read(self.people):
            body = json.loads(record["payload"])
            headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
            assert headers["telos-delivery"] == body["id"] and record["key"].isdigit(), record
            sent.setdefault(body["event"]["properties"]["order_id"], []).append(body["id"])
        missing = [i for i in range(self.next) if "o-%d" % i not in sent]
        assert not missing, "never sent: %s" % missing[:5]
        for order, ids in sent.items():
            assert len(set(ids)) == 1, "%s went under several ids: %s" % (order, ids)
            assert not once or len(ids) == 1, "%s was written %d times" % (order, len(ids))


class World(Shop):
    """One broker, and one Telos on SQLite for nearly all cases: starting them is what takes the time."""

    def __init__(self, program):
        broker = Broker()
        broker.start()
        super().__init__(broker, "shop")
        self.program = program
        self.nodes = [Telos(program, self.policy, {"KAFKA_PASSWORD": PASSWORD}).start()]


class Nodes(Shop):
    """Three nodes on one PostgreSQL, in one group."""

    def __init__(self, world):
        super().__init__(world.broker, "nodes")
        self.cluster = postgres.Cluster()
        uri = self.cluster.uri()
        environment = {"KAFKA_PASSWORD": PASSWORD}
        addresses = ["--store", uri, "--vault", uri]
        self.nodes = [Telos(world.program, None if i else self.policy, environment, arguments=addresses) for i in range(3)]
        first = self.nodes[0].start()
        for node in self.nodes[1:]:
            os.makedirs(os.path.join(node.data, "keys"), 0o700)
            os.chmod(node.data, 0o700)
            shutil.copy(os.path.join(first.data, "keys", "master.key"), os.path.join(node.data, "keys", "master.key"))
            node.token = first.token
            node.start()

    def partitions(self):
        return [self.source(node)["partitions"] for node in self.nodes if node.process.poll() is None]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.stop()
        self.cluster.close()


def orders_of_a_topic_are_stored_and_sent_on_over_tls_with_a_password(world):
    world.write(60)
    world.write(20, world.returns)
    world.check_stored_once()
    world.check_sent(once=True)
    source = world.source()
    assert source["state"] == "reading" and source["partitions"] == 6 and source["messages"] == 80, source
    people = {}
    for record in world.broker.read(world.people):
        people.setdefault(record["key"], set()).add(record["partition"])
    assert all(len(partitions) == 1 for partitions in people.values()), "a person's records are in several partitions"


def a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(world):
    def write():
        for _ in range(8):
            world.write(100)

    begun = world.next
    writer = threading.Thread(target=write)
    writer.start()
    wait(lambda: len(world.stored()) > begun + 50, LONG_S, "some orders are stored")
    world.broker.kill()
    wait(lambda: world.source()["state"] == "failing", LONG_S, "the source says that the broker is away")
    world.broker.start()
    writer.join()
    world.check_stored_once()
    world.check_sent(once=True)
    wait(lambda: world.source()["state"] == "reading", LONG_S, "the source reads again")


def a_telos_that_is_killed_while_it_reads_stores_each_order_once(world):
    begun = world.next
    world.write(500)
    wait(lambda: len(world.stored()) > begun, LONG_S, "the first of them are stored")
    world.telos.kill()
    world.write(100)
    world.telos.start()
    world.check_stored_once()
    world.check_sent(once=False)  # an attempt whose outcome was not stored is made again, under the same id
    world.telos.command("audit", "check")


def what_cannot_be_taken_is_in_the_dead_letter_topic_with_its_reason(world):
    world.broker.write(world.topic, ["k1\tno json", "k2\t{\"type\":\"track\"}"] + world.orders(5))
    world.check_stored_once()
    letters = wait(lambda: (lambda records: records if len(records) == 2 else None)(world.broker.read(world.dead)), LONG_S, "both letters")
    reasons = {}
    for record in letters:
        headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
        reasons[record["key"]] = (headers["telos-reason"], headers["telos-topic"], record["payload"])
    assert reasons == {"k1": ("malformed", "shop.orders", "no json"), "k2": ("invalid", "shop.orders", "{\"type\":\"track\"}")}, reasons
    assert world.source()["dead_letters"] == 2
    assert "telos_source_dead_letters_total{source=\"shop\"} 2" in world.telos.request("GET", "/metrics")[1].decode()


def a_wrong_password_is_said_by_state_and_doctor(world):
    world.telos.stop()
    world.telos.environment["KAFKA_PASSWORD"] = "wrong"
    world.telos.start()
    wait(lambda: world.source().get("last_error") == "auth_failed", LONG_S, "the source says why it cannot read")
    checks = world.telos.command("doctor", status=None)["checks"]
    assert any(check["check"] == "source" and "auth_failed" in check["why"] for check in checks), checks
    with open(world.telos.log) as log:
        assert "wrong" not in log.read()
    world.telos.stop()
    world.telos.environment["KAFKA_PASSWORD"] = PASSWORD
    world.telos.start()
    world.write(5)
    world.check_stored_once()


def three_nodes_on_one_postgresql_share_a_topic_and_one_that_is_killed_loses_and_doubles_nothing(world):
    with Nodes(world) as shop:
        wait(lambda: shop.partitions() == [2, 2, 2], LONG_S, "two partitions for each node")
        shop.write(120)
        shop.check_stored_once()
        shop.check_sent(once=True)  # later: what a killed node had claimed goes on after 90 s, too long for a test
        assert all(shop.source(node)["messages"] > 0 for node in shop.nodes), "a node has stored nothing"

        def write():
            for _ in range(8):
                shop.write(100)

        writer = threading.Thread(target=write)
        begun = shop.next
        writer.start()
        wait(lambda: len(shop.stored()) > begun, LONG_S, "some more orders are stored")
        shop.nodes[0].kill()
        writer.join()
        wait(lambda: shop.partitions() == [3, 3], LONG_S, "its partitions are read by the others")
        shop.check_stored_once()
        shop.nodes[0].start()
        wait(lambda: shop.partitions() == [2, 2, 2], LONG_S, "the node that is back has its share")
        shop.write(60)
        shop.check_stored_once()
        for node in shop.nodes:
            node.command("audit", "check")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        the_world = World(os.path.abspath(sys.argv[1]))
    except Exception as problem:  # the broker does not come up: nothing was tested, and that is a failure
        print("FAIL  a broker and Telos come up\n%s\n0 passed, 1 failed" % problem)
        sys.exit(1)
    sys.exit(run_cases([
        orders_of_a_topic_are_stored_and_sent_on_over_tls_with_a_password,
        a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing,
        a_telos_that_is_killed_while_it_reads_stores_each_order_once,
        what_cannot_be_taken_is_in_the_dead_letter_topic_with_its_reason,
        a_wrong_password_is_said_by_state_and_doctor,
        three_nodes_on_one_postgresql_share_a_topic_and_one_that_is_killed_loses_and_doubles_nothing,
    ], the_world, only=sys.argv[2:]))
