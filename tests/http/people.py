"""Statements, decisions, profiles, timeline, identities, stream, tokens: the shapes of the interface, and who may do what."""
import http.client
import json
import socket
import threading
import time
import urllib.parse

from collect import SITE, raw
from telos import wait


def bearer(token):
    return {"Authorization": "Bearer " + token}


def token(telos, role, *purposes):
    return telos.call("POST", "/v1/tokens", {"role": role, "purposes": list(purposes)})["token"]


def a_statement_gives_201_with_receipt_and_ledger_place(telos):
    said = telos.consent("email:State-1@Example.hu", "newsletter", "given", notice="newsletter@3", explicit=True, at="2026-11-20T10:00:00Z")
    assert said["id"] and said["ledger"]["index"] >= 0 and said["ledger"]["leaf_hash"], said
    assert said["receipt"]["proof"]["proofValue"], sorted(said["receipt"])
    history = telos.call("GET", "/v1/consents?subject=email:state-1@example.hu&purpose=newsletter")["consents"]
    assert [(c["status"], c["notice"], c["at"]) for c in history] == [("given", "newsletter@3", "2026-11-20T10:00:00.000Z")], history
    again = telos.call("GET", "/v1/consents/%s/receipt" % said["id"])
    assert again["dct:identifier"] == said["receipt"]["dct:identifier"]
    proof = telos.call("GET", "/v1/evidence/proof/%d" % said["ledger"]["index"])
    assert proof["index"] == said["ledger"]["index"] and proof["size"] > proof["index"]
    telos.consent("email:state-1@example.hu", "newsletter", "withdrawn")
    assert [c["status"] for c in telos.call("GET", "/v1/consents?subject=email:state-1@example.hu")["consents"]] == ["given", "withdrawn"]


def statements_that_make_no_sense_are_refused(telos):
    good = {"subject": "user_id:refused-1", "purpose": "newsletter", "status": "given", "notice": "newsletter@3"}
    for change in ({"status": "maybe"}, {"status": None}, {"purpose": "nothing"}, {"purpose": None}, {"subject": "nobody"}, {"subject": "email:no address"},
                   {"subject": "shoe:42"}, {"subject": 7}, {"notice": "newsletter"}, {"notice": "newsletter@x"}, {"at": "yesterday"}, {"at": 7}, {"by": "someone"},
                   {"explicit": "yes"}, {"method": ["x"]}, {"method": "m" * 5000}, {"status": "expired"}):
        status, value, _ = telos.request("POST", "/v1/consents", dict(good, **change))
        assert status == 400 and value["type"] == "/problems/invalid" and value["detail"], (change, status, value)
        assert "no address" not in value["detail"]
    for change in ({"purpose": "books"}, {"status": "opened"}, {"at": "2099-01-01T00:00:00Z"}, {"notice": "newsleter@3"}, {"notice": "newsletter@4"}):
        status, value, _ = telos.request("POST", "/v1/consents", dict(good, **change))
        assert status == 409, (change, status, value)
    assert telos.request("POST", "/v1/consents", [good])[0] == 400


def decide_answers_with_every_reason_and_evidence(telos):
    ask = {"subject": "user_id:decide-1", "purpose": "newsletter"}
    answer = telos.call("POST", "/v1/decide", ask)
    assert answer["decision"] == "deny" and [r["code"] for r in answer["reasons"]] == ["consent_missing"] and answer["reasons"][0]["text"], answer
    said = telos.consent("user_id:decide-1", "newsletter", "given", notice="newsletter@3")
    answer = telos.call("POST", "/v1/decide", dict(ask, categories=["email", "invoice"]))
    assert answer["decision"] == "allow" and answer["categories"] == {"email": "allow", "invoice": "deny"}, answer
    assert [(r["code"], r.get("category")) for r in answer["reasons"]] == [("category_not_covered", "invoice")], answer
    assert answer["basis"] == "consent" and answer["policy_version"] >= 1 and answer["valid_until"], answer
    assert {"kind": "consent", "id": said["id"], "ledger_index": said["ledger"]["index"]} in answer["evidence"], answer
    answer = telos.call("POST", "/v1/decide", dict(ask, purpose="nothing"))
    assert answer["decision"] == "deny" and answer["reasons"][0]["code"] == "purpose_unknown"
    answer = telos.call("POST", "/v1/decide", dict(ask, recipient="nobody"))
    assert "recipient_not_declared" in [r["code"] for r in answer["reasons"]]
    answer = telos.call("POST", "/v1/decide", dict(ask, recipient="hook", channel="email", contact=True))
    assert "channel_unreachable" in [r["code"] for r in answer["reasons"]], answer
    many = telos.call("POST", "/v1/decide", [ask] * 1000)
    assert len(many) == 1000 and all(a["decision"] == "allow" for a in many)
    assert telos.request("POST", "/v1/decide", [ask] * 1001)[0] == 413
    assert telos.call("POST", "/v1/decide", []) == []
    for named in ("hook", "Hook Kft. (processor, HU)", "Hook Kft."):
        assert telos.call("POST", "/v1/decide", dict(ask, recipient=named))["decision"] == "allow", named
    care = {"subject": "user_id:decide-1", "purpose": "care"}
    assert [r["code"] for r in telos.call("POST", "/v1/decide", care)["reasons"]] == ["consent_missing"]
    telos.consent("user_id:decide-1", "care", "given")
    answer = telos.call("POST", "/v1/decide", care)
    assert [r["code"] for r in answer["reasons"]] == ["consent_not_explicit"] and answer["categories"] == {"health": "deny"}, answer
    past = telos.call("POST", "/v1/decide", dict(ask, at="2020-01-01T00:00:00Z"))
    assert past["decision"] == "deny" and "indeterminate" in [r["code"] for r in past["reasons"]], past
    assert "No policy was in force" in next(r["text"] for r in past["reasons"] if r["code"] == "indeterminate"), past
    for bad in ({}, {"subject": "user_id:x"}, dict(ask, categories="email"), dict(ask, contact=1), dict(ask, subject="x"), [1], dict(ask, at="x")):
        assert telos.request("POST", "/v1/decide", bad)[0] == 400, bad


