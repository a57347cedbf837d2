"""Everybody who may be processed for a purpose: the list by purpose."""
from collect import SITE
from people import bearer, token
from telos import wait


def listed(telos, purpose, limit=1000, **options):
    """All pages."""
    found, cursor, pages = [], "", 0
    while True:
        page = telos.call("GET", "/v1/profiles?purpose=%s&limit=%d%s" % (purpose, limit, "&cursor=" + cursor if cursor else ""), **options)
        assert page["purpose"] == purpose and len(page["profiles"]) <= limit, page
        found += page["profiles"]
        pages += 1
        if "next" not in page:
            return found
        assert pages < 10000, "no end"
        cursor = page["next"]


def names(people):
    return {i["value"] for person in people for i in person["identifiers"] if i["type"] == "user_id"}


def everybody_of_a_purpose_is_listed_as_the_gate_says_now(telos):
    for n in range(7):
        telos.call("POST", "/v1/identify", {"userId": "list-%d" % n, "traits": {"name": "List %d" % n}}, key=SITE)
    mine = {"list-%d" % n for n in range(7)}
    assert mine <= names(listed(telos, "service")) and not mine & names(listed(telos, "newsletter"))
    telos.consent("user_id:list-1", "newsletter", "given", notice="newsletter@3")
    telos.consent("user_id:list-2", "newsletter", "given", notice="newsletter@3")
    telos.call("POST", "/v1/identify", {"userId": "list-1", "traits": {"name": "List 1"}}, key=SITE)
    for limit in (1, 3, 1000):
        every = listed(telos, "newsletter", limit)
        assert names(every) & mine == {"list-1", "list-2"}, (limit, names(every))
        assert len({person["id"] for person in every}) == len(every), "nobody twice"
    one = next(person for person in listed(telos, "newsletter") if "list-1" in names([person]))
    assert one["traits"]["name"] == "List 1" == telos.profile("user_id:list-1", "newsletter")["traits"]["name"]
    assert listed(telos, "newsletter") == listed(telos, "newsletter"), "from memory as made anew"
    assert one == {key: value for key, value in telos.call("GET", "/v1/profiles/user_id:list-1?purpose=newsletter&events=0").items()}
    telos.call("POST", "/v1/identify", {"userId": "list-1", "traits": {"name": "Another name"}}, key=SITE)
    assert next(person for person in listed(telos, "newsletter") if "list-1" in names([person]))["traits"]["name"] == "Another name"
    telos.consent("user_id:list-1", "newsletter", "withdrawn")
    assert names(listed(telos, "newsletter")) & mine == {"list-2"}, "at once"
    telos.call("POST", "/v1/rights", {"subject": "user_id:list-2", "right": "restriction"})
    assert not names(listed(telos, "newsletter")) & mine, "who is restricted may only be stored"
    telos.call("POST", "/v1/rights", {"subject": "user_id:list-3", "right": "erasure"})
    assert "list-3" not in names(listed(telos, "service")) and "list-4" in names(listed(telos, "service"))
    telos.call("POST", "/v1/identify", {"userId": "list-new", "traits": {"name": "New"}}, key=SITE)
    assert "list-new" in names(listed(telos, "service", 2))


def two_who_become_one_are_listed_once(telos):
    telos.call("POST", "/v1/identify", {"userId": "list-a", "traits": {"name": "A"}}, key=SITE)
    telos.call("POST", "/v1/identify", {"anonymousId": "list-b", "traits": {"name": "B"}}, key=SITE)
    both = {telos.profile(subject, "service")["id"] for subject in ("user_id:list-a", "anonymous_id:list-b")}
    assert len(both) == 2 and both <= {person["id"] for person in listed(telos, "service")}
    merge = telos.call("POST", "/v1/identities/user_id:list-a/merges", {"with": "anonymous_id:list-b"})
    assert len(both & {person["id"] for person in listed(telos, "service")}) == 1
    telos.call("POST", "/v1/identities/user_id:list-a/merges/%s/undo" % merge["id"])
    assert both <= {person["id"] for person in listed(telos, "service")}


def a_list_takes_the_purpose_and_is_recorded_person_by_person(telos):
    telos.call("POST", "/v1/identify", {"userId": "list-read", "traits": {"name": "Read"}}, key=SITE)
    held = bearer(token(telos, "marketer", "service"))
    assert "list-read" in names(listed(telos, "service", headers=held))
    assert telos.request("GET", "/v1/profiles?purpose=newsletter", headers=held)[0] == 403
    assert telos.request("GET", "/v1/profiles?purpose=service", headers=bearer(token(telos, "auditor", "*")))[0] == 403
    assert telos.request("GET", "/v1/profiles?purpose=service&cursor=x", headers=held)[0] == 400

    def it_is_a_recorded_read():
        telos.call("POST", "/v1/identify", {"userId": "list-read", "traits": {"name": "Read"}}, key=SITE)  # reads reach the store with commits
        return any(read["what"] == "profile" and read["purpose"] == "service" for read in telos.call("GET", "/v1/reads?subject=user_id:list-read")["reads"])

    wait(it_is_a_recorded_read, 20, "the look at each person listed")


CASES = [everybody_of_a_purpose_is_listed_as_the_gate_says_now, two_who_become_one_are_listed_once, a_list_takes_the_purpose_and_is_recorded_person_by_person]
