#!/usr/bin/env python3
"""What holds on SQLite holds on PostgreSQL: the store's own suites, the HTTP suite and the commands, on a throw-away cluster.

    tests/postgres/run.py BUILD-FOLDER [words of cases]
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import postgres  # noqa: E402


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


def main():
    build, words = sys.argv[1], sys.argv[2:]
    passed = failed = 0
    with postgres.Cluster() as cluster:
        for name in ("store_suite", "store_tables", "store_turn", "store_model", "store_postgres"):
            if words and not any(word in name for word in words):
                continue
            if not os.path.exists(os.path.join(build, "tests", "unit", "unit_" + name)):
                continue
            good, bad = unit(build, cluster, name)
            print(f"{name}: {good} passed, {bad} failed", flush=True)
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