def a_withdrawal_denies_from_then_on_and_history_tells(telos):
    subject = "user_id:history-1"
    telos.consent(subject, "newsletter", "given", notice="newsletter@3")
    time.sleep(0.02)
    between = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".%03dZ" % (time.time() % 1 * 1000)
    time.sleep(0.02)
    telos.consent(subject, "newsletter", "withdrawn")
    ask = {"subject": subject, "purpose": "newsletter"}
    assert telos.call("POST", "/v1/decide", ask)["decision"] == "deny"
    assert telos.call("POST", "/v1/decide", dict(ask, at=between))["decision"] == "allow"
    assert telos.call("POST", "/v1/decide", dict(ask, known_at=between))["decision"] == "allow"


def the_profile_has_the_shape_of_the_contract(telos):
    telos.consent("user_id:shape-1", "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": "shape-1", "traits": {"email": "Shape-1@Example.hu", "name": "Shape", "size": 7}}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "shape-1", "event": "Looked", "properties": {"x": 1}}, key=SITE)
    seen = telos.profile("email:shape-1@example.hu", "newsletter")
    assert {"id", "purpose", "identifiers", "traits", "facts", "events", "segments", "consents", "preferences", "withheld"} <= set(seen), seen
    assert seen["purpose"] == "newsletter" and seen["traits"]["name"] == "Shape" and seen["traits"]["size"] == 7, seen
    assert {"type": "email", "value": "shape-1@example.hu"} in seen["identifiers"], seen["identifiers"]
    fact = next(f for f in seen["facts"] if f["name"] == "name")
    assert fact["value"] == "Shape" and fact["source"] == "site" and "newsletter" in fact["purposes"] and fact["on"] == "user_id:shape-1", fact
    assert seen["consents"]["newsletter"]["status"] == "given" and seen["consents"]["newsletter"]["basis"] == "consent"
    assert seen["events"][0]["event"] == "Looked" and seen["segments"] == []
    assert telos.request("GET", "/v1/profiles/user_id:unknown-1", purpose="service")[0] == 404
    status, value, _ = telos.request("GET", "/v1/profiles/user_id:shape-1", purpose="profiling")
    assert status == 403 and [r["code"] for r in value["reasons"]] == ["consent_missing"], (status, value)
    odd = urllib.parse.quote("user_id:odd/id with spaces & ő", safe="")
    telos.call("POST", "/v1/track", {"userId": "odd/id with spaces & ő", "event": "Odd"}, key=SITE)
    assert telos.request("GET", "/v1/profiles/" + odd, purpose="service")[0] == 200


def a_read_is_made_for_one_purpose_of_the_token(telos):
    telos.call("POST", "/v1/track", {"userId": "purpose-1", "event": "A"}, key=SITE)
    path = "/v1/profiles/user_id:purpose-1"
    status, value, _ = telos.request("GET", path)
    assert status == 400 and "Purpose" in value["detail"] and "newsletter" in value["detail"], value
    one = token(telos, "agent", "service")
    assert telos.request("GET", path, headers=bearer(one))[0] == 200
    assert telos.request("GET", path, purpose="newsletter", headers=bearer(one))[0] == 403
    assert telos.request("GET", path, purpose="nothing", headers=bearer(one))[0] == 403
    assert telos.request("GET", path + "?purpose=service", headers=bearer(one))[0] == 200
    assert telos.request("POST", "/v1/decide", {"subject": "user_id:purpose-1", "purpose": "newsletter"}, headers=bearer(one))[0] == 403
    gives = {"subject": "user_id:purpose-1", "purpose": "newsletter", "status": "given", "notice": "newsletter@3"}
    assert telos.request("POST", "/v1/consents", gives, headers=bearer(one))[0] == 403
    assert telos.request("POST", "/v1/consents", dict(gives, status="withdrawn"), headers=bearer(one))[0] == 201


