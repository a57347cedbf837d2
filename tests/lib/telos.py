"""A `telos serve` of a test's own, and how to speak with it. Standard library only."""
import atexit
import base64
import http.client
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback
import urllib.parse


class Refused(AssertionError):
    """A reply of 300 or more; carries status and body."""

    def __init__(self, what, status, body):
        super().__init__("%s: %d %s" % (what, status, str(body)[:400]))
        self.status, self.body = status, body


_schemas = {}


def postgres_store(program, data):
    """With TELOS_TEST_POSTGRES (tests/postgres/run.py) each data directory has a schema of its own in that database."""
    uri = os.environ.get("TELOS_TEST_POSTGRES")
    if not uri:
        return {}
    if data not in _schemas:
        name = "t%d_%d" % (os.getpid(), len(_schemas))
        subprocess.run(["psql", "-X", "-q", "-d", uri, "-c", "CREATE SCHEMA " + name], check=True)
        _schemas[data] = "%s%soptions=-csearch_path%%3D%s" % (uri, "&" if "?" in uri else "?", name)
        if os.environ.get("TELOS_TEST_DISTRIBUTED"):  # over Citus
            _schemas[data] += "%20-ccitus.shard_count%3D4"
            subprocess.run([program, "migrate", "--citus", "--to", _schemas[data]], check=True, stdout=subprocess.DEVNULL)
    return {"TELOS_STORE": _schemas[data]}


class Telos:
    def __init__(self, program, policy, environment=None, data=None, arguments=(), port=0):
        self.program, self.policy, self.arguments = program, policy, list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        self.directory = tempfile.mkdtemp(prefix="telos-test-")
        self.data = data or os.path.join(self.directory, "data")
        self.environment.update(postgres_store(self.program, self.data))
        self.log = os.path.join(self.directory, "log")
        self.wanted_port = port
        self.token = self.process = self.port = None
        atexit.register(self.remove)  # a case that fails leaves nothing running

    def start(self, limit_file_bytes=None):
        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            if limit_file_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file_bytes, resource.RLIM_INFINITY))

        arguments = [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:%d" % self.wanted_port] + self.arguments
        if self.policy:
            arguments += ["--policy", self.policy]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=prepare)
        for line in self.process.stdout:
            if "listening on http://" in line:
                self.port = int(line.strip().rsplit(":", 1)[1].rstrip("/"))
                break
        else:
            raise RuntimeError("telos serve did not start:\n" + self.log_end())
        self.said = []  # what follows on stdout
        threading.Thread(target=lambda out=self.process.stdout: self.said.extend(out), daemon=True).start()
        if self.token is None:
            self.token = self.command("token", "create", "--role", "admin", "--purpose", "*")["token"]
        return self

    def log_end(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-3000:]

    def command(self, *words, status=0, **options):
        """A local command with --json; its output as a value."""
        arguments = [self.program] + list(words) + ["--data", self.data, "--json"]
        done = subprocess.run(arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        if status is not None and done.returncode != status:
            raise AssertionError("%s: status %d\n%s%s" % (" ".join(words), done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
        try:
            return json.loads(done.stdout) if done.stdout.strip() else None
        except ValueError:
            return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def remove(self):
        if self.process and self.process.poll() is None:
            self.stop()
        if subprocess.run(["mountpoint", "-q", self.data]).returncode == 0:
            subprocess.run(["umount", "-l", self.data])
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, body=None, key=None, purpose=None, headers=None, timeout=60, connection=None):
        """(status, value, headers); never raises for a status."""
        mine = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        fields = {"Authorization": "Basic " + base64.b64encode((key + ":").encode()).decode() if key else "Bearer " + (self.token or "")}
        if purpose:
            fields["Purpose"] = purpose
        fields.update(headers or {})
        content = body
        if body is not None and not isinstance(body, (bytes, str)):
            content = json.dumps(body)
            fields.setdefault("Content-Type", "application/json")
        mine.request(method, path, content, fields)
        reply = mine.getresponse()
        text = reply.read()
        if connection is None:
            mine.close()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = text
        return reply.status, value, reply.headers

    def call(self, method, path, body=None, **options):
        status, value, _ = self.request(method, path, body, **options)
        if status >= 300:
            raise Refused("%s %s" % (method, path), status, value)
        return value

    def consent(self, subject, purpose, status, **more):
        return self.call("POST", "/v1/consents", dict({"subject": subject, "purpose": purpose, "status": status, "method": "test"}, **more))

    def profile(self, subject, purpose):
        """The profile, or the status where there is none to see."""
        status, value, _ = self.request("GET", "/v1/profiles/" + urllib.parse.quote(subject, safe=":"), purpose=purpose)
        return value if status == 200 else status

    def timeline(self, subject, purpose):
        """Every item of the timeline, page by page."""
        items, cursor = [], ""
        while True:
            path = "/v1/profiles/%s/timeline?limit=1000%s" % (urllib.parse.quote(subject, safe=":"), cursor)
            page = self.call("GET", path, purpose=purpose)
            items += page["items"]
            if not page.get("next"):
                return items
            cursor = "&cursor=" + urllib.parse.quote(page["next"])


def wait(condition, seconds, what):
    until = time.time() + seconds
    while time.time() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("not within %s s: %s" % (seconds, what))


def files_below(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def needles_in(directory, needles):
    """{needle: [file, …]} of the byte strings found in clear in any file."""
    found = {}
    for path in files_below(directory):
        with open(path, "rb") as f:
            content = f.read()
        for needle in needles:
            if needle in content:
                found.setdefault(needle, []).append(os.path.relpath(path, directory))
    return found


def run_cases(cases, *arguments, only=()):
    """Runs each case, prints a line each and the closing line; the exit status."""
    passed = failed = 0
    for case in cases:
        name = case.__name__.replace("_", " ")
        if only and not any(word in case.__name__ for word in only):
            continue
        begun = time.time()
        try:
            case(*arguments)
        except Exception:  # a case fails in any way it likes; the others go on
            failed += 1
            print("FAIL  %s\n%s" % (name, traceback.format_exc()), flush=True)
        else:
            passed += 1
            print("ok    %s (%.1f s)" % (name, time.time() - begun), flush=True)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    return 1 if failed else 0
