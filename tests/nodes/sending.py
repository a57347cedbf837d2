"""Sending by several nodes at once: each delivery once and in order per person, also when a node is killed in the middle; what is withdrawn on one node is not sent by
another, and what had gone out is recalled."""
import importlib.util
import os
import random
import shutil
import threading
import time

from cluster import HERE, SHOP, SITE, Nodes, policy_with
from telos import wait

PEOPLE, STEPS = 10, 12


def receiver_make():
    """The receiver of webhooks of tests/deliver."""
    spec = importlib.util.spec_from_file_location("deliver_run", os.path.join(HERE, "..", "deliver", "run.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Receiver()


class Sending:
    """Nodes whose one destination is a receiver of the test's own."""

    def __init__(self, program, count=3):
        self.receiver = receiver_make()
        address = 'url: "http://127.0.0.1:%d/hook"' % self.receiver.port
        self.policy = policy_with(lambda text: text.replace('url: "http://127.0.0.1:9/hook"', address))
        self.cluster = Nodes(program, self.policy, count=count)
        self.nodes = self.cluster.nodes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.__exit__()
        self.receiver.server.shutdown()
        shutil.rmtree(self.receiver.directory, ignore_errors=True)
        shutil.rmtree(os.path.dirname(self.policy), ignore_errors=True)

    def join(self, node, who):
        """Somebody who is known and agreed to offers; the profile's id."""
        node.call("POST", "/v1/identify", {"userId": who, "traits": {"name": who}}, key=SITE)
        node.consent("user_id:" + who, "offers", "given", notice="site@1")
        return node.profile("user_id:" + who, "offers")["id"]

    def track(self, node, who, step):
        node.call("POST", "/v1/track", {"userId": who, "event": "Step", "properties": {"step": step}, "messageId": "%s-%s" % (who, step)}, key=SHOP)

    def taken(self, who=None):
        """Requests about events that the receiver said yes to, in the order in which they came; `who`: a profile's id."""
        return [r for r in self.receiver.seen("hook", "event") if r.get("answered") == 200 and who in (None, r["body"]["profile"]["id"])]

    def rows(self, state=None):
        return self.nodes[-1].call("GET", "/v1/deliveries?destination=hook&limit=1000" + ("&state=" + state if state else ""))["deliveries"]


def in_order(sending, people, twice=()):
    """Each step of each person was taken, in order, once; those of `twice` may have come again with the same id."""
    for who, profile in people.items():
        steps, ids = [], {}
        for request in sending.taken(profile):
            step = request["body"]["event"]["properties"]["step"]
            if step in ids:
                assert ids[step] == request["id"], "%s: step %d under two ids" % (who, step)
                assert request["id"] in twice, "%s: step %d was sent twice" % (who, step)
                continue
            ids[step] = request["id"]
            steps.append(step)
        assert steps == list(range(STEPS)), (who, steps)


def deliveries_are_sent_once_each_and_in_order_whoever_sends_them(program):
    with Sending(program) as sending:
        chance = random.Random(3)
        sending.receiver.answers["hook"] = lambda nth, request: (503 if nth == 1 and chance.random() < 0.1 else 200, {}, chance.random() / 50)
        people = {who: sending.join(sending.nodes[i % 3], who) for i, who in enumerate("send-%d" % i for i in range(PEOPLE))}
        for step in range(STEPS):
            for who in people:
                sending.track(chance.choice(sending.nodes), who, step)
        wait(lambda: len(sending.taken()) >= PEOPLE * STEPS, 120, "every delivery")
        wait(lambda: not sending.rows("pending"), 60, "nothing waiting")
        in_order(sending, people)
        assert len(sending.taken()) == PEOPLE * STEPS

        def done_by_each():
            return [node.call("GET", "/v1/destinations/hook")["delivered"] for node in sending.nodes]

        wait(lambda: sum(done_by_each()) == PEOPLE * STEPS, 30, "what the nodes say of it, which is published a little later")
        done = done_by_each()
        assert sum(count > 0 for count in done) >= 2, "one node did all: %s" % done
        sending.cluster.audited()


def a_node_killed_while_it_sends_leaves_its_deliveries_to_the_others(program):
    """What it had claimed is free again after the time that no attempt outlasts, so this takes a minute and a half."""
    with Sending(program, count=2) as sending:
        slow, released = threading.Event(), threading.Event()

        def answer(nth, request):
            if not released.is_set():
                slow.set()
                released.wait(60)  # the node that asked is killed meanwhile
            return 200, {}, 0.002

        sending.receiver.answers["hook"] = answer
        a, b = sending.nodes
        people = {who: sending.join(a, who) for who in ("kill-%d" % i for i in range(4))}
        b.stop()
        for who in people:
            sending.track(a, who, 0)
        assert slow.wait(30), "the first request"
        wait(lambda: len(sending.receiver.seen("hook")) == len(people), 30, "a request for everybody")
        under_way = {request["id"] for request in sending.receiver.seen("hook")}
        a.kill()
        released.set()
        b.start()
        for step in range(1, STEPS):
            for who in people:
                sending.track(b, who, step)
        time.sleep(1)
        assert not [r for r in sending.taken() if r["body"]["event"]["properties"]["step"] > 0], "a later one overtook one that is claimed"
        wait(lambda: not sending.rows("pending"), 240, "all deliveries by the node that is left")
        in_order(sending, people, twice=under_way)
        a.start()
        sending.cluster.audited()


def what_is_withdrawn_on_one_node_is_not_sent_by_another(program):
    with Sending(program) as sending:
        a, b, c = sending.nodes
        people = {who: sending.join(sending.nodes[i % 3], who) for i, who in enumerate("gone-%d" % i for i in range(12))}
        c.call("POST", "/v1/destinations/hook/pause", {})
        for who in people:
            sending.track(a, who, 0)
        leaving = list(people)[::2]
        for who in leaving:
            b.consent("user_id:" + who, "offers", "withdrawn")
        a.call("POST", "/v1/destinations/hook/resume", {})
        wait(lambda: len(sending.taken()) >= 6, 60, "what may be sent")
        wait(lambda: not sending.rows("pending"), 60, "nothing waiting")
        assert {r["body"]["profile"]["id"] for r in sending.taken()} == {people[who] for who in people if who not in leaving}
        assert {row["reason"] for row in sending.rows("cancelled")} == {"consent_withdrawn"}


def what_went_out_while_it_was_withdrawn_elsewhere_is_recalled_and_nothing_follows(program):
    """A withdrawal and an attempt that cross each other on two nodes: either the attempt does not happen, or a recall follows it."""
    with Sending(program) as sending:
        chance = random.Random(5)
        sending.receiver.answers["hook"] = lambda nth, request: (200, {}, 0 if request["body"]["type"] == "recall" else chance.random() / 10)
        people = {who: sending.join(sending.nodes[0], who) for who in ("cross-%d" % i for i in range(24))}

        def cross(who):
            one, two = chance.sample(sending.nodes, 2)
            sending.track(one, who, 0)
            time.sleep(chance.random() / 5)
            two.consent("user_id:" + who, "offers", "withdrawn")
            sending.track(one, who, 1)  # said no before this was sent

        crossings = [threading.Thread(target=cross, args=(who,)) for who in people]
        for first in range(0, len(crossings), 6):
            for crossing in crossings[first:first + 6]:
                crossing.start()
            for crossing in crossings[first:first + 6]:
                crossing.join(60)
        wait(lambda: not sending.rows("pending"), 120, "nothing waiting")
        assert not [r for r in sending.receiver.seen("hook", "event") if r["body"]["event"]["properties"]["step"] == 1], "sent after the withdrawal was answered"
        told = {request["body"]["profile"]["id"] for request in sending.receiver.seen("hook", "event")}

        def not_recalled():
            """A recall names the identifiers that were told; where those may not be told any more, the profile."""
            named = {item["value"] for request in sending.receiver.seen("hook", "recall") for item in request["body"]["subject"]}
            return [who for who in people if people[who] in told and not named & {who, people[who]}]

        wait(lambda: not not_recalled(), 120, "a recall for everybody whose data went out")
        for node in sending.nodes:
            for who in people:
                assert node.call("POST", "/v1/decide", {"subject": "user_id:" + who, "purpose": "offers"})["decision"] == "deny"
        print("      %d of %d crossed" % (len(told), len(people)), flush=True)
        sending.cluster.audited()


CASES = [
    deliveries_are_sent_once_each_and_in_order_whoever_sends_them,
    what_is_withdrawn_on_one_node_is_not_sent_by_another,
    what_went_out_while_it_was_withdrawn_elsewhere_is_recalled_and_nothing_follows,
]
SLOW = [a_node_killed_while_it_sends_leaves_its_deliveries_to_the_others]
