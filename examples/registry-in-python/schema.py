"""The content of this registry, and the check of payloads: the schema that Describe serves is the one that is checked."""

import datetime
import re
import unicodedata

REGISTRY, AGENCY, RECORD_TYPE, KEY_FIELD = "library", "library", "library.card.v1", "card_number"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["branch", "card_number", "holder", "issued_on", "level", "status"],
    "properties": {
        "card_number": {"type": "string", "pattern": "^LB[0-9]{8}$", "title": "Card number"},
        "holder": {
            "type": "object", "additionalProperties": False, "required": ["full_name", "personal_id"], "title": "Holder",
            "properties": {
                "personal_id": {"type": "string", "format": "personal-id", "pattern": "^[0-9]{12}$"},
                "full_name": {"type": "string", "format": "person-name", "minLength": 1, "maxLength": 100},
            },
        },
        "branch": {"type": "string", "minLength": 1, "maxLength": 100, "title": "Branch"},
        "issued_on": {"type": "string", "format": "date", "title": "Issued on"},
        "level": {"type": "string", "enum": ["reader", "borrower", "researcher"], "title": "Level"},
        "status": {"type": "string", "enum": ["valid"], "title": "Status"},
        "books_max": {"type": "integer", "minimum": 0, "maximum": 50, "title": "Books at one time"},
    },
}
INTEGER_MAX = 2**53 - 1
KINDS = {"object": dict, "string": str, "integer": int, "array": list, "boolean": bool}


def violations(value, schema, path):
    """Every flaw of a value, as (field, rule, message). A message never repeats the value."""
    if value is None:
        return [(path, "NULL", "leave the field out if its value is unknown")]
    if isinstance(value, float):
        return [(path, "NUMBER", "whole numbers only")]
    if type(value) is not KINDS[schema["type"]]:
        return [(path, "TYPE", f"must be of type {schema['type']}")]
    if isinstance(value, dict):
        known = schema["properties"]
        missing = [(f"{path}.{name}", "REQUIRED", "is required") for name in schema["required"] if name not in value]
        unknown = [(f"{path}.{name}", "UNKNOWN_FIELD", "there is no such field") for name in value if name not in known]
        inner = [flaw for name in value if name in known for flaw in violations(value[name], known[name], f"{path}.{name}")]
        return missing + unknown + inner
    if isinstance(value, int):
        good = schema.get("minimum", -INTEGER_MAX) <= value <= schema.get("maximum", INTEGER_MAX)
        return [] if good else [(path, "OUT_OF_RANGE", "is out of range")]
    return [] if text_fits(value, schema) else [(path, "FORMAT", "does not have the form of the field")]


def text_fits(text, schema):
    try:
        if schema.get("format") == "date":
            datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return (
        schema.get("minLength", 1) <= len(text) <= schema.get("maxLength", 200)
        and re.fullmatch(schema.get("pattern", ".*").strip("^$"), text) is not None
        and text in schema.get("enum", [text])
        and unicodedata.is_normalized("NFC", text) and text.isprintable()
    )
