"""Checks a receipt as linked data against the published terms of the Data Privacy Vocabulary (terms.tsv, DPV 2.3) and the fields that
ISO/IEC TS 27560:2023 and the GDPR want, as the guide of the DPV maps them (w3id.org/dpv/guides/consent-27560)."""
import json
import os

import rdflib
from rdflib import RDF, Namespace

DPV = "https://w3id.org/dpv#"
SPACES = {
    DPV: "dpv", "https://w3id.org/dpv/pd#": "pd", "https://w3id.org/dpv/loc#": "loc", "https://w3id.org/dpv/legal/eu/gdpr#": "eu-gdpr",
    "https://w3id.org/dpv/justifications#": "justifications",
}
PROFILES = {"https://w3id.org/dpv/schema/dpv-27560#" + name for name in ("record", "receipt", "record-eu-gdpr", "receipt-eu-gdpr")}
DCT = Namespace("http://purl.org/dc/terms/")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")

# (where the path begins, path, what the standard calls it); `27560`: mandatory in ISO, `gdpr`: mandatory under the GDPR
FIELDS = """
receipt dct:conformsTo                                     27560 schema version of the receipt
receipt dct:identifier                                     27560 receipt identifier
record  dct:conformsTo                                     27560 schema version
record  dct:identifier                                     27560 record identifier
record  dpv:hasDataSubject/dpv:hasIdentifier               27560 identifier of the PII principal
record  dpv:hasNotice/dct:identifier                       27560 privacy notice
record  dpv:hasNotice/dct:language                         27560 language
process dpv:hasPurpose/skos:broader                        27560 purpose
process dpv:hasPersonalData/skos:broader                   27560 PII information and type
process dpv:hasDataController/dpv:hasIdentifier            27560 PII controller
process dpv:hasStorageCondition/dpv:hasLocation            27560 storage location
process dpv:hasStorageCondition/dct:description            27560 retention
process dpv:hasJurisdiction                                27560 jurisdiction
process dpv:hasRecipient                                   27560 recipients
process dpv:hasConsentControl                              27560 withdrawal method
record  dpv:hasEntity/dpv:hasIdentifier                    27560 party identifier
record  dpv:hasEntity/dpv:hasName                          27560 party name
record  dpv:hasEntity/dpv:hasAddress                       27560 party address
record  dpv:hasEntity/dpv:hasContact                       27560 party contact
status  dpv:isIndicatedAtTime                              27560 event time
status  dpv:hasDuration                                    27560 validity duration
status  dpv:isIndicatedBy                                  27560 entity of the event
process dpv:hasLegalBasis                                  gdpr  lawful basis
process dpv:hasProcessing                                  gdpr  processing method
process dpv:hasDataSource                                  gdpr  collection method
process dpv:hasProcessingCondition/dpv:hasLocation         gdpr  processing location
process dpv:hasRule                                        gdpr  geographic restriction
process dpv:hasRight                                       gdpr  privacy rights
record  dpv:hasAuthority                                   gdpr  authority
process dpv:hasPersonalData/dpv:hasNecessity               gdpr  whether the PII is optional
""".strip().splitlines()


class Terms:
    def __init__(self):
        self.kinds, self.parents, self.ranges = {}, {}, {}
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "terms.tsv"), encoding="utf-8") as lines:
            for line in lines:
                name, kind, parents, _, ranges = line.rstrip("\n").split("\t")
                self.kinds[name] = kind
                self.parents[name] = [parent for parent in parents.split(",") if parent]
                self.ranges[name] = [one for one in ranges.split(",") if one]

    def ancestors(self, name):
        seen, rest = set(), [name]
        while rest:
            term = rest.pop()
            if term not in seen:
                seen.add(term)
                rest += self.parents.get(term, [])
        return seen


TERMS = Terms()