def a_token_sees_only_the_records_of_its_purposes(telos):
    who = "user_id:records-1"
    telos.call("POST", "/v1/track", {"userId": "records-1", "event": "A"}, key=SITE)
    mine = telos.consent(who, "newsletter", "given", notice="newsletter@3")
    foreign = telos.consent(who, "profiling", "given", notice="newsletter@3")
    whole = telos.consent(who, None, "restricted")
    lifted = telos.consent(who, None, "unrestricted")
    telos.profile(who, "profiling")
    assert len(telos.call("GET", "/v1/consents?subject=" + who)["consents"]) >= 4
    path = "/v1/profiles/%s/timeline?limit=1000" % who
    wait(lambda: "profiling" in json.dumps([i for i in telos.call("GET", path + "&purpose=newsletter")["items"] if i["what"] in ("said", "read")]), 10, "all of them")
    for role, purposes in (("agent", ["newsletter"]), ("marketer", ["newsletter"]), ("agent", ["newsletter", "service"]), ("privacy", ["newsletter"])):
        held = bearer(token(telos, role, *purposes))
        status, value, _ = telos.request("GET", path, purpose="newsletter", headers=held)
        said = [i["detail"]["id"] for i in value["items"] if i["what"] == "said"]
        assert status == 200 and mine["id"] in said and foreign["id"] not in said, value
        assert (whole["id"] in said) == (lifted["id"] in said) == (role == "privacy"), (role, value)
        assert "profiling" not in json.dumps(value), value
        if role == "marketer":
            continue
        status, value, _ = telos.request("GET", "/v1/consents?subject=" + who, headers=held)
        said = [c["id"] for c in value["consents"]]
        assert status == 200 and mine["id"] in said and foreign["id"] not in said and (whole["id"] in said) == (role == "privacy"), (role, value)
        assert "profiling" not in json.dumps(value), value
        assert telos.request("GET", "/v1/consents?subject=%s&purpose=newsletter" % who, headers=held)[0] == 200
        for hidden in ("profiling", "nothing"):
            assert telos.request("GET", "/v1/consents?subject=%s&purpose=%s" % (who, hidden), headers=held)[0] == 403, hidden
        assert telos.request("GET", "/v1/consents/%s/receipt" % mine["id"], headers=held)[0] == 200
        status, value, _ = telos.request("GET", "/v1/consents/%s/receipt" % foreign["id"], headers=held)
        assert status == 403 and "profiling" not in json.dumps(value), (status, value)
        assert telos.request("GET", "/v1/consents/%s/receipt" % whole["id"], headers=held)[0] == (200 if role == "privacy" else 403)
        status, value, _ = telos.request("GET", "/v1/consents/state?subject=" + who, headers=held)
        assert status == 200 and sorted(value["purposes"]) == sorted(purposes) and value["categoryPreferences"] == {"Offers": True}, value
    other = bearer(token(telos, "agent", "service"))
    status, value, _ = telos.request("GET", "/v1/consents/state?subject=" + who, headers=other)
    assert status == 200 and list(value["purposes"]) == ["service"] and value["categoryPreferences"] == {}, value
    for _ in range(2):  # the reply to the same no is the same, whatever held before
        status, value, _ = telos.request("POST", "/v1/consents/signals", {"subject": who, "kind": "category_preferences", "value": {"Offers": False}}, headers=other)
        assert status == 200 and value["records"] == [] and value["unchanged"] == [], value
    said = telos.call("GET", "/v1/consents?purpose=newsletter&subject=" + who)["consents"]
    assert said[-1]["status"] == "withdrawn" and said[-1]["signal"], said


