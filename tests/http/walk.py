"""Every route of /openapi.json against the running server: it answers as it is described, to those whom it names, and to nobody else."""
import http.client
import json
import os
import socket
import tempfile

import schema
from collect import SITE, basic, raw
from people import bearer
from telos import Telos, wait


class Local(http.client.HTTPConnection):
    """HTTP over the Unix socket of the data directory."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        folder = os.open(os.path.dirname(self.path), os.O_RDONLY)  # a socket's path is short; this one may not be
        try:
            self.sock.connect("/proc/self/fd/%d/%s" % (folder, os.path.basename(self.path)))
        finally:
            os.close(folder)


def local(telos, method, path, body=None, headers=None):
    connection = Local(os.path.join(telos.data, "telos.sock"))
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, content, reply.headers


def description(telos):
    return json.loads(raw(telos, "GET", "/openapi.json")[1])


def operations(api):
    for path, item in api["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


class Samples:
    """What a request to each route is made of, so that it succeeds."""

    def __init__(self, telos):
        self.telos = telos
        self.subject = "user_id:walk-1"
        said = telos.consent(self.subject, "newsletter", "given", notice="newsletter@3")
        telos.call("POST", "/v1/identify", {"userId": "walk-1", "traits": {"name": "Walker", "email": "walk-1@example.hu"}}, key=SITE)
        telos.call("PUT", "/v1/preferences?subject=" + self.subject, {"channels": {"sms": False}})
        telos.call("POST", "/v1/track", {"userId": "walk-2", "event": "A"}, key=SITE)
        for device in ("walk-3", "walk-6"):
            telos.call("POST", "/v1/track", {"anonymousId": device, "event": "A"}, key=SITE)
        telos.request("POST", "/v1/identities/user_id:walk-2/merges", {"with": "anonymous_id:walk-3"})
        merge = telos.call("GET", "/v1/identities/user_id:walk-2/merges")["merges"][0]["id"]  # made once, by the first case
        telos.call("POST", "/v1/track", {"userId": "walk-1", "event": "Delivered"}, key=SITE)
        delivery = telos.call("GET", "/v1/deliveries")["deliveries"][0]["id"]
        token = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]})["id"]
        user = telos.call("POST", "/v1/users", {"name": "walker-%d" % id(self), "role": "agent", "purposes": ["service"]})["id"]
        self.rights = 0
        self.folder = tempfile.mkdtemp(prefix="telos-walk-")
        decided = telos.call("GET", "/v1/profiles/%s/decisions" % self.subject)["items"][0]["event"]
        self.ids = {"/v1/profiles": decided, "/v1/consents": said["id"], "/v1/identities": merge, "/v1/deliveries": delivery, "/v1/tokens": token, "/v1/users": user}
        with open(telos.policy) as f:
            self.policy = {"policy": f.read(), "notices": {"notices/newsletter.en.md": "We send you offers by e-mail if you agree.\n"}}

    def right(self, path):
        """A rights request in the state that the path's action needs."""
        self.rights += 1
        name = "walk-right-%d-%d" % (id(self), self.rights)
        self.telos.call("POST", "/v1/identify", {"userId": name, "traits": {"name": "Walker"}}, key=SITE)
        body = {"subject": "user_id:" + name, "right": "access", "open": True}
        if path.endswith("/decide"):
            body.update(right="objection", purpose="newsletter")
        made = self.telos.call("POST", "/v1/rights", body)
        if path.endswith(("/fulfil", "/export", "/certificate", "/decide")):
            self.telos.call("POST", "/v1/rights/%s/confirm" % made["id"], {})
        if path.endswith("/certificate"):
            self.telos.call("POST", "/v1/rights/%s/fulfil" % made["id"], {})
        return made["id"]

    def path(self, path):
        if path.startswith("/v1/rights/{id}"):
            return path.replace("{id}", self.right(path))
        if path.startswith("/v1/notices"):
            return path.replace("{id}", "newsletter").replace("{number}", "3")
        subject = "user_id:walk-2" if path.startswith("/v1/identities") else self.subject
        values = {"{subject}": subject, "{key}": SITE, "{name}": "hook", "{number}": "1", "{index}": "0", "{what}": "memory" if "show" in path else "digest",
                  "{type}": "invalid", "{path}": "entries/000.p/1"}
        for start, identity in self.ids.items():
            if path.startswith(start):
                values["{id}"] = identity
        for name, value in values.items():
            path = path.replace(name, value)
        return path

    def query(self, operation):
        values = {"subject": self.subject, "index": "0", "from": "1", "to": "0"}
        if operation.get("operationId") == "diffNotice":
            values.update({"from": "3", "to": "3"})
        parts = ["%s=%s" % (p["name"], values[p["name"]]) for p in operation["parameters"] if p["in"] == "query" and p["required"]]
        if any(p["name"] == "purpose" and not p["required"] for p in operation["parameters"]) and "Consent" not in operation.get("operationId", ""):
            parts.append("purpose=service")
        if operation["responses"]["200"]["content"].keys() == {"image/gif"} if "200" in operation["responses"] else False:
            parts.append("writeKey=%s&userId=walk-9&event=Pixel&name=x" % SITE)
        return "?" + "&".join(parts + ["an_unknown_parameter=1"])

    def body(self, path, operation):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        name = content["schema"]["$ref"].rsplit("/", 1)[1]
        return {
            "Collect": {"userId": "walk-4", "event": "Walked", "previousId": "walk-5", "groupId": "g", "type": "track"},
            "Statement": {"subject": self.subject, "purpose": "newsletter", "status": "renewed", "notice": "newsletter@3"},
            "Preferences": {"topics": {"x": True}},
            "Signal": {"subject": self.subject, "value": "DBABTA~1YNN"},
            "SignalText": {"value": "DBABTA~1YNN"},
            "PreferenceLinkRequest": {"subject": self.subject},
            "Signal": {"subject": self.subject, "kind": "gpc", "value": "1"},
            "SignalText": {"kind": "gpc", "value": "1"},
            "RightsRequest": {"subject": self.subject, "right": "access"},
            "RightVerify": {},
            "RightExtend": {"reason": "many sources"},
            "RightFulfil": {"answer": "done"},
            "RightDecide": {"decision": "upheld", "answer": "you are right"},
            "RightRefuse": {"code": "excessive"},
            "Nothing": {},
            "Questions": [{"subject": self.subject, "purpose": "newsletter"}],
            "MergeWith": {"with": "anonymous_id:walk-6"},
            "ReplayRequest": {},
            "PolicyProposal": self.policy,
            "TokenRequest": {"role": "agent", "purposes": ["service"]},
            "UserRequest": {"name": "walks-%d" % id(self), "role": "privacy", "purposes": ["*"], "title": "Walks", "email": "walks@example.hu"},
            "UserChange": {"title": "Walks on"},
            "PasswordSet": {"password": "walks and walks"},
            "DirectoryRequest": {"directory": os.path.join(self.folder, "backup")},
            "SweepRequest": {},
            "ExportRequest": {"directory": os.path.join(self.folder, "export")},
            "DebugRequest": {},
        }[name]


