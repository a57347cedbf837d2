"""What one node did, the others know: streams that go on elsewhere, users and sessions, lists and counts of people, changes of the layout, people changed behind a
node's back. All on one cluster with the policy of the HTTP suite."""
import os
import shutil
import subprocess
import sys
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "http"))
from access import PASSWORD, ask, sign_in  # noqa: E402
from by_purpose import listed, names  # noqa: E402
from cluster import SITE  # noqa: E402
from people import Stream  # noqa: E402
from telos import needles_in, wait  # noqa: E402


def places(stream):
    return [tuple(map(int, event["id"].split("-"))) for event in stream.events]


def a_stream_goes_on_on_another_node_where_it_was_on_the_first(cluster):
    a, b, c = cluster.nodes
    people = ["resume-%d" % i for i in range(6)]

    def named(node, who, name):
        node.call("POST", "/v1/identify", {"userId": who, "traits": {"name": name}}, key=SITE)

    def names_of(stream):
        return [event["data"].get("traits", {}).get("name") for event in stream.events]

    first = Stream(a, "purpose=service")
    assert first.reply.status == 200
    named(b, people[0], "first")
    wait(lambda: "first" in names_of(first), 20, "another node's change on the stream")
    last = first.events[-1]["id"]
    first.close()
    for i, node in enumerate((a, b, c, a, b)):
        named(node, people[i + 1], "missed-%d" % i)
    second = Stream(b, "purpose=service", {"Last-Event-ID": last})
    wait(lambda: len(second.events) >= 5, 20, "what was missed")
    assert names_of(second) == ["missed-%d" % i for i in range(5)], names_of(second)
    assert places(second) == sorted(set(places(second))) and places(second)[0] > tuple(map(int, last.split("-")))
    middle = second.events[2]["id"]
    second.close()
    b.kill()  # the node that gave the number is gone
    named(c, people[0], "later")
    third = Stream(c, "purpose=service", {"Last-Event-ID": middle})
    wait(lambda: len(third.events) >= 3, 20, "what came after")
    assert names_of(third) == ["missed-3", "missed-4", "later"], names_of(third)
    third.close()
    b.start()
    back = Stream(b, "purpose=service", {"Last-Event-ID": middle})
    wait(lambda: len(back.events) >= 3, 20, "the same on the node that came back")
    assert [event["id"] for event in back.events[:3]] == [event["id"] for event in third.events[:3]]
    back.close()


def a_user_made_on_one_node_signs_in_on_another_and_works_on_a_third(cluster):
    a, b, c = cluster.nodes
    a.call("POST", "/v1/identify", {"userId": "looked-at", "traits": {"name": "Looked at"}}, key=SITE)
    user = a.call("POST", "/v1/users", {"name": "nodes-agent", "role": "agent", "purposes": ["service"], "password": PASSWORD})["id"]
    cookie = sign_in(b, "nodes-agent")

    def status(node):
        return node.request("GET", "/v1/profiles/user_id:looked-at?purpose=service", headers={"Authorization": "", "Cookie": "telos_session=" + cookie})[0]

    assert [status(node) for node in (a, b, c)] == [200] * 3
    assert ask(c, "GET", "/v1/session", cookie=cookie)[1]["user"]["name"] == "nodes-agent"
    assert ask(c, "DELETE", "/v1/session", cookie=cookie)[0] in (200, 204)
    assert [status(node) for node in (a, b, c)] == [401] * 3, "signed out on one, signed out on all"
    cookie = sign_in(c, "nodes-agent")
    assert [status(node) for node in (a, b, c)] == [200] * 3
    assert a.request("PATCH", "/v1/users/" + user, {"disabled": True})[0] in (200, 204)
    assert [status(node) for node in (b, c, a)] == [401] * 3
    for node in (a, b, c):
        assert ask(node, "POST", "/v1/session", {"name": "nodes-agent", "password": PASSWORD})[0] in (401, 403)


