"""Links that persons open, what they open for and what they never open for; the banner's configuration; notices."""
import gzip
import os
import time
import urllib.parse

from collect import SITE, raw
from people import bearer, token
from telos import wait
from walk import local


def link(telos, subject, expires_in="P1D"):
    return telos.call("POST", "/v1/preferences/link", {"subject": subject, "expires_in": expires_in})["url"]


def path_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path + "?" + parts.query


def page(telos, path):
    status, content, headers = raw(telos, "GET", path, headers={"Accept-Language": "en"})
    return status, content.decode(), headers


def person(telos, name):
    telos.consent("user_id:" + name, "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": name, "traits": {"email": name + "@example.hu", "name": "<b>%s</b>" % name}}, key=SITE)
    return "user_id:" + name


def a_link_opens_the_person_s_page_and_nothing_of_it_is_kept(telos):
    made = telos.call("POST", "/v1/preferences/link", {"subject": person(telos, "page-1"), "expires_in": 3600})
    assert made["expires_at"] > "2026", made
    status, text, headers = page(telos, path_of(made["url"]))
    assert status == 200 and "Send offers" in text and "&lt;b&gt;page-1&lt;/b&gt;" in text and "<b>page-1" not in text
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert "script" not in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
    assert "page-1" not in made["url"]
    ticket = urllib.parse.parse_qs(urllib.parse.urlsplit(made["url"]).query)["t"][0]
    with open(telos.log, errors="replace") as log:
        assert ticket not in log.read()

    def it_is_a_recorded_read():
        telos.consent("user_id:page-1", "newsletter", "renewed", notice="newsletter@3")  # reads reach the store with commits
        return any(read["what"] == "page, by the person" for read in telos.call("GET", "/v1/reads?subject=user_id:page-1")["reads"])

    wait(it_is_a_recorded_read, 10, "the view among the reads")


def links_are_made_by_those_who_may(telos):
    subject = person(telos, "page-2")
    for role, wanted in (("agent", 403), ("privacy", 201), ("admin", 201), ("marketer", 403), ("auditor", 403)):
        status, _, _ = telos.request("POST", "/v1/preferences/link", {"subject": subject}, headers=bearer(token(telos, role, "*")))
        assert status == wanted, (role, status)
    for body in ({}, {"subject": subject, "expires_in": 0}, {"subject": subject, "expires_in": "P31D"}, {"subject": subject, "expires_in": "soon"}, {"subject": subject, "expires_in": -5}):
        assert telos.request("POST", "/v1/preferences/link", body)[0] == 400, body
    assert telos.request("POST", "/v1/preferences/link", {"subject": "user_id:nobody-at-all"})[0] == 404
    assert telos.command("consent", "link", subject, "--expires-in", "PT1H")["url"].startswith("http://127.0.0.1:")
    status, content, _ = local(telos, "POST", "/v1/preferences/link", '{"subject": "%s"}' % subject)
    assert status == 201, content


def what_opens_everything_of_a_person_takes_a_token_with_all_purposes(telos):
    subject = person(telos, "page-whole")
    purposes = [p["activity"] for p in telos.call("GET", "/v1/ropa")["activities"]]
    asked = telos.call("POST", "/v1/rights", {"subject": subject, "right": "access"})["id"]
    for role in ("privacy", "admin"):
        for held, wanted in (((purposes[0],), False), (purposes[1:], False), (purposes, True), (("*",), True)):
            headers = bearer(token(telos, role, *held))
            status, content, _ = telos.request("POST", "/v1/preferences/link", {"subject": subject}, headers=headers)
            assert status == (201 if wanted else 403), (role, held, status, content)
            status, content, _ = telos.request("GET", "/v1/rights/%s/export" % asked, headers=headers)
            assert status == (200 if wanted else 403), (role, held, status)


def a_link_that_is_old_changed_or_another_s_opens_nothing(telos):
    url = path_of(link(telos, person(telos, "page-3"), 1))
    time.sleep(1.1)
    assert page(telos, url)[0] == 410
    good = path_of(link(telos, "user_id:page-3"))
    ticket = good.split("t=")[1]
    for wrong in (ticket[:-1], ticket + "A", ticket[:10] + ("A" if ticket[10] != "A" else "B") + ticket[11:], "", "x", "A" * 76, ticket.replace(ticket[0], "+", 1), "%00" * 76):
        status, text, headers = page(telos, "/preferences?t=" + wrong)
        assert status == 403 and "page-3" not in text and headers["Content-Type"].startswith("text/html"), wrong
    assert page(telos, "/rights?t=%s&r=01a21069-fdb5-7216-9a93-d8ccf869444a" % ticket)[0] == 403  # made for another audience
    assert page(telos, good)[0] == 200


