#!/usr/bin/env python3
"""Runs the tests of the tidy test: a small good tree has no findings, and each way to spoil it has
exactly the finding it should have. Fails also when there is a rule that fired in none of them."""

import sys
import unittest

import doc_rules_test
import fixture
import graph_test
import source_rules
import source_rules_test

MODULES = (graph_test, source_rules_test, doc_rules_test)
RULES = {ban.name for ban in source_rules.BANS} | set(
    "arrows cmake header include label length link lock machine_path mark mirror modules name orphan unused"
    .split()
)


def main():
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite(loader.loadTestsFromModule(module) for module in MODULES)
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    if fixture.FIRED != RULES:
        print(f"rules without a test, or the reverse: {sorted(fixture.FIRED ^ RULES)}")
    return 0 if result.wasSuccessful() and fixture.FIRED == RULES else 1


if __name__ == "__main__":
    sys.exit(main())
