"""The API reference as a page, made on the server from the OpenAPI document: it needs no script and no other host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from bank_app.api.pages import marked, prose, table

Document = Mapping[str, Any]


def render(document: Document) -> str:
    """The body of the reference page."""
    operations = list(_operations(document))
    parts = [f"<h1>{escape(document['info']['title'])}</h1>", prose(document["info"]["description"])]
    parts.append('<p class="soft">As data: <a href="/api/v1/openapi.json">openapi.json</a> · ')
    parts.append('every code: <a href="/problems">problems</a></p><nav><ul>')
    parts += [
        f'<li><a href="#{op["operationId"]}">{_address(method, path)}</a></li>' for method, path, op in operations
    ]
    parts.append("</ul></nav>")
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        parts += [_operation(*op) for op in operations if tag["name"] in op[2].get("tags", ())]
    parts.append("<h2>Schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>{prose(schema.get("description", ""))}')
        parts.append(_fields(schema))
    return "".join(parts)


def _operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _address(method: str, path: str) -> str:
    return f'<span class="method">{method}</span><code>{escape(path)}</code>'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [f'<h3 id="{operation["operationId"]}">{escape(operation["summary"])}</h3>', _address(method, path)]
    parts.append(prose(operation.get("description", "")))
    if not operation.get("security"):
        parts.append('<p class="soft">Needs no token.</p>')
    if operation.get("parameters"):
        rows = [_parameter(parameter) for parameter in operation["parameters"]]
        parts.append("<h4>Parameters</h4>" + table(("Name", "In", "Type", "Meaning"), rows))
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        schema, [first, *_] = content["schema"], content["examples"].values()
        example = json.dumps(first["value"], indent=2, ensure_ascii=False)
        parts.append(f'<h4>Body</h4><p>{_type(schema)}</p><pre tabindex="0"><code>{escape(example)}</code></pre>')
    rows = [_response(status, response) for status, response in operation["responses"].items()]
    parts.append("<h4>Answers</h4>" + table(("Status", "Body", "Meaning"), rows))
    return "".join(parts)


def _parameter(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    schema = parameter.get("schema", {})
    meaning = parameter.get("description") or schema.get("description", "")
    name = _name(parameter["name"], required=bool(parameter.get("required")))
    return name, escape(parameter["in"]), _type(schema), marked(meaning)


def _response(status: str, response: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = [
        f"{_type(content.get('schema', {}))}" if kind.endswith("json") else f"<code>{escape(kind)}</code>"
        for kind, content in response.get("content", {}).items()
    ]
    return escape(status), " or ".join(kinds), marked(response.get("description", ""))


def _fields(schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"<p>{_type(schema)}</p>"
    required = schema.get("required", ())
    rows: list[tuple[str, ...]] = [
        (
            _name(name, required=name in required),
            _type(field),
            marked(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    ]
    return table(("Field", "Type", "Meaning"), rows)


def _name(name: str, *, required: bool) -> str:
    return f"<code>{escape(name)}</code>" + ("" if required else ' <span class="soft">optional</span>')


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, with links to the schemas it names."""
    several = next((schema[word] for word in ("anyOf", "oneOf", "allOf") if word in schema), None)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        text = f'<a href="#schema-{name}">{name}</a>'
    elif several:
        text = " or ".join(_type(inner) for inner in several)
    elif values:
        text = " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
    elif schema.get("type") == "array":
        text = "list of " + _type(schema.get("items", {}))
    else:
        text = escape(str(schema.get("type", "any"))) + (f" ({escape(schema['format'])})" if "format" in schema else "")
    return text
