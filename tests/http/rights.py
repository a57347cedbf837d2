"""Rights of persons as requests: states, deadlines, identity, answers, the copy as a ZIP, the certificate, registers, and who may do what."""
import base64
import csv
import datetime
import http.client
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.parse
import uuid
import zipfile

from collect import SITE, raw
from people import bearer, token
from telos import Telos, needles_in, wait

SHOP = "shop-key-1"


def known(telos, name, **traits):
    telos.call("POST", "/v1/identify", {"userId": name, "traits": dict({"name": "Name of " + name, "email": name + "@example.hu"}, **traits)}, key=SITE)
    return "user_id:" + name


def opened(telos, subject, right, **more):
    return telos.call("POST", "/v1/rights", dict({"subject": subject, "right": right, "open": True}, **more))


def act(telos, request, action, body=None, **options):
    return telos.call("POST", "/v1/rights/%s/%s" % (request["id"], action), body or {}, **options)


def refused(telos, request, action, body=None):
    return telos.request("POST", "/v1/rights/%s/%s" % (request["id"], action), body or {})[0]


def steps(request):
    return [step["step"] for step in request["steps"]]


def month_later(day, months=1):
    """Art. 12(3) as Regulation 1182/71 reckons it, written once more."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    last = (datetime.date(year + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)).day
    due = datetime.date(year, month, min(day.day, last))
    while due.weekday() >= 5:
        due += datetime.timedelta(days=1)
    return due


def a_request_lives_from_its_opening_to_its_answer(telos):
    subject = known(telos, "life-1")
    made = opened(telos, subject, "access", text="Kérem a másolatot.", reference="2026/7")
    assert made["state"] == "received" and made["article"] == "15" and made["subject"] == subject and made["text"] == "Kérem a másolatot.", made
    opened_at = datetime.datetime.fromisoformat(made["opened_at"].replace("Z", "+00:00"))
    local = opened_at + datetime.timedelta(hours=1)  # Budapest, in winter
    due = datetime.datetime.fromisoformat(made["due_at"].replace("Z", "+00:00"))
    summer = 2 if 4 <= month_later(local.date()).month <= 9 else 1
    assert (due + datetime.timedelta(hours=summer)).date() == month_later(local.date()), (made["opened_at"], made["due_at"])
    assert 27 < made["days_left"] < 35 and not made["overdue"] and not made["extended"], made
    for action, body in (("fulfil", {}), ("decide", {"decision": "upheld", "answer": "x"})):
        assert refused(telos, made, action, body) == 409, action + " before the identity is known"
    assert telos.request("GET", "/v1/rights/%s/export" % made["id"])[0] == 409
    sure = act(telos, made, "confirm")
    assert sure["state"] == "in_progress" and sure["identity"] == "staff"
    done = act(telos, made, "fulfil", {"answer": "Itt van."})
    assert done["state"] == "completed" and done["days_left"] is None and done["done_at"] and steps(done) == ["opened", "identity_confirmed", "fulfilled"], done
    seen = telos.call("GET", "/v1/rights/" + made["id"])
    assert seen["answer"] == "Itt van." and seen["reference"] == "2026/7" and steps(seen) == steps(done)
    for step in seen["steps"]:
        proof = telos.call("GET", "/v1/evidence/proof/%d" % step["ledger_index"])
        assert proof["index"] == step["ledger_index"] and step["role"] == "admin" and step["token"], step
    for action in ("confirm", "fulfil", "withdraw", "verify"):
        assert refused(telos, made, action) == 409, "closed is closed: " + action
    assert refused(telos, made, "extend", {"reason": "x"}) == 409 and refused(telos, made, "refuse", {"code": "excessive"}) == 409


def a_deadline_is_extended_once_with_a_reason(telos):
    made = opened(telos, known(telos, "extend-1"), "portability")
    assert refused(telos, made, "extend") == 400, "without a reason"
    longer = act(telos, made, "extend", {"reason": "many sources"})
    assert longer["extended"] and longer["state"] == "received" and longer["due_at"] > made["due_at"] and longer["days_left"] > 80, longer
    assert telos.call("GET", "/v1/rights/" + made["id"])["extension"] == "many sources"
    assert refused(telos, made, "extend", {"reason": "again"}) == 409


def a_refusal_names_its_law(telos):
    made = opened(telos, known(telos, "refuse-1"), "erasure")
    assert refused(telos, made, "refuse", {"code": "no mood"}) == 400
    no = act(telos, made, "refuse", {"code": "identity_failure", "answer": "The link was never opened."})
    assert no["state"] == "refused" and no["refusal"]["dpv"] == "eu-gdpr:JustificationA12IdentityFailure" and "Art. 12" in no["refusal"]["law"], no
    assert telos.profile("user_id:refuse-1", "service")["traits"]["name"], "nothing was erased"
    certificate = telos.call("GET", "/v1/rights/%s/certificate" % made["id"])
    assert certificate["refused_because"] == "identity_failure" and certificate["proof"]["proofValue"]


def a_person_takes_a_request_back(telos):
    made = opened(telos, known(telos, "back-1"), "erasure")
    assert act(telos, made, "withdraw")["state"] == "withdrawn"


def an_unknown_identifier_ends_as_no_match_and_is_not_kept(telos):
    made = opened(telos, "email:nobody-needle@example.hu", "access", text="nobody-needle wrote this")
    assert made["state"] == "no_match" and steps(made) == ["opened", "no_match"] and not made.get("text") and not made.get("subject"), made
    seen = telos.call("GET", "/v1/rights/" + made["id"])
    assert not seen["subject"] and not seen["text"]
    assert not needles_in(telos.data, [b"nobody-needle"]), "it is in no file"
    assert refused(telos, made, "confirm") == 409 and refused(telos, made, "verify") == 409
    assert telos.request("POST", "/v1/rights", {"subject": "email:nobody-needle@example.hu", "right": "access"})[0] == 404, "done at once there is nothing"


def what_the_person_wrote_is_sealed(telos):
    opened(telos, known(telos, "sealed-1"), "rectification", text="needle-words-of-the-person", reference="needle-reference", values={"name": "needle-right-name"})
    assert not needles_in(telos.data, [b"needle-words-of-the-person", b"needle-reference", b"needle-right-name"])


def rectification_replaces_what_is_wrong(telos):
    subject = known(telos, "rectify-1", plan="gold")
    telos.call("POST", "/v1/identify", {"userId": "rectify-1", "traits": {"name": "Wrong once more"}}, key=SITE)
    done = telos.call("POST", "/v1/rights", {"subject": subject, "right": "rectification", "values": {"name": "Right at last", "plan": None}})
    assert done["state"] == "completed", done
    seen = telos.profile(subject, "service")
    assert seen["traits"]["name"] == "Right at last" and "plan" not in seen["traits"], seen["traits"]
    assert {fact["value"] for fact in seen["facts"] if fact["name"] == "name"} == {"Right at last"}, seen["facts"]
    for bad in (None, {}, {"shoe": 42}, {"name": {"first": "x"}}, [1]):
        status = telos.request("POST", "/v1/rights", {"subject": subject, "right": "rectification", "values": bad})[0]
        assert status in (400, 409), (bad, status)
    made = opened(telos, subject, "rectification", values={"name": "Righter still"})
    act(telos, made, "confirm")
    assert act(telos, made, "fulfil")["state"] == "completed" and telos.profile(subject, "service")["traits"]["name"] == "Righter still"


def an_objection_is_examined_upheld_or_overridden(telos):
    subject = known(telos, "object-1")
    absolute = telos.call("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "newsletter"})
    assert absolute["state"] == "completed", "to direct marketing it is absolute"
    assert telos.request("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "books"})[0] == 409, "there is none to a law"
    done = telos.call("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "service"})
    # this policy lets nobody override, so there is nothing to examine
    assert done["state"] == "completed" and refused(telos, done, "decide", {"decision": "overridden", "answer": "x", "evidence": "y"}) == 409


def a_withdrawal_takes_back_every_consent(telos):
    subject = known(telos, "withdraw-1")
    for purpose in ("newsletter", "profiling"):
        telos.consent(subject, purpose, "given", notice="newsletter@3")
    assert telos.call("POST", "/v1/rights", {"subject": subject, "right": "withdrawal"})["state"] == "completed"
    for purpose in ("newsletter", "profiling"):
        assert telos.call("POST", "/v1/decide", {"subject": subject, "purpose": purpose})["reasons"][0]["code"] == "consent_withdrawn"


def a_human_being_reviews_and_says_why(telos):
    made = opened(telos, known(telos, "review-1"), "human_review", text="The machine said no.")
    act(telos, made, "confirm")
    assert refused(telos, made, "fulfil") == 400, "without an answer"
    done = act(telos, made, "fulfil", {"answer": "We looked again: yes."})
    assert done["state"] == "completed" and done["answer"] == "We looked again: yes."


def page(telos, url, form=None):
    """(status, text) of the page behind a link, as a browser gets it."""
    path = url[url.index("/rights"):]
    if form is None:
        status, content, headers = raw(telos, "GET", path)
    else:
        body = urllib.parse.urlencode(form)
        status, content, headers = raw(telos, "POST", path.split("?")[0], body, {"Content-Type": "application/x-www-form-urlencoded"})
    return status, content.decode(), headers


def a_person_confirms_by_a_signed_link(telos):
    subject = known(telos, "link-1")
    made = opened(telos, subject, "access", text="link words")
    asked = act(telos, made, "verify")
    assert asked["state"] == "verifying" and "/rights?t=" in asked["url"] and "link-1" not in asked["url"] and asked["expires_at"], asked
    status, text, headers = page(telos, asked["url"])
    assert status == 200 and "<form" in text and "<script" not in text and 'method="post"' in text, text
    assert headers["Referrer-Policy"] == "no-referrer" and "no-store" in headers["Cache-Control"]
    status, text, _ = page(telos, asked["url"] + "&lang=hu")
    assert 'lang="hu"' in text and "megerősítem" in text, text
    query = dict(urllib.parse.parse_qsl(asked["url"].split("?", 1)[1]))
    broken = asked["url"].replace(query["t"], query["t"][:-1] + ("A" if query["t"][-1] != "A" else "B"))
    assert page(telos, broken)[0] == 403
    assert page(telos, asked["url"], {"t": query["t"], "r": str(uuid.uuid4()), "do": "confirm"})[0] in (403, 404)
    assert telos.call("GET", "/v1/rights/" + made["id"])["state"] == "verifying", "looking is not confirming"
    other = opened(telos, known(telos, "link-2"), "erasure")
    assert page(telos, asked["url"], {"t": query["t"], "r": other["id"], "do": "confirm"})[0] in (403, 404), "not somebody else's request"
    status, text, _ = page(telos, asked["url"], {"t": query["t"], "r": made["id"], "do": "confirm"})
    assert status in (200, 303), (status, text)
    seen = telos.call("GET", "/v1/rights/" + made["id"])
    assert seen["state"] == "in_progress" and seen["identity"] == "link" and seen["steps"][-1]["role"] == "person" and seen["steps"][-1]["token"] is None, seen
    again = opened(telos, subject, "portability")
    link = act(telos, again, "verify", {"to": "email:link-1@example.hu"})
    query = dict(urllib.parse.parse_qsl(link["url"].split("?", 1)[1]))
    page(telos, link["url"], {"t": query["t"], "r": again["id"], "do": "withdraw"})
    assert telos.call("GET", "/v1/rights/" + again["id"])["state"] == "withdrawn"
    assert refused(telos, opened(telos, subject, "access"), "verify", {"to": "email:link-2@example.hu"}) == 409, "only a known identifier of this person"


def unzipped(telos, request):
    connection = http.client.HTTPConnection("127.0.0.1", telos.port, timeout=60)
    connection.request("GET", "/v1/rights/%s/export" % request["id"], headers={"Authorization": "Bearer " + telos.token})
    reply = connection.getresponse()
    content = reply.read()
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/zip", (reply.status, content[:300])
    folder = tempfile.mkdtemp(prefix="telos-export-", dir=telos.directory)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
        return folder, archive.namelist()


def read(folder, *names):
    with open(os.path.join(folder, *names), encoding="utf-8", newline="") as f:
        return f.read()


def the_copy_is_a_folder_that_a_person_reads_and_anybody_verifies(telos):
    subject = known(telos, "export-1", motto='<b>"Árvíztűrő" & co</b>', sum="=1+1")
    telos.consent(subject, "newsletter", "given", notice="newsletter@3")
    telos.consent(subject, "newsletter", "withdrawn", method="preference centre")
    telos.call("PUT", "/v1/preferences?subject=" + subject, {"channels": {"sms": False}, "topics": {"offers": True}, "frequency": {"email": {"max": 2, "per": "P7D"}},
                                                             "quiet_hours": {"from": "21:00", "to": "07:30", "zone": "Europe/Budapest"}})
    for number in range(3):
        telos.call("POST", "/v1/track", {"userId": "export-1", "event": "Bought %d" % number, "properties": {"colour": "kék, \"sötét\""}}, key=SITE)
    made = opened(telos, subject, "access")
    act(telos, made, "confirm")
    folder, names = unzipped(telos, made)
    for name in ("index.html", "en.html", "hu.html", "README.txt", "data.json", "events.json", "csv/facts.csv", "csv/events.csv", "csv/consents.csv",
                 "csv/identifiers.csv", "csv/purposes.csv", "csv/recipients.csv", "csv/reads.csv", "key.pub", "checkpoint"):
        assert name in names, (name, names)
    assert len([n for n in names if n.startswith("receipts/")]) >= 2, names
    data = json.loads(read(folder, "data.json"))
    assert {"name": "motto", "value": '<b>"Árvíztűrő" & co</b>'}.items() <= next(f for f in data["facts"] if f["name"] == "motto").items()
    assert data["scores"] == [] and data["automated_decisions"] == [] and data["controller"] == "Teszt Kft." and data["purposes"] and data["consents"]
    events = json.loads(read(folder, "events.json"))
    assert len([e for e in events if e["type"] == "track"]) == 3, events
    rows = list(csv.DictReader(io.StringIO(read(folder, "csv", "events.csv"))))
    assert len(rows) == len(events) and "colour: kék, \"sötét\"" in rows[0]["content"] and "{" not in rows[0]["content"], rows
    periods = {row["purpose"]: row["retention"] for row in csv.DictReader(io.StringIO(read(folder, "csv", "purposes.csv")))}
    assert periods["service"] == "5 years after it was collected", periods
    for name, lang, word in (("en.html", "en", "Everything that is kept about you"), ("hu.html", "hu", "Minden, amit Önről őriznek")):
        text = read(folder, name)
        assert '<html lang="%s">' % lang in text and word in text and "<script" not in text and "http://" not in text and "https://" not in text, name
        assert "&lt;b&gt;" in text and "<b>" not in text, "what a person wrote is no markup"
    assert "No score is kept about you" in read(folder, "en.html")
    assert "5 years" in read(folder, "en.html") and "P5Y" not in read(folder, "en.html") and "5 év" in read(folder, "hu.html"), "periods are words"
    for name, others, said in (("en.html", "Other purposes, under which nothing of you is kept", "took consent back"),
                               ("hu.html", "Más célok, amelyekhez semmit sem őriznek Önről", "visszavonta")):
        mine, rest = read(folder, name).split(others)
        rest = rest.split("</section>")[0]
        assert "Run the site" in mine and "Send offers" in mine and "Advise on health" not in mine, name
        assert "Advise on health" in rest and "Run the site" not in rest and "Send offers" not in rest, rest
        assert said in read(folder, name) and "<td>withdrawn</td>" not in read(folder, name), name
    english, hungarian = read(folder, "en.html"), read(folder, "hu.html")
    for said, text in (("<li>Text message (SMS): no</li>", english), ("<li>SMS: nem</li>", hungarian), ("(E-mail): 2 / 7 nap</li>", hungarian), ("21:00–07:30 (Europe/Budapest)", hungarian),
                       ("on the page “Your data and choices”", english), ("megjelent Önnek a tájékoztató", hungarian), ("GDPR 6. cikk (1) f)", hungarian), ("GDPR Art. 6(1)(f)", english)):
        assert said in text, said
    numbered = re.search(r'<tr id="p(\d+)"><td>\1</td><th scope="row">Run the site</th>', english)
    assert numbered and 'aria-label="%s: Run the site">%s</a>' % (numbered[1], numbered[1]) in english, "purposes are numbered once and named by their numbers"
    facts = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(read(folder, "csv", "facts.csv")))}
    assert facts["motto"] == '<b>"Árvíztűrő" & co</b>' and facts["sum"] == "'=1+1", "plain values, and no formulas: %s" % facts
    done = subprocess.run([telos.program, "verify", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    for name in ("data.json", os.path.join("csv", "facts.csv"), "hu.html"):
        text = read(folder, name)
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f:
            f.write(text.replace("motto", "potto", 1))
        done = subprocess.run([telos.program, "verify", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 1 and name in done.stdout, "a changed %s is found\n%s" % (name, done.stdout)
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)
    os.rename(os.path.join(folder, "manifest"), os.path.join(folder, "..", "manifest.away"))
    done = subprocess.run([telos.program, "verify", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1, "a missing manifest is missed\n" + done.stdout
    os.rename(os.path.join(folder, "data.json"), os.path.join(folder, "..", "data.away"))
    done = subprocess.run([telos.program, "verify", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1 and "manifest" in done.stdout, "pages without a list are no copy\n" + done.stdout
    os.rename(os.path.join(folder, "..", "data.away"), os.path.join(folder, "data.json"))
    os.rename(os.path.join(folder, "..", "manifest.away"), os.path.join(folder, "manifest"))
    receipt = next(n for n in names if n.startswith("receipts/"))
    text = read(folder, receipt)
    with open(os.path.join(folder, receipt), "w", encoding="utf-8") as f:
        f.write(text.replace("newsletter", "newsletten", 1))
    done = subprocess.run([telos.program, "verify", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1, "a changed receipt is found\n" + done.stdout
    seen = telos.call("GET", "/v1/rights/" + made["id"])
    assert seen["state"] == "completed" and steps(seen)[-2:] == ["exported", "fulfilled"], seen
    unzipped(telos, made)
    assert steps(telos.call("GET", "/v1/rights/" + made["id"]))[-1] == "exported", "fetched again"


def portability_holds_only_what_article_20_reaches(telos):
    subject = known(telos, "port-1")
    telos.consent(subject, "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": "port-1", "traits": {"taste": "sweet"}}, key=SITE)
    made = opened(telos, subject, "portability")
    act(telos, made, "confirm")
    folder, names = unzipped(telos, made)
    assert sorted(names) == ["csv/events.csv", "csv/facts.csv", "csv/identifiers.csv", "data.json", "events.json"], names
    data = json.loads(read(folder, "data.json"))
    assert [f["name"] for f in data["facts"]] and all("newsletter" in f["purposes"] for f in data["facts"]) and "consents" not in data, data


def an_erasure_counts_keeps_tells_and_certifies(telos):
    subject = known(telos, "erase-1", secret="erase-needle")
    telos.consent(subject, "orders", "opened")
    telos.call("POST", "/v1/track", {"userId": "erase-1", "event": "Order Completed", "properties": {"invoice": "INV-1"}}, key=SHOP)
    other = opened(telos, subject, "access", text="erase-needle too")
    made = opened(telos, subject, "erasure", text="erase-needle: forget me")
    act(telos, made, "confirm")
    done = act(telos, made, "fulfil")
    assert done["state"] == "completed" and done["erased"]["facts"] >= 3 and done["erased"]["keys"] > 0 and done["erased"]["identifiers"] >= 1, done
    kept = {k["purpose"]: k for k in done["kept"]}
    assert set(kept) == {"books"} and kept["books"]["law"] == "Act C of 2000 §169" and kept["books"]["until"] and kept["books"]["count"] >= 1, done["kept"]
    assert "text" not in done or not done["text"], "the words went with the person"
    ended = telos.call("GET", "/v1/rights/" + other["id"])
    assert ended["state"] == "withdrawn" and not ended["text"] and ended["steps"][-1]["code"] == "erased", ended
    certificate = telos.call("GET", "/v1/rights/%s/certificate" % made["id"])
    assert certificate["type"] == "telos:RightsCertificate" and certificate["erased"] == done["erased"] and certificate["kept"] == done["kept"], certificate
    text = json.dumps(certificate)
    assert "erase-1" not in text and "erase-needle" not in text and "example.hu" not in text.replace("@teszt.example", "")
    path = os.path.join(telos.directory, "certificate.json")
    with open(path, "w") as f:
        f.write(text)
    key = os.path.join(telos.data, "keys", "verifier.pub")
    verified = subprocess.run([telos.program, "verify", path, "--key", key], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert verified.returncode == 0, verified.stdout
    with open(path, "w") as f:
        f.write(text.replace('"facts": %d' % done["erased"]["facts"], '"facts": 0'))
    assert subprocess.run([telos.program, "verify", path, "--key", key], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1
    assert not needles_in(telos.data, [b"erase-needle"])
    after = opened(telos, subject, "access", text="erase-needle once more")
    assert after["state"] == "no_match", "who was erased is nobody"
    assert telos.request("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "newsletter", "text": "erase-needle no"})[0] == 409
    assert not needles_in(telos.data, [b"erase-needle"])


def registers_show_states_without_persons(telos):
    subject = known(telos, "register-1")
    made = opened(telos, subject, "access", text="register-words", reference="register-file")
    auditor, agent = token(telos, "auditor", "*"), token(telos, "agent", "*")
    seen = telos.call("GET", "/v1/audit/rights?state=open&limit=1000", headers=bearer(auditor))["requests"]
    row = next(r for r in seen if r["id"] == made["id"])
    assert row["state"] == "received" and row["steps"] and "register-words" not in json.dumps(seen) and "register-1" not in json.dumps(seen), row
    assert telos.request("GET", "/v1/audit/rights?subject=" + subject, headers=bearer(auditor))[0] == 400
    for method, path in (("GET", "/v1/rights"), ("GET", "/v1/rights/" + made["id"]), ("POST", "/v1/rights/%s/confirm" % made["id"])):
        assert telos.request(method, path, {} if method == "POST" else None, headers=bearer(auditor))[0] == 403, path
    assert telos.request("POST", "/v1/rights", {"subject": subject, "right": "access"}, headers=bearer(agent))[0] == 403, "an agent only opens"
    theirs = telos.call("POST", "/v1/rights", {"subject": subject, "right": "erasure", "open": True}, headers=bearer(agent))
    assert theirs["state"] == "received" and telos.call("GET", "/v1/rights/" + theirs["id"], headers=bearer(agent))["steps"][0]["role"] == "agent"
    for action in ("confirm", "fulfil", "refuse", "extend", "verify", "decide"):
        assert telos.request("POST", "/v1/rights/%s/%s" % (theirs["id"], action), {}, headers=bearer(agent))[0] == 403, action
    first = telos.call("GET", "/v1/rights?limit=2")
    assert len(first["requests"]) == 2 and first["next"]
    second = telos.call("GET", "/v1/rights?limit=2&cursor=" + urllib.parse.quote(first["next"]))
    assert {r["id"] for r in first["requests"]}.isdisjoint(r["id"] for r in second["requests"])
    mine = telos.call("GET", "/v1/rights?subject=" + subject)
    assert {r["id"] for r in mine["requests"]} == {made["id"], theirs["id"]}
    refused_only = telos.call("GET", "/v1/rights?state=refused&limit=1000")["requests"]
    assert refused_only and {r["state"] for r in refused_only} == {"refused"}
    assert telos.request("GET", "/v1/rights?state=dancing")[0] == 400
    assert telos.request("GET", "/v1/rights/" + str(uuid.uuid4()))[0] == 404 and telos.request("GET", "/v1/rights/seven")[0] == 400


def what_nobody_confirms_expires(telos):
    made = opened(telos, known(telos, "expire-1"), "access")
    telos.call("POST", "/v1/admin/sweep", {})
    assert telos.call("GET", "/v1/rights/" + made["id"])["state"] == "received"


def one_person_cannot_open_without_end(telos):
    subject = known(telos, "flood-1")
    for _ in range(50):
        opened(telos, subject, "access")
    assert telos.request("POST", "/v1/rights", {"subject": subject, "right": "access", "open": True})[0] == 409


def bad_requests_are_told_what_is_wrong(telos):
    subject = known(telos, "bad-1")
    for bad in ({"subject": subject, "right": "dance"}, {"subject": subject, "right": "access", "text": "x" * 20000}, {"subject": subject, "right": "access", "open": "yes"},
                {"subject": subject, "right": "withdrawal", "purpose": "nothing"}, {"subject": "x", "right": "access"}, {"subject": subject, "right": 7},
                {"subject": subject, "right": "rectification", "values": "x"}):
        status, value, _ = telos.request("POST", "/v1/rights", bad)
        assert status == 400 and value["detail"], (bad, status, value)


class Agent:
    """An authorised agent with a key of its own; openssl signs."""

    def __init__(self, folder, name):
        self.name, self.key = name, os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True, stderr=subprocess.DEVNULL)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
        self.public = base64.b64encode(der[-32:]).decode()

    def message(self, **fields):
        return self.sealed(self.fields(**fields))

    def fields(self, **fields):
        now = datetime.datetime.now(datetime.timezone.utc)
        return dict({"agent-id": self.name, "business-id": "privacy.teszt.example", "issued-at": now.isoformat(), "drp.version": "1.0",
                     "expires-at": (now + datetime.timedelta(minutes=10)).isoformat()}, **fields)

    def sealed(self, text):
        path = self.key + ".message"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", path], check=True, stdout=subprocess.PIPE).stdout
        with open(path, "rb") as f:
            return base64.b64encode(signature + f.read()).decode()


def with_protocols(telos, agents, hook="http://127.0.0.1:9/hook", arguments=(), sale=None):
    """A Telos whose policy knows these agents, and lets `privacy` override objections."""
    folder = tempfile.mkdtemp(prefix="telos-rights-", dir=telos.directory)
    shutil.copytree(os.path.join(os.path.dirname(telos.policy), "notices"), os.path.join(folder, "notices"))
    with open(telos.policy) as f:
        text = f.read().replace("http://127.0.0.1:9/hook", hook)
    if sale:
        name = "  %s:" % sale
        at = text.index("{", text.index(name))
        assert text[text.index(name) + len(name):at].strip() == ""
        text = text[:at] + "{ gpp: [sale]," + text[at + 1:]
    text += "settings: { objection_overriders: [privacy] }\nrights:\n  domain: privacy.teszt.example\n  callback_hosts: [127.0.0.1]\n" + ("  agents:\n" if agents else "")
    for agent, exercises in agents:
        text += "    %s: { title: An agent, key: \"%s\", exercises: [%s] }\n" % (agent.name, agent.public, exercises)
    policy = os.path.join(folder, "policy.yaml")
    with open(policy, "w") as f:
        f.write(text)
    return Telos(telos.program, policy, telos.environment, arguments=arguments).start()


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes callbacks; refuses the first."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, json.loads(body), self.headers.get("X-OpenDSR-Signature")))
        self.send_response(500 if len(self.server.taken) == 1 else 202)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def whoever_sent_a_request_is_told_of_its_state(telos):
    mine = with_protocols(telos, [])
    hook = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    hook.taken = []
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    try:
        known(mine, "told-1")
        privacy = bearer(token(mine, "privacy", "*"))
        body = {"subject_request_id": str(uuid.uuid4()), "subject_request_type": "erasure", "status_callback_urls": ["http://127.0.0.1:%d/hook" % hook.server_port],
                "subject_identities": [{"identity_type": "email", "identity_value": "told-1@example.hu", "identity_format": "raw"}]}
        assert mine.request("POST", "/opendsr/v2/requests", body, headers=privacy)[0] == 201
        wait(lambda: len(hook.taken) >= 2, 20, "the callback comes again after it was refused")
        for path, told, signature in hook.taken:
            assert path == "/hook" and told["request_status"] == "completed" and told["subject_request_id"] == body["subject_request_id"] and signature, told
            assert "told-1" not in json.dumps(told), "nothing of the person"
    finally:
        hook.shutdown()
        mine.remove()


def recipients_are_told_and_their_answers_tracked(telos):
    hook = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    hook.taken = [None]  # refuses nothing
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    mine = with_protocols(telos, [], "http://127.0.0.1:%d/hook" % hook.server_port)
    try:
        mine.consent("user_id:recipient-1", "newsletter", "given", notice="newsletter@3")
        subject = known(mine, "recipient-1")
        mine.call("POST", "/v1/track", {"userId": "recipient-1", "event": "Seen"}, key=SITE)
        wait(lambda: len(hook.taken) >= 2, 20, "the event was sent")
        wait(lambda: any(d["state"] == "delivered" for d in mine.call("GET", "/v1/deliveries")["deliveries"]), 20, "and its answer written down")
        made = mine.call("POST", "/v1/rights", {"subject": subject, "right": "rectification", "values": {"name": "Right"}})
        assert [r["destination"] for r in made["recipients"]] == ["hook"], made["recipients"]
        done = mine.call("POST", "/v1/rights", {"subject": subject, "right": "erasure"})
        assert [(r["destination"], r["recipient"], r["purpose"]) for r in done["recipients"]] == [("hook", "Hook Kft. (processor, HU)", "newsletter")], done["recipients"]
        assert done["recipients_pending"] == 1
        seen = wait(lambda: (lambda r: r if r["recipients"][0]["state"] == "confirmed" and r["steps"][-1]["step"] == "recipients_answered" else None)(
            mine.call("GET", "/v1/rights/" + done["id"])), 30, "confirmed, and written down")
        assert seen["recipients_pending"] == 0 and seen["recipients"][0]["at"], seen
        assert mine.call("GET", "/v1/rights/%s/certificate" % done["id"])["recipients"][0]["state"] == "confirmed"
        assert any(body[1]["type"] == "recall" for body in hook.taken if body), "a recall went out"
    finally:
        hook.shutdown()
        mine.remove()


def opendsr_drives_our_requests(telos):
    mine = with_protocols(telos, [])
    try:
        known(mine, "dsr-1")
        privacy, agent = token(mine, "privacy", "*"), token(mine, "agent", "*")
        found = mine.call("GET", "/opendsr/v2/discovery", headers=bearer(privacy))
        assert {"identity_type": "email", "identity_format": "raw"} in found["supported_identities"] and "erasure" in found["supported_subject_request_types"]
        who = [{"identity_type": "email", "identity_value": "dsr-1@example.hu", "identity_format": "raw"}]
        body = {"regulation": "gdpr", "subject_request_id": str(uuid.uuid4()), "subject_request_type": "access", "subject_identities": who,
                "submitted_time": "2026-11-01T10:00:00Z", "api_version": "2.0"}
        status, value, headers = mine.request("POST", "/opendsr/v2/requests", body, headers=bearer(agent))
        assert status == 201 and value["subject_request_id"] == body["subject_request_id"] and value["expected_completion_time"], (status, value)
        assert json.loads(base64.b64decode(value["encoded_request"])) == body, "the request, as it came"
        assert headers["X-OpenDSR-Processor-Domain"] == "privacy.teszt.example" and len(base64.b64decode(headers["X-OpenDSR-Signature"])) == 64
        path = "/opendsr/v2/requests/" + body["subject_request_id"]
        assert mine.call("GET", path, headers=bearer(agent))["request_status"] == "pending", "an agent only opens"
        assert mine.request("POST", "/opendsr/v2/requests", body, headers=bearer(agent))[0] == 409, "once"
        assert mine.request("DELETE", path, headers=bearer(agent))[0] == 202 and mine.call("GET", path, headers=bearer(agent))["request_status"] == "cancelled"
        body = dict(body, subject_request_id=str(uuid.uuid4()), subject_request_type="erasure")
        assert mine.request("POST", "/opendsr/v2/requests", body, headers=bearer(privacy))[0] == 201
        assert mine.call("GET", "/opendsr/v2/status/" + body["subject_request_id"], headers=bearer(privacy))["request_status"] == "completed"
        assert mine.profile("user_id:dsr-1", "service") in (403, 404), "erased"
        again = dict(body, subject_request_id=str(uuid.uuid4()))
        assert mine.request("POST", "/opendsr/v2/requests", again, headers=bearer(privacy))[0] == 201, "who was erased is nobody: there is nothing left to do"
        for change in ({"subject_request_type": "dance"}, {"subject_request_id": "7"}, {"subject_identities": []}, {"subject_identities": [dict(who[0], identity_format="sha256")]},
                       {"subject_identities": [dict(who[0], identity_type="shoe")]}, {"status_callback_urls": ["http://example.org/"]},
                       {"status_callback_urls": ["https://localhost/"]}, {"status_callback_urls": ["https://10.0.0.1/"]}, {"status_callback_urls": ["https://[::1]/"]},
                       {"status_callback_urls": ["https://167772161/"]}, {"status_callback_urls": ["https://user:pw@example.org/"]}, {"status_callback_urls": "x"}):
            status, value, _ = mine.request("POST", "/opendsr/v2/requests", dict(body, **{"subject_request_id": str(uuid.uuid4()), **change}), headers=bearer(privacy))
            assert status == 400, (change, status, value)
        assert telos.request("GET", "/opendsr/v2/discovery")[0] == 404, "closed where the policy names no domain"
    finally:
        mine.remove()


def made_certificate(folder, name, host, kind):
    """(certificate with its chain, key): signed by an authority of our own."""
    paths = {part: os.path.join(folder, "%s-%s.pem" % (name, part)) for part in ("ca", "cakey", "key", "csr", "leaf", "chain", "ext")}

    def openssl(*words):
        subprocess.run(["openssl"] + [paths.get(word, word) for word in words], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    new = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test Authority", "-keyout", "cakey", "-out", "ca")
    openssl("req", *new, "-nodes", "-subj", "/CN=" + host, "-keyout", "key", "-out", "csr")
    with open(paths["ext"], "w") as f:
        f.write("subjectAltName=DNS:%s\n" % host)
    openssl("x509", "-req", "-days", "2", "-in", "csr", "-CA", "ca", "-CAkey", "cakey", "-CAcreateserial", "-extfile", "ext", "-out", "leaf")
    with open(paths["chain"], "w") as chain:
        for part in ("leaf", "ca"):
            with open(paths[part]) as f:
                chain.write(f.read())
    os.chmod(paths["key"], 0o600)
    return paths["chain"], paths["key"], paths["ca"]


def openssl_verifies(folder, certificate, authority, body, signature):
    for name, content in (("served.pem", certificate), ("body", body), ("signature", base64.b64decode(signature))):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content)
    in_folder = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["openssl", "verify", "-CAfile", authority, "served.pem"], check=True, **in_folder)
    subprocess.run("openssl x509 -in served.pem -pubkey -noout > served.pub", shell=True, check=True, **in_folder)
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", "served.pub", "-signature", "signature", "body"], **in_folder).returncode == 0


def opendsr_signs_by_an_x509_certificate_that_openssl_verifies(telos):
    for kind in ("rsa", "ec"):
        folder = tempfile.mkdtemp(prefix="telos-x509-", dir=telos.directory)
        chain, key, authority = made_certificate(folder, kind, "privacy.teszt.example", kind)
        mine = with_protocols(telos, [], arguments=["--opendsr-certificate", chain, "--opendsr-key", key])
        try:
            status, body, headers = raw(mine, "GET", "/opendsr/v2/discovery", "", bearer(token(mine, "agent", "*")))
            assert status == 200 and json.loads(body)["processor_certificate"] == "https://privacy.teszt.example/opendsr/v2/certificate", body
            status, served, kinds = raw(mine, "GET", "/opendsr/v2/certificate")
            with open(chain, "rb") as f:
                assert status == 200 and served == f.read() and kinds["Content-Type"] == "application/x-pem-file" and b"PRIVATE" not in served
            assert openssl_verifies(folder, served, authority, body, headers["X-OpenDSR-Signature"]), kind
            assert not openssl_verifies(folder, served, authority, body + b" ", headers["X-OpenDSR-Signature"]), "another body"
        finally:
            mine.remove()
    assert telos.request("GET", "/opendsr/v2/certificate")[0] == 404, "closed where the policy names no domain"


def a_certificate_that_nobody_would_accept_is_refused(telos):
    folder = tempfile.mkdtemp(prefix="telos-x509-", dir=telos.directory)
    chain, key, _ = made_certificate(folder, "one", "privacy.teszt.example", "ec")
    other, other_key, _ = made_certificate(folder, "two", "other.example", "ec")
    data = os.path.join(folder, "data")

    def refused_with(*arguments):
        done = subprocess.run([telos.program, "serve", "--data", data, "--listen", "127.0.0.1:0"] + list(arguments), capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, (arguments, done.returncode, done.stderr)
        return done.stderr

    assert "together" in refused_with("--opendsr-certificate", chain)
    assert "not the key of the certificate" in refused_with("--opendsr-certificate", chain, "--opendsr-key", other_key)
    assert "no certificate" in refused_with("--opendsr-certificate", key, "--opendsr-key", key)
    os.chmod(chain, 0o600)
    assert "no private key" in refused_with("--opendsr-certificate", chain, "--opendsr-key", chain)
    os.chmod(key, 0o644)
    assert "0600" in refused_with("--opendsr-certificate", chain, "--opendsr-key", key)
    mine = with_protocols(telos, [], arguments=["--opendsr-certificate", other, "--opendsr-key", other_key])
    try:
        status, problem, _ = mine.request("GET", "/opendsr/v2/discovery", headers=bearer(token(mine, "agent", "*")))
        assert status == 409 and "privacy.teszt.example" in problem["detail"], "a certificate of another host"
    finally:
        mine.remove()


def signed(mine, method, path, message, held=None):
    status, content, headers = raw(mine, method, path, message, dict({"Content-Type": "text/plain"}, **(bearer(held) if held else {})))
    value = json.loads(content) if content else None
    if status >= 400:  # the error state of section 3.06
        assert headers["Content-Type"] == "application/json" and value["code"] == str(status) and value["message"] and value["fatal"] in (True, False), value
    return status, value


def authorised_agents_open_by_the_data_rights_protocol(telos):
    good, stranger = Agent(telos.directory, "SLIP"), Agent(telos.directory, "STRANGER")
    mine = with_protocols(telos, [(good, "access, deletion"), (stranger, "access")])
    try:
        known(mine, "drp-1")
        status, paired = signed(mine, "POST", "/v1/agent/SLIP", good.message())
        assert status == 200 and set(paired) == {"agent-id", "token"} and paired["agent-id"] == "SLIP", (status, paired)
        held, other = paired["token"], signed(mine, "POST", "/v1/agent/STRANGER", stranger.message())[1]["token"]
        assert mine.request("GET", "/v1/agent/SLIP", headers=bearer(held))[0] == 200 and mine.request("GET", "/v1/agent/SLIP", headers=bearer(other))[0] == 403
        assert signed(mine, "POST", "/v1/agent/SLIP", stranger.message(**{"agent-id": "SLIP"}))[0] == 403
        assert signed(mine, "POST", "/v1/agent/SLIP", good.message(**{"drp.version": "0.9"}))[0] == 400
        ask = {"agent-request-id": "r-1", "exercise": "deletion", "regime": "ccpa", "relationships": ["customer"], "name": "Drp", "email": "drp-1@example.hu", "email_verified": True}
        message, path = good.message(**ask), "/v1/data-rights-request"
        assert signed(mine, "POST", path, message)[0] == 401, "without the token of the pairing"
        assert signed(mine, "POST", path, message, other)[0] == 403, "with another agent's"
        status, value = signed(mine, "POST", path, message, held)
        assert status == 200 and value["status"] == "in_progress" and value["expected_by"] and value["received_at"] and value["agent_request_id"] == "r-1", value
        assert "reason" not in value and "processing_details" not in value, value
        assert mine.profile("user_id:drp-1", "service")["traits"]["name"], "an agent's word erases nobody"
        assert signed(mine, "POST", path, message, held)[0] == 409, "a message is taken once"
        one = path + "/" + value["request_id"]
        assert mine.call("GET", one, headers=bearer(held))["status"] == "in_progress"
        assert mine.request("GET", one, headers=bearer("x" * 43))[0] == 401 and mine.request("GET", one, headers=bearer(other))[0] == 403
        seen = mine.call("GET", "/v1/rights/" + value["request_id"])
        assert seen["right"] == "erasure" and seen["channel"] == "drp" and seen["steps"][0]["role"] == "agent:SLIP", seen
        mine.call("POST", "/v1/rights/%s/verify" % value["request_id"], {"to": "email:drp-1@example.hu"})
        asked = mine.call("GET", one, headers=bearer(held))
        assert asked["reason"] == "need_user_verification" and asked["user_verification_url"] == "https://privacy.teszt.example/rights?r=" + value["request_id"], asked
        status, text, _ = page(mine, asked["user_verification_url"] + "&redirect_to=https%3A%2F%2Fagent.example&request_id=" + value["request_id"])
        assert status == 200 and "sent a link" in text and "<form" not in text, "the agent's browser confirms nothing"
        mine.call("POST", "/v1/rights/%s/extend" % value["request_id"], {"reason": "the archive is on tape"})
        assert mine.call("GET", one, headers=bearer(held))["processing_details"] == "the archive is on tape"
        mine.call("POST", "/v1/rights/%s/refuse" % value["request_id"], {"code": "identity_failure"})
        refused_ = mine.call("GET", one, headers=bearer(held))
        assert refused_["status"] == "denied" and refused_["reason"] == "insuf_verification" and "12(6)" in refused_["processing_details"], refused_
        nameless = {name: ask[name] for name in ask if name != "agent-request-id"}
        message = good.message(**dict(nameless, exercise="access"))
        status, value = signed(mine, "POST", path, message, held)
        assert status == 200 and "agent_request_id" not in value and signed(mine, "POST", path, message, held)[0] == 409, "a request without a name is taken once, too"
        for bare in (good.sealed({"reason": "changed my mind"}),):  # all that 2.04 asks for
            assert signed(mine, "DELETE", path + "/" + value["request_id"], bare)[0] == 401 and signed(mine, "DELETE", path + "/" + value["request_id"], bare, other)[0] == 403
            assert signed(mine, "DELETE", path + "/" + value["request_id"], bare, held)[1]["status"] == "revoked"
        status, value = signed(mine, "POST", path, good.message(**dict(ask, **{"agent-request-id": "r-3", "email": "nobody@example.hu"})), held)
        assert value["status"] == "denied" and value["reason"] == "no_match", value
        old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)
        for change, wanted in (({"exercise": "sale:opt-out"}, 403), ({"exercise": "dance"}, 400), ({"business-id": "other.example"}, 403), ({"email": ""}, 400),
                               ({"expires-at": old.isoformat()}, 403), ({"expires-at": "2099-01-01T00:00:00Z"}, 403), ({"status_callback": "http://10.0.0.1/"}, 400),
                               ({"drp.version": "2.0"}, 400)):
            status, value = signed(mine, "POST", path, good.message(**dict(ask, **{"agent-request-id": str(uuid.uuid4()), **change})), held)
            assert status == wanted, (change, status, value)
        assert signed(mine, "POST", path, "AAAA", held)[0] == 400
        twice = json.dumps(good.fields(**dict(ask, **{"agent-request-id": "r-4"})))[:-1] + ', "exercise": "access"}'
        assert signed(mine, "POST", path, good.sealed(twice), held)[0] == 400, "two readers of it could act upon two requests"
        broken = bytearray(base64.b64decode(good.message(**ask)))
        broken[-2] ^= 1
        assert signed(mine, "POST", path, base64.b64encode(bytes(broken)).decode(), held)[0] == 403
    finally:
        mine.remove()


def an_opt_out_of_sale_by_an_agent_is_done_at_once(telos):
    good = Agent(telos.directory, "OUT")
    mine = with_protocols(telos, [(good, "sale:opt-out, sale:opt-in")], sale="service")
    try:
        known(mine, "out-1")
        ask = {"subject": "user_id:out-1", "purpose": "service"}
        assert mine.call("POST", "/v1/decide", ask)["decision"] == "allow"
        held, path = signed(mine, "POST", "/v1/agent/OUT", good.message())[1]["token"], "/v1/data-rights-request"
        status, value = signed(mine, "POST", path, good.message(**{"agent-request-id": "o-1", "exercise": "sale:opt-out", "regime": "ccpa", "email": "out-1@example.hu"}), held)
        assert status == 200 and value["status"] == "fulfilled", value
        answer = mine.call("POST", "/v1/decide", ask)
        assert answer["decision"] == "deny" and answer["reasons"][0]["code"] == "opted_out_by_signal", answer
        seen = mine.call("GET", "/v1/rights/" + value["request_id"])
        assert seen["state"] == "completed" and seen["identity"] == "agent" and steps(seen) == ["opened", "identity_confirmed", "fulfilled"], seen
        record = mine.call("GET", "/v1/consents?subject=user_id:out-1&purpose=service")["consents"][-1]
        assert record["status"] == "opted_out" and record["method"] == "authorised agent", record
        status, value = signed(mine, "POST", path, good.message(**{"exercise": "sale:opt-in", "email": "out-1@example.hu"}), held)
        assert value["status"] == "in_progress" and mine.call("POST", "/v1/decide", ask)["decision"] == "deny", "a yes needs the person"
    finally:
        mine.remove()


def an_objection_stops_until_it_is_decided(telos):
    mine = with_protocols(telos, [])
    try:
        for name, decision in (("decide-1", "upheld"), ("decide-2", "overridden")):
            subject = known(mine, name)
            privacy = bearer(token(mine, "privacy", "*"))
            ask = {"subject": subject, "purpose": "service"}
            assert mine.call("POST", "/v1/decide", ask)["decision"] == "allow"
            made = mine.call("POST", "/v1/rights", {"subject": subject, "right": "objection", "purpose": "service"}, headers=privacy)
            assert made["state"] == "in_progress" and steps(made)[-1] == "stopped", made
            assert mine.call("POST", "/v1/decide", ask)["reasons"][0]["code"] == "objection_pending"
            path = "/v1/rights/%s/" % made["id"]
            assert mine.request("POST", path + "fulfil", {}, headers=privacy)[0] == 409, "it is decided, not done"
            assert mine.request("POST", path + "decide", {"decision": "overridden", "answer": "we must"}, headers=privacy)[0] == 400, "without evidence"
            assert mine.request("POST", path + "decide", {"decision": "overridden", "answer": "we must", "evidence": "x"})[0] == 403, "the policy lets only `privacy`"
            done = mine.call("POST", path + "decide", {"decision": decision, "answer": "we looked", "evidence": "grounds/2026-7.pdf"}, headers=privacy)
            assert done["state"] == "completed" and steps(done)[-1] == decision, done
            answer = mine.call("POST", "/v1/decide", ask)
            assert (answer["decision"] == "allow") == (decision == "overridden"), answer
    finally:
        mine.remove()


CASES = [
    recipients_are_told_and_their_answers_tracked, whoever_sent_a_request_is_told_of_its_state, opendsr_drives_our_requests, opendsr_signs_by_an_x509_certificate_that_openssl_verifies,
    a_certificate_that_nobody_would_accept_is_refused, authorised_agents_open_by_the_data_rights_protocol, an_opt_out_of_sale_by_an_agent_is_done_at_once, an_objection_stops_until_it_is_decided,
    a_request_lives_from_its_opening_to_its_answer, a_deadline_is_extended_once_with_a_reason, a_refusal_names_its_law, a_person_takes_a_request_back,
    an_unknown_identifier_ends_as_no_match_and_is_not_kept, what_the_person_wrote_is_sealed, rectification_replaces_what_is_wrong,
    an_objection_is_examined_upheld_or_overridden, a_withdrawal_takes_back_every_consent, a_human_being_reviews_and_says_why,
    a_person_confirms_by_a_signed_link, the_copy_is_a_folder_that_a_person_reads_and_anybody_verifies, portability_holds_only_what_article_20_reaches,
    an_erasure_counts_keeps_tells_and_certifies, registers_show_states_without_persons, what_nobody_confirms_expires, one_person_cannot_open_without_end,
    bad_requests_are_told_what_is_wrong,
]
