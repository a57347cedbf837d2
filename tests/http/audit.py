"""The registers of an audit: denials by reason, reads by person and by user; and decisions as evidence."""
import os
import subprocess

from collect import SITE
from people import bearer, token
from telos import wait


def total(telos, reason, what):
    rows = telos.call("GET", "/v1/denials?by=what")["denials"]
    return sum(row["count"] for row in rows if row["reason"] == reason and row["what"] == what)


def every_no_is_counted_by_its_reason(telos):
    telos.call("POST", "/v1/track", {"userId": "register-1", "event": "A"}, key=SITE)
    asked, withheld = total(telos, "consent_missing", "decide_denied"), total(telos, "consent_missing", "read_denied")
    for _ in range(3):
        assert telos.call("POST", "/v1/decide", {"subject": "user_id:register-1", "purpose": "newsletter"})["decision"] == "deny"
    assert telos.profile("user_id:register-1", "newsletter") == 403
    wait(lambda: total(telos, "consent_missing", "decide_denied") == asked + 3, 5, "three denied questions in the register")
    wait(lambda: total(telos, "consent_missing", "read_denied") == withheld + 1, 5, "one withheld read in the register")
    assert all(row["text"] for row in telos.call("GET", "/v1/denials")["denials"])


def denials_are_grouped_as_asked_and_name_nobody(telos):
    telos.call("POST", "/v1/decide", {"subject": "email:needle-person@register.example", "purpose": "needle-person purpose"})
    members = {"reason": set(), "day": {"day"}, "source": {"source", "what"}, "what": {"what"}, "field": {"field"}, "all": {"day", "source", "what", "field"}}
    wait(lambda: total(telos, "purpose_unknown", "decide_denied"), 5, "the unknown purpose in the register")
    totals = set()
    for by, more in members.items():
        reply = telos.call("GET", "/v1/denials?by=" + by)
        assert all(set(row) == {"reason", "text", "count"} | more for row in reply["denials"]), by
        assert sum(row["count"] for row in reply["denials"]) == reply["total"]
        totals.add(reply["total"])
        assert "needle" not in str(reply)
    assert len(totals) == 1, totals
    assert telos.call("GET", "/v1/denials?from=2020-01-01&to=2020-02-01") == {"denials": [], "total": 0}
    assert telos.request("GET", "/v1/denials?by=shoe")[0] == 400


def reads_are_listed_by_person_and_by_user(telos):
    telos.call("POST", "/v1/track", {"userId": "register-2", "event": "A"}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "register-3", "event": "A"}, key=SITE)
    made = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service"], "label": "desk 2"})
    for who in ("register-2", "register-3", "register-2"):
        assert telos.request("GET", "/v1/profiles/user_id:" + who, purpose="service", headers=bearer(made["token"]))[0] == 200

    def by_user():
        rows = telos.call("GET", "/v1/reads?token=" + made["id"])["reads"]
        return rows if len(rows) == 3 else None

    rows = wait(by_user, 5, "three reads of the token in the register")
    assert all(row["by"] == {"token": made["id"], "role": "agent", "label": "desk 2"} for row in rows), rows
    assert all(row["purpose"] == "service" and row["what"] == "profile" and row["ledger_index"] is not None for row in rows), rows
    assert rows[0]["profile"] == rows[2]["profile"] != rows[1]["profile"], rows
    of_person = [row for row in telos.call("GET", "/v1/reads?subject=user_id:register-2")["reads"] if row["by"]["token"] == made["id"]]
    assert len(of_person) == 2, of_person
    first = telos.call("GET", "/v1/reads?limit=1&token=" + made["id"])
    second = telos.call("GET", "/v1/reads?limit=1&token=%s&cursor=%s" % (made["id"], first["next"]))
    assert [first["reads"][0], second["reads"][0]] == rows[:2]
    assert telos.call("GET", "/v1/reads?from=2020-01-01&to=2020-02-01")["reads"] == []


