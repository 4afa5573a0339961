#!/usr/bin/env python3
"""Tests of the tidy test: a small good tree has no findings, and each way to spoil it has exactly the finding it should have."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import doc_rules
import source_rules
import tidy
from tree import strip_cpp

HEADER = "#pragma once\n\n// What it is; a value type, no thread.\n\n"
GOOD = {
    "CMakeLists.txt": "add_subdirectory(proto)\nadd_subdirectory(common/core)\nadd_subdirectory(common/net)\nadd_subdirectory(agent)\n"
                      "add_subdirectory(controller)\nadd_subdirectory(cli)\nadd_subdirectory(tests/unit/common/core)\n",
    "proto/CMakeLists.txt": "add_library(broadside_proto STATIC x)\nadd_library(broadside::proto ALIAS broadside_proto)\n",
    "common/core/CMakeLists.txt": "broadside_library(core DEPS absl::status)\n",
    "common/core/arc.h": HEADER + '#include <cstdint>\n\n#include "absl/status/status.h"\n',
    "common/core/arc.cc": '#include "common/core/arc.h"\n\nint Arc() { return 1\'000; }\n',
    "common/net/CMakeLists.txt": "# A comment (with parentheses).\nbroadside_library(net DEPS broadside::core Boost::headers)\n",
    "common/net/loop.h": HEADER + '#include <boost/asio/io_context.hpp>\n\n#include "common/core/arc.h"\n',
    "agent/CMakeLists.txt": "broadside_library(agent DEPS broadside::core broadside::net)\n",
    "agent/agent.cc": '#include "common/net/loop.h"\n',
    "controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core)\n",
    "controller/home.cc": '#include "common/core/arc.h"\n',
    "cli/CMakeLists.txt": "broadside_library(cli DEPS broadside::agent broadside::controller EXCLUDE main.cc)\nadd_executable(broadside main.cc)\n"
                          "target_link_libraries(broadside PRIVATE broadside::cli)\n",
    "cli/main.cc": "int main() { return 0; }\n",
    "cli/run.cc": "void Run() {}\n",
    "tests/unit/common/core/CMakeLists.txt": "broadside_test(core_test DEPS broadside::core)\n",
    "tests/unit/common/core/arc_test.cc": '#include <gtest/gtest.h>\n\n#include "common/core/arc.h"\n',
    "tests/tidy/baseline.txt": "# empty\n",
    "docs/architecture.md": "# Architecture\n\nSee [the start](../README.md#first-steps).\n\n<!-- modules -->\n| folder | may include | for |\n| --- | --- | --- |\n"
                            "| `proto` | - | wire |\n| `common/core` | - | ideas |\n| `common/net` | `common/core` | threads |\n"
                            "| `agent` | `common/core`, `common/net` | fires |\n| `controller` | `common/core` | plans |\n"
                            "| `cli` | `agent`, `controller` | verbs |\n<!-- /modules -->\n",
    "README.md": "# Broadside\n\n## First steps\n\n`[not](a-link)`\n",
}
# Every rule that fired in some test, so that none can be left untested (see TestZAllRules).
FIRED = set()


class TidyCase(unittest.TestCase):
    def findings(self, changes, earlier=None):
        """Findings of the good tree with `changes`: new contents by path, None to remove a file, '+text' to append."""
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


class TestArrows(TidyCase):
    def test_the_good_tree_has_no_findings(self):
        self.fine({})

    def test_a_folder_includes_only_what_it_links(self):
        self.expect({"controller/home.cc": '\n#include "common/net/loop.h"\n'}, "include", "controller/home.cc", 2)

    def test_a_link_through_another_folder_is_not_enough(self):
        self.expect({"agent/CMakeLists.txt": "broadside_library(agent DEPS broadside::net)\n",
                     "agent/agent.cc": '#include "common/net/loop.h"\n#include "common/core/arc.h"\n',
                     "docs/architecture.md": GOOD["docs/architecture.md"].replace("| `common/core`, `common/net` | fires", "| `common/net` | fires")},
                    "include", "agent/agent.cc", 2)

    def test_a_test_may_include_what_its_libraries_reach(self):
        self.fine({"tests/unit/common/core/CMakeLists.txt": "broadside_test(core_test DEPS broadside::agent)\n",
                   "tests/unit/common/core/arc_test.cc": '#include "common/core/arc.h"\n#include "common/net/loop.h"\n'})

    def test_a_test_may_not_include_what_its_libraries_do_not_reach(self):
        self.expect({"tests/unit/common/core/arc_test.cc": '#include "common/net/loop.h"\n'}, "include", "tests/unit/common/core/arc_test.cc")

    def test_an_include_is_a_path_from_the_root(self):
        self.expect({"common/core/arc.cc": '#include "arc.h"\n'}, "include", "common/core/arc.cc", 1)

    def test_an_include_in_a_comment_is_none(self):
        self.fine({"common/core/arc.cc": '// #include "arc.h"\n'})

    def test_only_the_command_sees_both_halves(self):
        found = self.findings({"controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core broadside::agent)\n"})
        self.assertIn(("arrows", "controller/CMakeLists.txt"), [(p.rule, p.path) for p in found])

    def test_there_is_no_cycle(self):
        found = self.findings({"common/core/CMakeLists.txt": "broadside_library(core DEPS broadside::net)\n"})
        self.assertTrue(any("links itself" in p.message for p in found), found)

    def test_nothing_links_the_command(self):
        found = self.findings({"agent/CMakeLists.txt": "broadside_library(agent DEPS broadside::core broadside::net broadside::cli)\n"})
        self.assertTrue(any("nothing links the command" in p.message for p in found), found)

    def test_a_link_to_an_unknown_folder_is_found(self):
        self.expect({"controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core broadside::cor)\n"}, "cmake", "controller/CMakeLists.txt")

    def test_links_are_literal(self):
        self.expect({"controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core ${MORE})\n"}, "cmake", "controller/CMakeLists.txt")

    def test_a_library_of_others_is_linked_by_name(self):
        self.expect({"controller/home.cc": "#include <nlohmann/json.hpp>\n"}, "include", "controller/home.cc", 1)
        self.fine({"controller/home.cc": "#include <nlohmann/json.hpp>\n",
                   "controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core nlohmann_json::nlohmann_json)\n"})

    def test_the_service_needs_grpc_and_the_messages_do_not(self):
        with_proto = {"controller/CMakeLists.txt": "broadside_library(controller DEPS broadside::core broadside::proto)\n",
                      "docs/architecture.md": GOOD["docs/architecture.md"].replace("| `common/core` | plans", "| `common/core`, `proto` | plans")}
        self.fine({**with_proto, "controller/home.cc": '#include "broadside/v1/fleet.pb.h"\n'})
        self.expect({**with_proto, "controller/home.cc": '#include "broadside/v1/fleet.grpc.pb.h"\n'}, "include", "controller/home.cc")

    def test_a_source_that_nobody_compiles_is_found(self):
        self.expect({"common/net/deep/lost.cc": "int lost;\n"}, "orphan", "common/net/deep/lost.cc")
        self.expect({"cli/CMakeLists.txt": GOOD["cli/CMakeLists.txt"].replace("add_executable(broadside main.cc)", "")}, "orphan", "cli/main.cc")

    def test_a_folder_that_is_added_exists(self):
        self.expect({"CMakeLists.txt": "+add_subdirectory(web)\n"}, "cmake", "web/CMakeLists.txt")


class TestCores(TidyCase):
    def test_a_core_uses_no_other_library(self):
        for header in ("<boost/asio.hpp>", '"absl/container/flat_hash_map.h"', "<unistd.h>", "<thread>", "<mutex>", "<fstream>"):
            with self.subTest(header):
                self.expect({"common/core/arc.cc": f"#include {header}\n"}, "include", "common/core/arc.cc", 1)

    def test_a_core_uses_absl_status_strings_span_and_numeric(self):
        for header in ("absl/status/statusor.h", "absl/strings/str_cat.h", "absl/types/span.h", "absl/numeric/int128.h"):
            self.fine({"common/core/arc.cc": f'#include "{header}"\n'})

    def test_a_core_reads_no_clock(self):
        for call in ("std::chrono::steady_clock::now()", "std::chrono::system_clock::now()", "time(nullptr)"):
            with self.subTest(call):
                self.expect({"common/core/arc.cc": f"auto now = {call};\n"}, "clock", "common/core/arc.cc", 1)
        self.fine({"agent/agent.cc": "auto now = std::chrono::steady_clock::now();\n"})

    def test_a_core_links_cores_only(self):
        found = self.findings({"controller/core/CMakeLists.txt": "broadside_library(controller_core DEPS broadside::net)\n",
                               "CMakeLists.txt": "+add_subdirectory(controller/core)\n"})
        self.assertTrue(any("a core links other cores only" in p.message for p in found), found)

    def test_a_core_has_tests(self):
        self.expect({"tests/unit/common/core/arc_test.cc": None}, "mirror", "common/core")


class TestBans(TidyCase):
    def test_each_banned_call_is_found_where_it_is_banned(self):
        for name, code in (("sleep", "std::this_thread::sleep_for(d);"), ("sleep", "usleep(1);"), ("sleep", "::sleep(1);"),
                           ("regex", "std::regex r;"), ("rand", "int r = rand();"), ("rand", "srand(1);"), ("system", "std::system(c);"),
                           ("stdout", "std::cout << 1;"), ("stdout", "std::printf(t);"), ("gettimeofday", "gettimeofday(&t, nullptr);"),
                           ("assert", "assert(x);"), ("assert", "#include <cassert>"), ("using_namespace", "using namespace std;"),
                           ("coroutine", "co_await x;"), ("coroutine", "co_yield x;"), ("throw", "throw 1;")):
            with self.subTest(code):
                self.expect({"agent/agent.cc": f"\n{code}\n"}, name, "agent/agent.cc", 2)

    def test_tests_neither_sleep_nor_hide(self):
        test = "tests/unit/common/core/arc_test.cc"
        self.expect({test: "void F() { sleep_for(d); }\n"}, "sleep", test, 1)
        self.expect({test: "TEST(A, DISABLED_B) {}\n"}, "disabled_test", test, 1)
        self.expect({"tests/e2e/x.py": "import time\ntime" + ".sleep(1)\n"}, "sleep", "tests/e2e/x.py", 2)

    def test_words_that_only_look_like_it_are_fine(self):
        self.fine({"agent/agent.cc": 'static_assert(x);\n// rand() and sleep(1)\nauto s = "std::regex r; assert(x)";\nint operand(int);\n'
                                     "int snprintf(int);\nvoid F() { loop.sleep(1); file.system(2); }\n"})

    def test_the_command_writes_to_stdout(self):
        self.fine({"cli/run.cc": "void Run() { std::cout << 1; }\n"})

    def test_an_exception_has_a_reason(self):
        self.fine({"agent/agent.cc": "// tidy: allow(sleep) the thing tested is a stall\nusleep(1);\n"})
        self.fine({"agent/agent.cc": "usleep(1);  // tidy: allow(sleep) the thing tested is a stall\n"})
        self.expect({"agent/agent.cc": "// tidy: allow(sleep)\nusleep(1);\n"}, "sleep", "agent/agent.cc", 2)
        self.expect({"agent/agent.cc": "// tidy: allow(rand) another rule\nusleep(1);\n"}, "sleep", "agent/agent.cc", 2)

    def test_reminders_are_found_everywhere(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X"):
            with self.subTest(word):
                self.expect({"README.md": f"+\n{word}: more\n"}, "mark", "README.md")
        self.fine({"README.md": "+\nmktemp x.XX" "XXXX\n"})

    def test_paths_of_one_machine_are_found(self):
        for path in ("/wo" "rk/main", "/ro" "ot/x", "/ho" "me/me/x"):
            with self.subTest(path):
                self.expect({"README.md": f"+\nin {path}\n"}, "machine_path", "README.md")
        self.fine({"README.md": "+\nthe frame" "wo" "rk/main and a/wo" "rk/x\n"})

    def test_a_lock_file_names_no_registry(self):
        self.expect({"scripts/package-lock.json": '{"resolved": "x"}'}, "lock", "scripts/package-lock.json")


class TestHeadersAndLengths(TidyCase):
    def test_a_header_opens_with_pragma_once(self):
        self.expect({"common/core/arc.h": "// What it is, a value.\n#pragma once\n"}, "header", "common/core/arc.h")

    def test_a_header_opens_with_its_contract(self):
        self.expect({"common/core/arc.h": "#pragma once\n" + "\n" * 15 + "// What it is, too late.\n"}, "header", "common/core/arc.h")

    def test_a_file_is_at_most_500_lines(self):
        self.fine({"cli/run.cc": "int a;\n" * 500})
        self.expect({"cli/run.cc": "int a;\n" * 501}, "length", "cli/run.cc")

    def test_a_function_is_at_most_70_lines(self):
        # Head and closing brace count: 68 statements => 70.
        self.fine({"cli/run.cc": "void Run() {\n" + "  F();\n" * 68 + "}\n"})
        self.expect({"cli/run.cc": "\nvoid Run() {\n" + "  F();\n" * 69 + "}\n"}, "length", "cli/run.cc", 2)

    def test_a_python_function_is_at_most_70_lines(self):
        self.expect({"scripts/x.py": "def f():\n" + "    g()\n" * 70}, "length", "scripts/x.py", 1)

    def test_the_ratchet_lets_old_lengths_stay_and_nothing_grow(self):
        long = {"cli/run.cc": "int a;\n" * 510}
        self.fine({**long, "tests/tidy/baseline.txt": "cli/run.cc 510\n"})
        self.expect({**long, "tests/tidy/baseline.txt": "cli/run.cc 505\n"}, "length", "cli/run.cc")
        self.expect({**long, "tests/tidy/baseline.txt": "cli/run.cc 520\n"}, "length", "tests/tidy/baseline.txt")
        self.expect({"tests/tidy/baseline.txt": "cli/run.cc 510\n"}, "length", "tests/tidy/baseline.txt")

    def test_the_baseline_only_shrinks(self):
        long = {"cli/run.cc": "int a;\n" * 510, "tests/tidy/baseline.txt": "cli/run.cc 510\n"}
        self.expect(long, "length", "tests/tidy/baseline.txt", earlier={})
        self.expect(long, "length", "tests/tidy/baseline.txt", earlier={"cli/run.cc": 509})
        self.assertEqual(self.findings(long, earlier={"cli/run.cc": 600}), [])

    def test_functions_are_measured_as_clang_format_lays_them_out(self):
        code = strip_cpp("""
