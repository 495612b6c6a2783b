"""The OpenAPI document of a gateway."""


def resolved(document, schema):
    """What a reference leads to."""
    while "$ref" in schema:
        node = document
        for step in schema["$ref"].split("/")[1:]:
            node = node[step]
        schema = node
    return schema
