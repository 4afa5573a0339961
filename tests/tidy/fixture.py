"""A small good tree, and a test case that spoils it in one way and looks at the findings."""

import os
import tempfile
import unittest

import tidy

HEADER = "#pragma once\n\n// What it is; a value type, no thread.\n\n"
GOOD = {
    "CMakeLists.txt": (
        "add_subdirectory(proto)\nadd_subdirectory(common/core)\nadd_subdirectory(common/net)\n"
        "add_subdirectory(agent)\nadd_subdirectory(controller)\nadd_subdirectory(cli)\n"
        "broadside_add_tests(tests/unit)\n"
    ),
    "proto/CMakeLists.txt": (
        "add_library(broadside_proto STATIC x)\nadd_library(broadside::proto ALIAS"
        " broadside_proto)\n"
    ),
    "common/core/CMakeLists.txt": "broadside_library(core DEPS absl::status)\n",
    "common/core/arc.h": HEADER + '#include <cstdint>\n\n#include "absl/status/status.h"\n',
    "common/core/arc.cc": '#include "common/core/arc.h"\n\nint Arc() { return 1\'000; }\n',
    "common/net/CMakeLists.txt": (
        "# A comment (with parentheses).\nbroadside_library(net DEPS broadside::core"
        " Boost::headers)\n"
    ),
    "common/net/loop.h": (
        HEADER + '#include <boost/asio/io_context.hpp>\n\n#include "common/core/arc.h"\n'
    ),
    "agent/CMakeLists.txt": "broadside_library(agent DEPS broadside::core broadside::net)\n",
    "agent/agent.h": HEADER + '#include "common/core/arc.h"\n#include "common/net/loop.h"\n',
    "agent/agent.cc": '#include "common/net/loop.h"\n',
    "controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core)\n",
    "controller/controller.h": HEADER + '#include "common/core/arc.h"\n',
    "controller/home.cc": '#include "common/core/arc.h"\n',
    "cli/CMakeLists.txt": (
        "broadside_library(cli DEPS broadside::agent broadside::controller EXCLUDE"
        " main.cc)\nadd_executable(broadside main.cc)\ntarget_link_libraries(broadside PRIVATE"
        " broadside::cli)\n"
    ),
    "cli/cli.h": HEADER + '#include "agent/agent.h"\n#include "controller/controller.h"\n',
    "cli/main.cc": "int main() { return 0; }\n",
    "cli/run.cc": "void Run() {}\n",
    "tests/unit/common/core/CMakeLists.txt": "broadside_test(core_test DEPS broadside::core)\n",
    "tests/unit/common/core/arc_test.cc": (
        '#include <gtest/gtest.h>\n\n#include "common/core/arc.h"\n'
    ),
    "tests/tidy/baseline.txt": "# empty\n",
    "docs/architecture.md": (
        "# Architecture\n\nSee [the start](../README.md#first-steps).\n\n<!-- modules -->\n| folder"
        " | may include | for |\n| --- | --- | --- |\n| `proto` | - | wire |\n| `common/core` | - |"
        " ideas |\n| `common/net` | `common/core` | threads |\n| `agent` | `common/core`,"
        " `common/net` | fires |\n| `controller` | `common/core` | plans |\n| `cli` | `agent`,"
        " `controller` | verbs |\n<!-- /modules -->\n"
    ),
    "README.md": "# Broadside\n\n## First steps\n\n`[not](a-link)`\n",
}
# Every rule that fired in some test, so that none can be left untested (see tidy_test.py).
FIRED = set()


class TidyCase(unittest.TestCase):
    def findings(self, changes, earlier=None):
        """Findings of the good tree with `changes`: contents by path, None removes, '+...' appends."""
        files = dict(GOOD)
        for path, text in changes.items():
            if text is None:
                del files[path]
            else:
                files[path] = files[path] + text[1:] if text.startswith("+") else text
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            problems = tidy.check(root, earlier)[0]
        FIRED.update(problem.rule for problem in problems)
        return problems

    def expect(self, changes, rule, path, line=None, earlier=None):
        """Exactly one finding, of this rule and place."""
        found = self.findings(changes, earlier)
        self.assertEqual([(p.rule, p.path) for p in found], [(rule, path)], found)
        if line is not None:
            self.assertEqual(found[0].line, line, found)

    def fine(self, changes):
        self.assertEqual(self.findings(changes), [])
