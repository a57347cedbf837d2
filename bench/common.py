"""What the benches written in Python share: where the programs lie, a Telos and a PostgreSQL of their own, figures, and one way to print them.

Standard library only. Processes that are started here end with the bench, whatever happens to it.
"""
import argparse
import atexit
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from telos import Telos  # noqa: E402

KEY = "bench-write-key"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Words(argparse.ArgumentParser):
    """--rounds, --build and --out, which every bench has; without --build, build/ is made first."""

    def __init__(self, text, rounds=5):
        super().__init__(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument("--rounds", type=int, default=rounds, help="rounds to take the median of (default %d)" % rounds)
        self.add_argument("--build", default="", help="a build folder that is used as it is (default: build/, made now)")
        self.add_argument("--out", default="", help="write the rows as JSON to this file")

    def read(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        options = self.parse_args()
        if not options.build:
            options.build = os.path.join(ROOT, "build")
            subprocess.run([os.path.join(ROOT, "run"), "--build-only"], check=True)
        options.build = os.path.abspath(options.build)
        return options


def rows_write(rows, path):
    if path:
        with open(path, "w") as f:
            json.dump(rows, f, indent=1)


def output_json(*words):
    """The JSON lines that a program prints."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("bench: %s failed with %d" % (" ".join(str(word) for word in words[:6]), done.returncode))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def load(build, port, mode, *words):
    return output_json(os.path.join(build, "bench", "load"), "--port", port, "--mode", mode, *words)[0]


def resident_mb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def cpu_seconds(pid):
    """Processor time that a process has used; steadier than the clock where others load the machine."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def bytes_below(directory):
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                pass  # a temporary file that went meanwhile
    return total


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def telos_start(build, policy, arguments=()):
    return Telos(os.path.join(build, "telos"), policy, {"BENCH_WRITE_KEY": KEY}, arguments=arguments).start()


def ratio_row(question, ours, reference, unit, against, aim="", note="", less=False):
    """A row of the table of bench/run. `ours` and `reference` are lists of the rounds' figures; with `less`, smaller is better, and the ratio is
    turned so that above 1 is always better."""
    ratios = [(b / a if less else a / b) for a, b in zip(ours, reference)] if reference else []
    return {"question": question, "unit": unit, "ours": statistics.median(ours), "reference": statistics.median(reference) if reference else None,
            "against": against, "ratio": statistics.median(ratios) if ratios else None, "ratio_min": min(ratios, default=None),
            "ratio_max": max(ratios, default=None), "aim": aim, "note": note}


def number(value):
    return "" if value is None else "%.0f" % value if value >= 100 else "%.3g" % value


def row_show(row):
    spread = "" if row["ratio"] is None else "%.2f…%.2f" % (row["ratio_min"], row["ratio_max"])
    print("%-66s %12s %12s  %6s  %-12s aim %-8s %s (%s)%s" % (row["question"], number(row["ours"]), number(row["reference"]), number(row["ratio"]), spread,
          row["aim"], row["unit"], row["against"], "; " + row["note"] if row["note"] else ""), flush=True)


class Postgres:
    """A PostgreSQL of the bench's own, with the settings it ships with, on a free port and a socket in its own directory. None where it is not installed."""

    def __init__(self, settings=()):
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        if not folders:
            raise FileNotFoundError("PostgreSQL is not installed (Debian: postgresql)")
        self.folder = folders[-1]
        self.user = None
        if os.getuid() == 0:  # it refuses to run as root
            self.user = "postgres"
        self.directory = tempfile.mkdtemp(prefix="telos-bench-pg-")
        atexit.register(self.stop)
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        self.data = os.path.join(self.directory, "data")
        self.port = free_port()
        self.process = None
        self.name = self.user or pwd.getpwuid(os.getuid()).pw_name
        self._run("initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        words = [os.path.join(self.folder, "postgres"), "-D", self.data, "-k", self.directory, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        for setting in settings:
            words += ["-c", setting]
        with open(os.path.join(self.directory, "log"), "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, user=self.user, cwd=self.directory)
        for _ in range(200):
            if subprocess.run([os.path.join(self.folder, "pg_isready"), "-q", "-h", self.directory, "-p", str(self.port)]).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start")

    def _run(self, program, *words):
        subprocess.run([os.path.join(self.folder, program)] + list(words), check=True, stdout=subprocess.DEVNULL, user=self.user, cwd=self.directory)

    def sql(self, text, database="postgres"):
        done = subprocess.run([os.path.join(self.folder, "psql"), "-h", self.directory, "-p", str(self.port), "-U", self.name, "-d", database, "-XAtq",
                               "-v", "ON_ERROR_STOP=1"], input=text, stdout=subprocess.PIPE, check=True, text=True, cwd=self.directory)
        return done.stdout.strip()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