def check_reply(api, operation, what, status, content, headers, wanted):
    assert str(status) == wanted, "%s: %s instead of %s: %s" % (what, status, wanted, content[:300])
    response = operation["responses"][wanted]
    if "content" not in response:
        assert content == b"", what
        return
    kind, media = next(iter(response["content"].items()))
    assert headers["Content-Type"].split(";")[0] == kind, "%s: %s instead of %s" % (what, headers["Content-Type"], kind)
    if kind == "application/x-ndjson":
        for line in content.splitlines():
            json.loads(line)
    elif "json" in kind:
        value = json.loads(content)
        if "schema" in media:
            found = schema.errors(media["schema"], value, api)
            assert not found, "%s: %s" % (what, found[:5])


def the_description_is_whole(telos):
    api = description(telos)
    assert api["openapi"].startswith("3.1")
    names = [o["operationId"] for _, _, o in operations(api) if "operationId" in o]
    assert len(names) == len(set(names)), "an operationId twice"
    used = json.dumps(api)
    unused = [name for name in api["components"]["schemas"] if '"#/components/schemas/%s"' % name not in used]
    assert not unused, "schemas that nothing uses: %s" % unused
    promised = ["/v1/identify", "/v1/batch", "/v1/import", "/v1/consents", "/v1/consents/{id}/receipt", "/v1/preferences", "/v1/decide", "/v1/profiles/{subject}",
                "/v1/profiles/{subject}/timeline", "/v1/stream", "/v1/destinations", "/v1/deliveries", "/v1/deliveries/{id}/retry",
                "/v1/destinations/{name}/replay", "/v1/rights", "/v1/identities/{subject}", "/v1/identities/{subject}/merges/{id}/undo", "/v1/policy",
                "/v1/policy/versions", "/v1/ropa", "/v1/evidence/checkpoint", "/tile/{path}", "/healthz", "/readyz", "/metrics", "/.well-known/gpc.json", "/"]
    for path in promised:
        assert path in api["paths"], path


