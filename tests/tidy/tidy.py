#!/usr/bin/env python3
"""The tidy test: what reviewers would otherwise look for in every change. One line a finding.

  tests/tidy/tidy.py [--root DIR] [--modules]

--modules prints the table of modules for docs/architecture.md as the build has it. Exit 1 when
anything was found.
"""

import argparse
import os
import subprocess
import sys

import doc_rules
import graph as graphs
import source_rules
from tree import Tree

BASELINE = "tests/tidy/baseline.txt"


def earlier_baseline(root):
    """The baseline of the previous commit; None where git has none."""
    done = subprocess.run(
        ["git", "show", f"HEAD~1:{BASELINE}"], cwd=root, capture_output=True, check=False
    )
    return source_rules.read_baseline(done.stdout.decode()) if done.returncode == 0 else None


def check(root, earlier=None):
    """All findings below `root`, ordered by place."""
    tree = Tree(root)
    graph = graphs.Graph(tree)
    problems = (
        graphs.check_arrows(graph)
        + graphs.check_includes(tree, graph)
        + graphs.check_unused(tree, graph)
        + graphs.check_orphans(tree, graph)
        + graphs.check_labels(graph)
        + source_rules.check_bans(tree)
        + source_rules.check_marks(tree)
        + source_rules.check_lock_files(tree)
        + source_rules.check_headers(tree)
        + source_rules.check_lengths(tree, BASELINE, earlier)
        + source_rules.check_mirror(tree)
        + doc_rules.check_links(tree)
        + doc_rules.check_names(tree)
        + doc_rules.check_modules(tree, graph)
    )
    return sorted(problems), tree, graph


def print_modules(graph):
    print("| folder | may include |\n| --- | --- |")
    for folder in graph.modules():
        print(
            f"| `{folder}` |"
            f" {', '.join(f'`{other}`' for other in sorted(graph.edges[folder])) or '-'} |"
        )


def main():
    parser = argparse.ArgumentParser(description="Checks the sources; see the head of this file.")
    parser.add_argument(
        "--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    )
    parser.add_argument("--modules", action="store_true")
    arguments = parser.parse_args()
    problems, tree, graph = check(arguments.root, earlier_baseline(arguments.root))
    if arguments.modules:
        print_modules(graph)
        return 0
    for problem in problems:
        print(f"{problem.path}:{problem.line}: {problem.rule}: {problem.message}")
    print(
        f"tidy: {len(tree.files)} files, {len(graph.modules())} modules, {len(problems)} findings"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
