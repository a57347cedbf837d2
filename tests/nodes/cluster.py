"""Several nodes of Telos on one PostgreSQL, each with a folder of its own; the first one's master key goes to all."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import postgres  # noqa: E402
from telos import Telos, wait  # noqa: E402

KEYS = {"SITE_WRITE_KEY": "site-key-1", "SHOP_WRITE_KEY": "shop-key-1", "QUIET_WRITE_KEY": "quiet-key-1", "CLINIC_WRITE_KEY": "clinic-key-1"}
SITE, SHOP = KEYS["SITE_WRITE_KEY"], KEYS["SHOP_WRITE_KEY"]
POLICY = os.path.join(HERE, "..", "crash", "policy.yaml")
HTTP_POLICY = os.path.join(HERE, "..", "http", "policy.yaml")
NODES = 3
POOLER_PORT = 6543


def policy_with(text_of, source=POLICY):
    """A copy of a policy with its notices in a folder of its own, changed by `text_of`; the path."""
    folder = tempfile.mkdtemp(prefix="telos-nodes-policy-")
    shutil.copytree(os.path.join(os.path.dirname(source), "notices"), os.path.join(folder, "notices"))
    path = os.path.join(folder, "policy.yaml")
    with open(source) as original, open(path, "w") as copy:
        copy.write(text_of(original.read()))
    return path


class Nodes:
    """`pooled`: PgBouncer in transaction mode stands between the nodes and the database. `citus`: on the cluster that TELOS_TEST_CITUS names."""

    def __init__(self, program, policy=POLICY, pooled=False, count=NODES, citus=False):
        self.cluster = postgres.Schema(program) if citus else postgres.Cluster(["fsync = on", "synchronous_commit = on"])
        self.pooler = None
        self.uri = uri = self.pooler_start() if pooled else self.cluster.uri()
        environment = dict(KEYS, TELOS_STORE=uri, TELOS_VAULT=uri, TELOS_TEST_POSTGRES="")
        self.nodes = [Telos(program, policy if i == 0 else None, environment) for i in range(count)]
        self.nodes[0].start()
        for node in self.nodes[1:]:
            os.makedirs(os.path.join(node.data, "keys"), 0o700)
            os.chmod(node.data, 0o700)
            shutil.copy(os.path.join(self.nodes[0].data, "keys", "master.key"), os.path.join(node.data, "keys", "master.key"))
            node.token = self.nodes[0].token
            node.start()

    def pooler_start(self):
        folder = self.cluster.folder
        config = os.path.join(folder, "pgbouncer.ini")
        with open(config, "w") as out:
            out.write("[databases]\n* = host=%s user=owner\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nlisten_port = %d\nauth_type = any\n"
                      "pool_mode = transaction\ndefault_pool_size = 10\nmax_client_conn = 500\nserver_login_retry = 1\n" % (folder, folder, POOLER_PORT))
        os.chmod(config, 0o644)
        self.pooler = subprocess.Popen([*self.cluster.prefix(), "/usr/sbin/pgbouncer", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(lambda: os.path.exists(os.path.join(folder, ".s.PGSQL.%d" % POOLER_PORT)), 30, "the pooler")
        return "postgres://owner@/telos?host=%s&port=%d" % (folder, POOLER_PORT)

    def sql(self, text):
        return self.cluster.psql("telos", text)

    def cut(self):
        """Every connection to the database, at once."""
        if isinstance(self.cluster, postgres.Schema):
            return self.cluster.cut()
        self.cluster.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'telos'")

    def audited(self):
        """The audit finds nothing wrong on any node; its exit status is that."""
        for node in self.nodes:
            node.command("audit", "check")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.stop()
            node.remove()
        if self.pooler:
            self.pooler.terminate()
            self.pooler.wait(30)
        self.cluster.close()