def roles_open_what_they_should(telos):
    telos.call("POST", "/v1/track", {"userId": "role-1", "event": "A"}, key=SITE)
    tokens = {role: token(telos, role, "*") for role in ("privacy", "marketer", "agent", "auditor")}
    table = [  # method, path, body, who may
        ("GET", "/v1/profiles/user_id:role-1?purpose=service", None, "privacy marketer agent"),
        ("GET", "/v1/profiles/user_id:role-1/timeline?purpose=service", None, "privacy marketer agent"),
        ("GET", "/v1/identities/user_id:role-1?purpose=service", None, "privacy marketer agent"),
        ("GET", "/v1/consents?subject=user_id:role-1", None, "privacy agent"),
        ("POST", "/v1/consents", {"subject": "user_id:role-1", "purpose": "newsletter", "status": "withdrawn"}, "privacy agent"),
        ("POST", "/v1/decide", {"subject": "user_id:role-1", "purpose": "service"}, "privacy marketer agent"),
        ("POST", "/v1/rights", {"subject": "user_id:role-1", "right": "access"}, "privacy"),
        ("GET", "/v1/policy", None, "privacy marketer agent auditor"),
        ("GET", "/v1/ropa", None, "privacy marketer agent auditor"),
        ("GET", "/v1/evidence/proof/0", None, "privacy marketer agent auditor"),
        ("POST", "/v1/audit/check", None, "privacy auditor"),
        ("GET", "/v1/deliveries", None, "privacy marketer agent"),
        ("GET", "/v1/tokens", None, ""),
        ("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]}, ""),
        ("POST", "/v1/policy", "x", ""),
        ("POST", "/v1/destinations/hook/pause", None, ""),
        ("GET", "/v1/admin/show/queues", None, ""),
    ]
    for method, path, body, may in table:
        for role, secret in tokens.items():
            status, value, _ = telos.request(method, path, body, headers=bearer(secret))
            allowed = role in may.split()
            assert (status < 300) == allowed and (allowed or status == 403), (role, method, path, status, value)
        assert telos.request(method, path, body, headers=bearer("telos_wrong"))[0] == 401
        assert telos.request(method, path, body, headers={"Authorization": ""})[0] == 401
    for path, body in (("/v1/admin/backup", {"directory": "/tmp/x"}), ("/v1/audit/export", {"directory": "/tmp/x"}), ("/v1/admin/keys/rotate", {})):
        assert telos.request("POST", path, body)[0] == 403, path + " is for the machine itself"
    assert telos.request("POST", "/v1/admin/debug/digest", {})[0] in (403, 404)


def tokens_are_shown_once_and_can_be_revoked(telos):
    made = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"], "label": "desk", "expires": "2099-01-01T00:00:00Z"})
    listed = next(t for t in telos.call("GET", "/v1/tokens")["tokens"] if t["id"] == made["id"])
    assert listed["label"] == "desk" and listed["purposes"] == made["purposes"] == ["service"] and "token" not in listed and listed["revoked_at"] is None
    assert telos.request("GET", "/v1/policy", headers=bearer(made["token"]))[0] == 200
    assert telos.request("DELETE", "/v1/tokens/" + made["id"])[0] == 204
    assert telos.request("GET", "/v1/policy", headers=bearer(made["token"]))[0] == 401
    for bad in ({}, {"role": "king", "purposes": ["*"]}, {"role": "agent"}, {"role": "agent", "purposes": ["nothing"]}, {"role": "source", "source": "nowhere"},
                {"role": "agent", "purposes": ["*"], "expires": "2001-01-01T00:00:00Z"}, {"role": "agent", "purposes": [7]}):
        assert telos.request("POST", "/v1/tokens", bad)[0] == 400, bad
    assert telos.request("DELETE", "/v1/tokens/" + made["id"].replace(made["id"][-4:], "0000"))[0] == 404


def every_read_of_a_person_is_in_their_timeline(telos):
    telos.call("POST", "/v1/track", {"userId": "read-1", "event": "A"}, key=SITE)
    agent = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"], "label": "who reads"})
    telos.request("GET", "/v1/profiles/user_id:read-1", headers=bearer(agent["token"]))
    telos.request("GET", "/v1/consents?subject=user_id:read-1", headers=bearer(agent["token"]))

    def reads():
        items = telos.timeline("user_id:read-1", "service")
        return {i["detail"]["what"] for i in items if i["what"] == "read" and i["detail"]["token"] == agent["id"]} >= {"profile", "consents"}
    wait(reads, 15, "both reads in the timeline")
    by = {i["detail"].get("by") for i in telos.timeline("user_id:read-1", "service") if i["what"] == "read" and i["detail"]["token"] == agent["id"]}
    assert by == {"who reads"}, "who read is said by the name that the token has"



def the_timeline_pages_without_gap_or_double(telos):
    for i in range(40):
        telos.call("POST", "/v1/track", {"userId": "page-1", "event": "E%d" % i}, key=SITE)
        if i % 10 == 0:
            telos.consent("user_id:page-1", "newsletter", "withdrawn" if i % 20 else "given")
    items, cursor = [], ""
    while True:
        page = telos.call("GET", "/v1/profiles/user_id:page-1/timeline?purpose=service&limit=7" + cursor)
        assert len(page["items"]) <= 7
        items += [i for i in page["items"] if i["what"] != "read"]
        if "next" not in page:
            break
        cursor = "&cursor=" + urllib.parse.quote(page["next"])
    collected = [i["detail"]["event"] for i in items if i["what"] == "collected"]
    assert collected == ["E%d" % i for i in range(39, -1, -1)], collected
    assert sum(i["what"] == "said" and i["detail"]["source"] == "api" for i in items) == 4
    assert [i["at"] for i in items] == sorted((i["at"] for i in items), reverse=True)
    assert telos.request("GET", "/v1/profiles/user_id:page-1/timeline?purpose=service&cursor=nonsense")[0] == 400


def who_accounts_for_the_handling_sees_that_without_what_events_say(telos):
    who = "/v1/profiles/user_id:account-1/timeline"
    telos.consent("user_id:account-1", "newsletter", "given")
    telos.call("POST", "/v1/track", {"userId": "account-1", "event": "Secret", "properties": {"x": "hidden"}}, key=SITE)
    told = telos.call("GET", who)
    collected = [i["detail"] for i in told["items"] if i["what"] == "collected"]
    assert told["purpose"] is None and [c["purposes"] for c in collected] == [["service", "newsletter"]] and collected[0]["type"] == "track", told
    assert "Secret" not in json.dumps(told) and "hidden" not in json.dumps(told)
    assert telos.request("GET", who, headers=bearer(token(telos, "privacy", "*")))[0] == 200
    assert telos.request("GET", who, headers=bearer(token(telos, "agent", "*")))[0] == 400
    assert telos.request("GET", who, headers=bearer(token(telos, "auditor", "*")))[0] == 403
    some = telos.request("GET", who, headers=bearer(token(telos, "privacy", "newsletter", "profiling")))[1]
    assert [i["detail"]["purposes"] for i in some["items"] if i["what"] == "collected"] == [["newsletter"]], some
    assert [i["detail"]["purpose"] for i in some["items"] if i["what"] == "said"] == ["newsletter"], some  # not what its people were informed of
    telos.call("POST", "/v1/rights", {"subject": "user_id:account-1", "right": "erasure"})
    assert "erased" in [i["what"] for i in telos.call("GET", who)["items"]], "also of who is withheld from every purpose"


def preferences_are_kept_and_checked(telos):
    path = "/v1/preferences?subject=user_id:prefer-1"
    assert telos.request("GET", path)[0] == 404
    wishes = {"channels": {"email": False}, "topics": {"bikes": True}, "frequency": {"sms": {"max": 2, "per": "P7D"}}, "language": "hu",
              "quiet_hours": {"from": "21:00", "to": "08:00", "zone": "Europe/Budapest"}}
    assert telos.call("PUT", path, wishes) == wishes
    assert telos.call("GET", path) == wishes
    telos.consent("user_id:prefer-1", "newsletter", "given", notice="newsletter@3")
    answer = telos.call("POST", "/v1/decide", {"subject": "user_id:prefer-1", "purpose": "newsletter", "channel": "email"})
    assert "channel_opted_out" in [r["code"] for r in answer["reasons"]], answer
    for bad in ({"channels": 7}, {"quiet_hours": {"from": "25:99"}}, {"frequency": {"sms": {"max": -1}}}, {"unknown": 1}, []):
        assert telos.request("PUT", path, bad)[0] == 400, bad
    assert telos.call("GET", path) == wishes


def two_become_one_and_two_again(telos):
    telos.call("POST", "/v1/identify", {"userId": "merge-a", "traits": {"mark_a": 1}}, key=SITE)
    telos.call("POST", "/v1/identify", {"anonymousId": "merge-b", "traits": {"mark_b": 1}}, key=SITE)
    made = telos.call("POST", "/v1/identities/user_id:merge-a/merges", {"with": "anonymous_id:merge-b"})
    seen = [telos.profile(subject, "service") for subject in ("user_id:merge-a", "anonymous_id:merge-b")]
    assert seen[0]["id"] == seen[1]["id"] and set(seen[0]["traits"]) == {"mark_a", "mark_b"}, seen
    graph = telos.call("GET", "/v1/identities/anonymous_id:merge-b?purpose=service")
    assert len(graph["profiles"]) == 2 and len(graph["merges"]) == 1 and graph["merges"][0]["undone_at"] is None, graph
    merge = telos.call("GET", "/v1/identities/user_id:merge-a/merges")["merges"][0]["id"]
    assert made["state"] == "merged"
    assert telos.call("POST", "/v1/identities/user_id:merge-a/merges/%s/undo" % merge)["state"] == "undone"
    seen = [telos.profile(subject, "service") for subject in ("user_id:merge-a", "anonymous_id:merge-b")]
    assert seen[0]["id"] != seen[1]["id"] and set(seen[0]["traits"]) == {"mark_a"} and set(seen[1]["traits"]) == {"mark_b"}, seen
    undone = telos.call("GET", "/v1/identities/user_id:merge-a/merges")["merges"][0]
    assert undone["undone_at"] and [undone["left"], undone["right"]].count(None) == 1 and undone["through"].count(None) == 1, undone
    assert telos.request("POST", "/v1/identities/user_id:merge-a/merges/%s/undo" % seen[0]["id"])[0] == 404
    refused = telos.request("POST", "/v1/identities/user_id:merge-a/merges", {"with": "user_id:shape-1"})
    assert refused[0] == 409 and refused[1]["detail"], "a user id is one person's"
    assert telos.request("POST", "/v1/identities/user_id:merge-a/merges", {"with": "user_id:nobody-1"})[0] == 409


def rights_are_exercised(telos):
    subject = "user_id:rights-1"
    telos.call("POST", "/v1/identify", {"userId": "rights-1", "traits": {"name": "Right", "email": "rights-1@example.hu"}}, key=SITE)
    export = telos.call("POST", "/v1/rights", {"subject": subject, "right": "access"})["export"]
    assert {"name": "name", "value": "Right"}.items() <= next(f for f in export["facts"] if f["name"] == "name").items(), export["facts"]
    assert telos.call("POST", "/v1/rights", {"subject": subject, "right": "portability"})["export"]["facts"] == []
    telos.call("POST", "/v1/rights", {"subject": subject, "right": "restriction"})
    status, value, _ = telos.request("GET", "/v1/profiles/" + subject, purpose="service")
    assert status == 403 and "processing_restricted" in [r["code"] for r in value["reasons"]], value
    telos.call("POST", "/v1/rights", {"subject": subject, "right": "restriction_lifted"})
    assert telos.profile(subject, "service")["traits"]["name"] == "Right"
    telos.call("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "newsletter"})
    assert [r["right"] for r in telos.call("GET", "/v1/rights?subject=" + subject)["rights"]] == ["restriction", "restriction_lifted", "objection"]
    assert telos.call("POST", "/v1/rights", {"subject": subject, "right": "erasure"})["state"] == "completed"
    assert telos.profile(subject, "service") in (403, 404)
    assert telos.request("POST", "/v1/rights", {"subject": subject, "right": "erasure"})[0] == 404
    for bad in ({"subject": subject}, {"subject": subject, "right": "everything"}, {"right": "erasure"}, {"subject": subject, "right": "objection"}):
        assert telos.request("POST", "/v1/rights", bad)[0] == 400, bad


class Stream(threading.Thread):
    """Reads server-sent events until it is closed."""

    def __init__(self, telos, query, headers=None):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", telos.port, timeout=60)
        self.connection.request("GET", "/v1/stream?" + query, headers=dict(bearer(telos.token), **(headers or {})))
        self.reply = self.connection.getresponse()
        self.socket = self.connection.sock
        self.events, self.ended = [], False
        if self.reply.status == 200:
            self.start()

    def run(self):
        event = {}
        try:
            for line in self.reply:
                line = line.decode().rstrip("\n")
                if not line and "data" in event:
                    self.events.append(dict(event, data=json.loads(event["data"])))
                if not line:
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = value
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.ended = True

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def the_stream_tells_changes_and_goes_on_where_it_was(telos):
    stream = Stream(telos, "purpose=newsletter")
    assert stream.reply.status == 200 and stream.reply.headers["Content-Type"] == "text/event-stream"
    telos.consent("user_id:stream-1", "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": "stream-1", "traits": {"name": "Streamed"}}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "stream-none", "event": "NotForThis"}, key=SITE)
    wait(lambda: any(e["data"].get("traits", {}).get("name") == "Streamed" for e in stream.events), 10, "the profile on the stream")
    telos.consent("user_id:stream-1", "newsletter", "withdrawn")
    wait(lambda: any(e["event"] == "withheld" and "consent_withdrawn" in e["data"]["reasons"] for e in stream.events), 10, "the withdrawal on the stream")
    time.sleep(0.2)
    assert not any("NotForThis" in json.dumps(e) for e in stream.events), "somebody who never agreed"
    first, last = stream.events[0]["id"], stream.events[-1]["id"]
    ids = [tuple(map(int, e["id"].split("-"))) for e in stream.events]
    assert ids == sorted(set(ids)), ids
    stream.close()
    again = Stream(telos, "purpose=newsletter", {"Last-Event-ID": first})
    telos.consent("user_id:stream-2", "newsletter", "given", notice="newsletter@3")
    wait(lambda: len(again.events) >= 2, 10, "what was missed")
    assert first not in [e["id"] for e in again.events]
    again.close()
    fresh = Stream(telos, "purpose=newsletter", {"Last-Event-ID": last})
    time.sleep(0.7)
    assert last not in [e["id"] for e in fresh.events]
    fresh.close()
    for query, headers, status in (("purpose=nothing", {}, 403), ("purpose=newsletter", {"Last-Event-ID": "x"}, 400), ("purpose=newsletter&segment=none", {}, 404)):
        assert Stream(telos, query, headers).reply.status == status, query


