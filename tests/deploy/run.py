#!/usr/bin/env python3
"""The files of deploy/, as far as they can be tried without containers: what compose.yaml names is there, fits each other and the program; and its commands,
passwords, roles and PgBouncer's file, run on this machine as they stand, but for addresses.

Usage: run.py TELOS [WORDS OF CASES]        wants python3-yaml, PostgreSQL and PgBouncer of Debian's; ends with "N passed, N failed"
"""
import configparser
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEPLOY = os.path.join(ROOT, "deploy")
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import postgres  # noqa: E402
from telos import Telos, run_cases, wait  # noqa: E402

KEY = "shop-key-1"


def text_of(*names):
    with open(os.path.join(*names)) as f:
        return f.read()


def ini_of(*names):
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.read_string(text_of(*names))
    return parser


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    def __init__(self, program):
        self.program = program
        self.compose = yaml.safe_load(text_of(DEPLOY, "compose.yaml"))
        self.services = self.compose["services"]
        self.nodes = [name for name in sorted(self.services) if name.startswith("telos-")]

    def help(self, command):
        return subprocess.run([self.program, "help", command], capture_output=True, text=True, check=True).stdout


def settings_of(world):
    """The settings that `telos serve` says it has: {TELOS_…}."""
    flags = re.findall(r"^  --([a-z-]+)", world.help("serve"), re.M)
    return {"TELOS_" + flag.upper().replace("-", "_") for flag in flags}


def services_need_only_what_there_is(world):
    compose, made = world.compose, set()
    for name, service in world.services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in world.services, (name, needed)
            assert how["condition"] != "service_healthy" or "healthcheck" in world.services[needed], (name, needed)
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"], (name, secret)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert os.path.exists(os.path.join(DEPLOY, source)) if source.startswith(".") else source in compose["volumes"], (name, source)
        if "build" in service:
            build = service["build"]
            assert os.path.realpath(os.path.join(DEPLOY, build["context"])) == ROOT
            dockerfile = text_of(ROOT, build["dockerfile"])
            assert re.search(r"^FROM \S+ AS %s$" % build["target"], dockerfile, re.M), (name, build["target"])
            assert all(re.search(r"^ARG %s=" % argument, dockerfile, re.M) for argument in build["args"])
        made.add(name)
    assert len(world.nodes) == 3 and {"postgres", "pgbouncer", "kafka", "migrate"} < made


def nodes_are_told_only_what_telos_knows(world):
    known = settings_of(world)
    ports = set()
    for name in world.nodes:
        service = world.services[name]
        environment = service["environment"]
        for key, value in environment.items():
            assert key in known or not key.startswith("TELOS_"), (name, key)
            if str(value).startswith("/run/secrets/"):
                assert value.split("/")[-1] in service["secrets"], (name, value)
        mounted = [volume.split(":")[1] for volume in service["volumes"]]
        assert environment["TELOS_DATA"] in mounted
        assert environment.get("TELOS_POLICY") in mounted + [None]
        (published,) = service["ports"]
        host, outer, inner = published.split(":")
        assert host == "127.0.0.1" and inner == environment["TELOS_LISTEN"].split(":")[1]
        ports.add(outer)
        assert environment["TELOS_STORE"].split("@")[1].split("/")[0] == "pgbouncer:6432"
    assert len(ports) == 3
    assert sum("TELOS_POLICY" in world.services[name]["environment"] for name in world.nodes) == 1
    command = world.services["migrate"]["command"]
    assert all(word in world.help(command[0]) for word in command if word.startswith("--")), command
    entry = re.search(r'ENTRYPOINT \["telos"\]\nCMD \["(\w+)"\]', text_of(DEPLOY, "Dockerfile"))
    assert entry and world.help(entry.group(1)).startswith("telos serve")


def the_poolers_of_hosts_and_of_containers_are_set_the_same(world):
    of_hosts, of_containers = ini_of(DEPLOY, "pgbouncer.ini"), ini_of(DEPLOY, "compose", "pgbouncer.ini")
    where = {"listen_addr", "auth_file"}
    assert {k: v for k, v in of_hosts["pgbouncer"].items() if k not in where} == {k: v for k, v in of_containers["pgbouncer"].items() if k not in where}
    assert set(of_hosts["databases"]) == set(of_containers["databases"])
    assert of_containers["pgbouncer"]["listen_port"] == "6432" and "userlist" in world.services["pgbouncer"]["secrets"]
    mounted = world.services["pgbouncer"]["volumes"][0].split(":")[1]
    assert mounted in text_of(DEPLOY, "Dockerfile")