def lists_and_counts_of_people_are_the_same_on_every_node_whoever_changed_them(cluster):
    a, b, c = cluster.nodes

    def mine(node, purpose):
        return {name for name in names(listed(node, purpose)) if name.startswith("many-")}

    def count(node):
        while True:
            found = node.call("GET", "/v1/notices/newsletter/reconsent")
            if found["complete"]:
                return {"renewed": found["renewed"], "open": found["open"], "versions": sorted((v["version"], v["people"]) for v in found["versions"])}

    for node in (a, b, c):
        listed(node, "service"), listed(node, "newsletter"), count(node)  # from now on each has a table in memory that must follow
    for i in range(12):
        node = cluster.nodes[i % 3]
        node.call("POST", "/v1/identify", {"userId": "many-%d" % i, "traits": {"name": "Many %d" % i}}, key=SITE)
        node.consent("user_id:many-%d" % i, "newsletter", "given", notice="newsletter@%d" % (2 + i % 2))
    everybody = {"many-%d" % i for i in range(12)}
    before = count(a)
    for node in (a, b, c):
        assert mine(node, "service") == everybody and mine(node, "newsletter") == {"many-%d" % i for i in range(1, 12, 2)}, mine(node, "newsletter")
        assert count(node) == before
    b.consent("user_id:many-0", "newsletter", "renewed", notice="newsletter@3")
    c.consent("user_id:many-1", "newsletter", "withdrawn")
    a.call("POST", "/v1/rights", {"subject": "user_id:many-2", "right": "erasure"})
    for node in (a, b, c):
        assert mine(node, "service") == everybody - {"many-2"}
        assert mine(node, "newsletter") == {"many-0", "many-3", "many-5", "many-7", "many-9", "many-11"}, mine(node, "newsletter")
        after = count(node)
        assert after["renewed"] == before["renewed"], "one renewed, one withdrew"
        assert after["open"] == before["open"] - 2, (before, after)
    b.call("POST", "/v1/identify", {"anonymousId": "many-device", "traits": {"name": "Device"}}, key=SITE)
    both = {c.profile(subject, "service")["id"] for subject in ("user_id:many-4", "anonymous_id:many-device")}

    def both_of(node):
        return len(both & {one["id"] for one in listed(node, "service")})

    assert [both_of(node) for node in (a, b, c)] == [2] * 3
    merge = a.call("POST", "/v1/identities/user_id:many-4/merges", {"with": "anonymous_id:many-device"})
    assert [both_of(node) for node in (c, b, a)] == [1] * 3
    c.call("POST", "/v1/identities/user_id:many-4/merges/%s/undo" % merge["id"])
    assert [both_of(node) for node in (b, a, c)] == [2] * 3


def somebody_changed_behind_a_nodes_back_is_loaded_again_and_the_message_applied_once(cluster):
    """The version of a profile says whether it is still as it was loaded; nodes tell each other who was changed, so only something from outside makes a save find
    another one."""
    a, b, _ = cluster.nodes
    for i in range(5):
        who = "stale-%d" % i
        a.call("POST", "/v1/identify", {"userId": who, "anonymousId": "stale-device-%d" % i, "traits": {"name": "Before"}}, key=SITE)
        cluster.sql("UPDATE profile SET version = version + 1")
        status, value, _ = a.request("POST", "/v1/identify", {"userId": who, "messageId": "stale-%d" % i, "traits": {"name": "After"}}, key=SITE)
        assert status == 200, (status, value)
        a.consent("user_id:" + who, "newsletter", "given", notice="newsletter@3")
        cluster.sql("UPDATE profile SET version = version + 1")
        a.consent("user_id:" + who, "newsletter", "withdrawn")
        for node in (a, b):
            assert node.profile("user_id:" + who, "service")["traits"]["name"] == "After"
            assert node.call("POST", "/v1/decide", {"subject": "user_id:" + who, "purpose": "newsletter"})["decision"] == "deny"
    a.command("audit", "check")


