#!/usr/bin/env python3
"""Sign-on by an OpenID provider: a standard one of npm's (RS256 and ES256), and one whose tokens must be refused.

    run.py TELOS [words of cases]        run.sh installs the provider first
"""
import http.cookiejar
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from telos import Telos, needles_in, run_cases  # noqa: E402

SECRET = "a secret of the client that nobody knows"
ROLES = "telos-admins=admin:*; shop=marketer:newsletter service"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    def __init__(self, follows=True):
        jar = http.cookiejar.CookieJar()
        self.jar = jar
        handlers = [urllib.request.HTTPCookieProcessor(jar), urllib.request.ProxyHandler({})] + ([] if follows else [Stay()])
        self.opener = urllib.request.build_opener(*handlers)

    def open(self, address, form=None):
        """(status, address, text, headers)"""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self.opener.open(urllib.request.Request(address, data, {"Accept": "text/html"}), timeout=60) as reply:
                return reply.status, reply.geturl(), reply.read().decode(), reply.headers
        except urllib.error.HTTPError as reply:
            return reply.code, address, reply.read().decode(), reply.headers


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    """Telos on a port that the provider knows of."""

    def __init__(self, program):
        self.port = free_port()
        self.here = "http://127.0.0.1:%d" % self.port
        self.process = subprocess.Popen(["node", os.path.join(HERE, "provider.mjs"), self.here + "/v1/session/oidc/callback"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.issuers = json.loads(self.process.stdout.readline())
        self.program, self.telos = program, None

    def start(self, issuer, **more):
        self.stop()
        folder = tempfile.mkdtemp(prefix="telos-oidc-")
        secret = os.path.join(folder, "secret")
        with open(secret, "w") as f:
            f.write(SECRET + "\n")
        environment = dict({"TELOS_OIDC_ISSUER": self.issuers[issuer], "TELOS_OIDC_CLIENT_ID": "telos", "TELOS_OIDC_CLIENT_SECRET_FILE": secret, "TELOS_OIDC_ROLES": ROLES,
                            "SITE_WRITE_KEY": "k", "SHOP_WRITE_KEY": "l", "QUIET_WRITE_KEY": "m", "CLINIC_WRITE_KEY": "n"}, **more)
        self.telos = Telos(self.program, os.path.join(HERE, "..", "http", "policy.yaml"), environment, port=self.port)
        return self.telos.start()

    def stop(self):
        if self.telos:
            self.telos.stop()
            with open(self.telos.log, errors="replace") as f:
                log = f.read()
            assert "eedle" not in log and SECRET not in log, "the log names somebody"
            self.telos.remove()
        self.telos = None

    def close(self):
        self.stop()
        self.process.terminate()
        self.process.wait()

    def sign_on(self, who, to="/console/live"):
        """The browser at the end of the way."""
        browser = Browser()
        status, address, text, _ = browser.open(self.here + "/v1/session/oidc?to=" + urllib.parse.quote(to))
        for _ in range(3):
            form = re.search(r'action="([^"]+)"', text)
            if address.startswith(self.here) or not form:
                break
            prompt = re.search(r'name="prompt" value="(\w+)"', text).group(1)
            fields = {"prompt": prompt, "login": who, "password": "x"} if prompt == "login" else {"prompt": prompt}
            status, address, text, _ = browser.open(urllib.parse.urljoin(address, form.group(1)), fields)
        return browser, address

    def state(self, browser):
        return json.loads(browser.open(self.here + "/v1/session")[2])


def a_person_signs_on_and_gets_the_role_of_the_claims(world):
    for issuer in ("rsa", "ec"):
        telos = world.start(issuer)
        browser, address = world.sign_on("anna")
        assert address == world.here + "/console/live", address
        state = world.state(browser)
        assert state["signed_in"] and state["user"]["role"] == "admin" and state["user"]["purposes"] == ["*"] and state["user"]["oidc"], state
        assert state["user"]["name"] == "needle-anna" and state["user"]["title"] == "Needle Anna" and state["user"]["email"] == "needle-anna@staff.example"
        assert browser.open(world.here + "/v1/users")[0] == 200
        browser, _ = world.sign_on("bela")
        state = world.state(browser)
        assert state["user"]["role"] == "marketer" and state["user"]["purposes"] == ["newsletter", "service"], state
        assert browser.open(world.here + "/v1/users")[0] == 403
        assert len(telos.call("GET", "/v1/users")["users"]) == 2
        world.sign_on("bela")
        assert len(telos.call("GET", "/v1/users")["users"]) == 2, "who comes again is the same user"
        assert world.state(browser)["sign_in"]["oidc"] == {"title": "Single sign-on", "url": "/v1/session/oidc"}
        found = needles_in(telos.data, [b"eedle-anna", b"Needle Anna", SECRET.encode()])
        assert not found, found


def without_a_role_or_with_a_closed_user_nobody_signs_on(world):
    telos = world.start("rsa")
    browser, address = world.sign_on("nobody")
    assert address == world.here + "/console/login?problem=no-role", address
    assert not world.state(browser)["signed_in"] and not telos.call("GET", "/v1/users")["users"]
    world.sign_on("bela")
    user = telos.call("GET", "/v1/users")["users"][0]["id"]
    telos.call("PATCH", "/v1/users/" + user, {"disabled": True})
    browser, address = world.sign_on("bela")
    assert address.endswith("?problem=no-role") and not world.state(browser)["signed_in"], address
    telos.call("POST", "/v1/users", {"name": "Needle-Anna", "role": "agent", "purposes": ["service"]})
    assert world.sign_on("anna")[1].endswith("?problem=name-taken"), "a user of Telos's own is not taken over by a name"


def a_role_that_changed_there_is_changed_here(world):
    telos = world.start("rsa")
    first, _ = world.sign_on("bela")
    user = world.state(first)["user"]["id"]
    telos.call("PATCH", "/v1/users/" + user, {"role": "privacy", "purposes": ["*"]})
    assert not world.state(first)["signed_in"]
    second, _ = world.sign_on("bela")
    assert world.state(second)["user"]["role"] == "marketer", "the provider has the last word"


def odd_way(world, code, browser=None, state=None, keep=True):
    """The address that the way back leads to, when the provider answers as `code` says."""
    browser = browser or Browser(follows=False)
    _, _, _, headers = browser.open(world.here + "/v1/session/oidc?to=/console/")
    there = headers["Location"]
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(there).query)
    assert query["response_type"] == ["code"] and query["code_challenge_method"] == ["S256"] and len(query["code_challenge"][0]) == 43 and "openid" in query["scope"][0]
    browser.open(there)
    if not keep:
        browser.jar.clear()
    _, _, _, headers = browser.open(world.here + "/v1/session/oidc/callback?" + urllib.parse.urlencode({"code": code, "state": state or query["state"][0]}))
    return headers["Location"], headers, query["state"][0], browser


def a_token_that_is_not_as_it_must_be_signs_nobody_on(world):
    world.start("odd")
    for how, word in {"stranger": "signature", "changed": "signature", "unsigned": "algorithm", "hmac": "algorithm", "issuer": "issuer", "audience": "audience", "party": "audience",
                      "expired": "expired", "issued": "issued", "nonce": "nonce", "no-nonce": "nonce", "garbage": "no-id-token", "no-token": "no-token"}.items():
        address, headers, _, browser = odd_way(world, how)
        allowed = {"/console/login?problem=" + w for w in (word, "head", "form", "no-id-token")}
        assert address in allowed, (how, address)
        assert not any("telos_session" in value for value in headers.get_all("Set-Cookie") or []), how
        assert not world.state(browser)["signed_in"], how
    address, headers, _, browser = odd_way(world, "fine")
    assert address == "/console/" and world.state(browser)["user"]["role"] == "admin", "and the same with a good one does"


def a_way_back_is_good_once_and_for_its_browser_only(world):
    world.start("odd")
    assert odd_way(world, "fine", keep=False)[0].endswith("problem=state"), "another browser"
    assert odd_way(world, "fine", state="x" * 43)[0].endswith("problem=state")
    address, _, state, browser = odd_way(world, "fine")
    assert address == "/console/"
    again = browser.open(world.here + "/v1/session/oidc/callback?" + urllib.parse.urlencode({"code": "fine", "state": state}))[3]["Location"]
    assert again.endswith("problem=state"), "twice"
    for to in ("//evil.example/", "https://evil.example/", "/\\evil.example", "/a\r\nSet-Cookie: x=1"):
        browser = Browser(follows=False)
        _, _, _, headers = browser.open(world.here + "/v1/session/oidc?to=" + urllib.parse.quote(to, safe=""))
        there = headers["Location"]
        browser.open(there)
        state = urllib.parse.parse_qs(urllib.parse.urlsplit(there).query)["state"][0]
        assert browser.open(world.here + "/v1/session/oidc/callback?code=fine&state=" + state)[3]["Location"] == "/", to


def a_provider_that_is_not_there_stops_nothing_else(world):
    telos = world.start("odd", TELOS_OIDC_ISSUER="http://127.0.0.1:9")
    _, _, _, headers = Browser(follows=False).open(world.here + "/v1/session/oidc")
    assert headers["Location"] == "/console/login?problem=provider-unreachable"
    assert telos.call("GET", "/v1/policy")["version"] == 1


class Slow(http.server.BaseHTTPRequestHandler):
    """A provider that answers nobody until two wait for it."""
    meeting = threading.Barrier(2, timeout=4)

    def do_GET(self):
        try:
            self.meeting.wait()
        except threading.BrokenBarrierError:
            return self.send_error(503)
        here = "http://127.0.0.1:%d" % self.server.server_port
        content = json.dumps({"issuer": here, "authorization_endpoint": here + "/auth", "token_endpoint": here + "/token", "jwks_uri": here + "/keys"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def who_waits_for_the_provider_keeps_nobody_else_waiting(world):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = "http://127.0.0.1:%d" % server.server_port
    world.start("odd", TELOS_OIDC_ISSUER=there)
    led = []
    both = [threading.Thread(target=lambda: led.append(Browser(follows=False).open(world.here + "/v1/session/oidc")[3]["Location"])) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert all(address.startswith(there + "/auth?") for address in led), "one waited until the other had its answer: %s" % led
    server.shutdown()


def who_signs_out_here_is_led_to_sign_out_there(world):
    world.start("rsa")
    browser, _ = world.sign_on("anna")
    assert browser.open(world.here + "/v1/session/oidc/end")[0] == 404, "only where it is wanted"
    world.start("rsa", TELOS_OIDC_SIGN_OUT="yes")
    browser, _ = world.sign_on("anna")
    assert world.state(browser)["sign_in"]["oidc"]["sign_out_url"] == "/v1/session/oidc/end"
    status, address, text, _ = browser.open(world.here + "/v1/session/oidc/end")
    assert status == 200 and address.startswith(world.issuers["rsa"]), address
    form = re.search(r'action="([^"]+)"', text).group(1)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', text), logout="yes")
    status, address, _, _ = browser.open(urllib.parse.urljoin(address, form), fields)
    assert address == world.here + "/", address
    _, address, text, _ = browser.open(world.here + "/v1/session/oidc?to=/console/live")
    assert 'name="login"' in text, "the provider asks for a name again: %s" % address


CASES = [
    a_person_signs_on_and_gets_the_role_of_the_claims,
    without_a_role_or_with_a_closed_user_nobody_signs_on,
    a_role_that_changed_there_is_changed_here,
    a_token_that_is_not_as_it_must_be_signs_nobody_on,
    a_way_back_is_good_once_and_for_its_browser_only,
    a_provider_that_is_not_there_stops_nothing_else,
    who_waits_for_the_provider_keeps_nobody_else_waiting,
    who_signs_out_here_is_led_to_sign_out_there,
]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    world = World(os.path.abspath(sys.argv[1]))
    try:
        return run_cases(CASES, world, only=sys.argv[2:])
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