def broker_and_policy_fit(world):
    version = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)<", text_of(ROOT, "tests", "kafka", "pom.xml")).group(1)
    assert world.services["kafka"]["image"].endswith(":" + version), "another Kafka than the one that is tested"
    settings = dict(line.strip().split("=", 1) for line in text_of(DEPLOY, "compose", "kafka.properties").splitlines() if "=" in line and line[0] != "#")
    advertised = settings["advertised.listeners"].split("://")[1]
    policy = yaml.safe_load(text_of(DEPLOY, "compose", "policy.yaml"))
    for flow in list(policy["sources"].values()) + list(policy["destinations"].values()):
        assert flow["kind"] != "kafka" or flow["brokers"] == advertised, flow
    assert any(volume.split(":")[1] == settings["log.dirs"] for volume in world.services["kafka"]["volumes"])
    keys = {source["key_env"] for source in policy["sources"].values() if "key_env" in source}
    assert keys <= set(world.services["telos-2"]["environment"])
    done = subprocess.run([world.program, "policy", "check", os.path.join(DEPLOY, "compose", "policy.yaml")], capture_output=True, text=True,
                          env=dict(os.environ, SHOP_WRITE_KEY=KEY))
    assert done.returncode == 0 and "note" not in done.stdout + done.stderr, done.stdout + done.stderr


def the_image_has_each_library_that_the_program_wants(world):
    wanted = set(re.findall(r"^\s*(\S+) => (\S+)", subprocess.run(["ldd", world.program], capture_output=True, text=True, check=True).stdout, re.M))
    stage = text_of(DEPLOY, "Dockerfile").split("AS telos\n")[1].split("FROM ")[0]
    named = set(re.search(r"--no-install-recommends (.*?) &&", stage, re.S).group(1).replace("\\\n", " ").split())
    needed = subprocess.run(["readelf", "-d", world.program], capture_output=True, text=True, check=True).stdout
    for soname, path in sorted(wanted):
        if "[%s]" % soname not in needed or re.match(r"lib(c|m|gcc_s|asan|ubsan|pthread|dl|rt)\.so|ld-", soname):
            continue  # wanted by another library, whose package sees to it; in every image; of the sanitizers
        for candidate in (path, os.path.realpath(path), "/usr" + path, "/usr" + os.path.realpath(path)):
            found = subprocess.run(["dpkg", "-S", candidate], capture_output=True, text=True)
            if found.returncode == 0:
                break
        package = found.stdout.split(":")[0]
        assert package in named, "%s of package %r is not in the image" % (soname, package)


def secrets(folder):
    """compose/ copied, and secrets.sh run in it."""
    copied = os.path.join(folder, "compose")
    shutil.copytree(os.path.join(DEPLOY, "compose"), copied, ignore=shutil.ignore_patterns("secrets"))
    script = [os.path.join(copied, "secrets.sh")]
    subprocess.run(script, check=True, capture_output=True)
    assert subprocess.run(script, capture_output=True).returncode == 1, "secrets that are there are made anew"
    return os.path.join(copied, "secrets")