def nodes_go_on_while_a_newer_telos_changes_the_layout(cluster):
    """A migration only adds; so nodes of this version live on with the layout of the next one, and start on it, as long as it says so."""
    a, b, c = cluster.nodes
    now = int(cluster.sql("SELECT version FROM schema_version"))
    tables = cluster.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace").split()
    additions = "".join("ALTER TABLE %s ADD COLUMN of_tomorrow bigint NOT NULL DEFAULT 7; " % table for table in tables if table != "schema_version")
    begun = a.profile("user_id:looked-at", "service")
    cluster.sql("BEGIN; %s CREATE TABLE table_of_tomorrow (x bigint PRIMARY KEY); UPDATE schema_version SET version = %d; COMMIT" % (additions, now + 1))
    try:
        for i, node in enumerate((a, b, c)):
            who = "layout-%d" % i
            node.call("POST", "/v1/identify", {"userId": who, "traits": {"name": "Layout"}}, key=SITE)
            node.call("POST", "/v1/track", {"userId": who, "event": "Seen", "properties": {"page": "a"}}, key=SITE)
            node.consent("user_id:" + who, "newsletter", "given", notice="newsletter@3")
        assert a.profile("user_id:looked-at", "service") == begun
        b.stop()
        b.start()
        for node in (b, c):
            assert len(node.timeline("user_id:layout-0", "service")) >= 1
        a.command("audit", "check")
        cluster.sql("UPDATE schema_version SET oldest = %d" % (now + 1))
        c.stop()
        try:
            c.start()
            raise AssertionError("a node that is too old for the layout has started")
        except RuntimeError as error:
            assert "newer Telos" in str(error), error
        a.call("POST", "/v1/track", {"userId": "layout-0", "event": "Seen", "properties": {"page": "b"}}, key=SITE)
    finally:
        removals = "".join("ALTER TABLE %s DROP COLUMN of_tomorrow; " % table for table in tables if table != "schema_version")
        cluster.sql("BEGIN; %s DROP TABLE table_of_tomorrow; UPDATE schema_version SET version = %d, oldest = 1; COMMIT" % (removals, now))
        if c.process.poll() is not None:
            c.start()
    cluster.audited()


