"""Tests of the rules about folders, includes and targets."""

from fixture import GOOD, TidyCase


class TestArrows(TidyCase):
    def test_the_good_tree_has_no_findings(self):
        self.fine({})

    def test_a_folder_includes_only_what_it_links(self):
        self.expect(
            {"controller/home.cc": '\n#include "common/net/loop.h"\n'},
            "include",
            "controller/home.cc",
            2,
        )

    def test_a_link_through_another_folder_is_not_enough(self):
        self.expect(
            {
                "agent/CMakeLists.txt": "broadside_library(agent DEPS broadside::net)\n",
                "agent/agent.h": "#pragma once\n\n// What it is; a value type.\n",
                "agent/agent.cc": '#include "common/net/loop.h"\n#include "common/core/arc.h"\n',
                "docs/architecture.md": (
                    GOOD["docs/architecture.md"].replace(
                        "| `common/core`, `common/net` | fires", "| `common/net` | fires"
                    )
                ),
            },
            "include",
            "agent/agent.cc",
            2,
        )

    def test_a_test_may_include_what_its_libraries_reach(self):
        self.fine(
            {
                "tests/unit/common/core/CMakeLists.txt": (
                    "broadside_test(core_test DEPS broadside::agent)\n"
                ),
                "tests/unit/common/core/arc_test.cc": (
                    '#include "common/core/arc.h"\n#include "common/net/loop.h"\n'
                ),
            }
        )

    def test_a_test_may_not_include_what_its_libraries_do_not_reach(self):
        self.expect(
            {"tests/unit/common/core/arc_test.cc": '#include "common/net/loop.h"\n'},
            "include",
            "tests/unit/common/core/arc_test.cc",
        )

    def test_an_include_is_a_path_from_the_root(self):
        self.expect(
            {"common/core/arc.cc": '#include "arc.h"\n'}, "include", "common/core/arc.cc", 1
        )

    def test_an_include_in_a_comment_is_none(self):
        self.fine({"common/core/arc.cc": '// #include "arc.h"\n'})

    def test_only_the_command_sees_both_halves(self):
        found = self.findings(
            {
                "controller/CMakeLists.txt": (
                    "broadside_library(controller DEPS broadside::core broadside::agent)\n"
                )
            }
        )
        self.assertIn(("arrows", "controller/CMakeLists.txt"), [(p.rule, p.path) for p in found])

    def test_there_is_no_cycle(self):
        found = self.findings(
            {"common/core/CMakeLists.txt": "broadside_library(core DEPS broadside::net)\n"}
        )
        self.assertTrue(any("links itself" in p.message for p in found), found)

    def test_nothing_links_the_command(self):
        found = self.findings(
            {
                "agent/CMakeLists.txt": (
                    "broadside_library(agent DEPS broadside::core broadside::net broadside::cli)\n"
                )
            }
        )
        self.assertTrue(any("nothing links the command" in p.message for p in found), found)

    def test_a_link_to_an_unknown_folder_is_found(self):
        self.expect(
            {
                "controller/CMakeLists.txt": (
                    "broadside_library(controller DEPS broadside::core broadside::cor)\n"
                )
            },
            "cmake",
            "controller/CMakeLists.txt",
        )

    def test_what_is_linked_is_included(self):
        self.expect(
            {
                "controller/home.cc": "int Home() { return 1; }\n",
                "controller/controller.h": "#pragma once\n\n// What it is; a value type.\n",
            },
            "unused",
            "controller/CMakeLists.txt",
        )

    def test_links_are_literal(self):
        self.expect(
            {
                "controller/CMakeLists.txt": (
                    "broadside_library(controller DEPS broadside::core ${MORE})\n"
                )
            },
            "cmake",
            "controller/CMakeLists.txt",
        )

    def test_a_library_of_others_is_linked_by_name(self):
        self.expect(
            {"controller/home.cc": "#include <nlohmann/json.hpp>\n"},
            "include",
            "controller/home.cc",
            1,
        )
        self.fine(
            {
                "controller/home.cc": "#include <nlohmann/json.hpp>\n",
                "controller/CMakeLists.txt": (
                    "broadside_library(controller DEPS broadside::core"
                    " nlohmann_json::nlohmann_json)\n"
                ),
            }
        )

    def test_the_service_needs_grpc_and_the_messages_do_not(self):
        with_proto = {
            "controller/CMakeLists.txt": (
                "broadside_library(controller DEPS broadside::core broadside::proto)\n"
            ),
            "docs/architecture.md": (
                GOOD["docs/architecture.md"].replace(
                    "| `common/core` | plans", "| `common/core`, `proto` | plans"
                )
            ),
        }
        self.fine({**with_proto, "controller/home.cc": '#include "broadside/v1/fleet.pb.h"\n'})
        self.expect(
            {**with_proto, "controller/home.cc": '#include "broadside/v1/fleet.grpc.pb.h"\n'},
            "include",
            "controller/home.cc",
        )

    def test_the_label_of_grpc_tells_who_links_it(self):
        listing = "tests/unit/common/core/CMakeLists.txt"
        grpc = {
            "agent/CMakeLists.txt": (
                "broadside_library(agent DEPS broadside::core broadside::net gRPC::grpc++)\n"
            )
        }
        self.expect(
            {**grpc, listing: "broadside_test(t DEPS broadside::agent)\n"}, "label", listing
        )
        self.fine({**grpc, listing: "broadside_test(t DEPS broadside::agent LABELS grpc)\n"})
        self.expect(
            {**grpc, listing: "broadside_test(t DEPS broadside::core LABELS grpc)\n"},
            "label",
            listing,
        )

    def test_a_source_that_nobody_compiles_is_found(self):
        self.expect({"common/net/deep/lost.cc": "int lost;\n"}, "orphan", "common/net/deep/lost.cc")
        self.expect(
            {
                "cli/CMakeLists.txt": (
                    GOOD["cli/CMakeLists.txt"].replace("add_executable(broadside main.cc)", "")
                )
            },
            "orphan",
            "cli/main.cc",
        )

    def test_a_folder_that_is_added_exists(self):
        self.expect({"CMakeLists.txt": "+add_subdirectory(web)\n"}, "cmake", "web/CMakeLists.txt")