def a_revoked_token_ends_its_stream(telos):
    made = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"]})
    stream = Stream(telos, "", bearer(made["token"]))
    assert stream.reply.status == 200
    telos.request("DELETE", "/v1/tokens/" + made["id"])
    wait(lambda: stream.ended, 10, "the end of the stream")


def streams_are_bounded(telos):
    wait(lambda: b"\ntelos_streams 0\n" in raw(telos, "GET", "/metrics")[1], 10, "those of the other cases are gone")
    streams = [Stream(telos, "purpose=service") for _ in range(256)]
    assert all(s.reply.status == 200 for s in streams)
    over = Stream(telos, "purpose=service")
    assert over.reply.status == 429 and over.reply.headers["Retry-After"]
    telos.call("POST", "/v1/track", {"userId": "crowd-1", "event": "A"}, key=SITE)
    wait(lambda: all(s.events for s in streams), 20, "everybody hears it")
    for stream in streams:
        stream.close()
    wait(lambda: b"\ntelos_streams 0\n" in raw(telos, "GET", "/metrics")[1], 10, "all streams are gone")


def destinations_pause_and_resume(telos):
    listed = telos.call("GET", "/v1/destinations")["destinations"]
    assert [d["name"] for d in listed] == ["hook"] and listed[0]["state"], listed
    assert telos.call("POST", "/v1/destinations/hook/pause")["paused"] is True
    wait(lambda: telos.call("GET", "/v1/destinations/hook")["state"] == "paused", 5, "the state")
    telos.consent("user_id:deliver-1", "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/track", {"userId": "deliver-1", "event": "Sent"}, key=SITE)
    pending = wait(lambda: telos.call("GET", "/v1/deliveries?destination=hook&state=pending")["deliveries"], 5, "a pending delivery")
    one = telos.call("GET", "/v1/deliveries/" + pending[0]["id"])
    assert one == pending[0] and one["kind"] == "event" and one["purpose"] == "newsletter"
    assert telos.request("POST", "/v1/deliveries/%s/retry" % one["id"], {})[0] == 409
    assert telos.call("POST", "/v1/destinations/hook/replay", {"since": "2026-01-01T00:00:00Z"})["replayed"] == 0
    assert telos.call("POST", "/v1/destinations/hook/resume")["paused"] is False
    assert telos.request("POST", "/v1/destinations/nothing/pause")[0] == 404
    assert telos.request("GET", "/v1/deliveries?state=lost")[0] == 400


