"""Reads that memory answers: each change is seen by the very next read, what is withheld stays withheld, and every read is recorded."""
import datetime
import json
import os
import threading
import time

from collect import SITE
from people import Stream
from telos import wait

SHOP = "shop-key-1"


def bearer(token):
    return {"Authorization": "Bearer " + token}


def known(telos, name, **traits):
    """A person who takes part in all; their subject."""
    telos.call("POST", "/v1/identify", {"userId": name, "traits": dict({"name": name.title(), "email": name + "@example.hu"}, **traits)}, key=SITE)
    telos.consent("user_id:" + name, "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": name, "traits": dict({"name": name.title(), "email": name + "@example.hu"}, **traits)}, key=SITE)
    return "user_id:" + name


def found(telos):
    """How many reads memory has answered."""
    _, text, _ = telos.request("GET", "/metrics")
    text = text.decode() if isinstance(text, bytes) else text
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("telos_views_found"))


def remembered(telos, subject, purpose="newsletter"):
    """Reads until memory answers: the next read would be from memory, too."""
    first = telos.profile(subject, purpose)
    before = found(telos)
    assert telos.profile(subject, purpose) == first
    assert found(telos) == before + 1, "the second read was not from memory"
    return first


def each_change_is_seen_by_the_very_next_read(telos):
    who = known(telos, "seen-1")
    other = "anonymous_id:seen-1-device"
    telos.call("POST", "/v1/identify", {"anonymousId": "seen-1-device", "traits": {"name": "Device"}}, key=SITE)

    def change(text, act, purpose="newsletter", subject=who):
        before = remembered(telos, subject, purpose)
        result = act()
        after = telos.profile(subject, purpose)
        assert after != before, "%s is not seen" % text
        return after, result

    after, _ = change("a new trait", lambda: telos.call("POST", "/v1/identify", {"userId": "seen-1", "traits": {"name": "Another"}}, key=SITE))
    assert after["traits"]["name"] == "Another", after
    after, _ = change("an event", lambda: telos.call("POST", "/v1/track", {"userId": "seen-1", "event": "Looked"}, key=SITE))
    assert after["events"][0]["event"] == "Looked", after["events"]
    after, _ = change("an event, read by another identifier", lambda: telos.call("POST", "/v1/track", {"userId": "seen-1", "event": "Looked again"}, key=SITE),
                      subject="email:seen-1@example.hu")
    assert after["events"][0]["event"] == "Looked again", after["events"]
    after, _ = change("a preference", lambda: telos.call("PUT", "/v1/preferences?subject=" + who, {"channels": {"email": False}}))
    assert after["preferences"]["channels"] == {"email": False}, after["preferences"]
    after, merge = change("a join", lambda: telos.call("POST", "/v1/identities/%s/merges" % who, {"with": other}), purpose="service")
    assert {"type": "anonymous_id", "value": "seen-1-device"} in after["identifiers"], after["identifiers"]
    status, value, _ = telos.request("POST", "/v1/identities/%s/merges" % who, {"with": other})
    assert status == 409, (status, value)
    joined = remembered(telos, other, "service")
    after, _ = change("an undone join", lambda: telos.call("POST", "/v1/identities/%s/merges/%s/undo" % (who, merge["id"])), purpose="service")
    assert {"type": "anonymous_id", "value": "seen-1-device"} not in after["identifiers"], after["identifiers"]
    assert telos.profile(other, "service")["id"] != joined["id"]
    after, _ = change("an objection", lambda: telos.consent(who, "service", "objected"), purpose="service")
    assert after == 403, after
    telos.consent(who, "service", "objection_lifted")
    after, _ = change("a restriction", lambda: telos.call("POST", "/v1/rights", {"subject": who, "right": "restriction"}))
    assert after == 403, after
    telos.call("POST", "/v1/rights", {"subject": who, "right": "restriction_lifted"})
    after, _ = change("a withdrawal", lambda: telos.consent(who, "newsletter", "withdrawn"))
    assert after == 403, after


def a_change_by_another_route_is_seen_by_decide_at_once(telos):
    who = known(telos, "seen-2")
    ask = {"subject": who, "purpose": "newsletter", "channel": "email"}
    assert telos.call("POST", "/v1/decide", ask)["decision"] == "allow"
    telos.call("PUT", "/v1/preferences?subject=" + who, {"quiet_hours": {"from": "00:00", "to": "23:59", "zone": "UTC"}})
    quiet = telos.call("POST", "/v1/decide", ask)
    if datetime.datetime.now(datetime.timezone.utc).strftime("%H:%M") != "23:59":
        assert [r["code"] for r in quiet["reasons"]] == ["quiet_hours"] and quiet["valid_until"] == quiet["allowed_from"], quiet
    telos.call("PUT", "/v1/preferences?subject=" + who, {})
    assert telos.call("POST", "/v1/decide", ask)["decision"] == "allow"
    for status, decision in (("withdrawn", "deny"), ("given", "allow"), ("objected", "deny")):
        telos.consent(who, "newsletter", status, **({"notice": "newsletter@3"} if status == "given" else {}))
        assert telos.call("POST", "/v1/decide", {"subject": who, "purpose": "newsletter"})["decision"] == decision, status


