"""What the console stands on beside what others use: names in the live feed, persons by number, the evidence as an archive, long work under way."""
import io
import json
import os
import subprocess
import tempfile
import zipfile

from access import Feed
from collect import SITE, raw
from people import bearer, token
from telos import Telos, wait


def reads_of(telos, id, what):
    return [row for row in telos.call("GET", "/v1/reads?token=" + id)["reads"] if row["what"] == what]


def a_message_is_called_by_name_to_whom_its_purpose_is_and_the_look_is_recorded(telos):
    mine = telos.call("POST", "/v1/tokens", {"role": "marketer", "purposes": ["service"]})
    other = telos.call("POST", "/v1/tokens", {"role": "marketer", "purposes": ["newsletter"]})
    feed, strange = Feed(telos, "/v1/live", bearer(mine["token"])), Feed(telos, "/v1/live", bearer(other["token"]))
    for event in ("Lamp Viewed", "Lamp Bought"):
        telos.call("POST", "/v1/track", {"userId": "console-live", "event": event}, key=SITE)
    telos.call("POST", "/v1/page", {"userId": "console-live", "name": "Lamps"}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "console-live", "event": "x" * 200}, key=SITE)
    telos.call("POST", "/v1/track", {"userId": "console-held", "event": "Never Kept"}, key="quiet-key-1")
    wait(lambda: len(feed.messages()) >= 5 and len(strange.messages()) >= 5, 30, "all messages")
    assert [m.get("name") for m in feed.messages()[:5]] == ["Lamp Viewed", "Lamp Bought", "Lamps", None, None], feed.messages()
    assert all("name" not in m for m in strange.messages()), "who has no purpose of it is not told"
    rows = wait(lambda: reads_of(telos, mine["id"], "live"), 10, "the look in the register of reads")
    assert len(rows) == 1 and rows[0]["purpose"] == "service", "one person in sight is one read: %s" % rows
    assert not reads_of(telos, other["id"], "live")


def a_person_is_found_by_the_number_of_the_profile_and_the_gate_decides(telos):
    telos.call("POST", "/v1/identify", {"userId": "console-number", "traits": {"name": "Number", "email": "number@example.hu"}}, key=SITE)
    whole = telos.profile("user_id:console-number", "service")
    subject = "profile:" + whole["id"]
    agent = telos.call("POST", "/v1/tokens", {"role": "agent", "purposes": ["service", "newsletter"]})
    status, seen, _ = telos.request("GET", "/v1/profiles/" + subject, purpose="service", headers=bearer(agent["token"]))
    assert status == 200 and seen["id"] == whole["id"] and {i["value"] for i in seen["identifiers"]} == {"console-number", "number@example.hu"}, seen
    status, denied, _ = telos.request("GET", "/v1/profiles/" + subject, purpose="newsletter", headers=bearer(agent["token"]))
    assert status == 403 and denied["reasons"][0]["code"] == "consent_missing", denied
    assert telos.call("GET", "/v1/profiles/%s/timeline?purpose=service" % subject)["id"] == whole["id"]
    assert telos.call("GET", "/v1/identities/%s?purpose=service" % subject)["profiles"][0]["id"] == whole["id"]
    assert telos.call("POST", "/v1/decide", {"subject": subject, "purpose": "newsletter"})["decision"] == "deny"
    wait(lambda: len(reads_of(telos, agent["id"], "profile")) == 2, 10, "both looks in the register of reads")
    assert telos.request("GET", "/v1/profiles/profile:0192f6a1-3c4e-7b2d-9f10-5a6b7c8d9e0f?purpose=service")[0] == 404
    assert telos.request("GET", "/v1/profiles/profile:nobody?purpose=service")[0] == 400
    assert telos.request("POST", "/v1/consents", {"subject": subject, "purpose": "newsletter", "status": "given"})[0] == 400, "something is said of an identifier"
    telos.consent("user_id:console-number", "newsletter", "given", notice="newsletter@3")
    assert telos.request("GET", "/v1/profiles/" + subject, purpose="newsletter", headers=bearer(agent["token"]))[0] == 200, "no older answer is kept"


