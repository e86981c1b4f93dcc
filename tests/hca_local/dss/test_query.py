"""What queries find, as the DSS's index would."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hca_local.dss.query import QueryError, parse_query

DOCUMENT = {
    "uuid": "11111111-2222-4333-8444-55555555555A",
    "manifest": {
        "version": "2024-05-01T120100.000000Z",
        "files": [{"name": "a.JSON", "size": 5}, {"name": "b", "size": 50}],
    },
    "files": {
        "project_json": [
            {"name": "Demo Lung", "organ": {"text": "Left lung"}, "note": None, "empty": [], "hidden": {}}
        ],
        "donor_json": [{"taxon": [9606], "age": 4.5, "alive": True}, {"taxon": [10090], "age": 70, "alive": False}],
        "long": "x" * 257 + " needle",
        "day": "2024-05-01",
        "times": ["2024-05-01T12:30:00Z", "2024-05-03T23:30:00.5-02:00"],
        "month": "2024-06",
        "wild": "a*b?c[d]",
    },
}
NAME = "files.project_json.name"
TAXON = "files.donor_json.taxon"
AGE = "files.donor_json.age"
DAY, TIMES = "files.day", "files.times"


def matches(query: Any) -> bool:
    return parse_query({"query": query})(DOCUMENT)


FOUND = [
    {"match_all": {}},
    {"match_all": {"boost": 2}},
    # whole values, in any case
    {"term": {NAME: "demo lung"}},
    {"term": {NAME: {"value": "DEMO LUNG", "boost": 1.5}}},
    {"match": {NAME: "Demo Lung"}},
    {"match": {NAME: {"query": "demo LUNG", "operator": "and"}}},
    {"terms": {NAME: ["x", "demo lung"]}},
    # words
    {"match": {f"{NAME}.text": "LUNG brain"}},
    {"match": {f"{NAME}.text": {"query": "lung demo", "operator": "AND"}}},
    {"term": {f"{NAME}.text": "lung"}},
    {"terms": {f"{NAME}.text": ["brain", "lung"]}},
    {"match": {"files.long.text": "needle"}},
    {"match": {"files.project_json.organ.text": "left LUNG"}},
    {"match": {"files.project_json.organ.text.text": "left"}},
    {"prefix": {f"{NAME}.text": "lun"}},
    {"wildcard": {f"{NAME}.text": "*un?"}},
    {"range": {f"{NAME}.text": {"gte": "lung", "lte": "lung"}}},
    # numbers and booleans
    {"term": {TAXON: 9606}},
    {"match": {TAXON: "10090"}},
    {"terms": {TAXON: [1, 9606]}},
    {"term": {AGE: "4.50"}},
    {"term": {AGE: 70.0}},
    {"term": {"files.donor_json.alive": False}},
    {"term": {"files.donor_json.alive": "true"}},
    {"term": {"manifest.files.name": "A.json"}},
    # dates
    {"term": {DAY: "2024-05-01T00:00:00Z"}},
    {"match": {TIMES: "2024-05-01"}},
    {"match": {TIMES: "2024-05-04T01:30"}},
    {"range": {DAY: {"gte": "2024-05-01", "lt": "2024-05-02"}}},
    {"range": {TIMES: {"gt": "2024-05-03", "lte": "2024-05-04"}}},
    {"range": {TIMES: {"gte": "2024-05-01T14:30:00+02:00", "lte": "2024-05-01T12:30:00Z"}}},
    {"range": {"files.month": {"gte": "2024-05-31", "lte": "2024-06"}}},
    # identifiers
    {"term": {"uuid": "11111111-2222-4333-8444-55555555555A"}},
    {"match": {"manifest.version": "2024-05-01T120100.000000Z"}},
    {"range": {"manifest.version": {"gte": "2024-05-01", "lt": "2024-05-02"}}},
    {"ids": {"values": ["x", "11111111-2222-4333-8444-55555555555A.2024-05-01T120100.000000Z"]}},
    # ranges
    {"range": {AGE: {"gt": 4, "lt": 5}}},
    {"range": {AGE: {"gte": "70", "boost": 1}}},
    {"range": {NAME: {"gte": "DEMO", "lt": "demp"}}},
    {"range": {AGE: {}}},
    {"range": {AGE: {"gte": None}}},
    # patterns
    {"prefix": {NAME: "DEMO "}},
    {"prefix": {NAME: {"value": "demo"}}},
    {"wildcard": {NAME: "d*LUNG"}},
    {"wildcard": {NAME: {"value": "????*lun?"}}},
    {"wildcard": {"files.wild": r"a\*b\?c[d]"}},
    {"prefix": {"uuid": "1111"}},
    # presence
    {"exists": {"field": NAME}},
    {"exists": {"field": "files.project_json"}},
    {"exists": {"field": "files"}},
    # combinations
    {"bool": {}},
    {"bool": {"must": {"match_all": {}}, "must_not": [{"term": {TAXON: 1}}]}},
    {"bool": {"should": [{"term": {TAXON: 1}}, {"term": {TAXON: 9606}}]}},
    {"bool": {"must": [{"match_all": {}}], "should": [{"term": {TAXON: 1}}]}},
    {"bool": {"filter": [{"match_all": {}}], "should": [{"term": {TAXON: 1}}]}},
    {"bool": {"should": [{"term": {TAXON: 1}}], "minimum_should_match": 0}},
    {"bool": {"should": [{"match_all": {}}] * 3 + [{"term": {TAXON: 1}}], "minimum_should_match": "75%"}},
    {"bool": {"should": [{"match_all": {}}] * 3 + [{"term": {TAXON: 1}}], "minimum_should_match": -1}},
    {"bool": {"must_not": {"term": {TAXON: 1}}}},
    {"constant_score": {"filter": {"term": {TAXON: 9606}}, "boost": 1.2}},
]

NOT_FOUND = [
    {"term": {NAME: "demo"}},
    {"match": {NAME: "lung"}},
    {"terms": {NAME: []}},
    {"match": {f"{NAME}.text": "lun"}},
    {"match": {f"{NAME}.text": {"query": "lung brain", "operator": "and"}}},
    {"match": {f"{NAME}.text": "..."}},
    {"match": {f"{NAME}.text": {"query": "", "operator": "and"}}},
    {"term": {f"{NAME}.text": "Lung"}},
    {"match": {"files.project_json.organ.text": "lung"}},
    {"match": {"files.nothing.text": "lung"}},
    {"match": {f"{TAXON}.text": "9606"}},
    {"prefix": {f"{NAME}.text": "Lun"}},
    {"term": {"files.long": "x" * 257 + " needle"}},
    {"prefix": {"files.long": "xxx"}},
    {"term": {TAXON: "9606x"}},
    {"term": {TAXON: True}},
    {"term": {AGE: "nan"}},
    {"term": {"files.donor_json.alive": 1}},
    {"term": {"uuid": "11111111-2222-4333-8444-55555555555a"}},
    {"prefix": {"uuid": "11111111-2222-4333-8444-55555555555a"}},
    {"ids": {"values": ["11111111-2222-4333-8444-55555555555A"]}},
    {"match": {DAY: "2024-05-02"}},
    {"term": {DAY: "2024-99-99"}},
    {"range": {DAY: {"gt": "2024-05-01"}}},
    {"range": {DAY: {"lt": "2024-05-01"}}},
    {"range": {DAY: {"gte": "yesterday"}}},
    {"range": {DAY: {"gte": 5}}},
    {"range": {AGE: {"gt": 4.5, "lt": 70}}},
    {"range": {AGE: {"gte": "old"}}},
    {"range": {"files.donor_json.alive": {"gte": 0}}},
    {"range": {"files.long": {"gte": "a"}}},
    {"range": {"nothing": {}}},
    {"wildcard": {NAME: "lung"}},
    {"wildcard": {"files.wild": r"a\?b\?c[d]"}},
    {"wildcard": {TAXON: "96*"}},
    {"exists": {"field": "files.project_json.note"}},
    {"exists": {"field": "files.project_json.empty"}},
    {"exists": {"field": "files.project_json.hidden"}},
    {"exists": {"field": "file"}},
    {"bool": {"must_not": {"match_all": {}}}},
    {"bool": {"must": [{"match_all": {}}, {"term": {TAXON: 1}}]}},
    {"bool": {"filter": {"term": {TAXON: 1}}}},
    {"bool": {"should": [{"term": {TAXON: 1}}]}},
    {"bool": {"should": [{"match_all": {}}], "minimum_should_match": 2}},
    # inside a filter, one of the optional clauses has to be true
    {"bool": {"filter": {"bool": {"must": {"match_all": {}}, "should": [{"term": {TAXON: 1}}]}}}},
    {"constant_score": {"filter": {"bool": {"must": {"match_all": {}}, "should": [{"term": {TAXON: 1}}]}}}},
]

REFUSED = [
    ({"mtch": {}}, "[mtch]"),
    ({}, "one key"),
    ({"term": {"a": 1}, "match": {"a": 1}}, "one key"),
    ("lung", "one key"),
    ([], "one key"),
    ({"match": "lung"}, "[match] needs an object"),
    ({"match": {}}, "exactly one field"),
    ({"match": {"a": 1, "b": 1}}, "exactly one field"),
    ({"match": {"a": {"query": "x", "fuzziness": 2}}}, "[fuzziness]"),
    ({"match": {"a": {"query": "x", "operator": "nor"}}}, "`and` or `or`"),
    ({"match": {"a": {"operator": "and"}}}, "[query]"),
    ({"match": {"a": None}}, "[match]"),
    ({"term": {"a": [1]}}, "[term]"),
    ({"terms": {"a": 1}}, "[terms]"),
    ({"terms": {"a": [{}]}}, "[terms]"),
    ({"terms": {"a": [], "b": []}}, "[terms]"),
    ({"range": {"a": {"from": 1}}}, "[from]"),
    ({"range": {"a": 1}}, "[range]"),
    ({"range": {"a": {"gte": "now-1d"}}}, "calculate"),
    ({"range": {"a": {"gte": [1]}}}, "[range]"),
    ({"exists": {}}, "`field`"),
    ({"exists": {"field": ["a"]}}, "`field`"),
    ({"ids": {"values": "a"}}, "`values`"),
    ({"ids": {"values": [1]}}, "`values`"),
    ({"wildcard": {"a": None}}, "[wildcard]"),
    ({"match_all": {"x": 1}}, "[x]"),
    ({"bool": {"mustnt": []}}, "[mustnt]"),
    ({"bool": {"must": "x"}}, "one key"),
    ({"bool": {"minimum_should_match": "many"}}, "[minimum_should_match]"),
    ({"bool": {"minimum_should_match": True}}, "[minimum_should_match]"),
    ({"constant_score": {}}, "one key"),
]


@pytest.mark.parametrize("query", FOUND, ids=str)
def test_found(query: Any) -> None:
    assert matches(query)


@pytest.mark.parametrize("query", NOT_FOUND, ids=str)
def test_not_found(query: Any) -> None:
    assert not matches(query)


@pytest.mark.parametrize(("query", "named"), REFUSED, ids=str)
def test_refused_by_name(query: Any, named: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query({"query": query})
    assert named in str(caught.value)


@pytest.mark.parametrize("search", [{}, {"query": None}, {"_source": True, "sort": [], "search_after": [], "size": 3}])
def test_what_the_dss_decides_itself_is_ignored(search: Any) -> None:
    assert parse_query(search)({})


def test_patterns_cannot_be_made_slow() -> None:
    document = {"a": "a" * 256}
    start = time.process_time()
    assert not parse_query({"query": {"wildcard": {"a": "*a" * 100 + "*b"}}})(document)
    assert time.process_time() - start < 5