def after_erasure_a_link_opens_nothing(telos):
    url = path_of(link(telos, person(telos, "page-4")))
    fields = urllib.parse.urlencode({"t": url.split("t=")[1], "do": "erase", "confirm": "yes", "lang": "en"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, headers = raw(telos, "POST", "/preferences", fields, form)
    assert status == 303 and headers["Location"] == "/preferences?done=erased&lang=en", (status, headers["Location"])
    assert page(telos, url)[0] == 403
    assert raw(telos, "POST", "/preferences", fields, form)[0] == 403
    assert telos.request("POST", "/v1/preferences/link", {"subject": "user_id:page-4"})[0] == 404


def a_receipt_is_only_the_person_s_own(telos):
    mine = path_of(link(telos, person(telos, "page-5")))
    other = telos.consent(person(telos, "page-6"), "newsletter", "withdrawn")["id"]
    own = telos.call("GET", "/v1/consents?subject=user_id:page-5")["consents"][0]["id"]
    assert page(telos, "/preferences/receipt?id=%s&%s" % (own, mine.split("?")[1]))[0] == 200
    assert page(telos, "/preferences/receipt?id=%s&%s" % (other, mine.split("?")[1]))[0] == 404


def the_banner_s_configuration_names_no_person_and_needs_a_key(telos):
    found = telos.call("GET", "/v1/consent-banner/" + SITE)
    assert found["controller"] and "person" not in str(found["categories"]), found
    for category in found["categories"]:
        assert category["id"] and all(purpose["title"] for purpose in category["purposes"])
    assert telos.request("GET", "/v1/consent-banner/no-such-key")[0] == 404
    status, content, headers = raw(telos, "GET", "/telos-consent.js")
    assert status == 200 and headers["Content-Type"].startswith("text/javascript") and b"telosConsent" in content and "Content-Encoding" not in headers
    status, packed, headers = raw(telos, "GET", "/telos-consent.js", headers={"Accept-Encoding": "gzip, br"})
    assert status == 200 and headers["Content-Encoding"] == "gzip" and len(packed) < 10240 and gzip.decompress(packed) == content, len(packed)
    assert "max-age" in headers["Cache-Control"] and headers["Vary"].count("Accept-Encoding") == 1, headers
    assert raw(telos, "GET", "/telos-consent.js", headers={"If-None-Match": headers["ETag"]})[0] == 304


def what_one_person_was_shown_can_be_asked(telos):
    subject = person(telos, "seen-1")  # told by the site (informs), and says something under two versions
    telos.consent(subject, "newsletter", "given", notice="newsletter@2")
    telos.consent(subject, "newsletter", "renewed", notice="newsletter@3")
    notices = telos.call("GET", "/v1/consents/notices?subject=" + subject)["notices"]
    assert sorted(n["version"] for n in notices if n["id"] == "newsletter") == [2, 3], notices
    newest = next(n for n in notices if n["version"] == 3)
    notice = next(n for n in telos.call("GET", "/v1/notices")["notices"] if n["id"] == "newsletter")
    assert newest["languages"] == notice["languages"] and newest["ledger_index"] >= 0 and newest["policy_version"] >= 1, newest
    assert {"informed", "renewed"} <= {record["status"] for record in newest["records"]}, newest
    assert newest["first_at"] <= newest["last_at"] and all(record["ledger_index"] >= 0 for record in newest["records"])
    older = next(n for n in notices if n["version"] == 2)
    assert "languages" not in older and [record["status"] for record in older["records"]] == ["given"], "no policy here ever had the text of version 2"
    mine = telos.call("GET", "/v1/consents/notices?subject=" + subject, headers=bearer(token(telos, "agent", "service")))["notices"]
    assert {record["purpose"] for n in mine for record in n["records"]} == {"service"}, mine
    assert telos.request("GET", "/v1/consents/notices?subject=" + subject, headers=bearer(token(telos, "auditor", "*")))[0] == 403
    assert telos.call("GET", "/v1/consents/notices?subject=user_id:nobody-at-all")["notices"] == []
    assert telos.command("notice", "seen", subject)["notices"] == notices


def notices_are_shown_compared_and_counted(telos):
    notice = next(n for n in telos.call("GET", "/v1/notices")["notices"] if n["id"] == "newsletter")
    assert notice["version"] == 3 and notice["languages"][0]["sha256"], notice
    history = telos.call("GET", "/v1/notices/newsletter")
    assert history["versions"][-1]["version"] == 3 and history["versions"][0]["ledger_index"] >= 0
    shown = telos.call("GET", "/v1/notices/newsletter/versions/3?language=en")
    assert shown["sha256"] == notice["languages"][0]["sha256"] and shown["text"]
    assert telos.request("GET", "/v1/notices/newsletter/versions/99")[0] == 404
    assert telos.request("GET", "/v1/notices/nothing")[0] == 404
    same = telos.call("GET", "/v1/notices/newsletter/diff?from=3&to=3")
    assert "".join(part["text"] for part in same["changes"]) == shown["text"] and {part["what"] for part in same["changes"]} == {"same"}
    while True:
        count = telos.call("GET", "/v1/notices/newsletter/reconsent")
        if count["complete"]:
            break
    assert count["needs"] == 3 and sum(v["people"] for v in count["versions"]) == count["renewed"] + count["open"], count
    telos.consent("user_id:page-7", "newsletter", "given", notice="newsletter@3")
    again = telos.call("GET", "/v1/notices/newsletter/reconsent")
    assert again["renewed"] == count["renewed"] + 1, (count, again)
    assert telos.command("notice", "reconsent", "newsletter")["renewed"] == again["renewed"]
    telos.call("POST", "/v1/identify", {"userId": "page-8", "traits": {"email": "page-8@example.hu"}}, key=SITE)
    telos.consent("user_id:page-8", "newsletter", "given", notice="newsletter@2")
    count = telos.call("GET", "/v1/notices/newsletter/reconsent")
    assert count["open"] >= 1, count
    listed = telos.call("GET", "/v1/notices/newsletter/reconsent/people?limit=1000", purpose="service")["people"]
    assert any(i["value"] == "page-8@example.hu" for one in listed for i in one["identifiers"]), (count, listed)
    assert len(listed) == next(c["people"] for c in count["contactable"] if c["purpose"] == "service")
    telos.consent("user_id:page-8", "newsletter", "renewed", notice="newsletter@3")
    telos.call("GET", "/v1/notices/newsletter/reconsent")
    listed = telos.call("GET", "/v1/notices/newsletter/reconsent/people?limit=1000", purpose="service")["people"]
    assert not any(i["value"] == "page-8@example.hu" for one in listed for i in one["identifiers"])


def a_notice_is_proven_by_the_first_policy_that_had_its_text(telos):
    telos.call("POST", "/v1/identify", {"userId": "page-9", "traits": {"email": "page-9@example.hu"}}, key=SITE)
    given = telos.consent("user_id:page-9", "newsletter", "given", notice="newsletter@3")["ledger"]["index"]
    told = [lambda: telos.call("GET", "/v1/notices/newsletter")["versions"][0], lambda: telos.call("GET", "/v1/notices/newsletter/versions/3?language=en"),
            lambda: next(n for n in telos.call("GET", "/v1/consents/notices?subject=user_id:page-9")["notices"] if n["id"] == "newsletter")]
    now = telos.call("GET", "/v1/policy")
    before = [(t()["policy_version"], t()["ledger_index"]) for t in told]
    folder = os.path.join(os.path.dirname(telos.policy), "notices")
    notices = {"notices/" + name: open(os.path.join(folder, name)).read() for name in os.listdir(folder)}
    other = now["policy"].replace("title: Advise on health", "title: Advise on your health")
    assert other != now["policy"]
    applied = telos.call("POST", "/v1/policy", {"policy": other, "notices": notices})["version"]
    after = [(t()["policy_version"], t()["ledger_index"]) for t in told]
    telos.call("POST", "/v1/policy", {"policy": now["policy"], "notices": notices})
    assert after == before and applied > max(version for version, _ in after), (before, after)
    assert after[2][1] < given, "the text was in the ledger before the yes"


CASES = [
    a_link_opens_the_person_s_page_and_nothing_of_it_is_kept,
    links_are_made_by_those_who_may,
    what_opens_everything_of_a_person_takes_a_token_with_all_purposes,
    a_link_that_is_old_changed_or_another_s_opens_nothing,
    after_erasure_a_link_opens_nothing,
    a_receipt_is_only_the_person_s_own,
    the_banner_s_configuration_names_no_person_and_needs_a_key,
    what_one_person_was_shown_can_be_asked,
    notices_are_shown_compared_and_counted,
    a_notice_is_proven_by_the_first_policy_that_had_its_text,
]