def a_policy_is_checked_planned_and_applied(telos):
    with open(telos.policy) as f:
        text = f.read()
    notices = {"notices/newsletter.en.md": "We send you offers by e-mail if you agree.\n"}
    checked = telos.call("POST", "/v1/policy/check", {"policy": text, "notices": notices})
    assert checked["valid"] is True and checked["counts"]["purposes"] == 6
    wrong = text.replace("purposes: [newsletter], when_denied: drop", "purposes: [newsleter], when_denied: drop")
    status, value, _ = telos.request("POST", "/v1/policy/check", {"policy": wrong, "notices": notices})
    assert status == 422 and value["type"] == "/problems/policy-refused", (status, value)
    problem = value["problems"][0]
    assert problem["line"] > 1 and problem["column"] >= 1 and "newsletter" in problem["text"] + problem.get("suggestion", ""), problem
    status, value, _ = telos.request("POST", "/v1/policy", text.replace("notices/newsletter.en.md", "notices/none.md").encode())
    assert status == 422 and value["problems"], value
    status, value, _ = telos.request("POST", "/v1/policy/check", {"policy": text.replace('url: "http://127.0.0.1:9/hook"', 'url: "ftp://x"'), "notices": notices})
    assert status == 422 and "hook" in json.dumps(value["problems"]), value
    before = telos.call("GET", "/v1/policy")
    assert before["policy"] == text and before["version"] == 1
    changed = text.replace("title: Learn what people like", "title: Learn what people like best")
    plan = telos.call("POST", "/v1/policy/plan", {"policy": changed, "notices": notices})
    assert plan["refused"] is False and plan["changes"] and plan["effects"]["people_lost"] == 0, plan
    plan = telos.call("POST", "/v1/policy/plan?count=0", {"policy": changed, "notices": notices})
    assert plan["changes"] and plan["effects"] is None, plan  # not counted is not none
    telos.call("POST", "/v1/track", {"userId": "policy-1", "event": "Visited"}, key=SITE)  # so that something rests on `service`
    refused = text.replace("basis: legitimate_interest, interest: running the site, balancing_test: lia/site.pdf@2026-01-01, review: P5Y,",
                           "basis: public_task, law: some law,")
    status, value, _ = telos.request("POST", "/v1/policy", {"policy": refused, "notices": notices})
    assert status == 409 and value["changes"], (status, value)
    applied = telos.call("POST", "/v1/policy", {"policy": changed, "notices": notices})
    assert applied["version"] == 2 and applied["effects"] is None, applied
    assert telos.call("POST", "/v1/policy", {"policy": changed, "notices": notices})["effects"]["people_lost"] == 0  # in force already: it does nothing
    versions = telos.call("GET", "/v1/policy/versions")
    assert [v["version"] for v in versions["versions"]] == [2, 1] and "next" not in versions
    page = telos.call("GET", "/v1/policy/versions?limit=1")
    assert [v["version"] for v in page["versions"]] == [2]
    page = telos.call("GET", "/v1/policy/versions?limit=1&cursor=" + page["next"])
    assert [v["version"] for v in page["versions"]] == [1] and "next" not in page
    assert telos.call("GET", "/v1/policy?at=" + before["activated_at"])["version"] == 1
    assert telos.call("GET", "/v1/policy/versions/2")["policy"] == changed
    assert telos.request("GET", "/v1/policy?at=2001-01-01")[0] == 404
    assert telos.request("GET", "/v1/policy/versions/9")[0] == 404
    status, content, reply = raw(telos, "GET", "/v1/policy", headers=dict(bearer(telos.token), Accept="application/yaml"))
    assert content.decode() == changed and "yaml" in reply["Content-Type"]


