"""The API's own documentation: the OpenAPI 2 document says what is served, the page needs no other host."""
import gzip
import json
import re

import pytest

ROUTES = {  # CONTRACT: every REST route
    ("get", "/healthz"), ("get", "/v1/challenges"), ("get", "/v1/challenges/{challenge_id}"),
    ("post", "/v1/challenges/initialize"), ("put", "/v1/challenges/{challenge_id}/goals/{goal_id}/active"),
    ("post", "/v1/challenges/{challenge_id}/goals/{goal_id}/claim"),
    ("post", "/v1/challenges/{challenge_id}/goals/batch-select"),
    ("post", "/v1/challenges/{challenge_id}/goals/random-select"),
    ("get", "/v1/challenges/{challenge_id}/rotation"),
}


@pytest.fixture
def document(service):
    answer = service.request("GET", "/apidocs/api.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.json


def test_document_has_exactly_the_routes_of_the_contract(document):
    assert document["swagger"] == "2.0" and document["basePath"] == "/challenge"
    assert {(method, path) for path, operations in document["paths"].items() for method in operations} == ROUTES


def test_document_names_only_what_it_defines(document):
    named = set(re.findall(r'"#/definitions/(\w+)"', json.dumps(document)))
    assert named == set(document["definitions"])


def test_document_describes_what_the_service_answers(document, service, player):
    def check(value, schema, where):
        if "$ref" in schema:
            schema = document["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        kind = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}[schema["type"]]
        assert isinstance(value, kind), where
        if kind is dict:
            assert set(value) == set(schema["properties"]), where
            for key, each in value.items():
                if each is not None:
                    check(each, schema["properties"][key], f"{where}.{key}")
        if kind is list:
            for each in value:
                check(each, schema["items"], f"{where}[]")

    def answer(method, path, filled, body=None):
        got = service.request(method.upper(), filled, body, player)
        operation = document["paths"][path][method]
        check(got.json, operation["responses"][str(got.status)]["schema"], f"{method} {path}")

    one = "/v1/challenges/{challenge_id}"
    answer("get", "/healthz", "/healthz")
    answer("post", "/v1/challenges/initialize", "/v1/challenges/initialize", {})
    answer("get", "/v1/challenges", "/v1/challenges")
    answer("get", one, "/v1/challenges/ladder")
    answer("get", one + "/rotation", "/v1/challenges/ladder/rotation")
    answer("put", one + "/goals/{goal_id}/active", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": True})
    answer("post", one + "/goals/batch-select", "/v1/challenges/ladder/goals/batch-select", {"goal_ids": ["rung-1"]})
    answer("post", one + "/goals/random-select", "/v1/challenges/ladder/goals/random-select", {"count": 0})
    answer("post", one + "/goals/{goal_id}/claim", "/v1/challenges/ladder/goals/nothing/claim")


def test_page_loads_everything_from_this_host(service):
    headers, page = service.raw("GET", "/apidocs/", {})
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in headers["content-security-policy"]
    files = re.findall(r'(?:src|href)="([^"]+)"', page.decode())
    assert "swagger-ui-bundle.js" in files and not any("//" in file for file in files)
    for file in files:
        if not file.startswith("data:"):
            service.raw("GET", f"/apidocs/{file}", {})


def test_page_without_its_slash_is_redirected(service):
    answer = service.request("GET", "/apidocs")
    assert (answer.status, answer.headers["location"]) == (308, "/challenge/apidocs/")


def test_script_is_the_same_with_and_without_gzip(service):
    packed_headers, packed = service.raw("GET", "/apidocs/swagger-ui-bundle.js", {"accept-encoding": "gzip"})
    plain_headers, plain = service.raw("GET", "/apidocs/swagger-ui-bundle.js", {})
    assert packed_headers["content-encoding"] == "gzip" and "content-encoding" not in plain_headers
    assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 3
