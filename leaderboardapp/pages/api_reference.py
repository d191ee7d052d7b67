"""The API's description, docs/openapi.yaml (OpenAPI 3.1), as it stands and as a page to read."""

import functools
import html
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString, mark_safe

from leaderboardapp.pages import views

DESCRIPTION = settings.BASE_DIR / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")


def read_openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(DESCRIPTION.read_bytes(), content_type="application/yaml")


def read_docs(request: HttpRequest) -> HttpResponse:
    return views.render_page(request, "reference", reference())


@functools.cache
def reference() -> dict[str, Any]:
    """What the page shows."""
    api = yaml.safe_load(DESCRIPTION.read_text())
    operations = list(_operations(api))
    tags = [tag["name"] for tag in api["tags"]]
    problems = _resolve(api, {"$ref": "#/components/responses/Problem"})
    return {
        "title": api["info"]["title"],
        "description": _prose(api["info"]["description"]),
        "token": _prose(api["components"]["securitySchemes"]["bearer"]["description"]),
        "problems": _prose(problems["description"]),
        "groups": [(tag, [op for op in operations if op["tag"] == tag]) for tag in tags],
    }


def _operations(api: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in api["paths"].items():
        for method in filter(item.__contains__, METHODS):
            operation = item[method]
            parameters = [_resolve(api, each) for each in operation.get("parameters", [])]
            yield {
                "method": method.upper(),
                "path": path,
                "tag": operation["tags"][0],
                "id": operation["operationId"],
                "summary": _prose(operation["summary"]),
                "description": _prose(operation.get("description", "")),
                "parameters": [
                    (each["name"], each["in"], _form(api, each["schema"]), _prose(_says(each)))
                    for each in parameters
                ],
                "body": _fields(api, operation.get("requestBody")),
                "answers": [
                    (status, _prose(_says(answer)), _fields(api, answer))
                    for status, answer in _answers(api, operation)
                ],
            }


def _answers(api: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    answers = operation["responses"].items()
    return [(status, _resolve(api, answer)) for status, answer in answers if status != "default"]


def _fields(api: dict[str, Any], message: dict[str, Any] | None) -> list[tuple[Any, ...]]:
    """(name, whether it is required, its form, what it is) of each field of a JSON object, or of
    the objects in a list."""
    schema = _schema(api, message)
    schema = _resolve(api, schema.get("items", schema))
    required = schema.get("required", [])
    return [
        (name, name in required, _form(api, field), _prose(_says(_resolve(api, field))))
        for name, field in schema.get("properties", {}).items()
    ]


def _schema(api: dict[str, Any], message: dict[str, Any] | None) -> dict[str, Any]:
    content = (message or {}).get("content", {})
    return _resolve(api, content.get("application/json", {}).get("schema", {}))


def _form(api: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a value looks like, in a few words."""
    schema = _resolve(api, schema)
    if "enum" in schema:
        text = " | ".join(map(str, schema["enum"]))
    elif "const" in schema:
        text = str(schema["const"])
    elif schema["type"] == "array":
        text = f"list of {_form(api, schema['items'])}"
    elif schema["type"] == "object":
        text = "{" + ", ".join(schema["properties"]) + "}"
    else:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        text = " or ".join(types)
        if "minimum" in schema and "maximum" in schema:
            text += f", {schema['minimum']} to {schema['maximum']}"
        if "pattern" in schema and "description" not in schema:
            text += f" {schema['pattern']}"
    return f"{text}, by default {json.dumps(schema['default'])}" if "default" in schema else text


def _resolve(api: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """The value, with that which its $ref names, if it has one, in its place."""
    if "$ref" not in value:
        return value
    found: Any = api
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{key: own for key, own in value.items() if key != "$ref"}}


def _says(value: dict[str, Any]) -> str:
    return str(value.get("description", ""))


def _prose(text: str) -> SafeString:
    """As HTML for the inside of a <p>."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text.strip()))
    return mark_safe(re.sub(r"\n\s*\n", "</p><p>", escaped))
