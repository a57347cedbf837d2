"""Makes terms.tsv anew from a release of the Data Privacy Vocabulary: `make_terms.py dpv.ttl pd.ttl loc.ttl eu-gdpr.ttl justifications.ttl >terms.tsv`.

One line a term: name, class or property, what it is a kind of (types and broader terms), domain, range. Of places only countries and unions of
countries are taken. Facts only: no label and no definition."""
import sys

import rdflib
from rdflib import RDF, RDFS, Namespace

SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
DCAM = Namespace("http://purl.org/dc/dcam/")
SPACES = {
    "https://w3id.org/dpv#": "dpv", "https://w3id.org/dpv/pd#": "pd", "https://w3id.org/dpv/loc#": "loc",
    "https://w3id.org/dpv/legal/eu/gdpr#": "eu-gdpr", "https://w3id.org/dpv/justifications#": "justifications",
}


def short(iri):
    space, mark, name = str(iri).partition("#")
    return SPACES[space + mark] + ":" + name if space + mark in SPACES and name else None


def names(graph, term, *predicates):
    found = {short(value) for predicate in predicates for value in graph.objects(term, predicate)}
    return ",".join(sorted(name for name in found if name))


def main(files):
    graph = rdflib.Graph()
    for name in files:
        graph.parse(name, format="turtle")
    lines = []
    for term in set(graph.subjects(RDF.type, SKOS.Concept)):
        name = short(term)
        if not name or (name.startswith("loc:") and len(name) > 8):
            continue
        kind = "property" if (term, RDF.type, RDF.Property) in graph else "class"
        kinds = names(graph, term, RDF.type, RDFS.subClassOf, SKOS.broader, RDFS.subPropertyOf)
        lines.append("\t".join((name, kind, kinds, names(graph, term, DCAM.domainIncludes), names(graph, term, DCAM.rangeIncludes))))
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    main(sys.argv[1:])
