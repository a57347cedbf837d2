#!/usr/bin/env python3
"""`./run` as a newcomer meets it: the demo shop comes up, the README's tour holds, a second start keeps the data.

Usage: run.py        ends with "N passed, N failed"
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from telos import Telos, run_cases, wait  # noqa: E402


class Shop:
    """One `./run` in a process group of its own, as a terminal would have it."""

    def __init__(self, data):
        self.data = data
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.output = ""
        self.process = subprocess.Popen(["./run", "--data", data, "--listen", "127.0.0.1:%d" % self.port, "--people", "60"], cwd=ROOT,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a background job ignores it
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.output += line

    def wait_until(self, text, seconds=300):
        wait(lambda: text in self.output or self.process.poll() is not None, seconds, text)
        assert text in self.output, self.output[-3000:]
        return self

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def telos(self):
        telos = Telos(os.path.join(ROOT, "build", "telos"), None, data=self.data)
        telos.port = self.port
        with open(os.path.join(self.data, "demo.token")) as f:
            telos.token = f.read().strip()
        with open(os.path.join(self.data, "demo.keys")) as f:
            telos.keys = dict(line.strip().split("=", 1) for line in f)
        return telos


directory = tempfile.mkdtemp(prefix="telos-demo-test-")
data = os.path.join(directory, "data")
shop = None


def it_comes_up_with_a_shop_full_of_customers():
    global shop
    shop = Shop(data).wait_until("Telos is running")
    assert "messages/s" in shop.output, "the progress is shown"
    anna = shop.telos().profile("email:anna.kovacs@example.hu", "newsletter")
    assert isinstance(anna, dict), "Anna is there: %s" % anna
    assert anna["traits"]["name"] == "Kovács Anna" and anna["events"], anna["traits"]
    assert anna["consents"]["newsletter"]["status"] == "given"


def the_customers_differ_as_people_do():
    telos = shop.telos()
    assert telos.profile("user_id:duna-000002", "newsletter") == 403, "she withdrew"
    status, reply, _ = telos.request("GET", "/v1/profiles/user_id:duna-000002", purpose="newsletter")
    assert [r["code"] for r in reply["reasons"]] == ["consent_withdrawn"], reply
    assert telos.profile("user_id:duna-000005", "newsletter") == 403, "he refused"
    identity = telos.call("GET", "/v1/identities/email:anna.kovacs@example.hu", purpose="recognition")
    assert len(str(identity)) > 100
    kinds = {i["what"] for i in telos.timeline("email:anna.kovacs@example.hu", "statistics")}
    assert {"collected", "said"} <= kinds, kinds


def the_tour_of_the_readme_holds():
    telos = shop.telos()
    key = telos.keys["DUNA_WEB_KEY"]
    body = {"writeKey": key, "userId": "eva", "event": "Product Viewed", "properties": {"product_id": "LAMP-2", "price": 11990}}
    reply = telos.call("POST", "/v1/track?explain=1", body)
    assert reply["messages"][0]["outcome"] == "held", reply
    said = telos.call("POST", "/v1/consents", {"subject": "user_id:eva", "purpose": "newsletter", "status": "given", "notice": "newsletter@3", "method": "web form"})
    receipt = os.path.join(directory, "receipt.json")
    with open(receipt, "w") as f:
        json.dump(said, f)
    seen = telos.command("profile", "user_id:eva", "--purpose", "newsletter")
    assert [e["event"] for e in seen["events"]] == ["Product Viewed"], seen
    verified = subprocess.run([telos.program, "verify", receipt, "--key", os.path.join(data, "keys", "verifier.pub")], stdout=subprocess.PIPE, text=True)
    assert verified.returncode == 0, verified.stdout
    telos.command("consent", "withdraw", "user_id:eva", "newsletter")
    answer = telos.command("decide", "user_id:eva", "newsletter", status=1)
    assert [r["code"] for r in answer["reasons"]] == ["consent_withdrawn"], answer
    telos.command("profile", "user_id:eva", "--purpose", "newsletter", status=1)
    telos.command("audit", "check")


def the_shop_s_page_carries_the_banner():
    telos = shop.telos()
    for path, language in (("/shop", "hu"), ("/shop/en", "en")):
        with urllib.request.urlopen("http://127.0.0.1:8490" + path, timeout=20) as reply:
            text = reply.read().decode()
        assert '<html lang="%s">' % language in text and "@" not in re.sub(r"https?://\S+", "", text), "every blank is filled in"
        script = re.search(r'<script src="([^"]+)" data-key="([^"]+)"', text)
        assert script.group(2) == telos.keys["DUNA_WEB_KEY"], script.groups()
        with urllib.request.urlopen(script.group(1), timeout=20) as reply:
            assert b"telosConsent" in reply.read(), "the script is served where the page says"
        config = telos.call("GET", "/v1/consent-banner/" + script.group(2))
        assert {c["id"] for c in config["categories"]} >= {"Newsletter", "Analytics", "Advertising"}, config


def a_second_start_keeps_the_data():
    global shop
    before = shop.telos().profile("email:anna.kovacs@example.hu", "newsletter")
    assert shop.interrupt() == 0, shop.output[-2000:]
    shop = Shop(data).wait_until("Telos is running")
    assert "Opening the demo shop" not in shop.output, "it is not filled twice"
    after = shop.telos().profile("email:anna.kovacs@example.hu", "newsletter")
    assert after["id"] == before["id"] and after["traits"] == before["traits"]


def a_taken_port_of_the_shop_s_systems_is_told():
    other = Shop(os.path.join(directory, "other"))  # the first one has it
    assert other.process.wait(300) == 3 and "needs port 8490" in other.output, other.output[-2000:]


def a_wrong_option_is_told():
    done = subprocess.run(["./run", "--emtpy"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 2 and re.search(r"usage: ./run", done.stderr)


CASES = [
    it_comes_up_with_a_shop_full_of_customers,
    the_customers_differ_as_people_do,
    the_tour_of_the_readme_holds,
    the_shop_s_page_carries_the_banner,
    a_second_start_keeps_the_data,
    a_taken_port_of_the_shop_s_systems_is_told,
    a_wrong_option_is_told,
]

if __name__ == "__main__":
    status = run_cases(CASES, only=sys.argv[1:])
    if shop and shop.process.poll() is None:
        shop.interrupt()
    time.sleep(0.1)
    shutil.rmtree(directory, ignore_errors=True)
    sys.exit(status)