def the_record_of_processing_comes_in_three_forms(telos):
    record = telos.call("GET", "/v1/ropa")
    assert record["controller"]["name"] == "Teszt Kft." and len(record["activities"]) == 6
    news = next(a for a in record["activities"] if a["activity"] == "newsletter")
    assert "6(1)(a)" in news["basis"] and "Hook Kft." in news["recipients"] and "P1Y" in news["retention"], news
    status, content, reply = raw(telos, "GET", "/v1/ropa?format=csv", headers=bearer(telos.token))
    assert status == 200 and reply["Content-Type"].startswith("text/csv") and content.count(b"\r\n") == 7
    assert b"1 year after the person was last seen" in content and b"legal obligation" in content and b"5 years after the contract's end" in content, content
    status, content, reply = raw(telos, "GET", "/v1/ropa", headers=dict(bearer(telos.token), Accept="text/html,*/*"))
    assert status == 200 and reply["Content-Type"].startswith("text/html") and b"Teszt Kft." in content
    first = telos.call("GET", "/v1/policy/versions")["versions"][-1]
    assert telos.call("GET", "/v1/ropa?at=" + first["activated_at"])["policy_version"] == first["version"] <= record["policy_version"]
    assert telos.request("GET", "/v1/ropa?at=2001-01-01")[0] == 404