def time_alone_ends_what_memory_holds(telos):
    """A consent lives 13 months where nothing else is said: this one has two seconds left."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    if end.day > 28:
        end = end.replace(day=28)  # it is over already: then there is nothing to wait for
    begun = end.replace(year=end.year - 2 if end.month == 1 else end.year - 1, month=12 if end.month == 1 else end.month - 1)
    known(telos, "seen-3")
    telos.consent("user_id:seen-3", "profiling", "given", notice="newsletter@3", at=begun.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")
    if telos.profile("user_id:seen-3", "profiling") == 403:
        return
    until = telos.call("POST", "/v1/decide", {"subject": "user_id:seen-3", "purpose": "profiling"})["valid_until"]
    while datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" < until:
        telos.profile("user_id:seen-3", "profiling")
        time.sleep(0.02)
    assert telos.profile("user_id:seen-3", "profiling") == 403
    assert telos.call("POST", "/v1/decide", {"subject": "user_id:seen-3", "purpose": "profiling"})["reasons"][0]["code"] == "consent_expired"


def a_policy_switch_is_seen_by_the_very_next_read(telos):
    who = known(telos, "seen-4")
    assert remembered(telos, who)["traits"]["name"] == "Seen-4"
    with open(telos.policy) as file:
        text = file.read()
    narrower = text.replace("categories: [email, name, behaviour], direct_marketing", "categories: [email, behaviour], direct_marketing")
    assert narrower != text
    notices = {"notices/newsletter.en.md": open(os.path.join(os.path.dirname(telos.policy), "notices", "newsletter.en.md")).read()}
    telos.call("POST", "/v1/policy", {"policy": narrower, "notices": notices})
    seen = telos.profile(who, "newsletter")
    telos.call("POST", "/v1/policy", {"policy": text, "notices": notices})
    assert "name" not in seen["traits"] and "Seen-4" not in str(seen), seen


def a_rotation_of_keys_changes_nothing_that_is_read(telos):
    who = known(telos, "seen-5")
    before = remembered(telos, who)
    telos.command("keys", "rotate")
    assert telos.profile(who, "newsletter") == before
    telos.call("POST", "/v1/track", {"userId": "seen-5", "event": "After"}, key=SITE)
    assert telos.profile(who, "newsletter")["events"][0]["event"] == "After"


def an_erased_person_is_not_remembered(telos):
    who = known(telos, "seen-6")
    remembered(telos, who)
    remembered(telos, "email:seen-6@example.hu")
    telos.call("POST", "/v1/rights", {"subject": who, "right": "erasure"})
    for subject in (who, "email:seen-6@example.hu"):
        assert telos.profile(subject, "newsletter") in (403, 404)
        assert telos.profile(subject, "service") in (403, 404)


def what_one_purpose_withholds_no_other_token_makes_readable(telos):
    telos.call("POST", "/v1/track", {"userId": "seen-7", "event": "Order Completed", "properties": {"invoice": "INV-7"}}, key=SHOP)
    who = known(telos, "seen-7")
    tokens = {purpose: telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": [purpose]}) for purpose in ("service", "newsletter", "books")}

    def read(purpose, events=20):
        status, value, _ = telos.request("GET", "/v1/profiles/%s?events=%d" % (who, events), headers=bearer(tokens[purpose]["token"]))
        assert status == 200 and value["purpose"] == purpose, (status, value)
        return value

    first = {purpose: read(purpose) for purpose in tokens}
    assert "name" in first["service"]["traits"] and "name" not in first["books"]["traits"], first["books"]
    assert "INV-7" in str(first["books"]["events"]) and "INV-7" not in str(first["service"]), first["service"]
    for _ in range(3):
        for purpose in tokens:
            assert read(purpose) == first[purpose]
            assert len(read(purpose, 0)["events"]) == 0
            for wrong in tokens:
                if wrong != purpose:
                    status, value, _ = telos.request("GET", "/v1/profiles/" + who, headers=dict(bearer(tokens[purpose]["token"]), Purpose=wrong))
                    assert status == 403 and "Seen-7" not in str(value), (status, value)
    assert telos.request("DELETE", "/v1/tokens/" + tokens["service"]["id"])[0] == 204
    assert telos.request("GET", "/v1/profiles/" + who, headers=bearer(tokens["service"]["token"]))[0] == 401


def recorded_reads_equal_the_reads_made(telos):
    who = known(telos, "seen-8")
    other = known(telos, "seen-9")
    made = telos.call("POST", "/v1/tokens", {"role": "marketer", "purposes": ["service", "newsletter"]})
    mine = bearer(made["token"])

    def profiles():
        for i in range(50):
            assert telos.request("GET", "/v1/profiles/" + (who if i % 2 else "email:seen-8@example.hu"), purpose="newsletter", headers=mine)[0] == 200

    threads = [threading.Thread(target=profiles) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(7):
        assert telos.request("POST", "/v1/decide", {"subject": who, "purpose": "newsletter"}, headers=mine)[0] == 200
    many = [{"subject": (who, other)[i % 2], "purpose": ("service", "newsletter", "newsletter")[i % 3]} for i in range(1000)]
    status, answers, _ = telos.request("POST", "/v1/decide", many, headers=mine)
    assert status == 200 and len(answers) == 1000
    few = [{"subject": who, "purpose": "service"}, {"subject": "email:seen-8@example.hu", "purpose": "service"}, {"subject": "user_id:nobody-8", "purpose": "service"}]
    assert telos.request("POST", "/v1/decide", few, headers=mine)[0] == 200

    def counts(subject):
        rows = telos.call("GET", "/v1/reads?subject=%s&token=%s&limit=1000" % (subject, made["id"]))["reads"]
        made_of = {}
        for row in rows:
            made_of[row["what"], row["purpose"]] = made_of.get((row["what"], row["purpose"]), 0) + 1
        return made_of

    wanted = {("profile", "newsletter"): 200, ("decide", "newsletter"): 7 + 1, ("decide", "service"): 1 + 1}
    wait(lambda: counts(who) == wanted, 15, "all reads that were made are recorded, and no other")
    assert counts(other) == {("decide", "newsletter"): 1, ("decide", "service"): 1}, counts(other)


def what_a_view_tells_of_other_purposes_is_for_those_who_have_them(telos):
    """The wide token first, then the narrow one, and the other way round: memory gives neither the other's text."""
    tokens = {name: bearer(telos.call("POST", "/v1/tokens", {"role": role, "purposes": purposes})["token"]) for name, role, purposes in (
        ("narrow", "agent", ["newsletter"]), ("two", "agent", ["newsletter", "service"]), ("care", "agent", ["newsletter", "care"]),
        ("privacy", "privacy", ["newsletter"]), ("wide", "agent", ["*"]))}

    def check(who, name):
        status, value, _ = telos.request("GET", "/v1/profiles/" + who, headers=tokens[name], purpose="newsletter")
        assert status == 200 and value["traits"]["name"], (name, status, value)
        fact = next(f for f in value["facts"] if f["name"] == "name" and f["source"] == "site")
        wanted = {"newsletter", "service"} if name in ("two", "wide") else {"newsletter"}
        assert set(fact["purposes"]) == wanted, (name, fact)
        wanted |= {"profiling"} if name == "wide" else set()
        assert set(value["consents"]) == wanted, (name, value["consents"])
        hidden = [w["field"] for w in value["withheld"]]
        assert ("diagnosis" in hidden) == (name not in ("narrow", "two")), (name, hidden)
        assert "flu" not in json.dumps(value) and (name != "narrow" or "care" not in json.dumps(value)), (name, value)

    names = list(tokens)
    for i, order in enumerate((names, names[::-1], names[2:] + names[:2])):
        who = known(telos, "told-%d" % i)
        telos.consent(who, "profiling", "given", notice="newsletter@3")
        telos.consent(who, "care", "given", notice="newsletter@3", explicit=True)
        telos.call("POST", "/v1/identify", {"userId": "told-%d" % i, "traits": {"diagnosis": "flu"}}, key="clinic-key-1")
        assert telos.profile(who, "care")["traits"] == {"diagnosis": "flu"}
        for name in order:
            check(who, name)
        before = found(telos)
        for name in order + order[::-1]:
            check(who, name)
        assert found(telos) == before + 2 * len(order), "these were not from memory"


