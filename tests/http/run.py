#!/usr/bin/env python3
"""The outside contract over HTTP: every shape and status of the interface, every route of /openapi.json, and bad input.

Usage: run.py TELOS [CASE…]        ends with "N passed, N failed"
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, HERE)
import access  # noqa: E402
import audit  # noqa: E402
import bad_input  # noqa: E402
import bounds  # noqa: E402
import collect  # noqa: E402
import console  # noqa: E402
import by_purpose  # noqa: E402
import pages  # noqa: E402
import people  # noqa: E402
import rights  # noqa: E402
import views  # noqa: E402
import walk  # noqa: E402
from telos import Telos, run_cases  # noqa: E402

KEYS = {"SITE_WRITE_KEY": "site-key-1", "SHOP_WRITE_KEY": "shop-key-1", "QUIET_WRITE_KEY": "quiet-key-1", "CLINIC_WRITE_KEY": "clinic-key-1"}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    telos = Telos(os.path.abspath(sys.argv[1]), os.path.join(HERE, "policy.yaml"), KEYS)
    telos.start()
    cases = collect.CASES + by_purpose.CASES + people.CASES + pages.CASES + views.CASES + rights.CASES + audit.CASES + access.CASES + console.CASES + walk.CASES + bad_input.CASES + bounds.CASES

    def it_stops_cleanly(telos):
        assert telos.process.poll() is None, "it ended by itself: %s\n%s" % (telos.process.returncode, telos.log_end())
        status = telos.stop()
        assert status == 0, "exit status %s\n%s" % (status, telos.log_end())

    def neither_log_nor_problem_names_a_person(telos):
        with open(telos.log, errors="replace") as log:
            text = log.read()
        for needle in ("needle-person", "needle@", "site-key-1", telos.token):
            assert needle not in text, "the log holds %s" % needle

    status = run_cases(cases + [it_stops_cleanly, neither_log_nor_problem_names_a_person], telos, only=sys.argv[2:])
    if status:
        print("log:", telos.log)
        print(telos.log_end())
    else:
        telos.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
