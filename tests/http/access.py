"""Who may sign in: users, sessions, one-time links; and that nothing but our own pages can use a session."""
import gzip
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import schema
from collect import SITE, raw
from people import bearer
from telos import Telos, needles_in, wait

PASSWORD = "correct horse battery"
HOST = {"Telos-Console": "1"}


def ask(telos, method, path, body=None, cookie=None, headers=None):
    """(status, value, headers) as a browser's page asks."""
    fields = dict(HOST if headers is None else headers)
    if cookie:
        fields["Cookie"] = "other=1; telos_session=" + cookie
    status, content, reply = raw(telos, method, path, None if body is None else json.dumps(body), fields)
    return status, json.loads(content) if content else None, reply


def cookie_of(reply):
    return reply["Set-Cookie"].split(";")[0].split("=", 1)[1]


def sign_in(telos, name, password=PASSWORD):
    status, value, reply = ask(telos, "POST", "/v1/session", {"name": name, "password": password})
    assert status == 201, (status, value)
    return cookie_of(reply)


def make(telos, name, role="agent", purposes=("service",), password=PASSWORD):
    return telos.call("POST", "/v1/users", {"name": name, "role": role, "purposes": list(purposes), "password": password})["id"]


def entries(telos, what):
    """Records of the ledger about access, oldest first, as the store has them."""
    if "TELOS_STORE" in telos.environment:
        lines = subprocess.run(["psql", "-X", "-At", "-d", telos.environment["TELOS_STORE"], "-c", "SELECT entry FROM ledger ORDER BY number"],
                               check=True, capture_output=True, text=True).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
    else:
        with sqlite3.connect("file:%s?mode=ro" % os.path.join(telos.data, "telos.db"), uri=True) as db:
            rows = [json.loads(row[0]) for row in db.execute("SELECT entry FROM ledger ORDER BY number")]
    return [row["record"] for row in rows if row["kind"] == "access" and row["record"]["what"] == what]


