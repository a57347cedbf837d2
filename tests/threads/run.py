#!/usr/bin/env python3
"""Threads under ThreadSanitizer: the engine's and the sender's unit tests, and a server that is sent to, asked and killed while it delivers.

Usage: run.py FOLDER        a build folder made with -Db_sanitize=thread; ends with "N passed, N failed"

Each program's reports go to files of their own: one is a failure, whatever the program says. The detector of lock orders is off, because it
ends the program where one thread holds more than 64 locks (CHECK n_all_locks_ in sanitizer_deadlock_detector.h): clearing the vault's cache or
that of the views takes all of their stripes, always in the same order and nothing inside, which is no matter of order at all.
"""
import glob
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SENDING = ["a_delivery_is_signed_and_has_the_shape_of_the_contract", "deliveries_of_a_person_keep_their_order_through_failures",
           "what_is_withdrawn_while_it_waits_is_never_sent", "a_withdrawal_while_a_request_is_under_way_is_recalled", "kills_under_load_lose_nothing"]


def runs(folder):
    unit = os.path.join(folder, "tests", "unit")
    telos = os.path.join(folder, "telos")
    return [("engine", [os.path.join(unit, "unit_engine_flow")]),
            ("sender", [os.path.join(unit, "unit_deliver_flow")]),
            ("sending", [sys.executable, os.path.join(HERE, "..", "deliver", "run.py"), telos, *SENDING]),
            ("everything at once", [telos, "bench", "--people", "200", "--seconds", "1"])]


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    passed = failed = 0
    for name, command in runs(os.path.abspath(sys.argv[1])):
        with tempfile.TemporaryDirectory(prefix="telos-threads-") as folder:
            environment = dict(os.environ, TSAN_OPTIONS="detect_deadlocks=0 log_path=%s/report" % folder)
            begun = time.time()
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300)
            reports = sorted(glob.glob(os.path.join(folder, "report*")))
            if done.returncode == 0 and not reports:
                passed += 1
                print("ok     %5.1f s  %s" % (time.time() - begun, name), flush=True)
                continue
            failed += 1
            print("FAILED %5.1f s  %s: status %d, %d reports" % (time.time() - begun, name, done.returncode, len(reports)), flush=True)
            print(done.stdout[-2000:])
            for report in reports[:3]:
                with open(report, errors="replace") as f:
                    print(f.read()[:4000])
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
