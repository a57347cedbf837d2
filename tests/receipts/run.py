#!/usr/bin/env python3
"""Receipts as linked data: each kind of statement under each basis, downloaded, checked against the published terms of the Data Privacy Vocabulary
and against the fields of ISO/IEC TS 27560:2023, and verified offline.

Usage: run.py TELOS [CASE…]        ends with "N passed, N failed"
"""
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, HERE)
import receipt_check  # noqa: E402
from telos import Telos, run_cases  # noqa: E402

WHO = "email:anna@example.hu"
# purpose, status, more members, is it a statement of consent?
STATEMENTS = [
    ("newsletter", "given", {"notice": "privacy@2"}, True),
    ("newsletter", "renewed", {"notice": "privacy@2", "reference": "form 7"}, True),
    ("newsletter", "withdrawn", {}, True),
    ("newsletter", "refused", {}, True),
    ("newsletter", "objected", {}, False),
    ("newsletter", "objection_lifted", {}, False),
    ("advice", "given", {"notice": "privacy@2", "explicit": True}, True),
    ("orders", "opened", {"reference": "order 12"}, False),
    ("orders", "ended", {"reference": "order 12"}, False),
    ("rescue", "invoked", {"by": "agent", "reference": "flood of 3 May"}, False),
    ("census", "objected", {}, False),
    ("service", "objected", {}, False),
    ("service", "objection_lifted", {}, False),
]


def receipt(telos, purpose, status, more):
    said = telos.consent(WHO, purpose, status, **more)
    document = telos.call("GET", "/v1/consents/%s/receipt" % said["id"])
    return said, document


def every_receipt_uses_published_terms_and_has_every_field(telos):
    for purpose, status, more, of_consent in STATEMENTS:
        _, document = receipt(telos, purpose, status, more)
        found = receipt_check.problems(json.dumps(document), of_consent)
        assert not found, "%s %s:\n%s" % (purpose, status, "\n".join(found))


def the_receipt_in_the_answer_is_the_one_that_is_downloaded(telos):
    said, document = receipt(telos, "newsletter", "given", {"notice": "privacy@2"})
    for member in ("@context", "@id", "@type", "dct:references"):
        assert said["receipt"][member] == document[member], member
    _, _, headers = telos.request("GET", "/v1/consents/%s/receipt" % said["id"])
    assert headers["Content-Type"].startswith("application/ld+json"), headers["Content-Type"]


def each_verifies_offline_and_a_changed_one_does_not(telos):
    key = os.path.join(telos.data, "keys", "verifier.pub")
    path = os.path.join(telos.directory, "receipt.json")

    def verify(document):
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f, ensure_ascii=False)
        return subprocess.run([telos.program, "verify", path, "--key", key], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode

    for purpose, status, more, _ in STATEMENTS:
        _, document = receipt(telos, purpose, status, more)
        assert verify(document) == 0, "%s %s" % (purpose, status)
        document["dct:references"]["dpv:hasProcess"]["dpv:hasPurpose"]["dct:title"] = "Something else"
        assert verify(document) == 1, "%s %s, changed" % (purpose, status)


def the_check_finds_what_is_wrong(telos):
    """A check that finds nothing in a spoiled receipt would prove nothing."""
    _, document = receipt(telos, "newsletter", "given", {"notice": "privacy@2"})
    spoils = [
        ("dpv:ConsentGiven", "dpv:ConsentGranted", "no published class"),
        ("dpv:hasRecipient", "dpv:hasReceiver", "no published term"),
        ("eu-gdpr:A6-1-a", "eu-gdpr:A6-1-z", "no published term"),
        ("loc:HU", "loc:XX", "no published term"),
        ("dpv-27560:receipt-eu-gdpr", "dpv-27560:receipt-mars", "none of the published profiles"),
        ('"dpv:hasRight"', '"telos:hasRight"', "privacy rights"),
        ('"dpv:Use"', '"dpv:Consent"', "its range is"),
    ]
    for good, bad, sentence in spoils:
        text = json.dumps(document)
        assert good in text, good
        found = receipt_check.problems(text.replace(good, bad))
        assert any(sentence in problem for problem in found), "%s: %s" % (bad, found)


def of_a_special_category_and_of_a_transfer_the_receipt_says_so(telos):
    _, document = receipt(telos, "advice", "given", {"notice": "privacy@2", "explicit": True})
    process = document["dct:references"]["dpv:hasProcess"]
    assert "eu-gdpr:A6-1-a-explicit-consent" in process["dpv:hasLegalBasis"] and "eu-gdpr:A9-2-a" in process["dpv:hasLegalBasis"], process["dpv:hasLegalBasis"]
    assert any(data["@type"] == "dpv:SpecialCategoryPersonalData" for data in process["dpv:hasPersonalData"])
    _, document = receipt(telos, "newsletter", "given", {"notice": "privacy@2"})
    entity = [one for one in document["dct:references"]["dpv:hasEntity"] if one["@id"].endswith("mailer")][0]
    assert "2021/914" in json.dumps(entity) and entity["dpv:hasLocation"] == "loc:US", entity


def the_policy_knows_exactly_the_published_categories_and_purposes(telos):
    with open(os.path.join(HERE, "..", "..", "src", "policy", "dpv.c"), encoding="utf-8") as source:
        listed = set(re.findall(r'"((?:pd|dpv):\w+)"', source.read()))
    terms = receipt_check.TERMS
    published = {name for name, kind in terms.kinds.items()
                 if kind == "class" and (name.startswith("pd:") or (name.startswith("dpv:") and "dpv:Purpose" in [name] + terms.parents[name]))}
    assert listed == published, listed ^ published


def a_misspelt_term_in_the_policy_is_told(telos):
    with open(os.path.join(HERE, "policy.yaml"), encoding="utf-8") as f:
        text = f.read()
    shutil.copytree(os.path.join(HERE, "notices"), os.path.join(telos.directory, "notices"))
    path = os.path.join(telos.directory, "misspelt.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("pd:Behavioural", "pd:Behavioral"))
    said = telos.command("policy", "check", path)
    assert any("did you mean `pd:Behavioural`" in one for one in said["warnings"]), said


CASES = [
    the_policy_knows_exactly_the_published_categories_and_purposes,
    a_misspelt_term_in_the_policy_is_told,
    every_receipt_uses_published_terms_and_has_every_field,
    the_receipt_in_the_answer_is_the_one_that_is_downloaded,
    each_verifies_offline_and_a_changed_one_does_not,
    the_check_finds_what_is_wrong,
    of_a_special_category_and_of_a_transfer_the_receipt_says_so,
]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    telos = Telos(os.path.abspath(sys.argv[1]), os.path.join(HERE, "policy.yaml"), {"SITE_WRITE_KEY": "dpv-site-key"})
    telos.start()
    status = run_cases(CASES, telos, only=sys.argv[2:])
    telos.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
