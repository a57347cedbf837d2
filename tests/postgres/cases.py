"""Telos on PostgreSQL from outside: the role without DDL, copies, broken connections, a pooler between."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from telos import Telos, wait

HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = os.path.join(HERE, "..", "http", "policy.yaml")
SITE = "site-key-1"
KEYS = {"SITE_WRITE_KEY": SITE, "SHOP_WRITE_KEY": "shop-key-1", "QUIET_WRITE_KEY": "quiet-key-1", "CLINIC_WRITE_KEY": "clinic-key-1"}


class World:
    def __init__(self, program, cluster):
        self.program, self.cluster, self.number = program, cluster, 0

    def database(self):
        self.number += 1
        name = "case%d" % self.number
        self.cluster.psql("postgres", "CREATE DATABASE " + name)
        return name

    def run(self, *words, status=0):
        done = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=300, env=dict(os.environ, **KEYS))
        assert done.returncode == status, "%s: status %d\n%s%s" % (" ".join(words), done.returncode, done.stdout[-2000:], done.stderr[-3000:])
        return done.stdout if "--json" in words else done.stdout + done.stderr

    def telos(self, uri, data=None, **more):
        return Telos(self.program, POLICY, dict(KEYS, TELOS_STORE=uri, TELOS_TEST_POSTGRES="", **more), data=data)


def live(telos, who="anna"):
    telos.call("POST", "/v1/identify", {"userId": who, "traits": {"email": who + "@example.com", "name": who}}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": who, "event": "Seen", "properties": {"page": "a"}}, key=SITE)
    telos.consent("user_id:" + who, "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/track", {"userId": who, "event": "Bought", "properties": {"page": "b"}}, key=SITE)


def seen(telos, who="anna"):
    profile = telos.profile("user_id:" + who, "service")
    assert not isinstance(profile, int), profile
    events = [item for item in telos.timeline("user_id:" + who, "service") if item["what"] == "collected"]
    assert events
    return profile, events


def a_node_works_as_a_role_that_changes_no_table(world):
    name = world.database()
    uri = world.cluster.uri(name, "node_" + name)
    world.cluster.psql("postgres", "CREATE ROLE node_%s LOGIN" % name)
    told = world.run("serve", "--data", tempfile.mkdtemp(), "--listen", "127.0.0.1:0", "--store", uri, status=3)
    assert "telos migrate" in told, told
    assert "of version" in world.run("migrate", "--to", world.cluster.uri(name))
    assert "up to date" in world.run("migrate", "--to", world.cluster.uri(name))
    world.cluster.psql("postgres", "GRANT telos_app TO node_" + name)
    telos = world.telos(uri).start()
    live(telos)
    profile, events = seen(telos)
    assert telos.command("audit", "check")["violations"] == 0
    for sql in ("DROP TABLE event", "CREATE TABLE x (y int)", "DELETE FROM ledger", "UPDATE schema_version SET version = 9", "DELETE FROM policy"):
        done = subprocess.run(["psql", "-X", "-d", uri, "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True)
        assert done.returncode and ("permission denied" in done.stderr or "must be owner" in done.stderr), (sql, done.stderr)
    telos.stop()
    telos.start()
    assert seen(telos) == (profile, events)
    telos.remove()


def local_commands_take_the_store(world):
    name = world.database()
    telos = world.telos(world.cluster.uri(name)).start()
    live(telos)
    telos.stop()
    store = ["--data", telos.data, "--store", world.cluster.uri(name)]
    shown = json.loads(world.run("profile", "user_id:anna", "--purpose", "service", "--json", *store))
    assert shown["traits"]["name"] == "anna" if "traits" in shown else shown
    assert json.loads(world.run("audit", "check", "--json", *store))["violations"] == 0
    told = world.run("backup", os.path.join(telos.directory, "copy"), *store, status=1)
    assert "pg_basebackup" in told, told
    telos.remove()


def a_password_in_the_address_is_refused_and_not_repeated(world):
    told = world.run("serve", "--data", tempfile.mkdtemp(), "--store", "postgres://owner:hush-hush@127.0.0.1/telos", status=2)
    assert "PGPASSFILE" in told and "hush" not in told, told


def a_data_directory_is_copied_and_verified(world, *how):
    telos = Telos(world.program, POLICY, dict(KEYS, TELOS_TEST_POSTGRES="", TELOS_STORE="sqlite")).start()
    for who in ("anna", "bela", "cili"):
        live(telos, who)
    telos.call("POST", "/v1/rights", {"subject": "user_id:cili", "right": "access", "open": True, "text": "all of it"})
    wait(lambda: telos.call("GET", "/v1/evidence/checkpoint") or True, 10, "a checkpoint")
    before, token = seen(telos), telos.token
    telos.stop()
    name = world.database()
    told = world.run("migrate", "--from", telos.data, "--to", world.cluster.uri(name), *how)
    assert "all counts are equal" in told, told
    assert "not empty" in world.run("migrate", "--from", telos.data, "--to", world.cluster.uri(name), status=1)
    other = world.telos(world.cluster.uri(name), data=telos.data)
    other.token = token
    other.start()
    assert seen(other) == before
    live(other, "dora")
    assert other.command("audit", "check")["violations"] == 0
    other.remove()
    telos.remove()


def a_copy_that_broke_off_is_not_served(world):
    name = world.database()
    world.run("migrate", "--to", world.cluster.uri(name))
    world.cluster.psql(name, "INSERT INTO setting (key, value) VALUES ('copy_unfinished', '1')")
    told = world.run("serve", "--data", tempfile.mkdtemp(), "--listen", "127.0.0.1:0", "--store", world.cluster.uri(name), status=3)
    assert "broken off" in told, told


def the_distribution_over_citus_can_be_read_beforehand(world):
    told = world.run("migrate", "--citus")
    assert "create_distributed_table('event', 'profile', colocate_with => 'profile')" in told
    assert "no Citus" in world.run("migrate", "--citus", "--to", world.cluster.uri(world.database()), status=1)


def people_are_loaded_by_index_also_by_plans_that_were_made_on_empty_tables(world):
    """A prepared statement keeps its plan. From empty tables on: one that reads them whole costs more with everybody who is known."""
    name, many = world.database(), 2000
    telos = world.telos(world.cluster.uri(name)).start()
    for i in range(12):
        live(telos, "early-%d" % i)  # from the sixth time on a plan stays
    for first in range(0, many, 500):
        telos.call("POST", "/v1/batch", {"batch": [{"type": "identify", "userId": "late-%d" % i, "traits": {"email": "late-%d@example.com" % i}}
                                                   for i in range(first, first + 500)]}, key=SITE)
    for i in range(0, many, 50):
        telos.call("POST", "/v1/track", {"userId": "late-%d" % i, "event": "Seen", "properties": {"page": "a"}}, key=SITE)
    telos.stop()  # a connection tells what it did when it ends
    scanned = dict(line.split("|") for line in world.cluster.psql(name, "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname IN "
                                                                  "('profile', 'identifier_hash', 'identifier', 'consent', 'fact_page')").splitlines())
    assert len(scanned) == 5 and all(int(rows) < many for rows in scanned.values()), "rows read by going through a whole table: %s" % scanned
    telos.remove()


def broken_connections_cost_nothing_that_was_acknowledged(world, cut=None):
    name = world.database()
    telos = world.telos(world.cluster.uri(name)).start()
    taken = 0
    for i in range(30):
        if cut:
            cut()
        else:
            world.cluster.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'" % name)
        status = telos.request("POST", "/v1/track", {"userId": "anna", "event": "Seen", "messageId": "m%d" % i, "properties": {"page": "a"}}, key=SITE)[0]
        taken += status == 200
        if status != 200:
            time.sleep(0.1)
    assert taken > 0
    def stores():
        return telos.request("POST", "/v1/track", {"userId": "anna", "event": "Seen", "messageId": "last", "properties": {"page": "a"}}, key=SITE)[0] == 200

    wait(stores, 60, "storing again")
    count = len(seen(telos)[1])
    assert count >= taken + 1, (count, taken)
    assert telos.command("audit", "check")["violations"] == 0
    telos.remove()


def a_database_that_restarts_is_found_again(world):
    name = world.database()
    telos = world.telos(world.cluster.uri(name)).start()
    live(telos)
    before = seen(telos)
    world.cluster.stop("immediate")
    status = telos.request("POST", "/v1/track", {"userId": "anna", "event": "Lost", "properties": {"page": "a"}}, key=SITE)[0]
    assert status == 503, status
    assert telos.request("GET", "/v1/profiles/user_id:anna", purpose="service")[0] in (200, 503)  # a kept view may answer
    world.cluster.start()
    wait(lambda: telos.request("POST", "/v1/track", {"userId": "bela", "event": "Seen", "properties": {"page": "a"}}, key=SITE)[0] == 200, 90, "storing again")
    wait(lambda: seen(telos) == before, 30, "the same profile")
    telos.remove()


def a_pooler_in_transaction_mode_may_stand_between(world):
    if not shutil.which("pgbouncer") and not os.path.exists("/usr/sbin/pgbouncer"):
        raise AssertionError("pgbouncer is not installed")
    name, folder = world.database(), world.cluster.folder
    config = os.path.join(folder, "pgbouncer.ini")
    with open(config, "w") as out:
        out.write("[databases]\n* = host=%s user=owner\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nlisten_port = 6543\nauth_type = any\n"
                  "pool_mode = transaction\ndefault_pool_size = 4\n" % (folder, folder))
    os.chmod(config, 0o644)
    pooler = subprocess.Popen([*world.cluster.prefix(), "/usr/sbin/pgbouncer", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: os.path.exists(os.path.join(folder, ".s.PGSQL.6543")), 30, "the pooler")
        uri = "postgres://owner@/%s?host=%s&port=6543" % (name, folder)
        world.run("migrate", "--to", world.cluster.uri(name))
        telos = world.telos(uri).start()
        for who in ("anna", "bela", "cili", "dora"):
            live(telos, who)
        assert len(seen(telos, "dora")[1]) == len(seen(telos, "anna")[1])
        assert telos.command("audit", "check")["violations"] == 0
        telos.remove()
    finally:
        pooler.terminate()
        pooler.wait(30)


CASES = [
    a_node_works_as_a_role_that_changes_no_table,
    local_commands_take_the_store,
    a_password_in_the_address_is_refused_and_not_repeated,
    a_data_directory_is_copied_and_verified,
    a_copy_that_broke_off_is_not_served,
    the_distribution_over_citus_can_be_read_beforehand,
    people_are_loaded_by_index_also_by_plans_that_were_made_on_empty_tables,
    broken_connections_cost_nothing_that_was_acknowledged,
    a_pooler_in_transaction_mode_may_stand_between,
    a_database_that_restarts_is_found_again,
]
