#!/usr/bin/env python3
"""What holds on SQLite holds on PostgreSQL, on a throw-away cluster: the store's own suites, the simulator's runs of the store (`store_model`: the same random commits
into PostgreSQL and into memory, everything that can be read compared), the HTTP suite and the commands.

    tests/postgres/run.py BUILD-FOLDER [words of cases]

With TELOS_TEST_CITUS (tests/lib/postgres.py) all of that runs on Citus, too; that takes some ten minutes more.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import citus  # noqa: E402
import postgres  # noqa: E402
from telos import run_cases  # noqa: E402


def unit(build, env, name):
    """The cases of a store suite that run over PostgreSQL; (passed, failed)."""
    env = dict(os.environ, TEST_FILTER="postgres*", **env)
    done = subprocess.run([os.path.join(build, "tests", "unit", "unit_" + name)], env=env, capture_output=True, text=True, timeout=900)
    passed = len(re.findall(r"^\[       OK \]", done.stdout + done.stderr, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] ([^,\n]+)$", done.stdout + done.stderr, re.M)))
    if done.returncode and not failed:
        failed = 1
    if failed or not passed:
        print(f"--- {name}\n{(done.stdout + done.stderr)[-6000:]}")
        failed = max(failed, 1)
    return passed, failed


def suite(build, env, name):
    """A suite of tests/ with each data directory in a schema of its own; (passed, failed)."""
    command = [sys.executable, os.path.join(ROOT, "tests", name, "run.py"), os.path.join(build, "telos")]
    done = subprocess.run(command, env=dict(os.environ, **env), capture_output=True, text=True, timeout=1800)
    last = re.search(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
    good, bad = (int(last.group(1)), int(last.group(2))) if last else (0, 1)
    if done.returncode or bad:
        print(f"--- {name}\n{(done.stdout + done.stderr)[-8000:]}")
        bad = max(bad, 1)
    return good, bad


def on(build, words, where, env, chosen, world):
    """Everything on one database; (passed, failed)."""
    passed = failed = 0
    for name in ("store_suite", "store_tables", "store_turn", "store_model", "http"):
        if words and not any(word in name for word in words):
            continue
        good, bad = suite(build, env, name) if name == "http" else unit(build, env, name)
        print(f"{where}{name}: {good} passed, {bad} failed", flush=True)
        passed, failed = passed + good, failed + bad
    for case in chosen:
        if words and not any(word in case.__name__ for word in words):
            continue
        bad = run_cases([case], world)
        passed, failed = passed + (not bad), failed + bool(bad)
    return passed, failed


def main():
    build, words = sys.argv[1], sys.argv[2:]
    program = os.path.abspath(os.path.join(build, "telos"))
    with postgres.Cluster() as cluster:
        passed, failed = on(build, words, "", {"TELOS_TEST_POSTGRES": cluster.uri()}, cases.CASES, cases.World(program, cluster))
    if postgres.citus():
        with postgres.Schema(program, distribute=False) as schema:
            env = {"TELOS_TEST_POSTGRES": postgres.citus(), "TELOS_TEST_DISTRIBUTED": "1"}
            good, bad = on(build, words, "citus ", env, citus.CASES, citus.World(program, schema))
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