def the_first_admin_is_made_by_the_link_that_serve_prints_and_only_once(telos):
    own = Telos(telos.program, telos.policy, {k: v for k, v in telos.environment.items() if k.endswith("_WRITE_KEY")})
    own.token = "none"  # nobody needs one here
    own.start()
    line = wait(lambda: next((line for line in own.said if "/console/setup#" in line), None), 20, "the link for the first admin")
    code = line.strip().rsplit("#", 1)[1]
    assert ask(own, "GET", "/v1/session")[1]["sign_in"] == {"password": True, "oidc": None, "setup": True}
    assert ask(own, "GET", "/v1/session/setup?code=" + code)[1]["first"] is True
    assert ask(own, "GET", "/v1/session/setup?code=x" + code)[0] == 403
    first = {"code": code, "name": "Needle-Admin", "title": "Needle-Title", "email": "needle@staff.example", "password": PASSWORD}
    assert ask(own, "POST", "/v1/session/setup", dict(first, password="short"))[0] == 400
    assert ask(own, "POST", "/v1/session/setup", first, headers={})[0] == 403, "without the header of the console"
    status, value, reply = ask(own, "POST", "/v1/session/setup", first)
    assert status == 201 and value["signed_in"] and value["user"]["role"] == "admin" and value["user"]["purposes"] == ["*"], value
    assert value["sign_in"]["setup"] is False
    flags = {part.strip() for part in reply["Set-Cookie"].split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= flags and "Secure" not in flags, flags
    assert ask(own, "POST", "/v1/session/setup", dict(first, name="second"))[0] == 403, "a used link"
    assert ask(own, "GET", "/v1/users", cookie=cookie_of(reply))[0] == 200
    assert sign_in(own, "  needle-ADMIN "), "case and spaces of a name count for nothing"
    own.stop()
    found = needles_in(own.data, [b"Needle-Admin", b"needle-admin", b"Needle-Title", b"needle@staff", PASSWORD.encode(), code.encode(), cookie_of(reply).encode()])
    assert not found, found
    own.said = []
    own.start()
    assert ask(own, "GET", "/v1/session", cookie=cookie_of(reply))[1]["signed_in"], "a session outlives a restart"
    assert not any("/console/setup#" in line for line in own.said), "there is an admin already"
    text = open(own.log, errors="replace").read()
    assert "eedle-" not in text and code not in text and "needle@" not in text
    own.remove()


def a_session_may_what_a_token_of_the_same_role_and_purposes_may(telos):
    telos.call("POST", "/v1/identify", {"userId": "seen-by-user", "traits": {"name": "Seen"}}, key=SITE)
    user = make(telos, "access-agent")
    cookie = sign_in(telos, "access-agent")
    token = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]})["token"]
    api = json.loads(raw(telos, "GET", "/openapi.json")[1])
    compared = 0
    for path, item in api["paths"].items():
        operation = item.get("get")
        if not operation or operation["security"] == [] or {"writeKey": []} in operation["security"] or "stream" in path or path in ("/v1/live", "/v1/sessions"):
            continue
        address = path.replace("{subject}", "user_id:seen-by-user").replace("{id}", "0190a0a0-0000-7000-8000-000000000000").replace("{name}", "hook")
        address = address.replace("{number}", "1").replace("{index}", "0").replace("{what}", "memory").replace("{path}", "entries/000.p/1")
        by_token, by_session = raw(telos, "GET", address, headers=bearer(token))[0], raw(telos, "GET", address, headers={"Cookie": "telos_session=" + cookie})[0]
        assert by_token == by_session, (path, by_token, by_session)
        compared += 1
    assert compared > 30, compared
    assert ask(telos, "GET", "/v1/profiles/user_id:seen-by-user?purpose=newsletter", cookie=cookie)[0] == 403
    assert raw(telos, "GET", "/v1/profiles/user_id:seen-by-user", headers={"Cookie": "telos_session=" + cookie, "Purpose": "service"})[0] == 200

    def recorded():
        rows = telos.call("GET", "/v1/reads?token=" + user)["reads"]
        return rows and rows[0]["by"] == {"token": user, "role": "agent", "label": "access-agent", "user": True}
    wait(recorded, 20, "the read, with the user as its reader")


def an_unsafe_request_with_a_cookie_must_come_from_our_own_pages(telos):
    make(telos, "access-csrf", "admin", ["*"])
    cookie = sign_in(telos, "access-csrf")
    own = "127.0.0.1:%d" % telos.port
    body = {"role": "agent", "purposes": ["service"], "label": "csrf"}

    def made(**headers):
        return ask(telos, "POST", "/v1/tokens", body, cookie, {name.replace("_", "-"): value for name, value in headers.items()})[0]
    assert made(Telos_Console="1") == 201
    assert made(Telos_Console="1", Origin="http://" + own, Sec_Fetch_Site="same-origin") == 201
    for headers in ({}, {"Origin": "http://" + own}, {"Telos_Console": "0"}, {"Telos_Console": "1", "Origin": "http://evil.example"}, {"Telos_Console": "1", "Origin": "null"},
                    {"Telos_Console": "1", "Origin": "http://%s.evil.example" % own}, {"Telos_Console": "1", "Sec_Fetch_Site": "cross-site"},
                    {"Telos_Console": "1", "Sec_Fetch_Site": "same-site"}):
        assert made(**headers) == 403, headers
    assert ask(telos, "DELETE", "/v1/session", cookie=cookie, headers={})[0] == 403
    assert ask(telos, "POST", "/v1/session", {"name": "access-csrf", "password": PASSWORD}, headers={"Origin": "http://evil.example", "Telos-Console": "1"})[0] == 403, "nobody is signed in by another site"
    status, _, reply = ask(telos, "OPTIONS", "/v1/tokens", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST",
                                                                   "Access-Control-Request-Headers": "telos-console"})
    assert "Access-Control-Allow-Origin" not in reply, "the header cannot be sent from elsewhere"
    assert ask(telos, "GET", "/v1/tokens", cookie=cookie, headers={})[0] == 200, "reading needs no header"