class TestCores(TidyCase):
    def test_a_core_uses_no_other_library(self):
        for header in (
            "<boost/asio.hpp>",
            '"absl/container/flat_hash_map.h"',
            "<unistd.h>",
            "<thread>",
            "<mutex>",
            "<fstream>",
        ):
            with self.subTest(header):
                self.expect(
                    {"common/core/arc.cc": f"#include {header}\n"},
                    "include",
                    "common/core/arc.cc",
                    1,
                )

    def test_a_core_uses_absl_status_strings_span_and_numeric(self):
        for header in (
            "absl/status/statusor.h",
            "absl/strings/str_cat.h",
            "absl/types/span.h",
            "absl/numeric/int128.h",
        ):
            self.fine({"common/core/arc.cc": f'#include "{header}"\n'})

    def test_a_core_reads_no_clock(self):
        for call in (
            "std::chrono::steady_clock::now()",
            "std::chrono::system_clock::now()",
            "time(nullptr)",
        ):
            with self.subTest(call):
                self.expect(
                    {"common/core/arc.cc": f"auto now = {call};\n"},
                    "clock",
                    "common/core/arc.cc",
                    1,
                )
        self.fine({"agent/agent.cc": "auto now = std::chrono::steady_clock::now();\n"})

    def test_a_core_links_cores_only(self):
        found = self.findings(
            {
                "controller/core/CMakeLists.txt": (
                    "broadside_library(controller_core DEPS broadside::net)\n"
                ),
                "CMakeLists.txt": "+add_subdirectory(controller/core)\n",
            }
        )
        self.assertTrue(any("a core links other cores only" in p.message for p in found), found)

    def test_a_core_has_tests(self):
        self.expect({"tests/unit/common/core/arc_test.cc": None}, "mirror", "common/core")
