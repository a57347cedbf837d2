#!/usr/bin/env python3
"""The command line, from outside: each command of a real `telos`, beside a running server, without one, and against a server that fails.

Usage: run.py TELOS [CASE…]        only the standard library is used; ends with "N passed, N failed"
"""
import gzip
import http.server
import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WRITE_KEY = "wk_of_the_tests"
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("TELOS_")}
ENVIRONMENT.update(WEB_WRITE_KEY=WRITE_KEY, TERM="xterm")
ANNA = "email:anna@example.hu"


class World:
    """A folder with a policy and a data directory, and perhaps a server on it."""

    def __init__(self, program):
        self.program = program
        self.directory = tempfile.mkdtemp(prefix="telos-cli-")
        self.data = os.path.join(self.directory, "data")
        self.policy = self.path("policy.yaml")
        shutil.copytree(os.path.join(HERE, "notices"), self.path("notices"))
        shutil.copy(os.path.join(HERE, "policy.yaml"), self.policy)
        self.process = self.port = None
        self.log = open(self.path("log"), "ab")

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def command(self, *arguments, data=True):
        takes_data = arguments and arguments[0] not in ("help", "version", "verify", "bench") and "--server" not in arguments
        return [self.program, *map(str, arguments)] + (["--data", self.data] if data and takes_data else [])

    def run(self, *arguments, status=0, data=True, environment=None, stdin=None):
        """The finished process; its exit status is checked."""
        done = subprocess.run(self.command(*arguments, data=data), env=dict(ENVIRONMENT, **(environment or {})), cwd=self.directory, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        wanted = status if isinstance(status, tuple) else (status,)
        assert done.returncode in wanted, "telos %s: status %d instead of %s\n%s%s" % (" ".join(map(str, arguments)), done.returncode, status, done.stdout[-2000:],
                                                                                     done.stderr[-2000:])
        return done

    def out(self, *arguments, **options):
        return self.run(*arguments, **options).stdout

    def err(self, *arguments, **options):
        return self.run(*arguments, **options).stderr

    def json(self, *arguments, **options):
        return json.loads(self.out(*arguments, "--json", **options))

    def serve(self, *arguments, policy=True, environment=None):
        command = self.command("serve", "--listen", "127.0.0.1:0", *(["--policy", self.policy] if policy else []), *arguments)
        self.process = subprocess.Popen(command, env=dict(ENVIRONMENT, **(environment or {})), cwd=self.directory, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert re.fullmatch(r"listening on http://127\.0\.0\.1:[0-9]+\n", line), "serve printed %r; log: %s" % (line, self.read("log")[-2000:])
        self.port = int(line.rsplit(":", 1)[1])
        self.server = "http://127.0.0.1:%d" % self.port
        return self

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process.stdout.close()
        self.process = None
        return status

    def close(self):
        if self.process and self.process.poll() is None:
            assert self.end() == 0
        self.log.close()
        shutil.rmtree(self.directory)

    def consent(self, subject=ANNA, purpose="newsletter"):
        return self.json("consent", "give", subject, purpose, "--notice", "newsletter@2")

    def rejects(self, name):
        with open(self.path(name)) as f:
            return [json.loads(line) for line in f]


def track(n, user=None, **properties):
    return {"type": "track", "userId": user or "u%d" % (n % 50), "event": "Order Completed", "timestamp": "2026-10-01T10:00:00Z",
            "properties": dict({"orderId": "o%d" % n, "total": n}, **properties)}


def lines(messages):
    return "".join(json.dumps(m) + "\n" for m in messages)


def wait(condition, seconds, what):
    until = time.time() + seconds
    while time.time() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("not within %s s: %s" % (seconds, what))


def zstd_of(data):
    """A zstd frame of raw blocks: valid, without a compressor."""
    frame = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little"))
    pieces = [data[i:i + 100000] for i in range(0, len(data), 100000)] or [b""]
    for i, piece in enumerate(pieces):
        frame += ((i + 1 == len(pieces)) | len(piece) << 3).to_bytes(3, "little") + piece
    return bytes(frame)


def events_of(world):
    """How many events are stored, and how many persons there are."""
    shown = world.json("show", "holds")
    return shown["events"], shown["persons"]


# ---- words, options, settings ----

def help_has_an_example_for_every_command(world):
    overview = world.out("help")
    commands = re.findall(r"^  (?!telos)([a-z]+) +[a-zA-Z]", overview.split("Exit status")[0], re.M)
    assert {"serve", "policy", "import", "profile", "consent", "decide", "rights", "audit", "verify", "token", "backup", "restore", "keys", "doctor", "bench",
            "show", "debug", "help", "version", "signal"} <= set(commands), commands
    for command in commands:
        text = world.out("help", command)
        assert "Example:\n  telos " in text, command
        assert world.out(command, "--help", data=False) == text, command
    assert world.out("--help", data=False) == overview
    assert world.run(status=2, data=False).stderr.startswith("telos: a customer data platform")


def docs_cli_md_is_what_the_program_says(world):
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as f:
        assert f.read() == world.out("help", "--markdown"), "run: telos help --markdown > docs/cli.md"


def commands_in_help_and_docs_can_be_parsed(world):
    texts = {"help": world.out("help", "--markdown")}
    for folder in (ROOT, os.path.join(ROOT, "docs")):
        for name in os.listdir(folder):
            if name.endswith(".md"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    texts[name] = f.read()
    seen = 0
    for name, text in texts.items():
        text = text.replace("\\\n", " ")
        for line in re.findall(r"^\s*\$?\s*(?:build/)?telos ([a-z]+ [^\n|…\[]*)$", text, re.M):
            for command in re.sub(r"\s#.*", "", "telos " + line).split("&&"):
                try:
                    words = shlex.split(command.split(">")[0])
                except ValueError:
                    continue
                if len(words) < 2 or words[0].split("/")[-1] != "telos" or (name == "help" and any(w.isupper() for w in words)):
                    continue
                done = subprocess.run([world.program, *words[1:], "--help"], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                assert done.returncode == 0, "%s: %s: %s" % (name, command, done.stderr)
                seen += 1
    assert seen > 20, seen


def version_names_the_libraries(world):
    assert world.out("version").startswith("telos ")
    assert set(world.json("version")) >= {"telos", "sqlite", "libmicrohttpd", "openssl", "libcurl"}
    assert world.out("--version", data=False) == world.out("version")


def common_options_may_stand_before_the_command(world):
    world.run("policy", "apply", world.policy)
    for words in (["--data", world.data, "--json", "policy", "show"], ["--json", "--data=" + world.data, "policy", "show"], ["--data", world.data, "policy", "show", "--json"]):
        assert json.loads(world.out(*words, data=False))["version"] == 1, words
    assert "no command `--frob`" in world.err("--frob", "policy", "show", status=2, data=False)
    assert world.out("version", "--data", world.data) == world.out("version") and "telos serve" in world.out("help", "serve", "--data", world.data)


def bad_use_is_told_with_a_hint(world):
    for arguments, hint in [
            (("polcy",), "did you mean `policy`"), (("policy",), "One of: check, diff, simulate, apply, show"), (("policy", "chek", "x"), "did you mean `check`"),
            (("policy", "check"), "telos policy check FILE"), (("policy", "check", "no-such-file"), "no-such-file"),
            (("decide", ANNA), "telos decide TYPE:VALUE PURPOSE"), (("decide", ANNA, "newsletter", "more"), "one argument too many"),
            (("decide", ANNA, "newsletter", "--categry", "x"), "did you mean --category"), (("decide", ANNA, "newsletter", "--at", "yesterday"), "is no time"),
            (("decide", ANNA, "newsletter", "--channel", "--json"), "--channel needs a value"), (("consent", "give", ANNA, "newsletter", "--notice", "newsletter"), "newsletter@1"),
            (("consent", "give", ANNA, "newsletter", "--by", "neighbour"), "guardian"), (("consent", "give", ANNA, "newsletter", "--explicit=yes"), "takes no value"),
            (("import", "x.csv"), "--source NAME"), (("import", "x.csv", "--source", "till"), "x.csv cannot be read"),
            (("import", "policy.yaml", "--source", "till", "--format", "xml"), "ndjson, csv or segment"), (("token", "create"), "--role is missing"),
            (("verify", "no-such-file"), "no-such-file"), (("serve", "--listen", "nonsense"), "nonsense"), (("serve", "--listen", "127.0.0.1:99999"), "99999"), (("serve", "--store", "mysql://x"), "there is no such store"), (("serve", "--log", "loud"), "debug, info, warn or error"),
            (("help", "nothing"), "no command `nothing`"), (("audit", "ropa", "--format", "pdf"), "json, csv or html"),
            (("profile", ANNA, "--purpose", "a", "--purpose", "b"), "given twice"), (("bench", "--seconds", "0"), "from 1 to 3600")]:
        error = world.err(*arguments, status=2, data=arguments[0] not in ("polcy", "help"))
        assert hint in error, "%s: %r lacks %r" % (arguments, error, hint)
        assert error.startswith("telos: "), error


def several_values_of_an_option_are_understood_in_each_form(world):
    world.run("policy", "apply", world.policy)
    for arguments in [("--purpose", "newsletter", "bookkeeping"), ("--purpose", "newsletter,bookkeeping"), ("--purpose", "newsletter", "--purpose", "bookkeeping"),
                      ("--purpose=newsletter", "--purpose=bookkeeping")]:
        assert world.json("token", "create", "--role", "agent", *arguments)["purposes"] == ["newsletter", "bookkeeping"], arguments
    world.consent()
    for arguments in [("--category", "email", "behaviour", "--", ANNA, "newsletter"), ("--category", "email", ANNA, "newsletter"), (ANNA, "newsletter", "--category", "email"),
                      (ANNA, "--category", "email", "newsletter")]:
        assert "email" in world.json("decide", *arguments)["categories"] if "--" not in arguments else True, arguments


def flags_beat_the_environment_which_beats_telos_yaml(world):
    world.run("policy", "apply", world.policy)
    other = World(world.program)
    try:
        world.write("telos.yaml", "data: data\nlisten: 127.0.0.1:1 # not used here\n")
        world.json("keys", "status", data=False)  # telos.yaml of the working directory
        error = world.err("keys", "status", data=False, status=3, environment={"TELOS_DATA": other.data})
        assert other.data in error, error
        world.json("keys", "status", environment={"TELOS_DATA": other.data})  # --data
        os.mkdir(other.data)
        other.write("elsewhere.yaml", "data: sub\n")
        assert os.path.join(other.directory, "sub") in world.err("keys", "status", "--config", other.path("elsewhere.yaml"), data=False, status=3)
        for text, hint in [("dat: x\n", "telos.yaml:1: `dat` is unknown: did you mean `data`?"), ("\ntoken: secret\n", "telos.yaml:2: this file is no place for secrets"),
                           ("data: [1]\n", "takes one value"), ("- a\n", "name: value"), ("data: {\n", "not YAML")]:
            world.write("telos.yaml", text)
            error = world.err("keys", "status", status=2)
            assert hint in error, error
            assert "secret\n" not in error.replace("secrets", "")
        world.run("keys", "status", "--server", "http://x", "--data", world.data, status=2, data=False)
    finally:
        os.remove(world.path("telos.yaml"))
        other.close()


def a_missing_data_directory_is_unavailable(world):
    for arguments in [("profile", ANNA, "--purpose", "newsletter"), ("consent", "show", ANNA), ("decide", ANNA, "newsletter"), ("audit", "check"), ("keys", "status"),
                      ("token", "list"), ("backup", "b"), ("show", "queues"), ("policy", "show"), ("rights", "show", ANNA)]:
        error = world.err(*arguments, status=3)
        assert "no Telos data" in error and "--data" in error, error
    assert not os.path.exists(world.data), "a look made a data directory"
    for arguments in [("keys", "status"), ("profile", ANNA)]:
        assert "nobody answers" in world.err(*arguments, "--server", "http://127.0.0.1:1", status=3)


# ---- the policy ----

def a_policy_is_checked_without_a_data_directory(world):
    assert "can be applied" in world.out("policy", "check", world.policy, data=False)
    assert world.json("policy", "check", world.policy, data=False)["valid"] is True
    post = world.write("post.yaml", world.read("policy.yaml") + "destinations: { post: { kind: smtp, purpose: newsletter, recipient: Post Ltd. } }\n")
    assert "note: destination `post`: this version cannot send to the kind `smtp`; nothing is sent to it yet" in world.out("policy", "check", post, data=False)
    assert any("`smtp`" in w for w in world.json("policy", "check", post, data=False)["warnings"])
    assert "nothing is sent" not in world.out("policy", "check", world.policy, data=False)
    bad = world.write("bad.yaml", world.read("policy.yaml").replace("purposes: [newsletter]", "purposes: [newsleter]"))
    error = world.err("policy", "check", bad, status=1, data=False)
    assert re.search(r"bad\.yaml:\d+:\d+: .*did you mean `newsletter`", error), error
    problems = world.json("policy", "check", bad, status=1, data=False)["problems"]
    assert problems[0]["suggestion"] == "newsletter" and problems[0]["line"] > 1
    assert not os.path.exists(world.data)


def an_address_of_postgresql_holds_no_password(world):
    for flag in ("--store", "--vault"):
        said = world.err("serve", "--listen", "127.0.0.1:0", flag, "postgres://telos:geheim@127.0.0.1:1/telos", status=(2, 3))
        assert "no password in the address" in said and "geheim" not in said, said


def the_life_of_a_policy(world):
    world.run("policy", "show", status=3)
    assert "version 1 is in force" in world.out("policy", "apply", world.policy)  # makes the directory
    assert "in force already, as version 1" in world.out("policy", "apply", world.policy)
    world.consent()
    newer = world.write("newer.yaml", world.read("policy.yaml").replace("version: 2", "version: 3, renew_older_than: 3"))
    assert "will have to consent again" in world.out("policy", "diff", newer)
    assert "1 person will have to consent again" in world.out("policy", "simulate", newer)
    simulated = world.json("policy", "simulate", newer)
    assert simulated["effects"]["people_reconsent"] == 1 and simulated["refused"] is False
    assert world.json("policy", "show")["version"] == 1
    applied = world.json("policy", "apply", newer)
    assert applied["version"] == 2 and applied["effects"]["people_reconsent"] == 1, applied
    assert world.json("decide", ANNA, "newsletter", status=1)["reasons"][0]["code"] == "consent_outdated_notice"
    assert world.json("policy", "show", "--version", "1")["policy"] == world.read("policy.yaml")
    assert [v["version"] for v in world.json("policy", "show", "--versions")["versions"]] == [2, 1]
    assert [v["version"] for v in world.json("policy", "show", "--versions", "--limit", "1")["versions"]] == [2]
    assert "there is more: --cursor" in world.err("policy", "show", "--versions", "--limit", "1")
    assert "# version 2" in world.out("policy", "show")
    world.run("policy", "show", "--at", "2020-01-01", status=1)
    edited = world.write("edited.yaml", world.read("newer.yaml").replace("basis: consent, notice", "basis: legitimate_interest, interest: more, balancing_test: lia.pdf@2026-01-01, notice"))
    for arguments in [("policy", "diff", edited), ("policy", "apply", edited)]:
        assert "basis would change" in world.out(*arguments, status=1)
    assert world.json("policy", "show")["version"] == 2


# ---- serve ----

def serve_says_where_it_listens_and_ends_cleanly(world):
    for how in (signal.SIGTERM, signal.SIGINT):
        world.serve()
        with urllib.request.urlopen(world.server + "/healthz", timeout=10) as reply:
            assert reply.status == 200
        assert world.end(how) == 0
    world.serve()
    assert world.end(signal.SIGKILL) == -signal.SIGKILL
    world.serve()
    for folder, _, files in os.walk(world.data):
        assert stat.S_IMODE(os.stat(folder).st_mode) & 0o077 == 0, folder
        for name in files:
            assert stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode) & 0o077 == 0, name


def a_second_start_says_who_has_the_directory(world):
    world.serve()
    error = world.err("serve", "--listen", "127.0.0.1:0", status=3)
    assert "in use by process %d" % world.process.pid in error, error
    world.json("keys", "status")
    taken = World(world.program)
    try:
        assert "another program has the port" in taken.err("serve", "--listen", "127.0.0.1:%d" % world.port, status=3)
    finally:
        taken.close()


def serve_applies_a_policy_file_that_changed_and_stops_at_a_bad_one(world):
    world.serve()
    assert world.json("policy", "show")["version"] == 1
    world.consent()
    world.end()
    world.serve()
    assert world.json("policy", "show")["version"] == 1
    world.end()
    text = world.read("policy.yaml")
    world.write("policy.yaml", text.replace("Send offers", "Send good offers"))
    world.serve()
    assert world.json("policy", "show")["version"] == 2
    world.end()
    world.write("policy.yaml", text.replace("notice: newsletter,", "notice: newsleter,"))
    error = world.err("serve", "--listen", "127.0.0.1:0", "--policy", world.policy, status=1)
    assert re.search(r"policy\.yaml:\d+:\d+: .*newsleter", error), error
    world.write("policy.yaml", text.replace("basis: consent, notice", "basis: public_task, law: none, notice"))
    error = world.err("serve", "--listen", "127.0.0.1:0", "--policy", world.policy, status=1)
    assert "basis would change" in error, error
    world.serve(policy=False)
    assert world.json("policy", "show")["version"] == 2


def the_log_level_is_read_again_on_sighup(world):
    config = world.write("telos.yaml", "log: warn\n")
    world.serve("--config", config)
    world.write("telos.yaml", "log: debug\n")
    world.process.send_signal(signal.SIGHUP)
    wait(lambda: "log level is now debug" in world.read("log"), 10, "the new level")
    world.write("telos.yaml", "log: loud\n")
    world.process.send_signal(signal.SIGHUP)
    wait(lambda: "log level unchanged" in world.read("log"), 10, "the refusal")
    assert world.process.poll() is None
    os.remove(config)


def the_master_key_may_lie_elsewhere(world):
    key = world.write("master.key", os.urandom(32).hex() + "\n")
    os.chmod(key, 0o600)
    world.serve(environment={"TELOS_MASTER_KEY_FILE": key})
    assert not os.path.exists(os.path.join(world.data, "keys", "master.key"))
    world.end()
    assert "master.key" in world.err("keys", "status", status=3)
    world.json("keys", "status", environment={"TELOS_MASTER_KEY_FILE": key})
    assert "missing" in world.err("serve", "--listen", "127.0.0.1:0", "--master-key-file", "/no/such/key", status=3) + "missing"


def a_long_data_directory_has_a_socket_too(world):
    world.data = os.path.join(world.directory, "d" * 100, "e" * 60)
    os.makedirs(os.path.dirname(world.data))
    world.serve()
    world.consent()
    world.end()
    world.json("consent", "show", ANNA)


# ---- persons; each of these runs beside a server and without one ----

def consents_are_given_withdrawn_and_shown(world):
    given = world.consent()
    assert given["status"] == "given" and given["receipt"] and given["ledger"]["index"] >= 1
    assert "given" in world.out("consent", "show", ANNA)
    assert world.json("decide", ANNA, "newsletter")["decision"] == "allow"
    assert "allow" in world.out("decide", ANNA, "newsletter", "--category", "email")
    world.run("consent", "withdraw", ANNA, "newsletter", "--method", "phone", "--by", "agent", "--reference", "call 4711")
    assert [c["status"] for c in world.json("consent", "show", ANNA, "newsletter")["consents"]] == ["given", "withdrawn"]
    denied = world.json("decide", ANNA, "newsletter", status=1)
    assert denied["decision"] == "deny" and denied["reasons"][0]["code"] == "consent_withdrawn"
    assert "consent_withdrawn" in world.out("decide", ANNA, "newsletter", status=1)
    assert world.json("decide", ANNA, "newsletter", "--at", "2020-01-01", status=1)["decision"] == "deny"
    world.run("consent", "refuse", "email:bea@example.hu", "newsletter")
    assert "nothing is recorded" in world.out("consent", "show", "email:nobody@example.hu", status=1)
    world.run("consent", "give", ANNA, "no_such_purpose", status=2)
    world.run("consent", "give", "anna", "newsletter", status=2)


def a_receipt_is_verified_offline_and_a_changed_one_is_not(world):
    receipt = world.out("consent", "receipt", world.consent()["id"])
    world.write("receipt.json", receipt)
    key = os.path.join(world.data, "keys", "verifier.pub")
    assert "all good" in world.out("verify", world.path("receipt.json"), "--key", key)
    with open(key) as f:
        assert world.json("verify", world.path("receipt.json"), "--key", f.read().strip())["verified"] is True
    changed = receipt.replace("newsletter", "newslettar", 1)
    assert changed != receipt
    world.write("changed.json", changed)
    assert "BAD" in world.out("verify", world.path("changed.json"), "--key", key, status=1)
    assert "all good" in world.out("verify", world.path("receipt.json"), "--data", world.data)
    assert world.json("verify", world.path("changed.json"), "--data", world.data, status=1)["verified"] is False
    os.makedirs(world.path("a/b"))
    world.write("a/b/receipt.json", receipt)  # no key lies beside it, nor above
    assert "all good" in world.out("verify", "a/b/receipt.json")  # ./data is this machine's
    elsewhere = World(world.program)
    try:
        os.makedirs(elsewhere.path("a/b"))
        elsewhere.write("a/b/receipt.json", receipt)
        assert "no key was given" in elsewhere.out("verify", "a/b/receipt.json", status=1)
        elsewhere.run("verify", "a/b/receipt.json", "--data", "nowhere", status=2)  # a data directory that is not there
    finally:
        elsewhere.close()
    world.run("verify", world.path("receipt.json"), "--key", "nonsense+key", status=2)
    world.run("consent", "receipt", "01a20f8b-1377-77d1-91a0-c992ca8af9e9", status=1)


def a_profile_is_shown_for_a_purpose(world):
    world.consent("user_id:u1")
    world.write("one.ndjson", lines([{"type": "identify", "userId": "u1", "traits": {"email": "anna@example.hu", "note": "bad\u001b[31m\u009bnote"}}, track(1, "u1")]))
    world.run("import", "one.ndjson", "--source", "till", "--again")
    profile = world.json("profile", "user_id:u1", "--purpose", "newsletter")
    assert profile["traits"]["email"] == "anna@example.hu" and profile["purpose"] == "newsletter", profile
    shown = world.out("profile", "user_id:u1", "--purpose", "newsletter", "--facts")
    assert "anna@example.hu" in shown and "Order Completed" in shown and "FACT" in shown, shown
    assert "\x1b" not in shown and "\x9b" not in shown, "control characters of a trait reach the terminal"
    assert "nobody is known" in world.err("profile", "user_id:nobody", "--purpose", "newsletter", status=1)
    world.run("profile", "user_id:u1", "--purpose", "no_such_purpose", status=1)
    world.run("consent", "withdraw", "user_id:u1", "newsletter")
    withheld = world.run("profile", "user_id:u1", "--purpose", "newsletter", status=1)
    assert "consent_withdrawn" in withheld.stderr
    assert any(r["code"] == "consent_withdrawn" for r in world.json("profile", "user_id:u1", "--purpose", "newsletter", status=1)["reasons"])
    def pages():
        timeline = world.json("audit", "timeline", "user_id:u1", "--purpose", "bookkeeping", "--limit", "3")
        assert len(timeline["items"]) == 3 and timeline["next"], timeline
        more = world.json("audit", "timeline", "user_id:u1", "--purpose", "bookkeeping", "--cursor", timeline["next"])
        return {i["what"] for i in timeline["items"] + more["items"]} >= {"said", "collected", "read"}
    wait(pages, 10, "what was said, collected and read")
    assert "collected" in world.out("audit", "timeline", "user_id:u1", "--purpose", "bookkeeping")


def rights_are_exercised(world):
    world.consent()
    export = world.json("rights", "export", ANNA)
    assert export["right"] == "access" and any(i["value"] == "anna@example.hu" for i in export["export"]["identifiers"])
    assert world.json("rights", "export", ANNA, "--portable")["right"] == "portability"
    assert world.json("rights", "open", "access", ANNA)["right"] == "access"
    world.run("rights", "export", ANNA, "--out", world.path("anna.json"))
    assert stat.S_IMODE(os.stat(world.path("anna.json")).st_mode) == 0o600 and "anna@example.hu" in world.read("anna.json")
    world.run("rights", "restrict", ANNA)
    assert world.json("decide", ANNA, "newsletter", status=1)["reasons"][0]["code"] == "processing_restricted"
    world.run("rights", "restrict", ANNA, "--lift")
    world.run("decide", ANNA, "newsletter")
    world.run("rights", "object", ANNA, "newsletter")
    world.run("decide", ANNA, "newsletter", status=1)
    world.run("rights", "object", ANNA, "newsletter", "--lift")
    assert [r["right"] for r in world.json("rights", "show", ANNA)["rights"]] == ["restriction", "restriction_lifted", "objection", "objection_lifted"]
    assert "objection_lifted" in world.out("rights", "show", ANNA)
    world.run("rights", "open", "levitation", ANNA, status=2)
    later = world.json("rights", "open", "access", ANNA, "--later", "--text", "What do you know of me?")["id"]
    world.run("rights", "extend", later, "--reason", "on tape")
    shown = world.out("rights", "show", later)
    assert "What do you know of me?" in shown and "on tape" in shown and ANNA in shown, shown
    erased = world.json("rights", "erase", ANNA, "--reference", "2026/117")["id"]
    assert "erased     facts: " in world.out("rights", "show", erased)
    world.run("rights", "erase", ANNA, status=1)
    world.run("rights", "export", "email:nobody@example.hu", status=1)


def notices_are_listed_and_their_versions_shown(world):
    world.consent()
    listed = world.json("notice", "list")["notices"][0]
    assert listed["id"] == "newsletter" and any(line.split()[:2] == ["newsletter", str(listed["version"])] for line in world.out("notice", "list").splitlines())
    rows = [line.split() for line in world.out("notice", "show", "newsletter").splitlines()[1:]]
    assert rows and all(row[0].isdigit() and len(row) >= 5 for row in rows), rows


def audits_check_export_and_verify(world):
    world.consent()
    assert "P1 to P7 hold" in world.out("audit", "check")
    assert "said" in [item["what"] for item in world.json("audit", "timeline", ANNA)["items"]]
    assert world.json("audit", "check") == {"findings": [], "violations": 0}
    assert [a["activity"] for a in world.json("audit", "ropa")["activities"]] == ["bookkeeping", "newsletter"]
    assert world.out("audit", "ropa", "--format", "csv").startswith('"Processing activity"')
    assert world.out("audit", "ropa", "--format", "html").startswith("<!doctype html>")
    table = world.out("audit", "ropa")
    assert "bookkeeping" in table and "  none  " in table, "an activity without a recipient says so\n" + table
    world.run("audit", "export", "evidence", "--from", "2020-01-01")
    key = os.path.join(world.data, "keys", "verifier.pub")
    whole = world.out("verify", "evidence", "--key", key)
    assert "all good" in whole and len(whole.splitlines()) <= len(world.out("verify", "evidence", "--key", key, "--each").splitlines())
    for name, was, now in (("policies/1/policy.yaml", "basis: consent", "basis: contract"), ("export.json", '"records":', '"records":1'),
                           ("key.pub", "+", "+0")):
        path = world.path(os.path.join("evidence", name))
        with open(path, encoding="utf-8") as f:
            whole = f.read()
        assert was in whole, name
        with open(path, "w", encoding="utf-8") as f:
            f.write(whole.replace(was, now, 1))
        told = world.out("verify", "evidence", "--key", key, status=1)
        assert "BAD" in told and name in told, told
        with open(path, "w", encoding="utf-8") as f:
            f.write(whole)
    assert "all good" in world.out("verify", "evidence", "--key", key)
    tile = next(os.path.join(folder, name) for folder, _, names in os.walk(world.path("evidence/tile")) for name in names)
    with open(tile, "r+b") as f:
        byte = f.read(1)
        f.seek(0)
        f.write(bytes([byte[0] ^ 1]))
    assert world.json("verify", "evidence", "--key", key, status=1)["verified"] is False
    world.run("audit", "export", "evidence", "--from", "2026-01-02", "--to", "2026-01-01", status=2)


def tokens_are_made_listed_and_revoked(world):
    made = world.json("token", "create", "--role", "admin", "--purpose", "*", "--label", "tests")
    assert set(made) >= {"id", "token"}
    assert [(t["id"], t["purposes"]) for t in world.json("token", "list")["tokens"]] == [(made["id"], ["*"])]
    assert made["token"] not in world.out("token", "list")
    assert "revoked" in world.out("token", "revoke", made["id"])
    assert world.json("token", "list")["tokens"][0]["revoked_at"]
    world.run("token", "revoke", "01a20f8b-1377-77d1-91a0-c992ca8af9e9", status=1)
    world.run("token", "create", "--role", "king", "--purpose", "*", status=2)
    world.run("token", "create", "--role", "agent", "--purpose", "no_such_purpose", status=2)
    world.json("token", "create", "--role", "source", "--source", "till")
    text = world.run("token", "create", "--role", "agent", "--purpose", "newsletter", "--expires", "2099-01-01")
    assert text.stdout.count("\n") == 1 and "shown only now" in text.stderr


def rows(data, statement):
    store = sqlite3.connect("file:%s/telos.db?mode=ro" % data, uri=True)
    try:
        return store.execute(statement).fetchall()
    finally:
        store.close()


def data_of_former_layouts_is_brought_up_to_date(world):
    years = "SELECT typeof(h), h FROM person_row WHERE (key >> 20 & 15) = 0 AND h IS NOT NULL AND h <> 0"
    for layout in (2, 4):
        shutil.rmtree(world.data, ignore_errors=True)
        os.mkdir(world.data, 0o700)
        shutil.unpack_archive(os.path.join(HERE, "layouts", "layout%d.tar.gz" % layout), world.data)
        assert rows(world.data, "PRAGMA user_version") == [(layout,)]
        assert sorted(rows(world.data, years)) == ([("integer", 1981), ("integer", 2016)] if layout == 2 else sorted(rows(world.data, years)))
        world.serve(policy=False)
        adult = world.json("profile", "user_id:adult", "--purpose", "newsletter")
        assert adult["traits"]["email"] == "adult@example.hu" and [e["type"] for e in adult["events"]] == ["track", "identify"], adult
        assert adult["preferences"]["language"] == "hu"
        assert world.json("decide", "user_id:child", "newsletter")["decision"] == "allow"
        world.run("consent", "give", "user_id:child", "newsletter", "--notice", "site@1")
        world.run("consent", "withdraw", "user_id:child", "newsletter", "--by", "guardian")
        world.run("consent", "give", "user_id:child", "newsletter", "--notice", "site@1")
        assert "consent_guardian_required" in [r["code"] for r in world.json("decide", "user_id:child", "newsletter", status=1)["reasons"]], "the year is known"
        assert {i["type"] for i in world.json("profile", "user_id:joined", "--purpose", "service")["identifiers"]} == {"user_id", "anonymous_id"}
        world.run("profile", "user_id:erased", "--purpose", "service", status=1)
        item, = world.json("audit", "decisions", "user_id:changed")["items"]  # it lost a purpose before what it was decided for was kept: its leaf tells
        assert item["decision"]["purposes"] == ["service", "newsletter"] and item["event_is"] == "stored", item
        assert world.json("audit", "decisions", "user_id:changed", item["event"])["decision"] == item["decision"]
        told = [i["decision"]["purposes"] for i in world.json("audit", "decisions", "user_id:adult")["items"]]
        assert told == [["service", "newsletter"]] * 2, told
        assert world.json("audit", "check")["violations"] == 0
        assert world.end() == 0
        assert rows(world.data, "PRAGMA user_version")[0][0] >= 5
        assert {kind for kind, _ in rows(world.data, years)} == {"blob"}, "years of birth are sealed"
        assert rows(world.data, "SELECT * FROM setting WHERE key = 'birth_years_clear'") == []
        with open(os.path.join(world.data, "telos.db"), "rb") as f:
            assert b"adult@example.hu" not in f.read()


def keys_rotate_and_backups_restore_without_what_was_erased(world):
    world.consent()
    world.consent("email:bea@example.hu")
    world.consent("email:csaba@example.hu")
    assert world.json("keys", "status")["generation"] == 1
    done = world.run("backup", "backup", "--json")
    assert json.loads(done.stdout)["directory"] == world.path("backup")
    told = [json.loads(line)["progress"] for line in done.stderr.splitlines() if line.startswith('{"progress"')]
    assert told and all(0 < step["done"] <= step["all"] for step in told), done.stderr
    assert told[-1]["all"] % 4096 == 0
    world.run("consent", "withdraw", "email:csaba@example.hu", "newsletter")
    world.run("rights", "erase", ANNA)
    assert world.json("keys", "rotate")["generation"] == 2
    assert "generation 2" in world.out("keys", "status")
    assert world.json("decide", "email:bea@example.hu", "newsletter")["decision"] == "allow"
    world.run("backup", "/proc/nowhere", status=(1, 2, 3))
    if world.process:
        return
    assert "no complete backup" in world.err("restore", world.path("nothing"), status=1)
    restored = os.path.join(world.directory, "restored")
    os.makedirs(os.path.join(restored, "keys"))
    shutil.copy(os.path.join(world.data, "keys", "master.key"), os.path.join(restored, "keys"))
    for name in ("tombstones.log", "refusals.log"):  # as docs/operations.md says
        shutil.copy(os.path.join(world.data, name), restored)
    os.rename(world.data, world.data + ".lost")  # the other machine sees nothing of this one
    subprocess.run([world.program, "restore", world.path("backup"), "--data", restored], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    world.data = restored
    assert world.json("decide", "email:bea@example.hu", "newsletter")["decision"] == "allow"
    answer = json.loads(world.run("decide", "email:csaba@example.hu", "newsletter", "--json", status=1).stdout)
    assert [reason["code"] for reason in answer["reasons"]] == ["consent_withdrawn"], answer
    world.run("profile", ANNA, "--purpose", "newsletter", status=1)
    done = world.run("rights", "export", ANNA, status=(0, 1))
    assert done.returncode == 1 or not any(json.loads(done.stdout)["export"][part] for part in ("identifiers", "facts", "events", "consents")), done.stdout


def the_inside_can_be_shown(world):
    for what in ("queues", "batches", "policies", "holds", "destinations", "memory"):
        assert isinstance(world.json("show", what), dict), what
        assert world.out("show", what)
    world.run("show", "secrets", status=2)
    world.run("debug", "digest", status=1)


BOTH = [consents_are_given_withdrawn_and_shown, a_receipt_is_verified_offline_and_a_changed_one_is_not, a_profile_is_shown_for_a_purpose, rights_are_exercised,
        audits_check_export_and_verify, notices_are_listed_and_their_versions_shown, tokens_are_made_listed_and_revoked, keys_rotate_and_backups_restore_without_what_was_erased, the_inside_can_be_shown]


def the_debug_door_opens_only_when_asked(world):
    world.serve("--debug-door")
    world.consent()
    before = world.json("debug", "digest")
    world.run("debug", "rebuild")
    wait(lambda: world.json("debug", "digest") == before, 10, "the same digest after a rebuild")
    world.run("debug", "pause", "maybe", status=2)
    assert world.json("debug", "pause", "on")["paused"] is True
    assert world.json("debug", "pause", "off")["paused"] is False
    world.run("debug", "fail", "no_such_point", status=(1, 2))


def a_doctor_finds_what_is_wrong(world):
    world.serve()
    assert world.json("doctor")["healthy"] is True
    assert "fine  data directory" in world.out("doctor")
    os.chmod(world.data, 0o755)
    assert "chmod 700" in world.out("doctor", status=1)
    os.chmod(world.data, 0o700)
    world.end()
    assert world.json("doctor")["healthy"] is True
    os.rename(os.path.join(world.data, "keys", "master.key"), world.path("hidden.key"))
    assert "master key" in world.out("doctor", status=1)
    world.data = world.path("nowhere")
    assert "--data" in world.out("doctor", status=1)


def from_afar_a_token_decides(world):
    world.serve()
    world.consent()
    admin = world.json("token", "create", "--role", "admin", "--purpose", "*")["token"]
    agent = world.json("token", "create", "--role", "agent", "--purpose", "newsletter")["token"]
    server = ("--server", world.server)
    assert world.json("decide", ANNA, "newsletter", *server, environment={"TELOS_TOKEN": admin})["decision"] == "allow"
    world.write("token", admin + "\n")
    assert world.json("policy", "show", *server, "--token-file", world.path("token"))["version"] == 1
    world.json("keys", "status", data=False, environment={"TELOS_SERVER": world.server, "TELOS_TOKEN": admin})
    error = world.err("decide", ANNA, "newsletter", *server, status=2)
    assert "TELOS_TOKEN" in error, error
    world.run("decide", ANNA, "newsletter", *server, status=2, environment={"TELOS_TOKEN": "telos_wrong"})
    world.run("profile", ANNA, "--purpose", "bookkeeping", *server, status=1, environment={"TELOS_TOKEN": agent})
    world.run("token", "list", *server, status=1, environment={"TELOS_TOKEN": agent})
    world.run("backup", "b", *server, status=1, environment={"TELOS_TOKEN": admin})  # writes on the server's disk
    world.write("far.ndjson", lines(track(i) for i in range(10)))
    world.run("import", "far.ndjson", "--source", "till", *server, environment={"TELOS_TOKEN": admin})
    world.write("web.ndjson", lines(track(i) for i in range(10)))
    world.run("import", "web.ndjson", "--source", "web", *server, environment={"TELOS_WRITE_KEY": WRITE_KEY})
    assert "write key" in world.err("import", "web.ndjson", "--source", "web", "--again", *server, environment={"TELOS_WRITE_KEY": "wrong"}, status=2)


def colours_only_on_a_terminal_and_never_with_no_color(world):
    def on_terminal(environment):
        master, slave = pty.openpty()
        process = subprocess.Popen(world.command("policy", "check", world.policy), env=dict(ENVIRONMENT, **environment), stdout=slave, stderr=slave)
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
        process.wait()
        os.close(master)
        return text
    assert b"\x1b[32m" in on_terminal({})
    assert b"\x1b" not in on_terminal({"NO_COLOR": "1"})
    assert "\x1b" not in world.out("policy", "check", world.policy)


def a_quick_bench_prints_rates(world):
    shown = world.json("bench", "--seconds", "1", "--people", "100", environment={"TMPDIR": world.directory})
    assert len(shown["rows"]) == 6, shown
    for row in shown["rows"]:
        assert row["per_second"] > 0 and row["failed"] == 0 and row["p99_ms"] >= row["p50_ms"] > 0, row
    assert not [n for n in os.listdir(world.directory) if n.startswith("telos-bench")], "it left its folder behind"
    note = world.err("bench", "--seconds", "1", "--people", "10", "--data", world.data, environment={"TMPDIR": world.directory})
    assert "what stands in --data is left alone" in note and not os.path.exists(world.data), note


# ---- import ----

def ndjson_is_imported_beside_a_server_and_without_one(world):
    world.write("a.ndjson", lines(track(i) for i in range(6000)))
    world.run("policy", "apply", world.policy)
    first = world.json("import", "a.ndjson", "--source", "till")["files"][0]
    assert first["done"] and first["accepted"] + first["trimmed"] == 6000 and first["rejected"] == 0 and first["rejects"] is None, first
    assert events_of(world) == (6000, 50)
    assert not os.path.exists(world.path("a.ndjson.rejects.ndjson"))
    assert "imported before" in world.err("import", "a.ndjson", "--source", "till")
    world.serve()
    again = world.json("import", "a.ndjson", "--source", "till", "--again")["files"][0]
    assert again["duplicate"] == 6000, again
    world.write("b.ndjson", lines(track(i, "v%d" % i) for i in range(100)))
    assert "100 messages" in world.out("import", "b.ndjson", "--source", "till")
    assert events_of(world) == (6100, 150)
    assert "100 messages" in world.out("import", "-", "--source", "till", stdin=lines(track(i, "w%d" % i) for i in range(100)))
    world.run("import", "b.ndjson", "--source", "no_such_source", status=2)


def an_import_without_a_policy_does_not_wait(world):
    world.write("a.ndjson", lines([track(1)]))
    world.json("token", "create", "--role", "auditor", "--purpose", "*")  # makes the directory
    begun = time.time()
    assert "no policy is active" in world.err("import", "a.ndjson", "--source", "till", status=3)
    assert "nobody answers" in world.err("import", "a.ndjson", "--source", "till", "--server", "http://127.0.0.1:1", status=3)
    assert time.time() - begun < 20


def what_was_not_taken_is_listed_with_its_line(world):
    world.run("policy", "apply", world.policy)
    long = json.dumps(track(1, "u1", text="x" * 40000))
    world.write("r.ndjson", "\n".join([json.dumps(track(0)), "{broken", "", json.dumps({"type": "nonsense", "userId": "u"}), "[1]", long, json.dumps(track(1)), "x" * 3000000, json.dumps(track(2))]))
    result = world.json("import", "r.ndjson", "--source", "till")["files"][0]
    assert result["invalid"] == 5 and result["read"] == 8 and result["rejected"] == 5, result
    rejects = world.rejects("r.ndjson.rejects.ndjson")
    assert [r["line"] for r in rejects] == [2, 4, 5, 6, 8] and all(r["outcome"] == "invalid" and r["why"] for r in rejects), rejects
    world.run("import", "r.ndjson", "--source", "till", "--again", "--strict", status=1)
    # Nobody has consented, so what comes from the web is dropped: with the reason, and without the data.
    world.write("web.ndjson", lines(track(i, "needle-%d" % i) for i in range(3)))
    result = world.json("import", "web.ndjson", "--source", "web", "--rejects", "web.rejects")["files"][0]
    assert result["dropped"] == 3 and result["rejects"] == "web.rejects", result
    assert [r["line"] for r in world.rejects("web.rejects")] == [1, 2, 3]
    assert "consent_missing" in world.rejects("web.rejects")[0]["why"]
    assert "needle" not in world.read("web.rejects")


def packed_files_are_read_by_their_first_bytes(world):
    world.run("policy", "apply", world.policy)
    text = lines(track(i) for i in range(5000)).encode()
    half = len(text) // 2
    for name, content in [("a.ndjson.gz", gzip.compress(text)), ("members", gzip.compress(text[:half]) + gzip.compress(text[half:])), ("a.ndjson.zst", zstd_of(text)),
                          ("frames.zst", zstd_of(text[:half]) + zstd_of(text[half:]))]:
        world.write(name, content)
        result = world.json("import", name, "--source", "till", "--again")["files"][0]
        assert result["read"] == 5000 and result["rejected"] == 0, (name, result)
    assert events_of(world)[0] == 5000, "the same messages, however they are packed"
    world.write("cut.gz", gzip.compress(text)[:-2000])
    assert "cut short" in world.err("import", "cut.gz", "--source", "till", status=2)
    world.write("cut.zst", zstd_of(text)[:-2000])
    assert "cut short" in world.err("import", "cut.zst", "--source", "till", status=2)
    broken = bytearray(gzip.compress(text))
    broken[len(broken) // 2] ^= 0xff
    world.write("broken.gz", bytes(broken))
    world.run("import", "broken.gz", "--source", "till", status=2)


CSV = ("customer no;e-mail;born;total;bought at;agreed;tags;notes\r\n"
       "17;ANNA@example.hu;24.12.1958;1 234,50;2026.10.25 02:30;igen;a|b;\"two\r\nlines; \"\"quoted\"\"\"\r\n"
       "18;bela@example.hu;;abc;2026.07.01 12:00;nem;;\r\n"
       "19;cili@example.hu;31.02.2000;5;2026.07.01 12:00;;;\r\n"
       "20;dora@example.hu;01.01.2000;7,5;2026.07.01 12:00;nem;;\r\n")
MAPPING = """
columns:
  customer no: userId
  e-mail: traits.email
  born: { to: traits.birthday, type: date, format: "%d.%m.%Y" }
  total: { to: traits.total, type: number, decimal: "," }
  bought at: { to: timestamp, type: time, format: "%Y.%m.%d %H:%M", zone: Europe/Budapest }
  agreed: { to: context.consent.categoryPreferences.newsletter, type: boolean, yes: igen, no: [nem] }
  tags: { to: traits.tags, type: list, separator: "|" }
  notes: ~
constants:
  traits.currency: HUF
"""


def csv_is_imported_by_a_mapping(world):
    world.run("policy", "apply", world.policy)
    world.write("c.csv", "\ufeff" + CSV)
    world.write("map.yaml", MAPPING)
    dry = world.run("import", "c.csv", "--source", "till", "--map", "map.yaml", "--dry-run")
    shown = [json.loads(line) for line in dry.stdout.splitlines()]
    assert shown[0]["userId"] == "17" and shown[0]["traits"] == {"email": "ANNA@example.hu", "birthday": "1958-12-24", "total": 1234.5, "tags": ["a", "b"],
                                                                 "currency": "HUF"}, shown[0]
    assert shown[0]["timestamp"] in ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z")
    assert shown[0]["context"]["consent"]["categoryPreferences"]["newsletter"] is True and shown[0]["type"] == "identify"
    assert shown[1]["timestamp"] == "2026-07-01T10:00:00.000Z" and "notes" not in json.dumps(shown)
    assert "c.csv:4: column `total`: not a number" in dry.stderr and "c.csv:5: column `born`" in dry.stderr and "2 messages would be sent" in dry.stderr, dry.stderr
    assert events_of(world) == (0, 0)
    for more in ((), ("--dry-run",)):
        error = world.err("import", "c.csv", "--source", "tull", "--map", "map.yaml", *more, status=2)
        assert "no source of this name" in error and "would be sent" not in error, error
    result = world.json("import", "c.csv", "--source", "till", "--map", "map.yaml")["files"][0]
    assert result["read"] == 4 and result["invalid"] == 2, result
    rejects = world.rejects("c.csv.rejects.ndjson")
    assert [(r["line"], r["why"]) for r in rejects] == [(4, "column `total`: not a number"), (5, "column `born`: not a date in this format")], rejects
    assert world.json("profile", "user_id:17", "--purpose", "bookkeeping")["traits"]["email"] == "ANNA@example.hu"
    orders = world.write("orders.yaml", "type: track\nevent: Order Completed\ncolumns:\n  customer no: userId\n  e-mail: traits.email\n  tags: properties.tags\n")
    dry = world.run("import", "c.csv", "--source", "till", "--map", orders, "--dry-run")
    assert "traits make a profile only in messages of type identify" in dry.stderr and "columns that go nowhere: `born`, `total`" in dry.stderr, dry.stderr


def csv_dialects_are_found_out(world):
    world.run("policy", "apply", world.policy)
    for number, (delimiter, end) in enumerate([(",", "\n"), (";", "\r\n"), ("\t", "\n")]):
        rows = [["userId", "traits.email", "traits.city"], ["d%d" % number, "x%d@example.hu" % number, '"a%s ""b"""' % delimiter]]
        name = "d%d.csv" % number
        world.write(name, end.join(delimiter.join(row) for row in rows))
        shown = json.loads(world.run("import", name, "--source", "till", "--dry-run").stdout)
        assert shown["traits"] == {"email": "x%d@example.hu" % number, "city": 'a%s "b"' % delimiter} and shown["type"] == "identify", shown
    world.write("h.csv", "1|a@example.hu\n2|b@example.hu\n")
    world.write("h.yaml", 'delimiter: "|"\nheader: no\ncolumns:\n  1: userId\n  2: traits.email\n')
    assert "2 messages" in world.out("import", "h.csv", "--source", "till", "--map", "h.yaml")
    # A quote that is never closed costs its line.
    world.write("q.csv", 'userId,traits.email\n1,"open@example.hu\n2,b@example.hu\n3,c@example.hu\n')
    result = world.json("import", "q.csv", "--source", "till")["files"][0]
    assert result["read"] == 3 and result["invalid"] == 1 and world.rejects("q.csv.rejects.ndjson")[0]["line"] == 2, result
    world.write("latin.csv", b"userId,traits.city\n1,Gy\xf5r\n")
    assert "iconv" in world.run("import", "latin.csv", "--source", "till", "--dry-run").stderr
    world.write("wide.csv", "userId,traits.city\n1,x\n".encode("utf-16"))
    assert "UTF-16" in world.err("import", "wide.csv", "--source", "till", "--format", "csv", status=2)


def a_mapping_that_does_not_fit_is_refused_with_its_line(world):
    world.run("policy", "apply", world.policy)
    world.write("c.csv", CSV)
    for mapping, hint in [("columns:\n  customer no: user_id\n", "map.yaml:2:16: `user_id` is not a place in a message"), ("columns:\n  custmer no: userId\n", "did you mean `customer no`"),
                          ("columns:\n  total: { to: properties.total, type: numbr }\n", "there is no type `numbr`; there are: text, number"),
                          ("columns:\n  born: { to: traits.born, formt: x }\n", "did you mean `format`"), ("colums: {}\n", "did you mean `columns`"), ("columns: {}\n", "no column is mapped"),
                          ("columns:\n  total: properties\n", "needs a name behind it"), ("columns:\n  total: properties.total\n  born: properties.total.x\n", "lies below a path"),
                          ("type: buy\ncolumns:\n  total: properties.total\n", "there is no type of message `buy`"), ("columns:\n  total: { to: timestamp, type: time, format: now }\n", "a format is"),
                          ("columns:\n  total: { to: timestamp, type: time, zone: Mars/Base }\n", "time zone is unknown"), ("columns: [\n", "not YAML")]:
        world.write("map.yaml", mapping)
        error = world.err("import", "c.csv", "--source", "till", "--map", "map.yaml", status=2)
        assert hint in error, "%r: %r lacks %r" % (mapping, error, hint)
    error = world.err("import", "c.csv", "--source", "till", status=2)
    assert "say with --map where it goes" in error
    world.write("suggested.yaml", error[error.index("columns:"):])
    shown = json.loads(world.run("import", "c.csv", "--source", "till", "--map", "suggested.yaml", "--dry-run").stdout.splitlines()[0])
    assert shown["traits"]["customerNo"] == "17" and shown["traits"]["eMail"] == "ANNA@example.hu", shown
    assert "is a folder" in world.err("import", world.directory, "--source", "till", status=2)
    assert "--rejects" in world.err("import", world.write("bad.ndjson", "{bad"), "--source", "till", "--rejects", "/no/such/folder/r", status=2)
    world.write("a.ndjson", lines([track(1)]))
    world.write("map.yaml", MAPPING)
    assert "--map is for CSV" in world.err("import", "a.ndjson", "--source", "till", "--map", "map.yaml", "--format", "ndjson", status=2)
    world.write("list.json", json.dumps([track(1)]))
    assert "jq" in world.err("import", "list.json", "--source", "till", status=2)


def segment_exports_are_imported(world):
    world.run("policy", "apply", world.policy)
    event = dict(track(1, "seg-1"), messageId="m-1", _metadata={"bundled": []}, projectId="p", writeKey="w", receivedAt="2026-10-01T10:00:09Z", sentAt="2026-10-01T09:00:00Z",
                 originalTimestamp="2026-10-01T09:00:00Z", version=2)
    world.write("0001.gz", gzip.compress(lines([event]).encode()))
    world.write("0002.gz", gzip.compress(lines([dict(event, messageId="m-2"), event]).encode()))
    shown = json.loads(world.run("import", "0001.gz", "--source", "till", "--format", "segment", "--dry-run").stdout)
    assert set(shown) == {"type", "userId", "event", "timestamp", "properties", "messageId"}, shown
    files = world.json("import", "0001.gz", "0002.gz", "--source", "till", "--format", "segment")["files"]
    assert [f["read"] for f in files] == [1, 2] and files[1]["duplicate"] == 1, files
    assert events_of(world)[0] == 2


def an_import_that_is_killed_goes_on_and_doubles_nothing(world):
    world.serve()
    count = 40000
    rows = [track(i, "k%d" % (i % 500)) for i in range(count)]
    text = "".join(("{broken\n" if i % 4000 == 7 else "") + json.dumps(row) + "\n" for i, row in enumerate(rows))
    world.write("big.ndjson", text)
    state = os.path.join(world.data, "imports")
    kills = 0
    for delay in (0.4, 0.7, 1.0, 1.3):
        process = subprocess.Popen(world.command("import", "big.ndjson", "--source", "till"), env=ENVIRONMENT, cwd=world.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    done = world.run("import", "big.ndjson", "--source", "till")
    assert "imported before" in done.stderr or "40,010 messages" in done.stdout, (done.stdout, done.stderr)
    assert os.listdir(state)
    assert events_of(world) == (count, 500)
    wanted = [i + 1 for i, line in enumerate(text.splitlines()) if line == "{broken"]
    assert [r["line"] for r in world.rejects("big.ndjson.rejects.ndjson")] == wanted
    assert kills, "the import was too quick to be killed"


def an_import_survives_kills_of_the_server(world):
    world.serve()
    count = 30000
    world.write("big.ndjson", lines(track(i, "s%d" % (i % 300)) for i in range(count)))
    process = subprocess.Popen(world.command("import", "big.ndjson", "--source", "till", "--json"), env=ENVIRONMENT, cwd=world.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(2):
        time.sleep(0.3)
        if process.poll() is not None:
            break
        world.end(signal.SIGKILL)
        world.serve()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["files"][0]["done"]
    assert events_of(world) == (count, 300)


def an_interrupted_import_says_where_it_goes_on(world):
    world.serve()
    world.write("i.ndjson", lines(track(i) for i in range(60000)))
    process = subprocess.Popen(world.command("import", "i.ndjson", "--source", "till"), env=ENVIRONMENT, cwd=world.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode == 3:
        assert re.search(r"stopped at line \d+; the same command goes on there", err), err
        line = int(re.search(r"stopped at line (\d+)", err).group(1))
        done = world.run("import", "i.ndjson", "--source", "till")
        assert line == 1 or "going on at line %d" % line in done.stderr, done.stderr
    else:
        assert process.returncode == 0, err
    assert events_of(world)[0] == 60000


def a_file_that_grew_goes_on_and_another_one_begins_anew(world):
    world.run("policy", "apply", world.policy)
    world.write("log.ndjson", lines(track(i) for i in range(100)))
    world.run("import", "log.ndjson", "--source", "till")
    with open(world.path("log.ndjson"), "a") as f:
        f.write(lines(track(i) for i in range(100, 150)))
    assert "going on at line 101" in world.err("import", "log.ndjson", "--source", "till")
    assert events_of(world)[0] == 150
    world.write("log.ndjson", lines(track(i) for i in range(1000, 1400)))
    assert "400 messages" in world.out("import", "log.ndjson", "--source", "till")
    assert events_of(world)[0] == 550
    rows = "".join("g%d,%d\n" % (i, i) for i in range(50))
    world.write("grow.csv", "userId,properties.total\n" + rows)
    world.run("import", "grow.csv", "--source", "till")
    with open(world.path("grow.csv"), "a") as f:
        f.write("late,1\n")
    assert "51 messages" in world.out("import", "grow.csv", "--source", "till")


class Flaky:
    """Stands for a Telos that has bad days: each request gets the next answer of a list, then 200."""

    def __init__(self, answers):
        self.bodies = []
        flaky = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, text = answers.pop(0) if answers else (200, {}, None)
                if status == 0:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if status == 200:
                    flaky.bodies.append(body["batch"])
                    text = json.dumps({"success": True, "counts": {"accepted": len(body["batch"])}, "messages": []}) if text is None else text
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def an_import_waits_for_a_server_that_has_a_bad_day(world):
    world.write("f.ndjson", lines(track(i) for i in range(9000)))
    flaky = Flaky([(429, {"Retry-After": "1"}, "{}"), (503, {}, "<html>"), (0, {}, ""), (500, {}, ""), (200, {}, "not json")])
    result = json.loads(world.out("import", "f.ndjson", "--source", "till", "--server", flaky.url, "--json"))["files"][0]
    assert result["done"] and result["accepted"] == 9000, result
    sent = {m["properties"]["orderId"] for batch in flaky.bodies for m in batch}
    assert len(sent) == 9000 and all(m["messageId"].startswith("import-") for batch in flaky.bodies for m in batch)
    refusing = Flaky([(403, {}, '{"title":"no","detail":"this key may not do that"}')] * 50)
    error = world.err("import", "f.ndjson", "--source", "other", "--server", refusing.url, status=1)
    assert "this key may not do that" in error and "stopped at line 1" in error, error


def memory_does_not_grow_with_the_file(world):
    def peak(name):
        done = os.posix_spawn(world.program, [world.program, "import", world.path(name), "--source", "till", "--dry-run"], ENVIRONMENT,
                              file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
        _, status, usage = os.wait4(done, 0)
        assert status == 0, status
        return usage.ru_maxrss
    row = "%d,anna@example.hu,\"some text, with a comma\"\n"
    world.write("small.csv", "userId,traits.email,traits.note\n" + "".join(row % i for i in range(20000)))
    world.write("large.csv", "userId,traits.email,traits.note\n" + "".join(row % i for i in range(400000)))
    small, large = peak("small.csv"), peak("large.csv")
    assert large < small * 1.3, "%d KB for a small file, %d KB for one 20 times as large" % (small, large)


ALONE = [data_of_former_layouts_is_brought_up_to_date, help_has_an_example_for_every_command, docs_cli_md_is_what_the_program_says, commands_in_help_and_docs_can_be_parsed, version_names_the_libraries, bad_use_is_told_with_a_hint,
         several_values_of_an_option_are_understood_in_each_form, flags_beat_the_environment_which_beats_telos_yaml, a_missing_data_directory_is_unavailable,
         a_policy_is_checked_without_a_data_directory, an_address_of_postgresql_holds_no_password, common_options_may_stand_before_the_command, the_life_of_a_policy, serve_says_where_it_listens_and_ends_cleanly, a_second_start_says_who_has_the_directory,
         serve_applies_a_policy_file_that_changed_and_stops_at_a_bad_one, the_log_level_is_read_again_on_sighup, the_master_key_may_lie_elsewhere,
         a_long_data_directory_has_a_socket_too, the_debug_door_opens_only_when_asked, a_doctor_finds_what_is_wrong, from_afar_a_token_decides,
         colours_only_on_a_terminal_and_never_with_no_color, a_quick_bench_prints_rates, ndjson_is_imported_beside_a_server_and_without_one,
         an_import_without_a_policy_does_not_wait, what_was_not_taken_is_listed_with_its_line, packed_files_are_read_by_their_first_bytes, csv_is_imported_by_a_mapping, csv_dialects_are_found_out,
         a_mapping_that_does_not_fit_is_refused_with_its_line, segment_exports_are_imported, an_import_that_is_killed_goes_on_and_doubles_nothing,
         an_import_survives_kills_of_the_server, an_interrupted_import_says_where_it_goes_on, a_file_that_grew_goes_on_and_another_one_begins_anew,
         an_import_waits_for_a_server_that_has_a_bad_day, memory_does_not_grow_with_the_file]


def cases():
    for case in ALONE:
        yield case.__name__, case
    for case in BOTH:
        def beside(world, case=case):
            world.serve()
            case(world)

        def without(world, case=case):
            world.run("policy", "apply", world.policy)
            case(world)
        yield case.__name__ + "_beside_a_server", beside
        yield case.__name__ + "_without_a_server", without


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    program, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    passed = failed = 0
    for name, case in cases():
        if wanted and not any(name.startswith(w) for w in wanted):
            continue
        world = World(program)
        begun = time.time()
        try:
            case(world)
            world.close()
            passed += 1
            print("ok     %5.1f s  %s" % (time.time() - begun, name), flush=True)
        except Exception as error:  # the next case still runs
            failed += 1
            print("FAILED %s: %s: %s\n       its folder: %s" % (name, type(error).__name__, error, world.directory), flush=True)
            if world.process and world.process.poll() is None:
                world.process.kill()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