def an_auditor_sees_the_registers_but_looks_nobody_up(telos):
    auditor = bearer(telos.call("POST", "/v1/tokens", {"role": "auditor"})["token"])
    assert telos.request("GET", "/v1/reads", headers=auditor)[0] == 200
    assert telos.request("GET", "/v1/denials", headers=auditor)[0] == 200
    assert telos.request("GET", "/v1/reads?subject=user_id:register-2", headers=auditor)[0] == 403
    for role in ("marketer", "agent"):
        assert telos.request("GET", "/v1/reads", headers=bearer(token(telos, role, "*")))[0] == 403
    for path in ("/v1/reads?token=nobody", "/v1/reads?cursor=!", "/v1/reads?from=never"):
        assert telos.request("GET", path)[0] == 400, path
    assert telos.request("GET", "/v1/reads?subject=user_id:register-nobody")[0] == 404


def the_commands_show_the_registers(telos):
    rows = telos.command("audit", "reads", "user_id:register-2")["reads"]
    assert rows and all(row["profile"] for row in rows), rows
    assert telos.command("audit", "denials", "--by", "all")["total"] > 0


def a_decision_can_be_shown_and_checked_whatever_became_of_its_event(telos):
    who = "user_id:decided-1"
    telos.call("POST", "/v1/track", {"userId": "decided-1", "event": "A"}, key=SITE)
    telos.consent(who, "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/track", {"userId": "decided-1", "event": "B"}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "decided-1", "event": "C"}, key="quiet-key-1")
    before = telos.call("GET", "/v1/profiles/%s/decisions" % who)["items"]
    assert [item["decision"]["purposes"] for item in before] == [["newsletter"], ["service", "newsletter"], ["service"]], before
    telos.consent(who, "newsletter", "withdrawn")
    after = telos.call("GET", "/v1/profiles/%s/decisions" % who)["items"]
    assert {i["event"]: i["decision"] for i in after} == {i["event"]: i["decision"] for i in before}, "they say the same as before"
    assert sorted(i["event_is"] for i in after) == ["gone", "stored", "stored"], after
    pages, cursor = [], ""
    while cursor is not None:
        page = telos.call("GET", "/v1/profiles/%s/decisions?limit=1%s" % (who, cursor))
        pages += page["items"]
        cursor = "&cursor=" + page["next"] if "next" in page else None
    assert pages == after
    key, path = os.path.join(telos.data, "keys", "verifier.pub"), os.path.join(telos.directory, "decision.json")
    for item in after:
        telos.command("audit", "decisions", who, item["event"], "--out", path)
        assert subprocess.run([telos.program, "verify", path, "--key", key], stdout=subprocess.DEVNULL).returncode == 0, item
    with open(path) as f:
        forged = f.read().replace("accepted", "acceptex")
    with open(path, "w") as f:
        f.write(forged)
    assert subprocess.run([telos.program, "verify", path, "--key", key], stdout=subprocess.DEVNULL).returncode == 1
    assert len(telos.command("audit", "decisions", who)["items"]) == 3
    for role in ("auditor", "marketer", "agent"):
        assert telos.request("GET", "/v1/profiles/%s/decisions" % who, headers=bearer(token(telos, role, "*")))[0] == 403, role
    some = bearer(token(telos, "privacy", "service"))
    seen = telos.request("GET", "/v1/profiles/%s/decisions" % who, headers=some)[1]["items"]
    assert [i["decision"]["purposes"] for i in seen] == [["service"]], "a token sees what all of its purposes were allowed for"
    hidden = next(i["event"] for i in after if i["event_is"] == "gone")
    assert telos.request("GET", "/v1/profiles/%s/decisions/%s" % (who, hidden), headers=some)[0] == 403
    assert telos.request("GET", "/v1/profiles/%s/decisions/not-an-id" % who)[0] == 400
    assert telos.request("GET", "/v1/profiles/%s/decisions/%s" % (who, "0" * 8 + "-0000-7000-8000-" + "0" * 12))[0] == 404
    assert telos.request("GET", "/v1/profiles/%s/decisions?cursor=x" % who)[0] == 400
    assert telos.request("GET", "/v1/profiles/user_id:decided-nobody/decisions")[0] == 404


CASES = [
    a_decision_can_be_shown_and_checked_whatever_became_of_its_event,
    every_no_is_counted_by_its_reason,
    denials_are_grouped_as_asked_and_name_nobody,
    reads_are_listed_by_person_and_by_user,
    an_auditor_sees_the_registers_but_looks_nobody_up,
    the_commands_show_the_registers,
]