class Stack:
    """What compose.yaml starts, as processes of this machine, but for Kafka (tests/kafka runs a broker with that file)."""

    def __init__(self, world):
        self.world, self.folder, self.pooler, self.nodes = world, tempfile.mkdtemp(prefix="telos-deploy-"), None, []
        os.chmod(self.folder, 0o755)
        self.secrets = secrets(self.folder)
        self.postgres_port, self.pooler_port = free_port(), free_port()
        os.environ["PGPORT"] = str(self.postgres_port)  # for psql, over the socket
        self.cluster = postgres.Cluster(["listen_addresses = '127.0.0.1'", "port = %d" % self.postgres_port, "password_encryption = 'scram-sha-256'"])
        self.cluster.psql("postgres", "DROP DATABASE telos")  # as PostgreSQL's image makes it
        self.cluster.psql("postgres", "CREATE DATABASE telos OWNER owner")

    def local(self, text):
        for name, port in (("pgbouncer:6432", self.pooler_port), ("postgres:5432", self.postgres_port)):
            text = text.replace(name, "127.0.0.1:%d" % port)
        for name, secret in self.world.compose["secrets"].items():
            text = text.replace("/run/secrets/" + name, os.path.join(self.folder, secret["file"]))
        return text

    def roles(self):
        environment = dict(os.environ, POSTGRES_USER="owner", POSTGRES_DB="telos", SECRETS=self.secrets, PGHOST="127.0.0.1", PGPORT=str(self.postgres_port),
                           PATH=self.cluster.programs + ":" + os.environ["PATH"])
        subprocess.run([os.path.join(DEPLOY, "compose", "roles.sh")], env=environment, check=True, capture_output=True)
        # from here on with passwords, as the image has it
        owner = text_of(self.secrets, "owner_password")
        self.cluster.psql("postgres", "ALTER ROLE owner PASSWORD '%s'" % owner)
        access = "local all all trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n"
        subprocess.run([*self.cluster.prefix(), "sh", "-c", "printf '%s' >%s/pg_hba.conf" % (access, self.cluster.data)], check=True)
        self.cluster.psql("postgres", "SELECT pg_reload_conf()")
        path = os.path.join(self.secrets, "pgpass")
        pgpass = text_of(path).replace("postgres:5432", "127.0.0.1:%d" % self.postgres_port).replace("pgbouncer:6432", "127.0.0.1:%d" % self.pooler_port)
        with open(path, "w") as f:
            f.write(pgpass)

    def start_pooler(self):
        ini = self.local(text_of(DEPLOY, "compose", "pgbouncer.ini")).replace("host=postgres port=5432", "host=127.0.0.1 port=%d" % self.postgres_port)
        ini = ini.replace("listen_addr = *", "listen_addr = 127.0.0.1").replace("listen_port = 6432", "listen_port = %d" % self.pooler_port)
        path, users = os.path.join(self.folder, "telos.ini"), os.path.join(self.folder, "userlist")
        shutil.copy(os.path.join(self.secrets, "userlist.txt"), users)
        with open(path, "w") as f:
            f.write(ini.replace(os.path.join(self.secrets, "userlist.txt"), users).replace(self.folder + "/./compose/secrets/userlist.txt", users)
                    + "unix_socket_dir =\n")
        for name in (path, users):
            os.chmod(name, 0o600)
            if os.getuid() == 0:
                shutil.chown(name, self.cluster.user)
        self.pooler = subprocess.Popen([*self.cluster.prefix(), "/usr/sbin/pgbouncer", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(lambda: not socket.socket().connect_ex(("127.0.0.1", self.pooler_port)), 30, "the pooler listens")

    def start_node(self, name):
        environment = {key: self.local(value) for key, value in self.world.services[name]["environment"].items()}
        environment.update(SHOP_WRITE_KEY=KEY, TELOS_TEST_POSTGRES="")
        for key in ("TELOS_DATA", "TELOS_LISTEN", "TELOS_POLICY"):
            environment.pop(key, None)
        node = Telos(self.world.program, os.path.join(DEPLOY, "compose", "policy.yaml") if not self.nodes else None, environment)
        node.token = self.nodes[0].token if self.nodes else None
        self.nodes.append(node.start())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.remove()
        if self.pooler:
            self.pooler.terminate()
            self.pooler.wait(30)
        self.cluster.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def what_compose_starts_stands_on_one_machine(world):
    with Stack(world) as stack:
        stack.roles()
        migrate = world.services["migrate"]
        environment = {key: stack.local(value) for key, value in migrate["environment"].items()}
        done = subprocess.run([world.program, *map(stack.local, migrate["command"])], env=dict(os.environ, **environment), capture_output=True, text=True)
        assert done.returncode == 0 and "telos_app" in done.stdout, done.stdout + done.stderr
        stack.start_pooler()
        for name in world.nodes:
            stack.start_node(name)
        first, second, third = stack.nodes
        first.call("POST", "/v1/track", {"userId": "anna", "event": "Order Completed", "properties": {"order_id": "o-1"}}, key=KEY)
        for node in (second, third):
            assert len([item for item in node.timeline("user_id:anna", "fulfilment") if item["what"] == "collected"]) == 1
        assert third.command("audit", "check")["violations"] == 0
        refused = subprocess.run([os.path.join(stack.cluster.programs, "psql"), "-X", "-h", "127.0.0.1", "-p", str(stack.pooler_port), "-U", "node", "-d", "telos", "-c",
                                  "DROP TABLE ledger"], env=dict(os.environ, PGPASSFILE=os.path.join(stack.secrets, "pgpass")), capture_output=True, text=True)
        assert "must be owner of table ledger" in refused.stderr, refused.stderr


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run_cases([
        services_need_only_what_there_is,
        nodes_are_told_only_what_telos_knows,
        the_poolers_of_hosts_and_of_containers_are_set_the_same,
        broker_and_policy_fit,
        the_image_has_each_library_that_the_program_wants,
        what_compose_starts_stands_on_one_machine,
    ], World(os.path.abspath(sys.argv[1])), only=sys.argv[2:]))
