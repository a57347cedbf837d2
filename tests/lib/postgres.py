"""A throw-away PostgreSQL of Debian's: its own folder, a unix socket only, ended with the program that started it.

    with postgres.Cluster() as cluster: cluster.uri("telos")

Citus is no part of Debian: TELOS_TEST_CITUS names a database of a cluster that is there (its coordinator, as a superuser); tests take schemas in it.
"""
import glob
import os
import pwd
import re
import shutil
import subprocess
import tempfile


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql-15")
    return os.path.dirname(found[-1])


def citus():
    return os.environ.get("TELOS_TEST_CITUS")


class Schema:
    """A schema of its own in that database, for those who want a Cluster; `name` of a database is a schema here. Tables are distributed over few shards."""

    def __init__(self, program, distribute=True):
        self.program, self.schemas, self.distribute = program, {}, distribute
        self.prefix_of_names = "s%d_%d" % (os.getpid(), id(self))
        self.folder = None

    def uri(self, database="telos", user=None):
        if database not in self.schemas:
            name = self.schemas[database] = "%s_%s" % (self.prefix_of_names, database)
            self.statement(citus(), "CREATE SCHEMA %s" % name)
            address = self.address(name)
            if self.distribute:
                subprocess.run([self.program, "migrate", "--citus", "--to", address], check=True, stdout=subprocess.DEVNULL)
        address = self.address(self.schemas[database])
        return re.sub(r"//[^@/]*@", "//%s@" % user, address) if user else address

    @staticmethod
    def address(name):
        return "%s%soptions=-csearch_path%%3D%s%%20-ccitus.shard_count%%3D4" % (citus(), "&" if "?" in citus() else "?", name)

    @staticmethod
    def statement(address, sql):
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"psql failed: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def psql(self, database, sql):
        return self.statement(citus() if database == "postgres" else self.uri(database), sql)

    def cut(self):
        self.statement(citus(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'telos' AND datname = current_database()")

    def close(self):
        for name in self.schemas.values():
            self.statement(citus(), "SET client_min_messages = warning; DROP SCHEMA %s CASCADE" % name)
        self.statement(citus(), "SET client_min_messages = warning; DROP SCHEMA IF EXISTS telos_vault CASCADE")
        self.schemas = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Cluster:
    """PostgreSQL refuses to run as root; then it runs as the user that Debian's package made."""

    def __init__(self, settings=()):
        self.folder = tempfile.mkdtemp(prefix="telos-pg-")
        self.programs = programs()
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.data = os.path.join(self.folder, "data")
        os.chmod(self.folder, 0o755)
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        try:
            self.run("initdb", "-D", self.data, "-U", "owner", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
            wanted = ["listen_addresses = ''", f"unix_socket_directories = '{self.folder}'", "fsync = off", "synchronous_commit = on",
                      "full_page_writes = off", "shared_buffers = 64MB", "max_connections = 200", *settings]
            lines = "\n".join(wanted) + "\n"
            subprocess.run([*self.prefix(), "sh", "-c", f"cat >>{self.data}/postgresql.conf"], input=lines, text=True, check=True)
            self.start()
            self.psql("postgres", "CREATE DATABASE telos")
        except BaseException:
            self.close()
            raise

    def prefix(self):
        return ["runuser", "-u", self.user, "--"] if os.getuid() == 0 else []

    def run(self, name, *words):
        done = subprocess.run([*self.prefix(), os.path.join(self.programs, name), *words], cwd="/", capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def start(self):
        subprocess.run([*self.prefix(), os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-w", "-t", "120", "-l", self.folder + "/log", "start"],
                       cwd="/", check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self, mode="fast"):
        subprocess.run([*self.prefix(), os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-w", "-t", "120", "-m", mode, "stop"],
                       cwd="/", check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def uri(self, database="telos", user="owner"):
        return f"postgres://{user}@/{database}?host={self.folder}"

    def psql(self, database, sql):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "owner", "-d", database, "-c", sql)

    def close(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
