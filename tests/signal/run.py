#!/usr/bin/env python3
"""Consent signals from outside: on messages, by API, decoded, and given out again.

Usage: run.py TELOS [CASE…]        ends with "N passed, N failed"
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from telos import Telos, run_cases, wait  # noqa: E402

WEB, US = "web-key-1", "us-key-1"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ADS = (1, 3, 4)
CALIFORNIA_OUT, CALIFORNIA_IN = "DBABBg~BQUAAABA", "DBABBg~BQoAAABA"


class Bits:
    def __init__(self):
        self.text = ""

    def put(self, value, width):
        self.text += format(value, "0%db" % width) if width else ""
        return self

    def ids(self, ids, count):
        self.text += "".join("1" if i + 1 in ids else "0" for i in range(count))
        return self

    def vendors(self, ids):
        most = max(ids, default=0)
        return self.put(most, 16).put(0, 1).ids(ids, most)

    def base64(self):
        padded = self.text + "0" * (-len(self.text) % 24)
        return "".join(ALPHABET[int(padded[i:i + 6], 2)] for i in range(0, len(padded), 6))


def tc_string(consent=ADS, interest=(7,), own=ADS, own_interest=(7,), vendors=(755,), disclosed=(755,), day=None, policy=5, publisher=True):
    """A TC string of TCF 2.3, of today unless told otherwise."""
    tenths = (int(time.time()) // 86400 * 86400 if day is None else day) * 10
    core = Bits().put(2, 6).put(tenths, 36).put(tenths, 36).put(31, 12).put(7, 12).put(1, 6).put(7, 6).put(20, 6).put(142, 12).put(policy, 6)
    core.put(1, 1).put(0, 1).put(0, 12).ids(consent, 24).ids(interest, 24).put(0, 1).put(7, 6).put(20, 6).vendors(vendors).vendors(()).put(0, 12)
    parts = [core, Bits().put(1, 3).vendors(disclosed)]
    if publisher:
        parts.append(Bits().put(3, 3).ids(own, 24).ids(own_interest, 24).put(0, 6))
    return ".".join(part.base64() for part in parts)


def send(telos, who, consent, key=WEB, headers=None):
    message = {"event": "Viewed", "anonymousId": who, "properties": {"page": "/"}, "context": {"consent": consent}}
    status, value, _ = telos.request("POST", "/v1/track", message, headers=headers, key=key)
    assert status == 200, value


def said(telos, who):
    return [(record["purpose"], record["status"], record["method"]) for record in telos.call("GET", "/v1/consents?subject=anonymous_id:" + who)["consents"]]


def tell(telos, subject, value, **more):
    return telos.call("POST", "/v1/consents/signals", dict({"subject": subject, "value": value}, **more))


def state(telos, subject):
    return telos.call("GET", "/v1/consents/state?subject=" + subject)


def a_tc_string_on_a_message_is_heard_and_kept_as_evidence(telos):
    text = tc_string()
    send(telos, "a1", {"tcf": text})
    records = telos.call("GET", "/v1/consents?subject=anonymous_id:a1")["consents"]
    ads = next(r for r in records if r["purpose"] == "ads" and r["status"] == "given")
    assert ads["signal"] == text and ads["reference"] == "decoder tcf/1" and ads["method"] == "tcf", ads
    assert ("stats", "refused", "tcf") in said(telos, "a1")
    before = len(records)
    send(telos, "a1", {"tcf": text})
    assert len(said(telos, "a1")) == before, "a repeated string is no new statement"


def the_same_by_api_says_what_became_of_it(telos):
    answer = tell(telos, "user_id:b1", tc_string(), source="web")
    assert answer["kind"] == "tcf"
    made = {(r["purpose"], r["status"]) for r in answer["records"]}
    assert made == {("ads", "given"), ("ads", "vendor_permitted"), ("stats", "refused")}, answer
    assert all(r["ledger_index"] > 0 and r["id"] for r in answer["records"])
    assert [(u["purpose"], u["says"]) for u in answer["unchanged"]] == [("measure", "yes")], answer
    again = tell(telos, "user_id:b1", tc_string(), source="web")
    assert not again["records"] and len(again["unchanged"]) == 3, again
    receipt = telos.call("GET", "/v1/consents/%s/receipt" % answer["records"][0]["id"])
    assert receipt, "each record has its receipt"


def a_token_with_few_purposes_can_only_take_away(telos):
    made = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["stats"]})
    headers = {"Authorization": "Bearer " + made["token"]}
    status, value, _ = telos.request("POST", "/v1/consents/signals", {"subject": "user_id:c1", "value": tc_string(own=ADS + (9,))}, headers=headers)
    assert status == 200 and [r["purpose"] for r in value["records"]] == ["stats"], value
    assert "token" in next(u["why"] for u in value["unchanged"] if u["purpose"] == "ads"), value


def what_makes_no_sense_is_refused(telos):
    cases = [{"value": "x"}, {"subject": "user_id:d"}, {"subject": "user_id:d", "value": "zzz"}, {"subject": "user_id:d", "value": "C", "kind": "nothing"},
             {"subject": "user_id:d", "value": "C", "source": "nowhere"}, {"subject": "nothing", "value": "C"}]
    for body in cases:
        status, value, _ = telos.request("POST", "/v1/consents/signals", body)
        assert status == 400, (body, status, value)
    status, value, _ = telos.request("POST", "/v1/consents/signals", {"subject": "user_id:d", "value": "C", "at": "2099-01-01T00:00:00Z"})
    assert status == 409, (status, value)
    status, value, _ = telos.request("POST", "/v1/consents", {"subject": "user_id:d", "purpose": "ads", "status": "vendor_permitted"})
    assert status == 400, "only a string permits a vendor"
    status, _, _ = telos.request("GET", "/v1/consents/state?subject=user_id:d", key=WEB)
    assert status in (401, 403), "a write key never reads"


def unreadable_strings_grant_nothing(telos):
    whole = tc_string()
    for i, text in enumerate([whole[:-60], whole.replace(".", "!"), tc_string(policy=3), tc_string(publisher=False), tc_string(day=int(time.time()) + 5 * 86400), "", "C"]):
        send(telos, "e%d" % i, {"tcf": text})
        assert not [r for r in said(telos, "e%d" % i) if r[1] == "given"], text


def a_vendor_is_asked_of_the_gate_by_its_string(telos):
    def asked(subject):
        answer = telos.call("POST", "/v1/decide", {"subject": subject, "purpose": "ads", "recipient": "reach"})
        return answer["decision"], [reason["code"] for reason in answer["reasons"]]

    telos.consent("user_id:f1", "ads", "given", notice="privacy@1")
    assert asked("user_id:f1") == ("deny", ["vendor_not_permitted"])
    tell(telos, "user_id:f1", tc_string(disclosed=(8,)))
    assert asked("user_id:f1")[0] == "deny"
    tell(telos, "user_id:f1", tc_string())
    assert asked("user_id:f1") == ("allow", [])
    tell(telos, "user_id:f1", tc_string(vendors=()))
    assert asked("user_id:f1") == ("deny", ["vendor_not_permitted"])


def californians_opt_out_by_gpp_header_and_message(telos):
    send(telos, "g1", {"gpp": CALIFORNIA_OUT}, key=US)
    assert said(telos, "g1") == [("sell", "opted_out", "gpp")]
    send(telos, "g1", {"gpp": {"gppString": CALIFORNIA_IN, "applicableSections": [8]}}, key=US)
    assert said(telos, "g1")[-1] == ("sell", "objection_lifted", "gpp")
    send(telos, "g1", {}, key=US, headers={"Sec-GPC": "1"})
    send(telos, "g1", {"gpp": CALIFORNIA_IN}, key=US)
    assert said(telos, "g1")[-1] == ("sell", "opted_out", "gpc"), "GPP takes back no GPC"
    telos.call("POST", "/v1/track", {"event": "Viewed", "userId": "g1"}, key=US)
    telos.call("POST", "/v1/identities/user_id:g1/merges", {"with": "anonymous_id:g1"})
    assert state(telos, "user_id:g1")["us"] == {"sale": "opted_out", "sharing": "opted_out"}, "it goes with the person"


def consent_mode_comes_in_and_goes_out(telos):
    send(telos, "h1", {"consentMode": {"ad_storage": "granted", "ad_user_data": "granted", "analytics_storage": "denied"}})
    assert ("ads", "given", "consent_mode") in said(telos, "h1") and ("stats", "refused", "consent_mode") in said(telos, "h1")
    out = state(telos, "anonymous_id:h1")
    assert out["consent_mode"] == {"ad_storage": "granted", "ad_user_data": "granted", "analytics_storage": "denied"}, out
    assert out["categoryPreferences"] == {"Advertising": True}
    assert out["tcf"] == {"purposes_consent": [1, 3, 4], "purposes_interest": [7], "vendors": []}
    assert out["purposes"]["stats"]["allowed"] is False and out["purposes"]["stats"]["reasons"] == ["consent_refused"], out["purposes"]["stats"]
    tell(telos, "anonymous_id:h1", tc_string())
    assert state(telos, "anonymous_id:h1")["tcf"]["vendors"] == [755]
    telos.consent("anonymous_id:h1", "ads", "withdrawn")
    out = state(telos, "anonymous_id:h1")
    assert out["consent_mode"]["ad_storage"] == "denied" and out["tcf"]["purposes_consent"] == [] and out["tcf"]["vendors"] == []


def nobody_known_is_allowed_nothing_that_rests_on_consent(telos):
    out = state(telos, "user_id:nobody")
    assert out["known"] is False and set(out["consent_mode"].values()) == {"denied"} and out["tcf"]["purposes_consent"] == []


def a_state_read_is_recorded(telos):
    tell(telos, "user_id:i1", tc_string(own=ADS + (9,)))
    telos.call("POST", "/v1/track", {"userId": "i1", "event": "A"}, key=WEB)
    state(telos, "user_id:i1")
    wait(lambda: any("consent state" in str(item) for item in telos.timeline("user_id:i1", "ads")), 5, "the read in the timeline")


def decoding_shows_bits_and_purposes_and_records_nothing(telos):
    answer = telos.call("POST", "/v1/signals/decode", {"value": tc_string()})
    assert answer["kind"] == "tcf" and answer["decoded"]["readable"] is True and answer["decoded"]["purposes_consent"] == [1, 3, 4], answer
    words = {p["purpose"]: (p["on_consent"], p["on_interest"]) for p in answer["purposes"]}
    assert words["ads"][0] == "yes" and words["stats"][0] == "no" and words["measure"][1] == "yes", words
    assert answer["vendors"] == [{"destination": "reach", "vendor": 755, "on_consent": True, "on_interest": False}], answer["vendors"]
    shown = telos.call("POST", "/v1/signals/decode", {"value": "DBABBg~BUUAAABA.YA"})
    assert shown["purposes"][0]["opted_out"] is True and shown["decoded"]["sections"][0]["name"] == "usca", shown
    bad = telos.call("POST", "/v1/signals/decode", {"value": "CPX"})
    assert bad["decoded"]["readable"] is False and bad["decoded"]["fault"] == "cut_short", bad


def the_command_does_the_same(telos):
    import json
    import subprocess
    done = subprocess.run([telos.program, "signal", "decode", tc_string(), "--policy", telos.policy, "--json"], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["purposes"][0]["on_consent"] == "yes", done.stdout
    done = subprocess.run([telos.program, "signal", "decode", "CPX", "--json"], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 1, "what cannot be believed is a no"
    told = telos.command("signal", "tell", "user_id:k1", tc_string(), "--source", "web")
    assert told["records"], told
    assert telos.command("signal", "state", "user_id:k1")["consent_mode"]["ad_storage"] == "granted"


CASES = [a_tc_string_on_a_message_is_heard_and_kept_as_evidence, the_same_by_api_says_what_became_of_it, a_token_with_few_purposes_can_only_take_away,
         what_makes_no_sense_is_refused, unreadable_strings_grant_nothing, a_vendor_is_asked_of_the_gate_by_its_string,
         californians_opt_out_by_gpp_header_and_message, consent_mode_comes_in_and_goes_out, nobody_known_is_allowed_nothing_that_rests_on_consent,
         a_state_read_is_recorded, decoding_shows_bits_and_purposes_and_records_nothing, the_command_does_the_same]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    telos = Telos(os.path.abspath(sys.argv[1]), os.path.join(HERE, "policy.yaml"), {"WEB_WRITE_KEY": WEB, "US_WRITE_KEY": US})
    telos.start()
    sys.exit(run_cases(CASES, telos, only=sys.argv[2:]))


if __name__ == "__main__":
    main()