def a_stream_tells_of_its_purpose_only(telos):
    stream = Stream(telos, "purpose=newsletter")
    who = known(telos, "told-stream")
    telos.consent(who, "profiling", "given", notice="newsletter@3")
    telos.consent(who, "care", "given", notice="newsletter@3", explicit=True)
    telos.call("POST", "/v1/identify", {"userId": "told-stream", "traits": {"diagnosis": "flu", "name": "Last"}}, key="clinic-key-1")
    wait(lambda: any(e["data"].get("traits", {}).get("name") == "Last" for e in stream.events), 10, "the profile on the stream")
    stream.close()
    data = stream.events[-1]["data"]
    assert "withheld" not in data and list(data["consents"]) == ["newsletter"] and {p for f in data["facts"] for p in f["purposes"]} == {"newsletter"}, data
    assert not any("diagnosis" in json.dumps(e) or "profiling" in json.dumps(e) for e in stream.events), stream.events


CASES = [what_a_view_tells_of_other_purposes_is_for_those_who_have_them, a_stream_tells_of_its_purpose_only,
         each_change_is_seen_by_the_very_next_read, a_change_by_another_route_is_seen_by_decide_at_once, time_alone_ends_what_memory_holds,
         a_policy_switch_is_seen_by_the_very_next_read, a_rotation_of_keys_changes_nothing_that_is_read, an_erased_person_is_not_remembered,
         what_one_purpose_withholds_no_other_token_makes_readable, recorded_reads_equal_the_reads_made]
