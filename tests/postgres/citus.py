"""On Citus, where TELOS_TEST_CITUS names a database of a cluster (tests/lib/postgres.py): what holds on one PostgreSQL, and that each shard is asked once."""
import os
import re
import subprocess

import cases
import postgres
from telos import wait

HERE = os.path.dirname(os.path.abspath(__file__))
STATEMENTS = os.path.join(HERE, "..", "..", "src", "store", "postgres", "citus.sql")
SHARDS = 4  # of the tests


class World(cases.World):
    """`database` is a schema."""

    def database(self):
        self.number += 1
        return "case%d" % self.number

    def distributed(self):
        name = self.database()
        uri = self.cluster.uri(name)
        self.run("migrate", "--citus", "--to", uri)
        return name, uri


def as_a_role_that_changes_no_table(world):
    name, uri = world.distributed()
    assert "already" in world.run("migrate", "--citus", "--to", uri)
    node = world.cluster.schemas[name] + "_node"
    world.cluster.psql("postgres", "CREATE ROLE %s LOGIN" % node)
    world.cluster.psql("postgres", "GRANT telos_app TO %s" % node)
    telos = world.telos(world.cluster.uri(name, node)).start()
    for who in ("anna", "bela", "cili"):
        cases.live(telos, who)
        assert telos.call("POST", "/v1/decide", {"subject": "user_id:" + who, "purpose": "newsletter"})["decision"] == "allow"
    telos.consent("user_id:bela", "newsletter", "withdrawn")
    assert telos.call("POST", "/v1/decide", {"subject": "user_id:bela", "purpose": "newsletter"})["decision"] == "deny"
    before = cases.seen(telos)
    telos.call("POST", "/v1/rights", {"subject": "user_id:cili", "right": "erasure", "open": True, "text": "all of it"})
    assert telos.command("audit", "check")["violations"] == 0
    telos.stop()
    telos.start()
    assert cases.seen(telos) == before
    assert telos.command("audit", "check")["violations"] == 0
    telos.remove()
    world.cluster.psql("postgres", "DROP OWNED BY %s CASCADE" % node)
    world.cluster.psql("postgres", "DROP ROLE %s" % node)


def a_data_directory_is_copied_and_verified(world):
    cases.a_data_directory_is_copied_and_verified(world, "--citus")


def broken_connections_cost_nothing_that_was_acknowledged(world):
    cases.broken_connections_cost_nothing_that_was_acknowledged(world, world.cluster.cut)


def each_shard_is_asked_once_when_people_are_loaded(world):
    name, uri = world.distributed()
    text = re.search(r"-- name: citus_load\n(.*?)\n-- name", open(STATEMENTS).read(), re.S).group(1)
    for number, value in enumerate(["'{1,2,3,4,5,6,7,8,9}'", "2047", "0", "100"], 1):
        text = text.replace("$%d" % number, value)
    plan = world.cluster.psql(name, "EXPLAIN " + "\n".join(line for line in text.splitlines() if not line.startswith("--")))
    assert re.findall(r"Task Count: (\d+)", plan) == [str(SHARDS)] and "Subplan" not in plan, plan


def what_is_written_is_on_the_servers_and_the_small_tables_are_on_the_coordinator(world):
    name, uri = world.distributed()
    telos = world.telos(uri).start()
    for i in range(12):
        cases.live(telos, "p-%d" % i)
    telos.remove()
    shards = "SELECT count(DISTINCT nodename || nodeport) FROM citus_shards WHERE table_name = '%s'::regclass"
    many = int(world.cluster.psql(name, "SELECT count(*) FROM pg_dist_node WHERE shouldhaveshards"))
    for table in ("profile", "event", "identifier_hash", "ledger"):
        assert int(world.cluster.psql(name, shards % table)) == min(many, SHARDS), table
        assert int(world.cluster.psql(name, "SELECT count(*) FROM %s" % table)) >= 12
    assert int(world.cluster.psql(name, shards % "head")) == 1
    left = world.cluster.psql(name, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND NOT relispartition"
                              " AND relname !~ '_[0-9]{6,}$' AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)")
    assert not left.strip(), "tables that Citus does not know (src/store/postgres/schema.c): " + left
    wait(lambda: world.cluster.psql("postgres", "SELECT recover_prepared_transactions()").strip() == "0", 60, "nothing prepared is left")


CASES = [as_a_role_that_changes_no_table, a_data_directory_is_copied_and_verified, broken_connections_cost_nothing_that_was_acknowledged,
         each_shard_is_asked_once_when_people_are_loaded, what_is_written_is_on_the_servers_and_the_small_tables_are_on_the_coordinator]