def short(term):
    """dpv:Consent of an IRI in one of the vocabulary's spaces; None for everything else."""
    space, mark, name = str(term).partition("#")
    return SPACES[space + mark] + ":" + name if isinstance(term, rdflib.URIRef) and space + mark in SPACES else None


def kinds_of(graph, node):
    """All classes of a node: its types and broader terms and what these are kinds of; of a published term: its own ancestors."""
    own = short(node)
    found = TERMS.ancestors(own) if own else set()
    for predicate in (RDF.type, SKOS.broader):
        for value in graph.objects(node, predicate):
            if short(value):
                found |= TERMS.ancestors(short(value))
    return found


def triple_problems(graph, predicate, value):
    name = short(predicate)
    if predicate == RDF.type and short(value):
        if TERMS.kinds.get(short(value)) != "class":
            yield "%s is a type, but no published class" % short(value)
    elif short(value) and short(value) not in TERMS.kinds:
        yield "%s is no published term" % short(value)
    if not name:
        return
    kind = TERMS.kinds.get(name)
    if kind != "property":
        yield "%s is used as a property, but is %s" % (name, kind or "no published term")
        return
    # domains are not checked: they are suggestions, and the guide itself puts hasRecipient and hasRule on a process
    if TERMS.ranges[name] and not isinstance(value, rdflib.Literal):
        kinds = kinds_of(graph, value)
        if not kinds & set(TERMS.ranges[name]):
            yield "%s points at %s, a %s; its range is %s" % (name, value, "/".join(sorted(kinds)) or "nothing known", TERMS.ranges[name])


def follow(graph, nodes, path):
    for step in path.split("/"):
        prefix, _, name = step.partition(":")
        predicate = {"dpv": Namespace(DPV), "dct": DCT, "skos": SKOS}[prefix][name]
        nodes = [value for node in nodes for value in graph.objects(node, predicate)]
    return nodes


def field_problems(graph, of_consent):
    receipts = [node for node in graph.subjects(RDF.type, None) if str(node).startswith("urn:telos:receipt:")]
    records = follow(graph, receipts, "dct:references")
    statuses = follow(graph, records, "dpv:hasConsentStatus") + follow(graph, records, "dpv:hasStatus")
    starts = {"receipt": receipts, "record": records, "process": follow(graph, records, "dpv:hasProcess"), "status": statuses}
    if len(set(receipts)) != 1 or len(set(records)) != 1 or len(set(statuses)) != 1:
        yield "it has not exactly one receipt, record and status"
    for line in FIELDS:
        begin, path, wanted_by, what = line.split(None, 3)
        if path == "dpv:hasConsentControl" and not of_consent:
            continue
        if not follow(graph, starts[begin], path):
            yield "%s wants: %s (%s %s)" % (wanted_by, what, begin, path)
    for node in receipts + records:
        if not {str(value) for value in graph.objects(node, DCT.conformsTo)} & PROFILES:
            yield "it names none of the published profiles"


def problems(document, of_consent=True):
    """Everything that is wrong with a receipt (its text), as sentences."""
    graph = rdflib.Graph()
    graph.parse(data=document, format="json-ld")
    found = [problem for _, predicate, value in graph for problem in triple_problems(graph, predicate, value)]
    for member, value in walk(json.loads(document)):
        if ":" in member and member.split(":")[0] in ("dpv", "pd", "loc", "eu-gdpr") and member not in TERMS.kinds:
            found.append("the member %s is no published term" % member)
        if isinstance(value, str) and value.startswith(("dpv:", "eu-gdpr:", "pd:", "loc:")) and value not in TERMS.kinds:
            found.append("%s: %s is no published term" % (member, value))
    return sorted(set(found + list(field_problems(graph, of_consent))))


def walk(value, member=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("@context", "telos:evidence", "proof"):
                yield name, inner if not isinstance(inner, (dict, list)) else None
                yield from walk(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield member, inner if not isinstance(inner, (dict, list)) else None
            yield from walk(inner, member)
