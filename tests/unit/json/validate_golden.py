"""Validates the golden messages against the schemas with a validator that is not ours, and that the schemas bite."""

import copy
import json
import pathlib
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "docs" / "schemas"
GOLDEN = ROOT / "tests" / "golden" / "wire"


def closed(schema):
    """The same schema with every object closed: what we send ourselves has nothing that is not documented."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        return schema
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def validator(schema):
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def main():
    problems = []
    checked = 0
    for kind in ("commands", "events"):
        names = {path.name for path in (SCHEMAS / kind).glob("*.json")}
        golden = {path.name for path in (GOLDEN / kind).glob("*.json")}
        problems += [f"{kind}/{name}: schema or golden file is missing" for name in names ^ golden]
        for name in sorted(names & golden):
            schema = json.loads((SCHEMAS / kind / name).read_text(encoding="utf-8"))
            message = json.loads((GOLDEN / kind / name).read_text(encoding="utf-8"))
            check = validator(closed(schema))
            for error in check.iter_errors(message):
                problems.append(f"{kind}/{name}: {error.json_path}: {error.message}")
            for attribute in schema["required"]:
                broken = {key: value for key, value in message.items() if key != attribute}
                if check.is_valid(broken):
                    problems.append(f"{kind}/{name}: valid without {attribute}")
            broken = copy.deepcopy(message)
            broken["data"]["surprise"] = 1
            if check.is_valid(broken):
                problems.append(f"{kind}/{name}: valid with an unknown member of data")
            checked += 1
    print("\n".join(problems) if problems else f"{checked} golden messages are valid")
    return 1 if problems or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
