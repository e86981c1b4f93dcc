"""What queries find, as the DSS's index would."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import pytest

from hca_local.dss.query import QueryError, parse_query

NOW = datetime(2024, 5, 3, 12, 30, tzinfo=timezone.utc)

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
        "links.v1.json": [{"a.b": {"c": 5}}],
        "links": {"v1": {"json": {"d": 6}}},
    },
}
NAME = "files.project_json.name"
TAXON = "files.donor_json.taxon"
AGE = "files.donor_json.age"
DAY, TIMES = "files.day", "files.times"


def matches(query: Any) -> bool:
    return parse_query({"query": query}, NOW)(DOCUMENT)


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
    {"bool": {"should": [{"match_all": {}}, {"term": {TAXON: 1}}], "minimum_should_match": "-50%"}},
    {"bool": {"should": [{"match_all": {}}] * 3 + [{"term": {TAXON: 1}}], "minimum_should_match": "2<-25% 9<-3"}},
    {"constant_score": {"filter": {"term": {TAXON: 9606}}, "boost": 1.2}},
    # phrases
    {"match_phrase": {NAME: "demo lung"}},
    {"match_phrase": {f"{NAME}.text": "demo lung"}},
    {"match_phrase": {"files.project_json.organ.text.text": {"query": "LEFT lung", "slop": 0}}},
    {"match_phrase": {"files.long.text": "needle"}},
    {"match_phrase_prefix": {f"{NAME}.text": "Demo lu"}},
    {"match_phrase_prefix": {NAME: "Demo lu"}},
    {"match": {f"{NAME}.text": {"query": "lung demo brain", "minimum_should_match": 2}}},
    {"match": {f"{NAME}.text": {"query": "lung demo brain", "minimum_should_match": "-1"}}},
    # many fields
    {"multi_match": {"query": "demo lung", "fields": ["files.nothing", f"{NAME}^3"]}},
    {"multi_match": {"query": 9606, "fields": TAXON}},
    {"multi_match": {"query": "lung", "fields": ["files.project_json.*"]}},
    {"multi_match": {"query": "lung left", "fields": ["*.text"], "operator": "and"}},
    {"multi_match": {"query": "left lung", "fields": ["files.*"], "type": "phrase"}},
    {"multi_match": {"query": "left lu", "fields": ["files.*"], "type": "phrase_prefix"}},
    {"multi_match": {"query": "needle"}},
    # keys with dots
    {"term": {"files.links.v1.json.a.b.c": 5}},
    {"term": {"files.links.v1.json.d": 6}},
    {"exists": {"field": "files.links.v1"}},
    {"exists": {"field": "files.links.v1.json.a.b"}},
    {"exists": {"field": "files.*.taxon"}},
    # dates that are calculated
    {"range": {DAY: {"gte": "now-3d", "lt": "now"}}},
    {"range": {DAY: {"gte": "now-2d/d", "lte": "now-2d/d"}}},
    {"range": {TIMES: {"gte": "now-48h", "lte": "now-2880m"}}},
    {"range": {TIMES: {"gt": "now+12h+30m"}}},
    {"range": {DAY: {"gte": "now/M", "lte": "now/y"}}},
    {"range": {DAY: {"gte": "2024-05-02||-1d", "lte": "2024-04-01||+1M"}}},
    {"range": {DAY: {"gte": "now/w-1w", "lt": "now/w+1w"}}},
    {"range": {DAY: {"gte": "now-259200s"}}},
    # regular expressions
    {"regexp": {NAME: "demo.*"}},
    {"regexp": {NAME: {"value": "[a-e]{2}MO (lung|brain)"}}},
    {"regexp": {f"{NAME}.text": "lu?[^x]{1,3}"}},
    {"regexp": {"files.wild": r"a\*b\?c\[d\]"}},
]

TEXTS_THAT_FIND = [
    "needle",
    "brain OR needle",
    "brain needle",
    "+needle brain",
    "lung AND needle AND NOT brain",
    "lung && !brain",
    "NOT brain",
    "-brain",
    '"demo lung"',
    '"left lung"^2 AND lung',
    f'{NAME}:(brain OR "Demo Lung")',
    f"{NAME}:demo\\ lung",
    f"{NAME}:Demo*",
    f"{NAME}:?emo\\ l*",
    f"{NAME}.text:(lung AND demo)",
    f"{NAME}.text:lung {NAME}:brain",
    f"{NAME}:/demo.*/",
    "taxon OR (needle AND (lung OR (brain AND brain)))",
    f"{TAXON}:9606",
    f"{AGE}:[4 TO 5]",
    f"{AGE}:{{4.5 TO 70]",
    f"{AGE}:[60 TO *]",
    f"{AGE}:>=70 AND {AGE}:<5",
    f"{DAY}:2024-05-01 AND {DAY}:[now-3d TO now]",
    f"{TIMES}:2024-05-01T12:30:00Z",
    f"_exists_:{NAME}",
    f"{NAME}:*",
    "*:*",
    "*",
    "uuid:11111111-2222-4333-8444-55555555555A",
    "uuid:11111111-*A",
    f"{AGE}:[-5 TO 5] AND NOT {AGE}:-5",
    "files.\\*.taxon:9606",
    "files.donor_json.\\*:10090",
]
FOUND += [{"query_string": {"query": text}} for text in TEXTS_THAT_FIND]
FOUND += [
    {"query_string": {"query": "lung demo", "default_field": f"{NAME}.text", "default_operator": "AND"}},
    {"query_string": {"query": "9606", "fields": ["files.nothing", f"{TAXON}^2"]}},
    {"query_string": {"query": "needle", "default_field": "_all", "analyze_wildcard": True}},
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
    {"match_none": {}},
    {"bool": {"should": [{"match_all": {}}, {"term": {TAXON: 1}}], "minimum_should_match": "2<-25% 9<-3"}},
    {"bool": {"should": [{"match_all": {}}, {"term": {TAXON: 1}}], "minimum_should_match": "-49%"}},
    {"match_phrase": {f"{NAME}.text": "lung demo"}},
    {"match_phrase": {NAME: "lung"}},
    {"match_phrase": {f"{NAME}.text": ""}},
    {"match_phrase_prefix": {f"{NAME}.text": "Dem lu"}},
    {"match": {f"{NAME}.text": {"query": "lung brain heart", "minimum_should_match": "50%", "operator": "and"}}},
    {"match": {f"{NAME}.text": {"query": "lung brain", "minimum_should_match": 2}}},
    {"multi_match": {"query": "lung", "fields": [NAME, TAXON]}},
    {"multi_match": {"query": "demo left", "fields": ["files.*"], "operator": "and"}},
    {"multi_match": {"query": "lung left", "fields": ["files.*"], "type": "phrase"}},
    {"multi_match": {"query": "brain"}},
    {"term": {"files.links.v1.json.a.b": 5}},
    {"term": {"files.links.v1": 6}},
    {"exists": {"field": ".".join("a" * 100)}},
    {"exists": {"field": "files.*.nothing"}},
    {"range": {DAY: {"gte": "now-2d"}}},
    {"range": {DAY: {"gt": "now-2d/d"}}},
    {"range": {DAY: {"gte": "now-999999y"}}},
    {"range": {DAY: {"gte": "2024-99||/d"}}},
    {"range": {DAY: {"gte": "now+1w/w"}}},
    {"range": {AGE: {"gte": "now-1d"}}},
    {"regexp": {NAME: "demo"}},
    {"regexp": {NAME: "lung"}},
    {"regexp": {f"{NAME}.text": "lu{2}ng"}},
    {"regexp": {TAXON: "9606"}},
]

TEXTS_THAT_DO_NOT_FIND = [
    "brain",
    "brain AND needle",
    "+brain needle",
    "needle -lung",
    "needle NOT lung",
    "NOT needle",
    "lung AND brain OR brain",
    '"lung demo"',
    f"{NAME}:lung",
    f"{NAME}:/lung/",
    f"{NAME}:(demo lung)",
    f"{NAME}:[a TO b]",
    f"{AGE}:{{70 TO *]",
    f"{AGE}:>70",
    f"{DAY}:[now-1d TO now]",
    "_exists_:files.nothing",
    "files.nothing:*",
    "nothing:needle",
    "uuid:11111111-*a",
]
NOT_FOUND += [{"query_string": {"query": text}} for text in TEXTS_THAT_DO_NOT_FIND]
NOT_FOUND += [
    {"query_string": {"query": "lung brain", "default_operator": "and"}},
    {"query_string": {"query": "needle", "fields": [NAME, TAXON]}},
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
    ({"bool": {"minimum_should_match": "2<x"}}, "'2<x'"),
    ({"constant_score": {}}, "one key"),
    ({"match_phrase": {"a": {"query": "x", "slop": 1}}}, "[slop]"),
    ({"match_phrase": {"a": {"query": ["x"]}}}, "[match_phrase]"),
    ({"multi_match": {"fields": ["a"]}}, "[query]"),
    ({"multi_match": {"query": "x", "fields": [1]}}, "names of fields"),
    ({"multi_match": {"query": "x", "type": "cross_fields"}}, "'cross_fields'"),
    ({"multi_match": {"query": "x", "fuzziness": 1}}, "[fuzziness]"),
    ({"regexp": {"a": "("}}, "no `)`"),
    ({"regexp": {"a": ")"}}, "no `(`"),
    ({"regexp": {"a": "[a"}}, "breaks off"),
    ({"regexp": {"a": "a**"}}, "repeat"),
    ({"regexp": {"a": "*"}}, "repeat"),
    ({"regexp": {"a": "a{3,2}"}}, "backwards"),
    ({"regexp": {"a": "~a"}}, "`~`"),
    ({"regexp": {"a": "(" * 60 + ")" * 60}}, "nested"),
    ({"regexp": {"a": "((a{99}){99}){99}"}}, "too much"),
    ({"regexp": {"a": "a" * 1001}}, "1000 characters"),
    ({"query_string": {}}, "[query]"),
    ({"query_string": {"query": "a", "default_operator": "xor"}}, "[default_operator]"),
    ({"query_string": {"query": "a", "fuzziness": 1}}, "[fuzziness]"),
    ({"query_string": {"query": ""}}, "breaks off"),
    ({"query_string": {"query": "a AND"}}, "breaks off"),
    ({"query_string": {"query": "(a"}}, "no `)`"),
    ({"query_string": {"query": "a)"}}, "`)` is not expected"),
    ({"query_string": {"query": "OR a"}}, "`OR`"),
    ({"query_string": {"query": "a~2"}}, "`~2`"),
    ({"query_string": {"query": '"a'}}, "cannot be read"),
    ({"query_string": {"query": "a:/(/"}}, "[regexp]"),
    ({"query_string": {"query": "(" * 30 + "a" + ")" * 30}}, "nested"),
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
        parse_query({"query": query}, NOW)
    assert named in str(caught.value)


@pytest.mark.parametrize("search", [{}, {"query": None}, {"_source": True, "sort": [], "search_after": [], "size": 3}])
def test_what_the_dss_decides_itself_is_ignored(search: Any) -> None:
    assert parse_query(search, NOW)({})


def test_patterns_cannot_be_made_slow() -> None:
    document = {"a": "a" * 256}
    start = time.process_time()
    assert not parse_query({"query": {"wildcard": {"a": "*a" * 100 + "*b"}}}, NOW)(document)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+b", "a{0,200}a{0,200}b"])
def test_regular_expressions_cannot_be_made_slow(pattern: str) -> None:
    matches_it = parse_query({"query": {"regexp": {"a": pattern}}}, NOW)
    start = time.process_time()
    assert not matches_it({"a": "a" * 256})
    assert time.process_time() - start < 5
    assert matches_it({"a": "a" * 20 + "b"})
