#!/usr/bin/env python3
"""What is stored is sealed (P7), and what must be gone is gone: unique markers are planted in every place that takes a value, and
every file is searched for them.

Usage: run.py TELOS [CASE…]        ends with "N passed, N failed"
"""
import os
import shutil
import sqlite3
import sys
import uuid
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from telos import Telos, needles_in, run_cases  # noqa: E402

POLICY = os.path.join(HERE, "..", "crash", "policy.yaml")
KEYS = {"SITE_WRITE_KEY": "site-key-1", "SHOP_WRITE_KEY": "shop-key-1"}


def needle(what):
    return "%s%s" % (what, uuid.uuid4().hex)


class Person:
    """A person all of whose values are markers."""

    def __init__(self):
        self.user, self.email, self.name = needle("user"), needle("mail") + "@example.com", needle("Name")
        self.step, self.held, self.reference = needle("step"), needle("held"), needle("ref")
        self.anonymous, self.topic = needle("anon"), needle("topic")
        self.words = needle("words")  # of a rights request
        self.born = "1987-05-09"

    @property
    def subject(self):
        return "user_id:" + self.user

    @property
    def needles(self):
        values = [self.user, self.email, self.name, self.step, self.held, self.reference, self.anonymous, self.topic, self.words, self.born]
        return [v.encode() for v in values]

    def live(self, telos, consents=True):
        site, shop = KEYS["SITE_WRITE_KEY"], KEYS["SHOP_WRITE_KEY"]
        telos.call("POST", "/v1/identify", {"userId": self.user, "anonymousId": self.anonymous, "traits": {"email": self.email, "name": self.name, "birthdate": self.born}}, key=site)
        telos.call("POST", "/v1/track", {"userId": self.user, "event": "Step", "properties": {"step": self.step}}, key=site)
        telos.call("POST", "/v1/track", {"userId": self.user, "event": "Wish", "properties": {"wish": self.held}}, key=shop)
        telos.call("PUT", "/v1/preferences?subject=" + self.subject, {"topics": {self.topic: False}, "language": "hu"})
        telos.call("POST", "/v1/rights", {"subject": self.subject, "right": "access", "open": True, "text": self.words, "reference": self.words})
        if consents:
            telos.consent(self.subject, "offers", "given", notice="site@1", reference=self.reference)
            telos.call("POST", "/v1/track", {"userId": self.user, "event": "Wish", "properties": {"wish": self.held}}, key=shop)


def telos_for(program):
    return Telos(program, POLICY, KEYS)


def nothing_in_clear(telos, needles, directory=None):
    found = needles_in(directory or telos.data, needles)
    assert not found, "in clear: %s" % {k.decode()[:12]: v for k, v in found.items()}


def no_year_of_birth_is_a_number_in_the_store(telos):
    """Two bytes are too short to be searched for in files: the columns of the store are looked at instead."""
    with sqlite3.connect(os.path.join(telos.data, "telos.db")) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(person_row)") if row[1] != "key"]
        bare = db.execute("SELECT count(*) FROM person_row WHERE 1987 IN (%s)" % ", ".join(columns)).fetchone()[0]
        kinds = dict(db.execute("SELECT typeof(sealed), count(*) FROM profile GROUP BY 1"))
    assert not bare, "%d rows hold a year of birth in clear" % bare
    assert kinds.get("blob") and not set(kinds) - {"blob", "null"}, kinds


def no_value_is_in_clear_in_any_file_while_serving_or_after(program):
    telos = telos_for(program).start()
    people = [Person() for _ in range(20)]
    for person in people:
        person.live(telos, consents=person is not people[0])
    needles = [n for p in people for n in p.needles]
    nothing_in_clear(telos, needles)
    with open(telos.log, "rb") as log:
        text = log.read()
    assert not [n for n in needles if n in text], "a value is in the log"
    assert telos.profile(people[1].subject, "service")["traits"]["name"] == people[1].name, "the markers are really stored"
    backup = os.path.join(telos.directory, "backup")
    telos.command("backup", backup)
    nothing_in_clear(telos, needles, backup)
    export = os.path.join(telos.directory, "export")
    telos.command("audit", "export", export, "--from", "2026-01-01", "--to", "2099-01-01")
    # A regulator's copy holds what was said (the consent records, with their reference), but no identifier, fact or event.
    nothing_in_clear(telos, [n for p in people for n in p.needles if n != p.reference.encode()], export)
    status, metrics, _ = telos.request("GET", "/metrics")
    metrics = metrics if isinstance(metrics, bytes) else str(metrics).encode()
    assert status == 200 and not [n for n in needles if n in metrics]
    telos.kill()
    nothing_in_clear(telos, needles)
    telos.start()
    telos.stop()
    nothing_in_clear(telos, needles)
    no_year_of_birth_is_a_number_in_the_store(telos)
    telos.remove()