def evidence_is_served_in_the_formats_of_c2sp(telos):
    status, note, reply = raw(telos, "GET", "/v1/evidence/checkpoint")
    assert status == 200 and reply["Content-Type"].startswith("text/plain")
    origin, size, root = note.decode().split("\n")[:3]
    size = int(size)
    assert origin and root and note == raw(telos, "GET", "/checkpoint")[1] or size > 0
    assert raw(telos, "GET", "/v1/evidence/key")[1].decode().startswith(origin.split("/")[0])
    width = size % 256
    status, tile, _ = raw(telos, "GET", "/tile/0/%03d%s" % (size // 256, ".p/%d" % width if width else ""), headers=bearer(telos.token))
    assert status == 200 and len(tile) == 32 * width, (status, len(tile), width)
    status, entries, _ = raw(telos, "GET", "/tile/entries/000" if size >= 256 else "/tile/entries/000.p/%d" % size, headers=bearer(telos.token))
    assert status == 200 and b"policy" in entries and b"@" not in entries.replace(b"newsletter@", b""), entries[:200]
    proof = telos.call("GET", "/v1/evidence/proof/consistency?from=1&to=%d" % size)
    assert proof["from"] == 1 and proof["to"] == size
    for path in ("/tile/0/999", "/tile/9/000", "/tile/x", "/tile/0/000/../1"):
        assert raw(telos, "GET", path, headers=bearer(telos.token))[0] == 404, path
    assert telos.request("GET", "/v1/evidence/proof/inclusion")[0] == 400
    assert telos.request("GET", "/v1/evidence/proof/99999999")[0] == 404
    assert telos.request("GET", "/v1/evidence/proof/consistency?from=5&to=2")[0] in (400, 404)


def an_audit_runs_line_by_line(telos):
    status, content, reply = raw(telos, "POST", "/v1/audit/check", headers=bearer(telos.token))
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert status == 200 and reply["Content-Type"] == "application/x-ndjson"
    assert lines[-1]["result"]["violations"] == 0, lines


CASES = [
    a_statement_gives_201_with_receipt_and_ledger_place,
    statements_that_make_no_sense_are_refused,
    decide_answers_with_every_reason_and_evidence,
    a_withdrawal_denies_from_then_on_and_history_tells,
    the_profile_has_the_shape_of_the_contract,
    a_read_is_made_for_one_purpose_of_the_token,
    a_token_sees_only_the_records_of_its_purposes,
    roles_open_what_they_should,
    tokens_are_shown_once_and_can_be_revoked,
    every_read_of_a_person_is_in_their_timeline,
    the_timeline_pages_without_gap_or_double,
    who_accounts_for_the_handling_sees_that_without_what_events_say,
    preferences_are_kept_and_checked,
    two_become_one_and_two_again,
    rights_are_exercised,
    the_stream_tells_changes_and_goes_on_where_it_was,
    a_revoked_token_ends_its_stream,
    streams_are_bounded,
    destinations_pause_and_resume,
    a_policy_is_checked_planned_and_applied,
    the_record_of_processing_comes_in_three_forms,
    evidence_is_served_in_the_formats_of_c2sp,
    an_audit_runs_line_by_line,
]