def what_was_wrong_with_a_sign_in_is_not_told(telos):
    user = make(telos, "access-known")
    failed = len(entries(telos, "sign_in_failed"))
    wrong = ask(telos, "POST", "/v1/session", {"name": "access-known", "password": "not the password"})
    unknown = ask(telos, "POST", "/v1/session", {"name": "access-unknown", "password": "not the password"})
    telos.call("PATCH", "/v1/users/" + user, {"disabled": True})
    disabled = ask(telos, "POST", "/v1/session", {"name": "access-known", "password": PASSWORD})
    answers = [(status, {k: v for k, v in value.items() if k != "request"}, reply.get("Set-Cookie")) for status, value, reply in (wrong, unknown, disabled)]
    assert answers[0] == answers[1] == answers[2] and answers[0][0] == 401 and answers[0][2] is None, answers
    assert len([e for e in entries(telos, "sign_in_failed")[failed:] if e.get("user") == user]) == 2, "both failures of the user stand in the ledger"
    telos.call("PATCH", "/v1/users/" + user, {"disabled": False})
    assert sign_in(telos, "access-known")


def ten_failures_close_a_name_and_right_passwords_do_not_count(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    make(own, "closed")
    for _ in range(12):
        sign_in(own, "closed")
    for name in ("closed", "nobody of this name"):
        for i in range(10):
            assert ask(own, "POST", "/v1/session", {"name": name.upper() if i % 2 else name, "password": "wrong wrong wrong"})[0] == 401, (name, i)
        status, value, reply = ask(own, "POST", "/v1/session", {"name": name, "password": PASSWORD})
        assert status == 429 and 1 <= int(reply["Retry-After"]) <= 900, (status, value)
        assert value["type"] == "/problems/too-many"
    for i in range(10):
        assert ask(own, "POST", "/v1/session", {"name": "somebody %d" % i, "password": "wrong wrong wrong"})[0] == 401, i
    assert ask(own, "POST", "/v1/session", {"name": "somebody else", "password": "wrong wrong wrong"})[0] == 429, "thirty from one address"
    assert own.call("GET", "/v1/users")["users"], "others go on"
    own.remove()


def a_session_ends_when_it_is_idle_and_when_its_time_is_over(telos):
    for setting in ("TELOS_SESSION_IDLE_SECONDS", "TELOS_SESSION_SECONDS"):
        own = Telos(telos.program, telos.policy, dict(telos.environment, **{setting: "2"})).start()
        make(own, "short")
        cookie = sign_in(own, "short")
        if setting.endswith("_SESSION_SECONDS"):
            until = time.time() + 30
            while ask(own, "GET", "/v1/policy", cookie=cookie)[0] == 200:  # that it is used keeps it no longer
                assert time.time() < until, "it never ends"
                time.sleep(0.1)
        else:
            time.sleep(2.2)
        status, value, _ = ask(own, "GET", "/v1/policy", cookie=cookie)
        assert status == 401 and "over" in value["detail"], (setting, value)
        assert ask(own, "GET", "/v1/session", cookie=cookie)[1]["signed_in"] is False
        own.remove()


def whatever_changes_what_a_user_may_do_ends_the_sessions(telos):
    user = make(telos, "access-changing", "privacy", ["*"])
    for change in ({"disabled": True}, {"role": "agent", "purposes": ["service"]}, None):
        cookie = sign_in(telos, "access-changing")
        assert ask(telos, "GET", "/v1/policy", cookie=cookie)[0] == 200
        if change:
            telos.call("PATCH", "/v1/users/" + user, change)
        else:
            telos.call("PUT", "/v1/users/%s/password" % user, {"password": PASSWORD})
        assert ask(telos, "GET", "/v1/policy", cookie=cookie)[0] == 401, change
        if change and "disabled" in change:
            telos.call("PATCH", "/v1/users/" + user, {"disabled": False})
    cookie = sign_in(telos, "access-changing")
    telos.call("PATCH", "/v1/users/" + user, {"title": "Still Here"})
    assert ask(telos, "GET", "/v1/policy", cookie=cookie)[0] == 200, "a title changes nothing"


def ones_own_password_and_sessions(telos):
    user = make(telos, "access-own")
    first, second = sign_in(telos, "access-own"), sign_in(telos, "access-own")
    listed = ask(telos, "GET", "/v1/sessions", cookie=first)[1]["sessions"]
    assert len(listed) == 2 and {s["user"] for s in listed} == {user} and [s["current"] for s in listed].count(True) == 1
    assert ask(telos, "GET", "/v1/sessions?user=*", cookie=first)[0] == 400
    assert ask(telos, "PUT", "/v1/session/password", {"old": "not it, not it", "new": "another horse battery"}, first)[0] == 403
    assert ask(telos, "PUT", "/v1/session/password", {"old": PASSWORD, "new": "short"}, first)[0] == 400
    assert ask(telos, "PUT", "/v1/session/password", {"old": PASSWORD, "new": "another horse battery"}, first)[0] == 204
    assert ask(telos, "GET", "/v1/policy", cookie=first)[0] == 200 and ask(telos, "GET", "/v1/policy", cookie=second)[0] == 401
    third = sign_in(telos, "access-own", "another horse battery")
    other = make(telos, "access-other")
    others = sign_in(telos, "access-other")
    theirs = [s["id"] for s in telos.call("GET", "/v1/sessions?user=" + other)["sessions"]]
    assert ask(telos, "DELETE", "/v1/sessions/" + theirs[0], cookie=first)[0] == 404, "another's session is not there"
    mine = [s["id"] for s in ask(telos, "GET", "/v1/sessions", cookie=first)[1]["sessions"] if not s["current"]]
    assert ask(telos, "DELETE", "/v1/sessions/" + mine[0], cookie=first)[0] == 204
    assert ask(telos, "GET", "/v1/policy", cookie=third)[0] == 401
    telos.call("DELETE", "/v1/sessions/" + theirs[0])
    assert ask(telos, "GET", "/v1/policy", cookie=others)[0] == 401, "an admin ends anybody's"
    status, _, reply = ask(telos, "DELETE", "/v1/session", cookie=first)
    assert status == 204 and "Max-Age=0" in reply["Set-Cookie"] and ask(telos, "GET", "/v1/policy", cookie=first)[0] == 401
    assert telos.request("PUT", "/v1/session/password", {"old": PASSWORD, "new": PASSWORD})[0] == 403, "a token has no password"


def a_user_without_a_password_sets_it_by_a_link_that_works_once(telos):
    made = telos.call("POST", "/v1/users", {"name": "access-link", "role": "marketer", "purposes": ["newsletter"]})
    address = urllib.parse.urlsplit(made["link"])
    assert address.path == "/console/setup" and not address.query, "what is after # reaches no log"
    again = telos.call("POST", "/v1/users/%s/link" % made["id"], {})["link"].rsplit("#", 1)[1]
    assert ask(telos, "GET", "/v1/session/setup?code=" + address.fragment)[0] == 403, "a newer link ends the older one"
    found = ask(telos, "GET", "/v1/session/setup?code=" + again)[1]
    assert found["first"] is False and found["name"] == "access-link"
    status, value, _ = ask(telos, "POST", "/v1/session/setup", {"code": again, "name": "not-taken", "password": PASSWORD})
    assert status == 201 and value["user"]["name"] == "access-link" and value["user"]["role"] == "marketer"
    assert ask(telos, "POST", "/v1/session/setup", {"code": again, "password": PASSWORD})[0] == 403
    assert sign_in(telos, "access-link")


def an_admin_remains_and_names_are_taken_once(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    only = make(own, "only", "admin", ["*"])
    for method, path, body in (("DELETE", "", None), ("PATCH", "", {"disabled": True}), ("PATCH", "", {"role": "agent", "purposes": ["service"]})):
        assert own.request(method, "/v1/users/" + only + path, body)[0] == 409, (method, body)
    assert own.request("POST", "/v1/users", {"name": "ONLY", "role": "agent", "purposes": ["service"]})[0] == 409
    for wrong in ({"role": "source"}, {"role": "king"}, {"purposes": ["nope"]}, {"name": ""}, {"name": "x" * 300}, {"name": "a\u0007b"}, {"password": "short"}):
        body = dict({"name": "wrong", "role": "agent", "purposes": ["service"]}, **wrong)
        assert own.request("POST", "/v1/users", body)[0] == 400, wrong
    second = make(own, "second", "admin", ["*"])
    assert own.request("DELETE", "/v1/users/" + only)[0] == 204
    gone = own.call("GET", "/v1/users/" + only)
    assert gone["removed"] and gone["name"] == gone["email"] == gone["title"] == "" and not gone["password"], gone
    assert make(own, "only"), "the name of one who was removed is free"
    assert own.request("PATCH", "/v1/users/" + only, {"title": "back"})[0] == 404
    assert [e["user"] for e in entries(own, "user_removed")] == [only] and second in [e["user"] for e in entries(own, "user_made")]
    own.remove()


def each_role_opens_what_it_may_and_users_are_the_admins(telos):
    for role in ("privacy", "marketer", "agent", "auditor"):
        make(telos, "access-role-" + role, role, ["*"])
        cookie = sign_in(telos, "access-role-" + role)
        assert ask(telos, "GET", "/v1/users", cookie=cookie)[0] == 403
        assert ask(telos, "POST", "/v1/users", {"name": "x", "role": "admin", "purposes": ["*"]}, cookie)[0] == 403
        assert ask(telos, "GET", "/v1/reads", cookie=cookie)[0] == (200 if role in ("privacy", "auditor") else 403)
        assert ask(telos, "GET", "/v1/tokens", cookie=cookie)[0] == 403
        ask(telos, "DELETE", "/v1/session", cookie=cookie)


def behind_a_proxy_the_cookie_is_secure_and_addresses_are_told_apart(telos):
    own = Telos(telos.program, telos.policy, dict(telos.environment, TELOS_BEHIND_PROXY="yes")).start()
    make(own, "proxied")
    secure = ask(own, "POST", "/v1/session", {"name": "proxied", "password": PASSWORD}, headers=dict(HOST, **{"X-Forwarded-Proto": "https"}))[2]["Set-Cookie"]
    assert "; Secure" in secure, secure
    for i in range(30):
        status = ask(own, "POST", "/v1/session", {"name": "n%d" % i, "password": "wrong wrong wrong"}, headers=dict(HOST, **{"X-Forwarded-For": "9.9.9.9, 2001:db8::%x" % i}))[0]
        assert status == 401, (i, status)
    blocked = ask(own, "POST", "/v1/session", {"name": "n", "password": "wrong wrong wrong"}, headers=dict(HOST, **{"X-Forwarded-For": "2001:db8::ffff"}))[0]
    free = ask(own, "POST", "/v1/session", {"name": "n", "password": "wrong wrong wrong"}, headers=dict(HOST, **{"X-Forwarded-For": "2001:db9::1"}))[0]
    assert (blocked, free) == (429, 401)
    own.remove()


def many_sign_ins_at_once_leave_others_served(telos):
    connections = []
    for i in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", telos.port, timeout=120)
        connection.request("POST", "/v1/session", json.dumps({"name": "crowd %d" % (i % 3), "password": "wrong wrong wrong"}), HOST)
        connections.append(connection)
    assert telos.call("GET", "/v1/policy")["version"] >= 1
    assert telos.call("GET", "/healthz")["status"] == "ok"
    statuses = [connection.getresponse().status for connection in connections]
    assert set(statuses) <= {401, 429} and 429 in statuses, statuses


def the_user_command_makes_lists_and_closes(telos):
    made = telos.command("user", "create", "access-cli", "--role", "agent", "--purpose", "service", "--title", "By Command")
    assert "/console/setup#" in made["link"]
    path = os.path.join(telos.directory, "password")
    with open(path, "w") as f:
        f.write(PASSWORD + "\n")
    telos.command("user", "password", "access-cli", "--password-file", path)
    cookie = sign_in(telos, "access-cli")
    assert "access-cli" in [u["name"] for u in telos.command("user", "list")["users"]]
    telos.command("user", "disable", "access-cli")
    assert ask(telos, "GET", "/v1/policy", cookie=cookie)[0] == 401
    telos.command("user", "enable", made["id"])
    assert "/console/setup#" in telos.command("user", "password", "access-cli")["link"]
    telos.command("user", "remove", "access-cli")
    telos.command("user", "disable", "access-cli", status=1)


def the_page_at_the_root_is_closed_to_everything_but_itself(telos):
    status, content, reply = raw(telos, "GET", "/", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    assert status == 200 and "unsafe-eval" not in reply["Content-Security-Policy"] and "script-src *" not in reply["Content-Security-Policy"]
    if "ETag" not in reply:  # the console was not built into this program
        assert b"npm run build" in content
        return
    policy = {part.split()[0]: part.split()[1:] for part in reply["Content-Security-Policy"].split("; ")}
    assert policy["default-src"] == ["'none'"] and policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"] and policy["frame-ancestors"] == ["'none'"], policy
    assert reply["Cache-Control"] == "no-cache" and reply["X-Content-Type-Options"] == "nosniff" and reply["Referrer-Policy"] == "no-referrer" and reply["X-Frame-Options"] == "DENY"
    assert reply["Content-Encoding"] == "gzip" and reply["Vary"] == "Accept-Encoding"
    page = gzip.decompress(content)
    assert raw(telos, "GET", "/", headers={})[1] == page and raw(telos, "GET", "/console/setup", headers={"Accept": "text/html"})[1] == page
    assert raw(telos, "GET", "/", headers={"If-None-Match": reply["ETag"], "Accept-Encoding": "gzip"})[0] == 304
    assert b"<script>" not in page and b"<style" not in page and b"style=" not in page, "nothing inline"
    for asset in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.decode()):
        status, content, reply = raw(telos, "GET", asset, headers={"Accept-Encoding": "gzip"})
        assert status == 200 and reply["Cache-Control"] == "public, max-age=31536000, immutable" and reply["Content-Encoding"] == "gzip", asset
        assert raw(telos, "HEAD", asset, headers={})[0] == 200
    assert raw(telos, "GET", "/assets/none.js")[0] == 404 and raw(telos, "GET", "/assets/../index.html")[0] == 404


class Feed:
    """The live feed, read by a thread of its own."""

    def __init__(self, telos, path, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", telos.port, timeout=120)
        self.connection.request("GET", path, headers=headers)
        self.reply = self.connection.getresponse()
        assert self.reply.status == 200, self.reply.status
        assert self.reply.headers["Content-Type"] == "text/event-stream"
        self.events, self.ended = [], False
        threading.Thread(target=self.read, daemon=True).start()
        wait(lambda: any(kind == "rate" for kind, _ in self.events), 30, "the first rate: from now on it is told")

    def read(self):
        kind = None
        for line in self.reply:
            line = line.decode().strip()
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                self.events.append((kind, json.loads(line[6:])))
        self.ended = True

    def messages(self):
        return [data for kind, data in self.events if kind == "message"]


def the_live_feed_tells_the_answer_of_the_gate_and_no_value_of_a_person(telos):
    everything = Feed(telos, "/v1/live", bearer(telos.token))
    quiet = Feed(telos, "/v1/live?source=quiet", bearer(telos.token))
    telos.call("POST", "/v1/identify", {"userId": "needle-person-live", "traits": {"name": "needle-person", "diagnosis": "needle-person", "needle-person": 1}}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "needle-person-live", "event": "needle-person"}, key="quiet-key-1")
    wait(lambda: len(everything.messages()) >= 2 and quiet.messages(), 30, "both messages")
    first, second = everything.messages()[:2]
    assert first["source"] == "site" and first["type"] == "identify" and first["outcome"] == "trimmed" and first["purposes"] == ["service"] and first["profile"], first
    left = {item["field"]: item["reasons"] for item in first["left_out"]}
    assert left["traits.diagnosis"] and all(left.values()), first
    assert second["outcome"] == "dropped" and second["reasons"] == ["consent_missing"] and "profile" not in second, second
    assert [m["source"] for m in quiet.messages()] == ["quiet"]
    assert "needle" not in json.dumps(everything.events), "no value, no name that a client made up"
    api = telos.call("GET", "/openapi.json")
    kinds = api["paths"]["/v1/live"]["get"]["responses"]["200"]["content"]["text/event-stream"]["x-events"]
    for kind, data in everything.events + quiet.events:
        assert not schema.errors(kinds[kind], data, api), (kind, data)
    rates = [data for kind, data in everything.events if kind == "rate"]
    assert all(set(rate) >= {"at", "messages", "accepted", "trimmed", "held", "dropped"} for rate in rates)


def the_live_feed_is_cut_to_the_purposes_of_who_watches_and_ends_with_the_right_to(telos):
    own = telos.call("POST", "/v1/tokens", {"role": "marketer", "purposes": ["newsletter"]})
    feed = Feed(telos, "/v1/live", bearer(own["token"]))
    telos.call("POST", "/v1/identify", {"userId": "live-cut", "traits": {"name": "Cut", "diagnosis": "x"}}, key=SITE)
    wait(feed.messages, 30, "the message")
    told = feed.messages()[0]
    assert set(told) == {"at", "source", "type", "outcome", "purposes"} and told["purposes"] == [], told
    telos.call("DELETE", "/v1/tokens/" + own["id"])
    wait(lambda: feed.ended, 30, "the end of the feed")
    assert feed.events[-1][0] == "end"
    api = telos.call("GET", "/openapi.json")
    assert not schema.errors(api["components"]["schemas"]["LiveEnd"], feed.events[-1][1], api)
    auditor = telos.call("POST", "/v1/tokens", {"role": "auditor"})["token"]
    assert raw(telos, "GET", "/v1/live", headers=bearer(auditor))[0] == 403
    assert raw(telos, "GET", "/v1/live?outcome=odd", headers=bearer(telos.token))[0] == 400
    assert raw(telos, "GET", "/v1/live?source=odd", headers=bearer(telos.token))[0] == 400
    make(telos, "access-live", "agent", ["service"])
    cookie = sign_in(telos, "access-live")
    feed = Feed(telos, "/v1/live", {"Cookie": "telos_session=" + cookie})
    ask(telos, "DELETE", "/v1/session", cookie=cookie)
    wait(lambda: feed.ended, 30, "the end with the session")


def who_does_not_read_the_live_feed_slows_nobody_and_is_told_what_was_missed(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    lazy = http.client.HTTPConnection("127.0.0.1", own.port, timeout=120)
    lazy.connect()
    lazy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # what lies in buffers of the kernel is not dropped
    lazy.request("GET", "/v1/live", headers=bearer(own.token))
    reply = lazy.getresponse()
    batch = {"batch": [{"type": "track", "userId": "u%d" % (i % 50), "event": "E", "properties": {"p%d" % k: 1 for k in range(10)}} for i in range(2000)]}
    for _ in range(20):
        assert own.call("POST", "/v1/batch", batch, key=SITE)["success"]
    text, until = b"", time.time() + 60
    while b"event: dropped" not in text and time.time() < until:
        text += reply.read1(65536)
    dropped = json.loads(text.split(b"event: dropped\ndata: ")[1].split(b"\n")[0])["count"]
    assert 0 < dropped < 40000, dropped
    own.remove()


def what_people_said_is_counted_by_day_and_how_they_stand_now(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    for i, status in enumerate(["given", "given", "given", "refused"]):
        own.call("POST", "/v1/identify", {"userId": "rate-%d" % i}, key=SITE)
        own.consent("user_id:rate-%d" % i, "newsletter", status, notice="newsletter@3")
    own.consent("user_id:rate-0", "newsletter", "withdrawn")
    reply = own.call("GET", "/v1/consents/rates?by=notice")
    rows = [row for row in reply["rates"] if row["purpose"] == "newsletter" and row["group"] == "newsletter@3"]
    assert sum(row.get("given", 0) for row in rows) == 3 and sum(row.get("refused", 0) for row in rows) == 1, reply["rates"]
    assert sum(row.get("withdrawn", 0) for row in reply["rates"]) == 1
    standing = {row["purpose"]: row for row in reply["standing"]}
    assert reply["complete"] and standing["newsletter"] == {"purpose": "newsletter", "people": 4, "given": 2, "refused": 1, "withdrawn": 1, "none": 0}, standing
    own.consent("user_id:rate-1", "newsletter", "withdrawn")
    own.call("POST", "/v1/identify", {"userId": "rate-new"}, key=SITE)
    standing = {row["purpose"]: row for row in own.call("GET", "/v1/consents/rates?by=channel")["standing"]}
    assert standing["newsletter"] == {"purpose": "newsletter", "people": 5, "given": 1, "refused": 1, "withdrawn": 2, "none": 1}, "it follows"
    assert {row["group"] for row in own.call("GET", "/v1/consents/rates?by=source")["rates"]} <= {"api", "site"}
    assert own.request("GET", "/v1/consents/rates?by=shoe")[0] == 400
    stats = own.call("GET", "/v1/stats?step=P1D")
    assert sum(sum(point["outcomes"].values()) for point in stats["points"] if point["source"] == "site") == 5, stats["points"]
    assert stats["now"]["persons"] == 5 and stats["now"]["messages"] == 5 and "rate-" not in json.dumps(stats)
    assert own.request("GET", "/v1/stats?step=PT1H")[0] == 400
    own.remove()


CASES = [
    the_live_feed_tells_the_answer_of_the_gate_and_no_value_of_a_person,
    the_live_feed_is_cut_to_the_purposes_of_who_watches_and_ends_with_the_right_to,
    who_does_not_read_the_live_feed_slows_nobody_and_is_told_what_was_missed,
    what_people_said_is_counted_by_day_and_how_they_stand_now,
    the_page_at_the_root_is_closed_to_everything_but_itself,
    the_first_admin_is_made_by_the_link_that_serve_prints_and_only_once,
    a_session_may_what_a_token_of_the_same_role_and_purposes_may,
    an_unsafe_request_with_a_cookie_must_come_from_our_own_pages,
    what_was_wrong_with_a_sign_in_is_not_told,
    ten_failures_close_a_name_and_right_passwords_do_not_count,
    a_session_ends_when_it_is_idle_and_when_its_time_is_over,
    whatever_changes_what_a_user_may_do_ends_the_sessions,
    ones_own_password_and_sessions,
    a_user_without_a_password_sets_it_by_a_link_that_works_once,
    an_admin_remains_and_names_are_taken_once,
    each_role_opens_what_it_may_and_users_are_the_admins,
    behind_a_proxy_the_cookie_is_secure_and_addresses_are_told_apart,
    the_user_command_makes_lists_and_closes,
    many_sign_ins_at_once_leave_others_served,
]
