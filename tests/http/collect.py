"""Collecting: what the SDKs send, and what they need back (the measured facts are in the design's reference)."""
import base64
import gzip
import http.client
import json
import time
import urllib.parse

SITE = "site-key-1"
GIF = b"GIF89a"


def basic(key, password=""):
    return {"Authorization": "Basic " + base64.b64encode(("%s:%s" % (key, password)).encode()).decode()}


def raw(telos, method, path, body=None, headers=None):
    """(status, bytes, headers) with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", telos.port, timeout=30)
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, content, reply.headers


def events(telos, user, purpose="service", kind="user_id"):
    profile = telos.profile("%s:%s" % (kind, user), purpose)
    return [e.get("event") or e["type"] for e in profile["events"]] if isinstance(profile, dict) else profile


def explain(telos, path, body, key=SITE, **headers):
    if isinstance(body, dict):
        body = dict(body, writeKey=key)
    status, value, _ = telos.request("POST", path + "?explain=1", body, headers=headers)
    assert status == 200, (status, value)
    return value["messages"]


def the_long_and_short_paths_of_each_type_take_a_message(telos):
    bodies = {"identify": {"traits": {"name": "Anna"}}, "track": {"event": "Looked"}, "page": {"name": "Home"}, "screen": {"name": "Cart"},
              "group": {"groupId": "g1"}, "alias": {"previousId": "before"}}
    for name, body in bodies.items():
        for path in ("/v1/" + name, "/v1/" + name[0], "/api/s/" + name, "/api/s/s2s/" + name, "/beacon/v1/" + name):
            user = "path-" + path.replace("/", "-")
            status, content, _ = raw(telos, "POST", path, json.dumps(dict(body, userId=user)), basic(SITE))
            assert (status, json.loads(content)) == (200, {"success": True}), (path, status, content)
            assert telos.profile("user_id:" + user, "service") not in (403, 404), path


def the_key_is_found_wherever_an_sdk_puts_it(telos):
    message = {"userId": "key-1", "event": "Key"}
    ways = [({}, dict(message, writeKey=SITE), ""), (basic(SITE), message, ""), (basic(SITE, "anything"), message, ""), ({}, message, "?writeKey=" + SITE),
            ({"X-Write-Key": SITE}, message, ""), ({"X-Write-Key": "site:" + SITE}, message, ""), ({"X-Write-Key": SITE + ":secret"}, message, "")]
    for headers, body, query in ways:
        status, content, _ = raw(telos, "POST", "/v1/track" + query, json.dumps(body), headers)
        assert status == 200, (headers, query, status, content)
    for headers, query in (({}, ""), (basic("unknown"), ""), ({}, "?writeKey=unknown"), ({"X-Write-Key": "a:b"}, ""), (basic(""), "")):
        status, content, reply = raw(telos, "POST", "/v1/track" + query, json.dumps(message), headers)
        assert status == 401 and json.loads(content)["type"] == "/problems/unauthenticated", (headers, status, content)
        assert "Basic" in reply["WWW-Authenticate"]


def bodies_are_json_whatever_their_type_says(telos):
    message = json.dumps({"userId": "type-1", "event": "Typed"}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json;charset=UTF-8", "image/png", None):
        headers = dict(basic(SITE), **({"Content-Type": kind} if kind else {}))
        for body, extra in ((message, {}), (gzip.compress(message), {}), (gzip.compress(message), {"Content-Encoding": "gzip"}),
                            (b"\xef\xbb\xbf" + message, {}), (b" \n" + message + b"\n", {})):
            status, content, _ = raw(telos, "POST", "/v1/track", body, dict(headers, **extra))
            assert status == 200, (kind, extra, status, content)
    assert len(events(telos, "type-1")) == 20


def a_batch_merges_outer_context_and_corrects_clocks(telos):
    now = time.time()
    stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(t))  # noqa: E731
    body = {"batch": [{"type": "track", "userId": "batch-1", "event": "Skewed", "timestamp": stamp(now - 7200 - 60)},
                      {"type": "track", "userId": "batch-1", "event": "Second", "context": {"app": {"name": "own"}}}],
            "context": {"app": {"name": "outer"}, "library": {"name": "x"}}, "sentAt": stamp(now - 7200)}
    telos.call("POST", "/v1/batch", body, key=SITE)
    got = {e["event"]: e for e in telos.profile("user_id:batch-1", "service")["events"]}
    assert got["Skewed"]["context"]["app"]["name"] == "outer", got
    assert got["Second"]["context"]["app"]["name"] == "own", got
    at = time.mktime(time.strptime(got["Skewed"]["at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert abs(at - (now - 60)) < 30, (got["Skewed"]["at"], now)


def one_bad_message_costs_only_itself(telos):
    good = '{"type":"track","userId":"bad-1","event":"Good%d"}'
    bad = ['{"type":"track","userId":"bad-1"}', '42', 'null', '{"type":"nonsense","userId":"bad-1"}', '{"type":"track","userId":"bad-1","event":tru}',
           '{"type":"track","userId":"bad-1","event":"deep","properties":%s1%s}' % ('{"a":' * 200, "}" * 200),
           '{"type":"track","userId":"bad-1","event":"big","properties":{"x":"%s"}}' % ("y" * 33000), '{"a":[}]']
    items = [text for i, one in enumerate(bad) for text in (good % i, one)] + [good % 99]
    status, content, _ = raw(telos, "POST", "/v1/batch", '{"batch":[%s]}' % ",".join(items), basic(SITE))
    reply = json.loads(content)
    assert status == 200 and reply["success"] is True, (status, content)
    assert {i["index"] for i in reply["invalid"]} == set(range(1, 2 * len(bad), 2)), reply
    assert sorted(events(telos, "bad-1")) == sorted(["Good%d" % i for i in range(len(bad))] + ["Good99"])


def a_single_message_that_cannot_be_used_is_told_so(telos):
    for body, what in (("{", "malformed"), ("[1,", "malformed"), ("", "malformed"), ("hello", "malformed"), ('{"userId":"x","event":"e"} x', "malformed"),
                       ('{"event":"nobody"}', "invalid"), ('{"userId":"x"}', "invalid")):
        status, content, reply = raw(telos, "POST", "/v1/track", body, basic(SITE))
        problem = json.loads(content)
        assert status == 400 and problem["type"] == "/problems/" + what and problem["detail"], (body, status, content)
        assert reply["Content-Type"] == "application/problem+json"


def the_limits_answer_413(telos):
    message = {"userId": "limit-1", "event": "Big", "properties": {"x": "y" * 32 * 1024}}
    assert raw(telos, "POST", "/v1/track", json.dumps(message), basic(SITE))[0] == 413
    small = {"type": "track", "userId": "limit-1", "event": "Many"}
    assert raw(telos, "POST", "/v1/batch", json.dumps({"batch": [small] * 2501}), basic(SITE))[0] == 413
    filler = dict(small, properties={"x": "z" * 20000})
    assert raw(telos, "POST", "/v1/batch", json.dumps({"batch": [filler] * 26}), basic(SITE))[0] == 413
    packed = gzip.compress(json.dumps({"batch": [filler] * 26}).encode())
    assert len(packed) < 100000 and raw(telos, "POST", "/v1/batch", packed, basic(SITE))[0] == 413
    assert raw(telos, "POST", "/v1/import", json.dumps({"batch": [dict(filler, userId="import-1")] * 200}), basic(SITE))[0] == 200
    assert raw(telos, "POST", "/v1/import", b" " * (6 << 20), basic(SITE))[0] == 413
    assert events(telos, "limit-1") == 404
    status, content, _ = raw(telos, "POST", "/v1/batch", json.dumps({"batch": [small] * 2500}), basic(SITE))
    assert status == 200, content


def the_same_message_id_is_applied_once(telos):
    one = {"type": "track", "userId": "twice-1", "event": "Once", "messageId": "twice-1-a"}
    telos.call("POST", "/v1/track", one, key=SITE)
    telos.call("POST", "/v1/track", one, key=SITE)
    telos.call("POST", "/v1/batch", {"batch": [one, dict(one, messageId="twice-1-b", event="Other"), one]}, key=SITE)
    assert sorted(events(telos, "twice-1")) == ["Once", "Other"]
    assert explain(telos, "/v1/track", one)[0]["outcome"] == "duplicate"


def explain_says_what_became_of_each_message(telos):
    said = explain(telos, "/v1/batch", {"batch": [
        {"type": "track", "userId": "explain-1", "event": "A", "messageId": "explain-a"},
        {"type": "track", "userId": "explain-1", "event": "B", "properties": {"invoice": "I-1", "x": 1}}, {"type": "track", "userId": "explain-1"}]})
    assert said[0]["outcome"] == "accepted" and said[0]["purposes"] == ["service"] and said[0]["messageId"] == "explain-a", said[0]
    assert said[1]["outcome"] == "trimmed" and said[1]["left_out"][0]["field"] == "properties.invoice" and said[1]["left_out"][0]["reasons"], said[1]
    assert said[2]["outcome"] == "invalid" and said[2]["problem"], said[2]
    held = explain(telos, "/v1/track", {"userId": "explain-2", "event": "C"}, key="shop-key-1")[0]
    assert held["outcome"] == "held" and "consent_missing" in json.dumps(held), held
    dropped = explain(telos, "/v1/track", {"userId": "explain-3", "event": "D"}, key="quiet-key-1")[0]
    assert dropped["outcome"] == "dropped", dropped
    assert events(telos, "explain-3", "newsletter") == 404
    # without a token, or with an auditor's, the reply says nothing
    status, content, _ = raw(telos, "POST", "/v1/track?explain=1", json.dumps({"userId": "explain-1", "event": "E"}), basic(SITE))
    assert (status, json.loads(content)) == (200, {"success": True})
    auditor = telos.call("POST", "/v1/tokens", {"role": "auditor"})["token"]
    status, content, _ = raw(telos, "POST", "/v1/track?explain=1", json.dumps({"userId": "explain-1", "event": "E", "writeKey": SITE}),
                             {"Authorization": "Bearer " + auditor})
    assert (status, json.loads(content)) == (200, {"success": True})
    # the token may also be the Basic password
    status, content, _ = raw(telos, "POST", "/v1/track?explain=1", json.dumps({"userId": "explain-1", "event": "F"}), basic(SITE, telos.token))
    assert json.loads(content)["messages"][0]["outcome"] == "accepted", content


def a_held_message_is_released_by_consent(telos):
    explain(telos, "/v1/track", {"userId": "held-1", "event": "Waits"}, key="shop-key-1")
    assert events(telos, "held-1", "newsletter") in (403, 404)
    telos.consent("user_id:held-1", "newsletter", "given", notice="newsletter@3")
    assert events(telos, "held-1", "newsletter") == ["Waits"]


def signals_on_a_message_become_records(telos):
    context = {"consent": {"categoryPreferences": {"Offers": True}}}
    telos.call("POST", "/v1/track", {"userId": "signal-1", "event": "Yes", "context": context}, key=SITE)
    assert telos.call("POST", "/v1/decide", {"subject": "user_id:signal-1", "purpose": "newsletter"})["decision"] == "allow"
    context["consent"]["categoryPreferences"]["Offers"] = False
    telos.call("POST", "/v1/track", {"userId": "signal-1", "event": "Segment Consent Preference Updated", "context": context}, key=SITE)
    answer = telos.call("POST", "/v1/decide", {"subject": "user_id:signal-1", "purpose": "newsletter"})
    assert answer["decision"] == "deny" and answer["reasons"][0]["code"] in ("consent_withdrawn", "consent_refused"), answer


def browsers_may_call_from_any_site(telos):
    origin = {"Origin": "https://shop.example"}
    asked = "authorization,content-type,anonymousid,sentat,x-retry-count,x-write-key"
    for path in ("/v1/t", "/v1/track", "/v1/b", "/v1/batch", "/beacon/v1/batch", "/api/s/track", "/v1/projects/%s/settings" % SITE, "/sourceConfig/", "/v1/import"):
        status, content, reply = raw(telos, "OPTIONS", path, headers=dict(
            origin, **{"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}))
        assert status == 204 and content == b"", (path, status)
        assert reply["Access-Control-Allow-Origin"] == origin["Origin"] and reply["Access-Control-Allow-Credentials"] == "true", path
        assert reply["Access-Control-Allow-Headers"] == asked and "POST" in reply["Access-Control-Allow-Methods"], path
        assert int(reply["Access-Control-Max-Age"]) >= 3600, path
    for headers, wanted in ((dict(origin, **basic(SITE)), 200), (dict(origin, **basic("wrong")), 401)):
        status, _, reply = raw(telos, "POST", "/v1/t", json.dumps({"userId": "cors-1", "event": "C"}), headers)
        assert status == wanted and reply["Access-Control-Allow-Origin"] == origin["Origin"] and reply["Vary"] == "Origin", (status, reply)
        assert "Retry-After" in reply["Access-Control-Expose-Headers"]
    status, _, reply = raw(telos, "GET", "/v1/tokens", headers=dict(origin, Authorization="Bearer " + telos.token))
    assert status == 200 and reply["Access-Control-Allow-Origin"] is None, "the API is not for other sites"


def browser_sdks_find_their_settings(telos):
    status, content, _ = raw(telos, "GET", "/v1/projects/%s/settings" % SITE)
    assert status == 200 and json.loads(content)["integrations"]["Segment.io"]["apiKey"] == SITE, content
    for path in ("/sourceConfig/?p=cdn&v=3.34&build=modern&writeKey=" + SITE, "/sourceConfig?writeKey=" + SITE):
        status, content, _ = raw(telos, "GET", path)
        source = json.loads(content)["source"]
        assert status == 200 and source["id"] and source["config"] == {} and source["destinations"] == [], content
    assert raw(telos, "GET", "/sourceConfig/", headers=basic(SITE))[0] == 200
    assert raw(telos, "GET", "/v1/projects/wrong/settings")[0] == 401
    assert raw(telos, "GET", "/sourceConfig/?writeKey=wrong")[0] == 401


def rudderstacks_headers_are_understood(telos):
    headers = dict(basic(SITE), AnonymousId=base64.b64encode(b"anonymous-7").decode(), SentAt="2026-11-24T10:00:00.000Z")
    status, content, _ = raw(telos, "POST", "/v1/track", json.dumps({"event": "Header"}), headers)
    assert status == 200, content
    assert events(telos, "anonymous-7", kind="anonymous_id") == ["Header"]
    body = gzip.compress(json.dumps({"batch": [{"type": "identify", "userId": "rudder-1", "context": {"traits": {"name": "Rudder"}},
                                                "originalTimestamp": "2026-11-24T10:00:00.000Z"}]}).encode())
    status, content, _ = raw(telos, "POST", "/v1/batch", body, dict(basic(SITE), **{"Content-Type": "application/x-www-form-urlencoded"}))
    assert status == 200 and telos.profile("user_id:rudder-1", "service")["traits"]["name"] == "Rudder"


def the_pixel_always_answers_a_gif(telos):
    query = urllib.parse.urlencode({"writeKey": SITE, "anonymousId": "pixel-1", "event": "Seen", "properties": json.dumps({"a": 1}), "context.page": "/x"})
    status, content, reply = raw(telos, "GET", "/pixel/v1/track?" + query)
    assert status == 200 and content.startswith(GIF) and reply["Content-Type"] == "image/gif", (status, content[:40])
    event = telos.profile("anonymous_id:pixel-1", "service")["events"][0]
    assert event["event"] == "Seen" and event["properties"] == {"a": 1} and event["context"]["page"] == "/x", event
    assert "site-key" not in json.dumps(event)
    data = base64.b64encode(json.dumps({"writeKey": SITE, "userId": "pixel-2", "name": "Home"}).encode()).decode()
    assert raw(telos, "GET", "/v1/pixel/page?data=" + urllib.parse.quote(data))[1].startswith(GIF)
    assert events(telos, "pixel-2") == ["page"]
    for bad in ("/pixel/v1/track", "/pixel/v1/page?writeKey=wrong", "/v1/pixel/track?data=%%%", "/pixel/v1/track?writeKey=" + SITE):
        status, content, _ = raw(telos, "GET", bad)
        assert status == 200 and content.startswith(GIF), (bad, status, content[:60])


def a_name_twice_and_text_that_is_no_utf8_are_told_with_their_place(telos):
    twice = b'{"userId":"strict-1","event":"Twice","properties":{"a":1,"b":2,"a":3}}'
    bytes_ = b'{"userId":"strict-1","event":"Bytes","properties":{"name":"J\xf3zsef"}}'
    for body, words in ((twice, "properties.a"), (bytes_, "properties.name")):
        status, content, _ = raw(telos, "POST", "/v1/track", body, basic(SITE))
        problem = json.loads(content)
        assert status == 400 and words in problem["detail"] and "at byte" in problem["detail"] and "send" in problem["detail"], problem
        status, content, _ = raw(telos, "POST", "/v1/batch", b'{"batch":[%s,%s,%s]}' % (
            b'{"type":"track","userId":"strict-1","event":"Before"}', b'{"type":"track",' + body[1:], b'{"type":"track","userId":"strict-1","event":"After"}'), basic(SITE))
        reply = json.loads(content)
        assert status == 200 and [i["index"] for i in reply["invalid"]] == [1] and words in reply["invalid"][0]["problem"], reply
    assert sorted(events(telos, "strict-1")) == ["After", "After", "Before", "Before"]
    status, content, _ = raw(telos, "POST", "/v1/batch", b'{"batch":[],"writeKey":"a","batch":[]}', basic(SITE))
    assert status == 400 and "`batch` stands twice" in json.loads(content)["detail"], content
    status, content, _ = raw(telos, "POST", "/v1/decide", b'{"subject":"user_id:strict-1","purpose":"service","purpose":"newsletter"}', {"Authorization": "Bearer " + telos.token})
    assert status == 400 and "(`purpose`)" in json.loads(content)["detail"], content
    status, content, _ = raw(telos, "POST", "/v1/policy/plan", b'{"policy":"controller: {}","policy":"controller: { name: Other }"}', {"Authorization": "Bearer " + telos.token})
    assert status == 400 and "(`policy`)" in json.loads(content)["detail"], content


def odd_values_of_real_clients_are_taken(telos):
    odd = ('{"type":"track","userId":"odd-1","event":"Odd","properties":{"lone":"a\\ud800b","nul":"x\\u0000y","none":null,"big":9007199254740993,'
           '"huge":1.8e308,"long":"%s","nested":[[1,[2]],{"a":[]}],"date":"2026-02-30"}}' % ("l" * 8192))
    assert raw(telos, "POST", "/v1/track", odd, basic(SITE))[0] == 200
    status, content, _ = raw(telos, "GET", "/v1/profiles/user_id:odd-1", headers={"Authorization": "Bearer " + telos.token, "Purpose": "service"})
    assert status == 200 and b"9007199254740993" in content and b"1.8e308" in content, content[:500]
    event = json.loads(content)["events"][0]["properties"]
    assert event["lone"] == "a\ufffdb" and event["nul"] == "x\0y" and len(event["long"]) == 8192, event
    for user in ('" odd-2\\u200b "', "20002"):
        assert raw(telos, "POST", "/v1/track", '{"userId":%s,"event":"Trimmed","messageId":" "}' % user, basic(SITE))[0] == 200
    assert events(telos, "odd-2") == ["Trimmed"] and events(telos, "20002") == ["Trimmed"]
    assert raw(telos, "POST", "/v1/identify", '{"type":"track","userId":"odd-3","traits":{"name":"T"}}', basic(SITE))[0] == 200
    assert telos.profile("user_id:odd-3", "service")["traits"]["name"] == "T"


def an_import_over_the_api_names_its_source_by_an_admins_token(telos):
    body = {"batch": [{"type": "track", "userId": "import-2", "event": "Old", "timestamp": "2026-06-01T10:00:00Z", "messageId": "import-2-a"}]}
    telos.call("POST", "/v1/import?source=site", body)
    assert telos.profile("user_id:import-2", "service")["events"][0]["at"].startswith("2026-06-01T10:00:00")
    assert telos.request("POST", "/v1/import?source=nowhere", body)[0] == 400
    agent = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]})["token"]
    assert telos.request("POST", "/v1/import?source=site", body, headers={"Authorization": "Bearer " + agent})[0] == 401


def a_source_token_is_a_write_key_and_reads_nothing(telos):
    made = telos.call("POST", "/v1/tokens", {"role": "source", "source": "site"})
    telos.call("POST", "/v1/track", {"userId": "token-1", "event": "ByToken"}, key=made["token"])
    assert events(telos, "token-1") == ["ByToken"]
    assert telos.request("GET", "/v1/profiles/user_id:token-1", purpose="service", headers={"Authorization": "Bearer " + made["token"]})[0] in (401, 403)
    assert telos.request("DELETE", "/v1/tokens/" + made["id"])[0] == 204
    assert raw(telos, "POST", "/v1/track", json.dumps({"userId": "token-1", "event": "After"}), basic(made["token"]))[0] == 401


def broken_bytes_in_an_identifier_make_nobody_the_same(telos):
    for name in (b"q\xff", b"q\xfe"):
        body = b'{"writeKey":"' + SITE.encode() + b'","userId":"' + name + b'","traits":{"name":"Q"}}'
        status, value, _ = telos.request("POST", "/v1/identify?explain=1", body)
        assert status == 400 or value["messages"][0]["outcome"] in ("invalid", "dropped"), (status, value)


CASES = [
    broken_bytes_in_an_identifier_make_nobody_the_same,
    the_long_and_short_paths_of_each_type_take_a_message,
    the_key_is_found_wherever_an_sdk_puts_it,
    bodies_are_json_whatever_their_type_says,
    a_batch_merges_outer_context_and_corrects_clocks,
    one_bad_message_costs_only_itself,
    a_single_message_that_cannot_be_used_is_told_so,
    the_limits_answer_413,
    the_same_message_id_is_applied_once,
    explain_says_what_became_of_each_message,
    a_held_message_is_released_by_consent,
    signals_on_a_message_become_records,
    browsers_may_call_from_any_site,
    browser_sdks_find_their_settings,
    rudderstacks_headers_are_understood,
    the_pixel_always_answers_a_gif,
    a_name_twice_and_text_that_is_no_utf8_are_told_with_their_place,
    odd_values_of_real_clients_are_taken,
    an_import_over_the_api_names_its_source_by_an_admins_token,
    a_source_token_is_a_write_key_and_reads_nothing,
]
