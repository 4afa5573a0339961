"""Tests of the rules about documents."""

import doc_rules
from fixture import GOOD, TidyCase


class TestDocuments(TidyCase):
    def test_links_lead_somewhere(self):
        self.expect({"README.md": "+\n[x](docs/none.md)\n"}, "link", "README.md", 7)
        self.expect({"README.md": "+\n[x](docs/architecture.md#none)\n"}, "link", "README.md", 7)
        self.expect({"README.md": "+\n[x](#second-steps)\n"}, "link", "README.md", 7)
        self.fine(
            {
                "README.md": (
                    "+\n[x](docs) [y](#first-steps)"
                    " [z](https://example.com/a)\n\n```\n[x](none)\n```\n"
                )
            }
        )

    def test_tests_and_functions_that_are_named_exist(self):
        page = "docs/guarantees.md"
        code = {
            "tests/unit/common/core/arc_test.cc": "+\nTEST_F(ArcTest, IsWhole) {}\n",
            "agent/agent.cc": "+\nvoid Agent::Stop() {}\n",
            "tests/tidy/some_test.py": '"""A test."""\n\n\ndef test_it_works():\n    pass\n',
        }
        good = "# Names\n\n`ArcTest.IsWhole`, `Agent::Stop`, `Agent::Stop(now)`, `test_it_works`, `std::move`\n"
        self.fine(code | {page: good})
        for name in ("`ArcTest.IsHalf`", "`Agent::Start`", "`test_it_fails`"):
            self.expect(code | {page: good + name + "\n"}, "name", page, 4)

    def test_the_table_of_modules_is_the_graph(self):
        text = GOOD["docs/architecture.md"]
        for broken in (
            text.replace("| `common/core`, `common/net` | fires", "| `common/core` | fires"),
            text.replace("| `common/core` | - | ideas", "| `common/core` | `proto` | ideas"),
            text.replace("| `proto` | - | wire |\n", ""),
            text.replace("<!-- modules -->", ""),
            text.replace(
                "| `proto` | - | wire |\n", "| `proto` | - | wire |\n| `web` | - | page |\n"
            ),
        ):
            self.expect({"docs/architecture.md": broken}, "modules", "docs/architecture.md")

    def test_anchors_are_those_of_github(self):
        self.assertEqual(
            doc_rules.anchors_of("# A `b` & c\n## A: [x](y)!\n## A: x\n"),
            {"a-b--c", "a-x", "a-x-1"},
        )