def everything_readable(telos, person):
    """All that any interface gives of the person, as one text."""
    parts = []
    for purpose in ("service", "offers", "books"):
        for path in ("/v1/profiles/%s" % person.subject, "/v1/profiles/%s/timeline" % person.subject):
            parts.append(str(telos.request("GET", path, purpose=purpose)[1]))
    for path in ("/v1/consents?subject=" + person.subject, "/v1/preferences?subject=" + person.subject, "/v1/identities/" + person.subject,
                 "/v1/deliveries?limit=1000", "/v1/rights?subject=" + person.subject, "/v1/rights?limit=1000"):
        parts.append(str(telos.request("GET", path)[1]))
    return "\n".join(parts)


def a_withdrawal_takes_away_what_rested_on_it_alone(program):
    telos = telos_for(program).start()
    person = Person()
    person.live(telos)
    assert person.held in everything_readable(telos, person), "the held wish was released by the consent"
    telos.consent(person.subject, "offers", "withdrawn")
    text = everything_readable(telos, person)
    assert person.held not in text, "what rested on the consent alone can still be read"
    assert person.step in text, "what rests on the interest stays"
    telos.stop()
    telos.start()
    assert person.held not in everything_readable(telos, person)
    telos.command("audit", "check")
    telos.remove()


def an_erased_person_is_nowhere(program):
    telos = telos_for(program).start()
    person, other = Person(), Person()
    person.live(telos)
    other.live(telos)
    assert person.words in everything_readable(telos, person), "what the person wrote can be read before"
    copy = os.path.join(telos.directory, "copy.zip")
    telos.command("rights", "export", person.subject, "--out", copy)
    with zipfile.ZipFile(copy) as archive:
        assert person.email in archive.read("data.json").decode(), "the copy holds the person, and was packed outside the data directory"
    nothing_in_clear(telos, person.needles)
    done = telos.command("rights", "erase", person.subject)
    text = everything_readable(telos, person)
    for value in (person.email, person.name, person.step, person.held, person.anonymous, person.words):
        assert value not in text, "an erased value can still be read"
    certificate = str(telos.command("rights", "certificate", done["id"]))
    assert done["erased"]["facts"] and not [n for n in person.needles if n.decode() in certificate], "the certificate names nobody"
    assert telos.profile(other.subject, "service")["traits"]["name"] == other.name
    nothing_in_clear(telos, person.needles + other.needles)
    telos.command("audit", "check")
    telos.remove()


def an_older_backup_does_not_bring_an_erased_person_back(program):
    telos = telos_for(program).start()
    person, other = Person(), Person()
    person.live(telos)
    other.live(telos)
    backup, apart = os.path.join(telos.directory, "backup"), os.path.join(telos.directory, "apart")
    telos.command("backup", backup)
    shutil.copytree(backup, apart)  # one that no mirror reaches
    telos.command("rights", "erase", person.subject)
    telos.stop()
    for source in (backup, apart):
        data = telos.data
        telos.command("restore", source)
        telos.start()
        text = everything_readable(telos, person)
        for value in (person.email, person.name, person.step, person.held):
            assert value not in text, "restored from %s: an erased value can be read" % os.path.basename(source)
        assert telos.profile(other.subject, "service")["traits"]["name"] == other.name, "the others came back"
        assert telos.data == data
        telos.command("audit", "check")
        telos.stop()
    telos.remove()


def the_master_key_opens_nothing_of_an_erased_person_in_a_backup(program):
    """The whole backup, the present tombstones and the master key together: a fresh start on them must not know the person."""
    telos = telos_for(program).start()
    person = Person()
    person.live(telos)
    backup = os.path.join(telos.directory, "backup")
    telos.command("backup", backup)
    telos.command("rights", "erase", person.subject)
    telos.stop()
    elsewhere = Telos(program, POLICY, dict(KEYS, TELOS_MASTER_KEY_FILE=os.path.join(telos.data, "keys", "master.key")))
    elsewhere.command("restore", backup)
    elsewhere.start()
    text = everything_readable(elsewhere, person)
    for value in (person.email, person.name, person.step, person.held):
        assert value not in text, "the backup still opens an erased value"
    elsewhere.remove()
    telos.remove()


def keys_are_rotated_while_serving(program):
    telos = telos_for(program).start()
    people = [Person() for _ in range(5)]
    for person in people:
        person.live(telos)
    key = os.path.join(telos.data, "keys", "master.key")
    with open(key, "rb") as f:
        before = f.read()
    telos.command("keys", "rotate")
    with open(key, "rb") as f:
        assert f.read() != before, "the master key is still the old one"
    for person in people:
        assert telos.profile(person.subject, "service")["traits"]["name"] == person.name
    telos.kill()
    telos.start()
    assert telos.profile(people[0].subject, "service")["traits"]["name"] == people[0].name
    telos.remove()


CASES = [
    no_value_is_in_clear_in_any_file_while_serving_or_after,
    a_withdrawal_takes_away_what_rested_on_it_alone,
    an_erased_person_is_nowhere,
    an_older_backup_does_not_bring_an_erased_person_back,
    the_master_key_opens_nothing_of_an_erased_person_in_a_backup,
    keys_are_rotated_while_serving,
]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run_cases(CASES, os.path.abspath(sys.argv[1]), only=sys.argv[2:]))