namespace broadside {
#define M(x) \\
  if (x) {
class A {
 public:
  explicit A(int d) : d_{d}, e_(1) {
    F();
  }
  int d() const { return d_; }
  std::map<int, int> Table() {
    std::map<int, int> m = {{1, 2}, {3, 4}};
    for (auto x : m) {
      G([&] {
        H("}");
      });
    }
    return m;
  }
  int d_{0};
};
enum class E { kA };
struct tm Parts(int a,
                int b) {
}
TEST(ATest, Works) {
  F();
}
auto B::operator()(int x) const -> std::vector<int> {
  return {1};
}
}  // namespace broadside
""")
        self.assertEqual(source_rules.functions_of(code),
                         [("A", 7, 3), ("d", 10, 1), ("Table", 11, 9), ("Parts", 23, 3), ("TEST", 26, 3), ("B::operator", 29, 3)])

    def test_a_test_stands_where_its_source_does(self):
        self.fine({"tests/unit/common/core/arc_more_test.cc": "int a;\n"})
        self.expect({"tests/unit/common/core/curve_test.cc": "int a;\n"}, "mirror", "tests/unit/common/core/curve_test.cc")
        self.expect({"tests/unit/common/pure/arc_test.cc": "int a;\n", "tests/unit/common/pure/CMakeLists.txt": "broadside_test(t DEPS x)\n",
                     "CMakeLists.txt": "+add_subdirectory(tests/unit/common/pure)\n"}, "mirror", "tests/unit/common/pure/arc_test.cc")


class TestDocuments(TidyCase):
    def test_links_lead_somewhere(self):
        self.expect({"README.md": "+\n[x](docs/none.md)\n"}, "link", "README.md", 7)
        self.expect({"README.md": "+\n[x](docs/architecture.md#none)\n"}, "link", "README.md", 7)
        self.expect({"README.md": "+\n[x](#second-steps)\n"}, "link", "README.md", 7)
        self.fine({"README.md": "+\n[x](docs) [y](#first-steps) [z](https://example.com/a)\n\n```\n[x](none)\n```\n"})

    def test_the_table_of_modules_is_the_graph(self):
        text = GOOD["docs/architecture.md"]
        for broken in (text.replace("| `common/core`, `common/net` | fires", "| `common/core` | fires"),
                       text.replace("| `common/core` | - | ideas", "| `common/core` | `proto` | ideas"),
                       text.replace("| `proto` | - | wire |\n", ""),
                       text.replace("| `proto` | - | wire |\n", "| `proto` | - | wire |\n| `web` | - | page |\n")):
            self.expect({"docs/architecture.md": broken}, "modules", "docs/architecture.md")

    def test_anchors_are_those_of_github(self):
        self.assertEqual(doc_rules.anchors_of("# A `b` & c\n## A: [x](y)!\n## A: x\n"), {"a-b--c", "a-x", "a-x-1"})


class TestSources(unittest.TestCase):
    def test_stripping_keeps_lines_and_columns(self):
        text = 'int a = 1\'000;  // b\nauto s = R"x(sleep(1)\n)x"; /* c\n */ char c = \'"\'; int d;\n'
        code = strip_cpp(text)
        self.assertEqual([len(line) for line in code.split("\n")], [len(line) for line in text.split("\n")])
        self.assertIn("1'000;", code)
        self.assertIn("int d;", code)
        self.assertNotIn("sleep", code)


class TestZAllRules(unittest.TestCase):
    def test_every_rule_has_a_test_in_which_it_fires(self):
        rules = {ban.name for ban in source_rules.BANS} | {"arrows", "cmake", "header", "include", "length", "link", "lock", "machine_path",
                                                             "mark", "mirror", "modules", "orphan"}
        self.assertEqual(FIRED, rules)


if __name__ == "__main__":
    unittest.main()
