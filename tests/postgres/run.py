#!/usr/bin/env python3
"""What holds on SQLite holds on PostgreSQL, on a throw-away cluster: the store's own suites, the simulator's runs of the store (`store_model`: the same random commits
into PostgreSQL and into memory, everything that can be read compared), the HTTP suite and the commands.

    tests/postgres/run.py BUILD-FOLDER [words of cases]
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import postgres  # noqa: E402
from telos import run_cases  # noqa: E402


def unit(build, cluster, name):
    """The cases of a store suite that run over PostgreSQL; (passed, failed)."""
    env = dict(os.environ, TELOS_TEST_POSTGRES=cluster.uri(), TEST_FILTER="postgres*")
    done = subprocess.run([os.path.join(build, "tests", "unit", "unit_" + name)], env=env, capture_output=True, text=True, timeout=600)
    passed = len(re.findall(r"^\[       OK \]", done.stdout + done.stderr, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] ([^,\n]+)$", done.stdout + done.stderr, re.M)))
    if done.returncode and not failed:
        failed = 1
    if failed or not passed:
        print(f"--- {name}\n{(done.stdout + done.stderr)[-6000:]}")
        failed = max(failed, 1)
    return passed, failed


def suite(build, cluster, name):
    """A suite of tests/ with each data directory in a schema of its own; (passed, failed)."""
    command = [sys.executable, os.path.join(ROOT, "tests", name, "run.py"), os.path.join(build, "telos")]
    done = subprocess.run(command, env=dict(os.environ, TELOS_TEST_POSTGRES=cluster.uri()), capture_output=True, text=True, timeout=900)
    last = re.search(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
    good, bad = (int(last.group(1)), int(last.group(2))) if last else (0, 1)
    if done.returncode or bad:
        print(f"--- {name}\n{(done.stdout + done.stderr)[-8000:]}")
        bad = max(bad, 1)
    return good, bad


def main():
    build, words = sys.argv[1], sys.argv[2:]
    passed = failed = 0
    with postgres.Cluster() as cluster:
        for name in ("store_suite", "store_tables", "store_turn", "store_model"):
            if words and not any(word in name for word in words):
                continue
            good, bad = unit(build, cluster, name)
            print(f"{name}: {good} passed, {bad} failed", flush=True)
            passed, failed = passed + good, failed + bad
        if not words or "http" in words:
            good, bad = suite(build, cluster, "http")
            print(f"http: {good} passed, {bad} failed", flush=True)
            passed, failed = passed + good, failed + bad
        world = cases.World(os.path.abspath(os.path.join(build, "telos")), cluster)
        chosen = [case for case in cases.CASES if not words or any(word in case.__name__ for word in words)]
        for case in chosen:
            bad = run_cases([case], world) if chosen else 0
            passed, failed = passed + (not bad), failed + bool(bad)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