def the_guide_names_every_route(telos):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "api.md")) as f:
        guide = f.read()
    for path in description(telos)["paths"]:
        parts = [part for part in path.split("/") if part and not part.startswith("{")]
        if path.startswith(("/v1/", "/beacon", "/api/s", "/pixel")) and len(parts) > 1 and (len(parts[-1]) == 1 or path.startswith(("/beacon", "/api/s", "/pixel", "/v1/pixel"))):
            continue  # named as a group
        assert all(part in guide for part in parts), path + " is not in docs/api.md"


def every_route_answers_as_it_is_described(telos):
    api, samples = description(telos), Samples(telos)
    last = {"/v1/tokens/{id}": 1, "/v1/policy": 1, "/v1/users/{id}": 1}
    walked = 0
    for path, method, operation in sorted(operations(api), key=lambda o: (last.get(o[0], 0), o[1] == "DELETE", o[0], o[1])):
        what = "%s %s" % (method, path)
        closed = path.startswith(("/v1/admin/debug", "/opendsr/", "/v1/agent/", "/v1/data-rights-request", "/v1/session"))  # rights.py opens the protocols, access.py sessions
        if path in ("/v1/stream", "/v1/live", "/rights", "/preferences", "/preferences/data", "/preferences/receipt") or closed or path.endswith("/retry"):
            continue  # one never ends, some need a signed link, one is closed, one needs a dead letter: each has a case of its own
        body = samples.body(path, operation)
        text = None if body is None else json.dumps(body)
        collects = {"writeKey": []} in operation["security"]
        headers = basic(SITE) if collects else bearer(telos.token)
        address = samples.path(path) + samples.query(operation)
        wanted = next(code for code in operation["responses"] if code != "default")
        if operation.get("x-local-only"):
            status, content, _ = raw(telos, method, address, text, headers)
            assert status == 403, "%s over TCP: %s" % (what, status)
            status, content, reply = local(telos, method, address, text)
        else:
            status, content, reply = raw(telos, method, address, text, headers)
        check_reply(api, operation, what, status, content, reply, wanted)
        walked += 1
    assert walked > 90, walked


def no_route_opens_without_a_key(telos):
    api, samples = description(telos), Samples(telos)
    for path, method, operation in operations(api):
        if operation["security"] == [] or path.startswith("/v1/admin/debug"):
            continue
        for headers in ({}, bearer("telos_" + "x" * 43), {"Authorization": "Bearer"}, {"Authorization": "Basic !!!"}, {"Authorization": "Negotiate x"}):
            address = samples.path(path).replace(SITE, "wrong")
            status, content, reply = raw(telos, method, address, "{}" if method in ("POST", "PUT") else None, headers)
            if "pixel" in path:
                assert content.startswith(b"GIF"), path
                continue
            value = json.loads(content)
            assert status == 401 and not schema.errors({"$ref": "#/components/schemas/Problem"}, value, api), (method, path, status, content)
            assert reply["WWW-Authenticate"], path


def every_route_refuses_other_methods_and_knows_head_and_options(telos):
    api, samples = description(telos), Samples(telos)
    for path, item in api["paths"].items():
        address = samples.path(path)
        methods = {m.upper() for m in item}
        allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        status, _, reply = raw(telos, "OPTIONS", address)
        assert status == 204 and (reply["Allow"] is None or set(reply["Allow"].split(", ")) == allowed), (path, status, reply["Allow"])
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            if path == "/" and method == "GET":
                continue
            status, content, reply = raw(telos, method, address, headers=bearer(telos.token))
            assert status == 405 and set(reply["Allow"].split(", ")) == allowed, (method, path, status, reply["Allow"])
            assert json.loads(content)["type"] == "/problems/method-not-allowed"
    for path in ("/healthz", "/v1/policy", "/openapi.json", "/", "/metrics", "/v1/profiles/user_id:walk-1?purpose=service"):
        full, head = raw(telos, "GET", path, headers=bearer(telos.token)), raw(telos, "HEAD", path, headers=bearer(telos.token))
        assert head[0] == full[0] == 200 and head[1] == b"" and head[2]["Content-Type"] == full[2]["Content-Type"], path
        assert abs(int(head[2]["Content-Length"]) - len(full[1])) < 200, path


