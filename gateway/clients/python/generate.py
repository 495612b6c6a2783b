#!/usr/bin/env python3
"""Writes ticketbus/_models.py and ticketbus/_client.py from docs/openapi.json; --check only compares."""

import argparse
import json
import keyword
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parents[2] / "docs" / "openapi.json"
HEAD = '"""Made by generate.py from docs/openapi.json; not to be edited."""\n'
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}
ACTORS = ["human", "design_agent", "worker_agent", "review_agent", "orchestrator", "system"]
ELSEWHERE = {"mcp"}  # spoken by clients of its own
RENAMED = {"Problem": "ProblemDetails"}  # Problem is the exception
SINGULAR = {"indexes": "index", "statuses": "status", "status": "status", "ranks": "ranks"}


def camel(name):
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def singular(name):
    return SINGULAR.get(name) or (name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s"))


def doc(text, indent):
    lines = textwrap.wrap(text, 118 - len(indent))
    return "\n".join(indent + line for line in lines)


def spread(options, indent):
    """One option a line; a long one is broken at its commas."""
    lines = []
    for option in options:
        broken = textwrap.wrap(option, 116 - len(indent), subsequent_indent="    ", break_long_words=False,
                               break_on_hyphens=False)
        lines += [f"{indent}{line}" for line in broken]
        lines[-1] += ","
    return lines


class Shape:
    """A schema as Python sees it: its type, the text that reads it from JSON, whether it may be null."""

    def __init__(self, hint, read, nullable=False):
        self.hint, self.read, self.nullable = hint, read, nullable


class Models:
    """Dataclasses of answers and TypedDicts of what is sent, named after where they stand."""

    def __init__(self, schemas):
        self.schemas, self.texts, self.names = schemas, {}, []

    @staticmethod
    def kinds(schema):
        kinds = schema.get("type", [])
        return [kinds] if isinstance(kinds, str) else list(kinds)

    def of(self, schema, name, sent):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return self.of(self.schemas[name], RENAMED.get(name, name), sent)
        kinds = self.kinds(schema)
        nullable = "null" in kinds or None in schema.get("enum", [])
        kinds = [kind for kind in kinds if kind != "null"]
        if "enum" in schema:
            values = ", ".join(json.dumps(value) for value in schema["enum"] if value is not None)
            return Shape("ActorType" if "orchestrator" in schema["enum"] else f"Literal[{values}]", "{}", nullable)
        if kinds == ["array"]:
            item = self.of(schema.get("items", {}), singular(name), sent)
            hint = f"{item.hint} | None" if item.nullable else item.hint
            read = "{}" if item.read == "{}" else f"[{item.read.format('item')} for item in {{}}]"
            return Shape(f"{'Sequence' if sent else 'list'}[{hint}]", read, nullable)
        if kinds == ["object"] and sent and schema.get("additionalProperties", True) is not False:
            return Shape("Mapping[str, Any]", "{}", nullable)
        if kinds == ["object"] and schema.get("properties"):
            name = name if name[0].isupper() else camel(name)
            (self.typed_dict if sent else self.dataclass)(name, schema)
            return Shape(name, "{}" if sent else f"{name}.read({{}})", nullable)
        if kinds == ["object"]:
            more = schema.get("additionalProperties")
            if isinstance(more, dict) and more:
                value = self.of(more, singular(name), sent)
                return Shape(f"{'Mapping' if sent else 'dict'}[str, {value.hint}]", "{}", nullable)
            return Shape("Mapping[str, Any]" if sent else "dict[str, Any]", "{}", nullable)
        if kinds == ["string"] and schema.get("format") == "date-time":
            return Shape("datetime | str" if sent else "datetime", "{}" if sent else "_time({})", nullable)
        if len(kinds) == 1 and kinds[0] in SIMPLE:
            return Shape(SIMPLE[kinds[0]], "{}", nullable)
        return Shape("Any", "{}", False)

    def dataclass(self, name, schema):
        if name in self.texts:
            return
        self.texts[name] = ""  # holds its place: a schema may stand in itself
        required = schema.get("required", [])
        fields, reads = [], []
        for member, inner in sorted(schema["properties"].items(), key=lambda pair: pair[0] not in required):
            shape = self.of(inner, name + camel(member), False)
            maybe = shape.nullable or member not in required
            hint = shape.hint if not maybe or shape.hint == "Any" else f"{shape.hint} | None"
            about = f"  # {inner['description']}" if inner.get("description") else ""
            line = f"    {member}: {hint}{'' if member in required else ' = None'}{about}"
            fields.append(line if len(line) <= 120 else f"    # {inner['description']}\n{line[:-len(about)]}")
            source = f'value["{member}"]' if member in required else f'value.get("{member}")'
            read = shape.read.format(source)
            if shape.read != "{}" and maybe:
                read = f'{shape.read.format(f"""value["{member}"]""")} if value.get("{member}") is not None else None'
            reads.append(f"            {member}={read},")
        about = doc(f'"""{schema["description"]}"""', "    ") + "\n\n" if schema.get("description") else ""
        self.texts[name] = "\n".join([
            "@dataclass(frozen=True)", f"class {name}:", about + "\n".join(fields), "",
            "    @classmethod", f"    def read(cls, value: Mapping[str, Any]) -> {name}:", "        return cls(", *reads,
            "        )", ""])
        self.names.append(name)

    def typed_dict(self, name, schema):
        if name in self.texts:
            return
        required = schema.get("required", [])
        fields = []
        for member, inner in schema["properties"].items():
            shape = self.of(inner, name + camel(member), True)
            hint = f"{shape.hint} | None" if shape.nullable else shape.hint
            fields.append(f"    {member}: {hint if member in required else f'NotRequired[{hint}]'}")
        self.texts[name] = "\n".join([f"class {name}(TypedDict):", *fields, ""])
        self.names.append(name)

    def file(self):
        self.names.append("ActorType")
        actors = json.dumps(ACTORS).strip("[]")
        self.texts["ActorType"] = f"ActorType = Literal[{actors}]\n"
        head = HEAD + textwrap.dedent('''
            from __future__ import annotations

            from collections.abc import Mapping, Sequence
            from dataclasses import dataclass
            from datetime import datetime
            from typing import Any, Literal, NotRequired, TypedDict

            __all__ = [
            {names}
            ]


            def _time(text: str) -> datetime:
                return datetime.fromisoformat(text)


            ''')
        names = "\n".join(f'    "{name}",' for name in sorted(self.names))
        order = ["ActorType"] + [name for name in self.names if name != "ActorType"]
        return head.replace("{names}", names) + "\n\n".join(self.texts[name] for name in order)


class Operations:
    """The methods of the client."""

    def __init__(self, document, models):
        self.document, self.models, self.methods = document, models, []
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if operation["operationId"] in ELSEWHERE:
                    continue
                self.add(path, method.upper(), operation)

    def resolve(self, value):
        while "$ref" in value:
            _, *steps = value["$ref"].split("/")
            value = self.document
            for step in steps:
                value = value[step]
        return value

    def answer(self, operation):
        """How the best answer is read: type, expression, whether it may be not known yet."""
        name = camel(operation["operationId"])
        statuses = sorted(status for status in operation["responses"] if status.startswith("2"))
        content = self.resolve(operation["responses"][statuses[0]]).get("content", {})
        if "text/event-stream" in content:
            return "Iterator[StreamEvent]", None, False
        pending = "202" in statuses and len(statuses) > 1
        if "application/json" not in content:
            return "None", "{}", pending
        shape = self.models.of(content["application/json"]["schema"], name + "Answer", False)
        return shape.hint, shape.read, pending

    def parameter(self, name, shape, required):
        if required:
            return f"{name}: {shape.hint}{' | None' if shape.nullable else ''}"
        if shape.nullable:
            return f"{name}: {shape.hint} | None | Unset = UNSET"
        return f"{name}: {shape.hint} | None = None"

    def add(self, path, method, operation):
        title = camel(operation["operationId"])
        parameters = [self.resolve(p) for p in operation.get("parameters", [])]
        headers = {p["name"] for p in parameters if p["in"] == "header"}
        in_path = [p for p in parameters if p["in"] == "path"]
        in_query = [p for p in parameters if p["in"] == "query"]
        positional = [f"{p['name']}: {self.models.of(p['schema'], p['name'], True).hint}" for p in in_path]
        must, may, told = [], [], []
        for p in in_query:
            shape = self.models.of(p["schema"], title + camel(p["name"]), True)
            (must if p["required"] else may).append(self.parameter(p["name"], shape, p["required"]))
        body, nullable = [], []
        request = operation.get("requestBody")
        schema = self.resolve(request["content"]["application/json"]["schema"]) if request else {}
        for name, inner in schema.get("properties", {}).items():
            required = name in schema.get("required", [])
            shape = self.models.of(inner, title + camel(name), True)
            (must if required else may).append(self.parameter(name, shape, required))
            body.append(name)
            nullable += [name] if shape.nullable else []
            if inner.get("description"):
                told.append(f"{name}: {inner['description']}")
        told = [f"{p['name']}: {p['description']}" for p in in_path + in_query if p.get("description")] + told
        key = "Idempotency-Key" in headers
        if key:
            may += ["idempotency_key: str | None = None", "if_match: int | None = None"]
            told += ["idempotency_key: The same key takes effect once; made up when left out.",
                     "if_match: Only when the version is this one."]
        self.write(operation, method, path, in_path, in_query, positional, must + may, body, nullable, told, key)

    def write(self, operation, method, path, in_path, in_query, positional, named, body, nullable, told, key):
        hint, read, pending = self.answer(operation)
        target = path
        for p in in_path:
            target = target.replace(f"{{{p['name']}}}", f"{{quote({p['name']}, safe='')}}")
        arguments = ["self", *positional, *(["*", *named] if named else [])]
        lines = [f"    def {operation['operationId']}({', '.join(arguments)}) -> {hint}:"]
        if len(lines[0]) > 118:
            lines = [f"    def {operation['operationId']}(", *(f"        {argument}," for argument in arguments),
                     f"    ) -> {hint}:"]
        about = f"{operation['description']}"
        text = [doc(about, "        ").replace("        ", '        """', 1)]
        if told:
            text += ["", *(textwrap.fill(line, 118, initial_indent="        ", subsequent_indent="            ",
                                         break_long_words=False, break_on_hyphens=False) for line in told), '        """']
        else:
            text[-1] += '"""'
        lines += text
        query = "given({" + ", ".join(f'"{p["name"]}": {p["name"]}' for p in in_query if p["name"] != "last_event_id") + "})"
        quoted = f'f"{target}"' if in_path else f'"{target}"'
        if read is None:
            lines.append(f"        return self._transport.stream({quoted}, {query}, last_event_id)")
        else:
            # Commands carry a key, and what only reads may be asked twice.
            safe = key or method != "POST" or operation.get("x-scope") == "read"
            options = [f'"{method}"', quoted]
            options += [f"query={query}"] if in_query else []
            if body and key is False and operation["operationId"] == "bulk":
                options.append('body={"commands": [{"idempotency_key": new_key()} | plain(one) for one in commands]}')
                safe = True
            elif operation.get("requestBody"):
                members = "{" + ", ".join(f'"{name}": {name}' for name in body) + "}"
                names = f", nullable={json.dumps(nullable)}" if nullable else ""
                options.append(f"body=given({members}{names})")
            if key:
                options.append("headers=self._command(idempotency_key, if_match)")
            options.append(f"safe={safe}")
            options += ["is_command=True"] if pending else []
            head = "        " if hint == "None" else "        answer = "
            call = [f"{head}self._transport.call({', '.join(options)})"]
            if len(call[0]) > 118:
                call = [f"{head}self._transport.call(", *spread(options, "            "), "        )"]
            result = read.format("answer")
            lines += call
            if hint != "None":
                lines.append(f"        return {result if result != 'answer' else f'cast({hint!r}, answer)'}")
        self.methods.append("\n".join(lines) + "\n")

    def file(self):
        head = HEAD + textwrap.dedent('''
            from __future__ import annotations

            import os
            import ssl
            from collections.abc import Iterator, Mapping, Sequence
            from datetime import datetime
            from types import TracebackType
            from typing import Any, Literal, cast
            from urllib.parse import quote

            from ._models import (
            {models}
            )
            from ._transport import UNSET, StreamEvent, Transport, Unset, given, new_key, plain

            __all__ = ["Client"]


            class Client:
                """A gateway. Every method is an operation of its OpenAPI document; commands return once they have taken effect.

                url, token: TICKETBUS_URL and TICKETBUS_TOKEN of the environment when left out.
                agent: Who acts, where the token is for no agent of its own.
                timeout: Seconds that one attempt may take.
                retries: Further attempts while the gateway is busy or away; repeated commands take effect once.
                context: For TLS; the system's authorities when left out.
                """

                def __init__(self, url: str | None = None, token: str | None = None, *, agent: str | None = None,
                             timeout: float = 60, retries: int = 4, context: ssl.SSLContext | None = None) -> None:
                    url = url or os.environ.get("TICKETBUS_URL", "http://127.0.0.1:8800")
                    token = token or os.environ.get("TICKETBUS_TOKEN")
                    self._transport = Transport(url, token, agent=agent, timeout=timeout, retries=retries, context=context)

                def __enter__(self) -> Client:
                    return self

                def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                             trace: TracebackType | None) -> None:
                    self.close()

                def close(self) -> None:
                    """Closes this thread's connection."""
                    self._transport.close()

                @staticmethod
                def _command(key: str | None, version: int | None) -> dict[str, str | None]:
                    return {"Idempotency-Key": key or new_key(), "If-Match": None if version is None else f'"{version}"'}

            ''')
        text = "\n".join(self.methods)
        code = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
        used = sorted(name for name in {*self.models.names, "ActorType"} if re.search(rf"\b{name}\b", code))
        head = head.replace("{models}", textwrap.fill(", ".join(used) + ",", 118, initial_indent="    ", subsequent_indent="    "))
        for name in ("datetime", "Mapping", "Literal", "cast", "plain", "Any", "Sequence"):
            if f"{name}" not in text + head.split("class Client", 1)[1]:
                head = drop_import(head, name)
        return head + text


def drop_import(head, name):
    lines = []
    for line in head.split("\n"):
        if line.startswith("from ") and " import " in line and name in line.split(" import ")[1].split(", "):
            start, names = line.split(" import ")
            left = [n for n in names.split(", ") if n != name]
            if left:
                lines.append(f"{start} import {', '.join(left)}")
            continue
        lines.append(line)
    return "\n".join(lines)


def generate():
    document = json.loads(DOCUMENT.read_text())
    models = Models(document["components"]["schemas"])
    operations = Operations(document, models)
    assert not any(keyword.iskeyword(name) for name in models.names)
    return {"_models.py": models.file(), "_client.py": operations.file()}


def main():
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--check", action="store_true", help="exit code 1 when a file is stale")
    check = given.parse_args().check
    stale = False
    for name, text in generate().items():
        path = HERE / "ticketbus" / name
        if check and (not path.exists() or path.read_text() != text):
            print(f"{path.relative_to(HERE.parents[2])} is stale: run gateway/clients/python/generate.py", file=sys.stderr)
            stale = True
        elif not check:
            path.write_text(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