def told(node, *words, status):
    """What a person reads who calls this command beside the node."""
    done = subprocess.run([node.program, *words, "--data", node.data], env=node.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == status, (done.returncode, done.stdout)
    return done.stdout


def the_master_key_is_replaced_while_all_nodes_work(cluster):
    """A new one goes from node to node by a person's hand, never by the database; who has not got it is told, and goes on as soon as it is there."""
    a, b, c = cluster.nodes

    def path(node, name="master.key"):
        return os.path.join(node.data, "keys", name)

    def read(node, name="master.key"):
        with open(path(node, name)) as file:
            return file.read()

    def live(node, who):
        node.call("POST", "/v1/identify", {"userId": who, "traits": {"name": who.title()}}, key=SITE)
        node.consent("user_id:" + who, "newsletter", "given", notice="newsletter@3")

    def known(node, who):
        return node.profile("user_id:" + who, "service")["traits"]["name"] == who.title()

    def generation(node):
        return node.command("keys", "status")["generation"]

    for i, node in enumerate((a, b, c)):
        live(node, "before-%d" % i)
    first, before = read(a), generation(a)
    text = told(a, "keys", "rotate", status=1)
    assert path(a, "master.key.next") in text and "call `telos keys rotate` again" in text, text
    assert generation(b) == before and read(a, "master.key.next") != first
    b.stop()
    b.start()  # a key that was brought, or made, and wraps nothing yet is kept by a start
    shutil.copy(path(a, "master.key.next"), path(b, "master.key.next"))
    stop, failures = threading.Event(), []

    def work(node, name):
        number = 0
        while not stop.is_set():
            try:
                live(node, "%s-%d" % (name, number))
                number += 1
            except Exception as error:  # noqa: BLE001
                failures.append(error)
                return

    workers = [threading.Thread(target=work, args=(node, name)) for node, name in ((a, "rot-a"), (b, "rot-b"))]
    for worker in workers:
        worker.start()
    c.stop()  # its folder lacks the new key
    assert a.command("keys", "rotate")["generation"] == before + 1
    stop.set()
    for worker in workers:
        worker.join()
    assert not failures, failures
    wait(lambda: generation(b) == before + 1 and read(b) == read(a), 30, "the other node has taken the new key")
    assert read(a) != first and not os.path.exists(path(a, "master.key.next")) and not os.path.exists(path(b, "master.key.next"))
    try:
        c.start()
        raise AssertionError("a node without the key in force has started")
    except RuntimeError as error:
        assert "master key" in str(error), error
    shutil.copy(path(a), path(c))
    c.start()
    for node in (a, b, c):
        assert all(known(node, who) for who in ("before-0", "before-1", "before-2", "rot-a-0", "rot-b-0"))
    for i, node in enumerate((c, b, a)):
        live(node, "after-%d" % i)
        assert all(known(other, "after-%d" % i) for other in cluster.nodes)


def a_node_that_lacks_the_new_master_key_says_so_and_goes_on_when_it_is_there(cluster):
    a, b, c = cluster.nodes

    def path(node):
        return os.path.join(node.data, "keys", "master.key.next")

    a.call("POST", "/v1/identify", {"userId": "far", "traits": {"name": "Far"}}, key=SITE)
    told(a, "keys", "rotate", status=1)
    shutil.copy(path(a), path(b))
    b.command("keys", "rotate")  # whoever has it may begin
    text = told(c, "keys", "status", status=3)
    assert path(c) in text, text
    shutil.copy(os.path.join(b.data, "keys", "master.key"), path(c))
    assert c.profile("user_id:far", "service")["traits"]["name"] == "Far"
    c.call("POST", "/v1/identify", {"userId": "near", "traits": {"name": "Near"}}, key=SITE)
    wait(lambda: c.command("keys", "status")["generation"] == b.command("keys", "status")["generation"], 30, "the node has the new key")
    assert not os.path.exists(path(c)), "it has taken the old one's place"
    assert a.profile("user_id:near", "service")["traits"]["name"] == "Near"


def nothing_personal_is_in_clear_in_any_file_of_the_database_or_of_a_node(cluster):
    def needle(what):
        return what + uuid.uuid4().hex

    needles = []
    for i in range(9):
        user, mail, name, page, device, words = (needle(what) for what in ("user", "mail", "Name", "page", "device", "words"))
        one, two, three = (cluster.nodes[(i + k) % 3] for k in range(3))
        one.call("POST", "/v1/identify", {"userId": user, "anonymousId": device, "traits": {"name": name, "email": mail + "@example.com"}}, key=SITE)
        two.call("POST", "/v1/track", {"userId": user, "event": "Seen", "properties": {"page": page}}, key=SITE)
        three.consent("user_id:" + user, "newsletter", "given", notice="newsletter@3", reference=words)
        one.call("POST", "/v1/rights", {"subject": "user_id:" + user, "right": "access", "open": True, "text": words})
        assert three.profile("user_id:" + user, "service")["traits"]["name"] == name
        needles += [text.encode() for text in (user, mail, name, page, device, words)]
    cluster.sql("CHECKPOINT")  # tables as well as the log
    for folder in [cluster.cluster.folder] + [node.data for node in cluster.nodes]:
        found = needles_in(folder, needles)
        assert not found, (folder, found)


CASES = [
    a_stream_goes_on_on_another_node_where_it_was_on_the_first,
    a_user_made_on_one_node_signs_in_on_another_and_works_on_a_third,
    lists_and_counts_of_people_are_the_same_on_every_node_whoever_changed_them,
    somebody_changed_behind_a_nodes_back_is_loaded_again_and_the_message_applied_once,
    nothing_personal_is_in_clear_in_any_file_of_the_database_or_of_a_node,
    the_master_key_is_replaced_while_all_nodes_work,
    a_node_that_lacks_the_new_master_key_says_so_and_goes_on_when_it_is_there,
    nodes_go_on_while_a_newer_telos_changes_the_layout,
]