def taken(telos, query, by):
    status, content, headers = raw(telos, "GET", "/v1/audit/export" + query, headers=bearer(by))
    assert status == 200, (status, content[:300])
    assert headers["Content-Type"] == "application/zip" and headers["Content-Disposition"].endswith('.zip"')
    folder = tempfile.mkdtemp(prefix="telos-archive-")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def verified(telos, folder):
    key = os.path.join(folder, "published.pub")
    with open(key, "wb") as f:
        f.write(raw(telos, "GET", "/v1/evidence/key")[1])
    os.rename(key, folder + ".pub")
    done = subprocess.run([telos.program, "verify", folder, "--key", folder + ".pub"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def text_of(folder, part):
    found = ""
    for place, _, names in os.walk(os.path.join(folder, part)):
        for name in names:
            with open(os.path.join(place, name), errors="replace") as f:
                found += f.read()
    return found


def the_evidence_is_taken_as_an_archive_that_verifies_with_nothing_personal_in_it(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    own.consent("email:needle@archive.example", "newsletter", "given", notice="newsletter@3", method="needle-call")
    own.call("POST", "/v1/identify", {"userId": "needle-archive", "traits": {"name": "Needle"}}, key=SITE)
    auditor = token(own, "auditor")
    folder = taken(own, "", auditor)
    status, said = verified(own, folder)
    assert status == 0, said
    assert json.load(open(os.path.join(folder, "export.json")))["records_closed"] is True
    assert "needle" not in text_of(folder, "").lower(), "closed records name nobody"
    assert '"record"' not in text_of(folder, "records"), "no record is open"
    assert "evidence_exported" in text_of(folder, "tile"), "the export holds that it was taken"
    record = next(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if place.endswith("000") or name == "000" or ".p" in place)
    with open(record, "r+b") as f:
        first = f.read(40)
        f.seek(0)
        f.write(bytes([first[0] ^ 1]) + first[1:])
    assert verified(own, folder)[0] == 1, "a changed byte is found"
    own.remove()


def opened_records_are_for_who_may_see_all_and_each_is_a_recorded_read(telos):
    own = Telos(telos.program, telos.policy, telos.environment).start()
    own.consent("email:opened@archive.example", "newsletter", "given", notice="newsletter@3", method="by word of mouth")
    assert raw(own, "GET", "/v1/audit/export?records=opened", headers=bearer(token(own, "auditor")))[0] == 403
    assert raw(own, "GET", "/v1/audit/export?records=opened", headers=bearer(token(own, "privacy", "service")))[0] == 403
    assert raw(own, "GET", "/v1/audit/export", headers=bearer(token(own, "marketer", "*")))[0] == 403
    assert raw(own, "GET", "/v1/audit/export?records=odd", headers=bearer(own.token))[0] == 400
    assert raw(own, "GET", "/v1/audit/export?from=2026-02-01&to=2026-01-01", headers=bearer(own.token))[0] == 400
    privacy = own.call("POST", "/v1/tokens", {"role": "privacy", "purposes": ["*"]})
    folder = taken(own, "?records=opened", privacy["token"])
    status, said = verified(own, folder)
    assert status == 0, said
    assert "by word of mouth" in text_of(folder, "records")
    rows = wait(lambda: reads_of(own, privacy["id"], "evidence"), 10, "the person of the record in the register of reads")
    assert len(rows) == 1, rows
    nothing = taken(own, "?records=opened&to=2020-01-01", privacy["token"])
    assert verified(own, nothing)[0] == 0 and not text_of(nothing, "records")
    own.remove()


def long_work_under_way_is_told_to_whoever_began_it(telos):
    assert telos.call("GET", "/v1/jobs") == {"jobs": []}
    assert raw(telos, "GET", "/v1/jobs", headers=bearer(token(telos, "auditor")))[0] == 200
    assert raw(telos, "GET", "/v1/jobs")[0] == 401


CASES = [
    a_message_is_called_by_name_to_whom_its_purpose_is_and_the_look_is_recorded,
    a_person_is_found_by_the_number_of_the_profile_and_the_gate_decides,
    the_evidence_is_taken_as_an_archive_that_verifies_with_nothing_personal_in_it,
    opened_records_are_for_who_may_see_all_and_each_is_a_recorded_read,
    long_work_under_way_is_told_to_whoever_began_it,
]
