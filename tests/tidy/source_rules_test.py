"""Tests of the rules about single files."""

import unittest

import source_rules
from fixture import TidyCase
from tree import strip_cpp


class TestBans(TidyCase):
    def test_each_banned_call_is_found_where_it_is_banned(self):
        for name, code in (
            ("sleep", "std::this_thread::sleep_for(d);"),
            ("sleep", "usleep(1);"),
            ("sleep", "::sleep(1);"),
            ("regex", "std::regex r;"),
            ("rand", "int r = rand();"),
            ("rand", "srand(1);"),
            ("system", "std::system(c);"),
            ("stdout", "std::cout << 1;"),
            ("stdout", "std::printf(t);"),
            ("gettimeofday", "gettimeofday(&t, nullptr);"),
            ("assert", "assert(x);"),
            ("assert", "#include <cassert>"),
            ("using_namespace", "using namespace std;"),
            ("coroutine", "co_await x;"),
            ("coroutine", "co_yield x;"),
            ("throw", "throw 1;"),
        ):
            with self.subTest(code):
                self.expect({"agent/agent.cc": f"\n{code}\n"}, name, "agent/agent.cc", 2)

    def test_tests_neither_sleep_nor_hide(self):
        test = "tests/unit/common/core/arc_test.cc"
        self.expect({test: "void F() { sleep_for(d); }\n"}, "sleep", test, 1)
        self.expect({test: "TEST(A, DISABLED_B) {}\n"}, "disabled_test", test, 1)
        self.expect(
            {"tests/e2e/x.py": "import time\ntime" + ".sleep(1)\n"}, "sleep", "tests/e2e/x.py", 2
        )

    def test_words_that_only_look_like_it_are_fine(self):
        self.fine(
            {
                "agent/agent.cc": (
                    'static_assert(x);\n// rand() and sleep(1)\nauto s = "std::regex r;'
                    ' assert(x)";\nint operand(int);\nint snprintf(int);\nvoid F() { loop.sleep(1);'
                    " file.system(2); }\n"
                )
            }
        )

    def test_the_command_writes_to_stdout(self):
        self.fine({"cli/run.cc": "void Run() { std::cout << 1; }\n"})

    def test_an_exception_has_a_reason(self):
        self.fine(
            {"agent/agent.cc": "// tidy: allow(sleep) the thing tested is a stall\nusleep(1);\n"}
        )
        self.fine(
            {"agent/agent.cc": "usleep(1);  // tidy: allow(sleep) the thing tested is a stall\n"}
        )
        self.expect(
            {"agent/agent.cc": "// tidy: allow(sleep)\nusleep(1);\n"}, "sleep", "agent/agent.cc", 2
        )
        self.expect(
            {"agent/agent.cc": "// tidy: allow(rand) another rule\nusleep(1);\n"},
            "sleep",
            "agent/agent.cc",
            2,
        )

    def test_reminders_are_found_everywhere(self):
        # In two halves, so that this file passes the rule.
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            with self.subTest(word):
                self.expect({"README.md": f"+\n{word}: more\n"}, "mark", "README.md")
        self.fine({"README.md": "+\nmktemp x.XXXXXX\n"})

    def test_paths_of_one_machine_are_found(self):
        for path in ("/wo" + "rk/main", "/ro" + "ot/x", "/ho" + "me/me/x"):
            with self.subTest(path):
                self.expect({"README.md": f"+\nin {path}\n"}, "machine_path", "README.md")
        self.fine({"README.md": "+\nthe framework/main and a/work/x\n"})

    def test_a_lock_file_names_no_registry(self):
        self.expect(
            {"scripts/package-lock.json": '{"resolved": "x"}'}, "lock", "scripts/package-lock.json"
        )


class TestHeadersAndLengths(TidyCase):
    def test_a_header_opens_with_pragma_once(self):
        self.expect(
            {"common/core/arc.h": "// What it is, a value.\n#pragma once\n"},
            "header",
            "common/core/arc.h",
        )

    def test_a_header_opens_with_its_contract(self):
        self.expect(
            {"common/core/arc.h": "#pragma once\n" + "\n" * 15 + "// What it is, too late.\n"},
            "header",
            "common/core/arc.h",
        )

    def test_a_file_is_at_most_500_lines(self):
        self.fine({"cli/run.cc": "int a;\n" * 500})
        self.expect({"cli/run.cc": "int a;\n" * 501}, "length", "cli/run.cc")

    def test_a_function_is_at_most_70_lines(self):
        # Head and closing brace count: 68 statements => 70.
        self.fine({"cli/run.cc": "void Run() {\n" + "  F();\n" * 68 + "}\n"})
        self.expect(
            {"cli/run.cc": "\nvoid Run() {\n" + "  F();\n" * 69 + "}\n"}, "length", "cli/run.cc", 2
        )

    def test_a_python_function_is_at_most_70_lines(self):
        self.expect({"scripts/x.py": "def f():\n" + "    g()\n" * 70}, "length", "scripts/x.py", 1)

    def test_the_ratchet_lets_old_lengths_stay_and_nothing_grow(self):
        long = {"cli/run.cc": "int a;\n" * 510}
        self.fine({**long, "tests/tidy/baseline.txt": "cli/run.cc 510\n"})
        self.expect({**long, "tests/tidy/baseline.txt": "cli/run.cc 505\n"}, "length", "cli/run.cc")
        self.expect(
            {**long, "tests/tidy/baseline.txt": "cli/run.cc 520\n"},
            "length",
            "tests/tidy/baseline.txt",
        )
        self.expect(
            {"tests/tidy/baseline.txt": "cli/run.cc 510\n"}, "length", "tests/tidy/baseline.txt"
        )

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
        self.assertEqual(
            source_rules.functions_of(code),
            [
                ("A", 7, 3),
                ("d", 10, 1),
                ("Table", 11, 9),
                ("Parts", 23, 3),
                ("TEST", 26, 3),
                ("B::operator", 29, 3),
            ],
        )

    def test_a_test_stands_where_its_source_does(self):
        self.fine({"tests/unit/common/core/arc_more_test.cc": "int a;\n"})
        self.expect(
            {"tests/unit/common/core/curve_test.cc": "int a;\n"},
            "mirror",
            "tests/unit/common/core/curve_test.cc",
        )
        self.expect(
            {
                "tests/unit/common/pure/arc_test.cc": "int a;\n",
                "tests/unit/common/pure/CMakeLists.txt": "broadside_test(t DEPS x)\n",
            },
            "mirror",
            "tests/unit/common/pure/arc_test.cc",
        )


class TestSources(unittest.TestCase):
    def test_stripping_keeps_lines_and_columns(self):
        text = (
            "int a = 1'000;  // b\nauto s = R\"x(sleep(1)\n)x\"; /* c\n */ char c = '\"'; int d;\n"
        )
        code = strip_cpp(text)
        self.assertEqual(
            [len(line) for line in code.split("\n")], [len(line) for line in text.split("\n")]
        )
        self.assertIn("1'000;", code)
        self.assertIn("int d;", code)
        self.assertNotIn("sleep", code)
