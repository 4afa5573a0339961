"""The JSON Schema of the test spec (docs/spec.schema.json) and the parser agree.

Every example of the unit tests of the parser, good, bad and damaged at random, every bad spec of bad_input_test.py, and
every spec in the documents goes through both. The schema must accept whatever the parser accepts. What the parser
refuses the schema must refuse too, at the same place, unless no schema can say it: BEYOND has those, by the parser's words.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

import bad_input_test

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIRE_TEST = os.environ.get("WIRE_TEST", ROOT / "build/release/tests/unit/common/wire/wire_test")

# What the parser says that the schema cannot: a pattern of its words, and why.
BEYOND = [
    (r"is nested deeper than", "is fatal to the text"),
    (r"is a number out of range", "JSON has no range"),
    (r" ms is below \d+ ms$| ms exceeds \d+ ms$|^take \d+ ms, which exceeds", "durations are text, and add up"),
    (r"is no whole number of milliseconds$", "durations are text"),
    (r"has more than 6 decimals$", "multipleOf 0.000001 is not exact in binary"),
    (r"is too long$", "leading zeros"),
    (r"bytes exceed \d+$", "maxLength counts characters, of one value"),
    (r"\(header names ignore case\)$|^Host is empty$", "one key depends on another"),
    (r"is no URL|is not within 1 to 65535$|^host: |^host \"|is not base64$", "too much for a pattern"),
    (r"is not supported yet", "the format is that of the version that supports it"),
    (r"must be a whole number from 0 to 18446744073709551615", "5.0 is an integer to the schema"),
]


def for_python(schema):
    """Patterns in ECMAScript's sense: in Python, $ stands before a last line feed too."""
    if isinstance(schema, dict):
        return {key: re.sub(r"\$(?=\)|$)", r"\\Z", value) if key == "pattern" else for_python(value)
                for key, value in schema.items()}
    return [for_python(item) for item in schema] if isinstance(schema, list) else schema


def pointer(path):
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def places(errors):
    """Where the schema sees errors, those inside of alternatives included."""
    for error in errors:
        yield pointer(error.absolute_path)
        yield from places(error.context)


def is_near(a, b):
    """One is at or under the other."""
    return a == b or a.startswith(b + "/") or b.startswith(a + "/")


def documented_specs():
    """(place, spec) of each YAML and JSON block of a document that is a whole spec, and of the bodies of curl."""
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = file.read_text()
        blocks = re.findall(r"^```(?:yaml|json|sh|)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for block in blocks + re.findall(r"-d '(\{.*?\})'", text, re.DOTALL):
            try:
                spec = yaml.safe_load(block)
            except yaml.YAMLError:
                continue
            if isinstance(spec, dict) and {"target", "load"} <= spec.keys() and "totals" not in spec:
                yield file.name, spec


class SpecSchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads((ROOT / "docs/spec.schema.json").read_text())
        cls.validator = jsonschema.Draft202012Validator(for_python(cls.schema))

    def errors(self, spec):
        return list(self.validator.iter_errors(spec))

    def assert_agrees(self, spec, refusals):
        """`refusals` are the parser's: [{"pointer": ..., "detail": ...}]."""
        errors = self.errors(spec)
        if not refusals:
            self.assertEqual([error.message for error in errors], [])
            return
        if any(refusal["detail"] == "is given twice" for refusal in refusals):
            return  # the second one is all that json.loads gives
        seen = set(places(errors))
        for refusal in refusals:
            beyond = any(re.search(words, refusal["detail"]) for words, _ in BEYOND)
            found = any(is_near(place, refusal["pointer"]) for place in seen)
            self.assertTrue(beyond or found, f"the schema accepts {refusal}")

    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_every_part_is_described(self):
        def look(part, path):
            for name, item in part.get("properties", {}).items():
                described = item.get("description") or "$ref" in item
                self.assertTrue(described, f"{path}/{name}")
                look(item, f"{path}/{name}")

        look(self.schema, "")
        for name, item in self.schema["$defs"].items():
            self.assertTrue(item["description"], name)
            look(item, name)

    def test_examples_and_defaults_are_good(self):
        def look(part):
            if isinstance(part, list):
                for item in part:
                    look(item)
            elif isinstance(part, dict):
                values = part.get("examples", []) if isinstance(part.get("examples"), list) else []
                values = values + ([part["default"]] if "default" in part else [])
                for value in values:
                    own = self.validator.evolve(schema=part)
                    self.assertEqual([error.message for error in own.iter_errors(value)], [], part)
                for item in part.values():
                    look(item)

        look(self.validator.schema)

    def test_agrees_with_the_parser_on_the_unit_tests_examples(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "examples"
            subprocess.run([WIRE_TEST, "--gtest_filter=SpecJsonTest.*"], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "BROADSIDE_SPEC_EXAMPLES": str(file)})
            examples = [json.loads(line) for line in file.read_text().splitlines()]
        good = [example for example in examples if not example["errors"]]
        bad = [example for example in examples if example["errors"]]
        self.assertGreater(len(good), 5000)
        self.assertGreater(len(bad), 5000)
        # Those at random are many: every tenth of them; the written ones come with few errors and are all kept.
        for number, example in enumerate(examples):
            if number > 200 and number % 10 != 0:
                continue
            with self.subTest(text=example["text"][:400]):
                self.assert_agrees(json.loads(example["text"]), example["errors"])

    def test_agrees_with_the_parser_on_bad_input(self):
        for body, place in bad_input_test.FIELDS:
            text = body if isinstance(body, str) else json.dumps(body)
            if place.endswith("/0" * 60) or "again" in text or '"rate": 2}' in text:
                continue  # too deep, or a repeated key: gone once it is parsed
            errors = self.errors(json.loads(text))
            seen = set(places(errors))
            beyond = any(re.search(p, place) and c in text for p, c in (
                ("duration|timeout|max_lateness", '"0s"'), ("duration|timeout|max_lateness", '"169h"'),
                ("timeout", '"251s"'), ("max_lateness", '"61s"'), ("rate", "0.1234567"), ("url", ":0/"),
                ("url", ":65536/"), ("headers/a$", '"A"'), ("model", "closed"), ("arrivals", "poisson")))
            with self.subTest(body=text[:200]):
                self.assertTrue(beyond or any(is_near(place, other) for other in seen), seen)

    def test_accepts_every_spec_of_the_documents(self):
        specs = list(documented_specs())
        self.assertGreaterEqual(len(specs), 3, [place for place, _ in specs])
        for place, spec in specs:
            with self.subTest(place=place, spec=spec):
                self.assertEqual([error.message for error in self.errors(spec)], [])


if __name__ == "__main__":
    unittest.main()