def what_is_not_there_is_a_problem(telos):
    for method, path in (("GET", "/v1/nothing"), ("POST", "/v1/nothing"), ("GET", "/v2"), ("POST", "/nothing/at/all"), ("GET", "/v1/profile"), ("GET", "/v1/profile/"),
                         ("GET", "/../etc/passwd"), ("GET", "/%2e%2e/etc/passwd"), ("GET", "/index.php"), ("GET", "/problems/none")):
        status, content, reply = raw(telos, method, path, headers=bearer(telos.token))
        assert status == 404 and reply["Content-Type"] == "application/problem+json", (path, status, content[:100])
    for kind in ("malformed", "invalid", "unauthenticated", "forbidden", "not-found", "method-not-allowed", "conflict", "too-large", "too-many", "unavailable"):
        value = json.loads(raw(telos, "GET", "/problems/" + kind)[1])
        assert value["type"] == "/problems/" + kind and value["title"]


def a_trailing_slash_counts_for_nothing(telos):
    assert raw(telos, "GET", "/healthz/")[0] == 200
    assert raw(telos, "POST", "/v1/track/", json.dumps({"userId": "slash-1", "event": "A"}), basic(SITE))[0] == 200
    assert telos.profile("user_id:slash-1", "service")["events"][0]["event"] == "A"


def metrics_are_openmetrics_without_persons(telos):
    status, content, reply = raw(telos, "GET", "/metrics")
    text = content.decode()
    assert status == 200 and text.endswith("# EOF\n") and "openmetrics" in reply["Content-Type"]
    names = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in names, name + " is declared twice"
            names.add(name)
        elif not line.startswith("#"):
            assert any(line.startswith(name) for name in names), line
            float(line.rsplit(" ", 1)[1])
    assert "walk-1" not in text and "example.hu" not in text
    assert 'telos_http_requests_total{method="POST",route="/v1/track"}' in text


def the_local_socket_is_the_admin(telos):
    path = os.path.join(telos.data, "telos.sock")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert local(telos, "GET", "/v1/tokens")[0] == 200
    assert local(telos, "GET", "/v1/tokens", headers=bearer("wrong"))[0] == 401, "a token that is shown counts"
    agent = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]})["token"]
    assert local(telos, "GET", "/v1/tokens", headers=bearer(agent))[0] == 403
    body = json.dumps({"batch": [{"type": "track", "userId": "local-1", "event": "ByHand"}]})
    assert local(telos, "POST", "/v1/import?source=site", body)[0] == 200
    assert telos.profile("user_id:local-1", "service")["events"][0]["event"] == "ByHand"
    assert local(telos, "POST", "/v1/batch", body, basic(SITE))[0] == 200
    assert local(telos, "POST", "/v1/batch", body)[0] == 401, "whose it is must be said"


def readiness_and_liveness_are_told_apart(telos):
    assert json.loads(raw(telos, "GET", "/healthz")[1]) == {"status": "ok"}
    assert json.loads(raw(telos, "GET", "/readyz")[1])["status"] == "ready"
    assert json.loads(raw(telos, "GET", "/.well-known/gpc.json")[1])["gpc"] is True
    wait(lambda: raw(telos, "GET", "/readyz")[0] == 200, 5, "ready")


def before_there_is_a_policy_nothing_is_lost(telos):
    fresh = Telos(telos.program, None, dict(SITE_WRITE_KEY=SITE, SHOP_WRITE_KEY="x", QUIET_WRITE_KEY="y")).start()
    try:
        message = json.dumps({"userId": "early-1", "event": "A"})
        assert raw(fresh, "GET", "/healthz")[0] == 200 and raw(fresh, "GET", "/readyz")[0] == 503
        status, _, reply = raw(fresh, "POST", "/v1/track", message, basic(SITE))
        assert status == 503 and reply["Retry-After"], "an SDK keeps what it could not send"
        assert fresh.request("GET", "/v1/profiles/user_id:early-1", purpose="service")[0] == 409
        assert fresh.request("GET", "/v1/policy")[0] == 404
        with open(telos.policy) as f:
            fresh.call("POST", "/v1/policy", {"policy": f.read(), "notices": {"notices/newsletter.en.md": "Offers."}})
        assert raw(fresh, "GET", "/readyz")[0] == 200
        assert raw(fresh, "POST", "/v1/track", message, basic(SITE))[0] == 200
        assert fresh.stop() == 0
    finally:
        fresh.remove()


CASES = [
    the_description_is_whole,
    the_guide_names_every_route,
    every_route_answers_as_it_is_described,
    no_route_opens_without_a_key,
    every_route_refuses_other_methods_and_knows_head_and_options,
    what_is_not_there_is_a_problem,
    a_trailing_slash_counts_for_nothing,
    metrics_are_openmetrics_without_persons,
    the_local_socket_is_the_admin,
    readiness_and_liveness_are_told_apart,
    before_there_is_a_policy_nothing_is_lost,
]
