"""Rules about documents: links lead somewhere, code and tests that they name exist, the table of
modules is the include graph."""

import posixpath
import re

from tree import Problem, line_of

ARCHITECTURE = "docs/architecture.md"
_LINK = re.compile(r"(?<!\\)!?\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_TABLE = re.compile(r"<!-- modules -->(.*?)<!-- /modules -->", re.DOTALL)


def _without_code(text):
    text = _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    return _CODE.sub(lambda m: " " * len(m.group(0)), text)


def anchors_of(text):
    """The anchors of a document's headings, as GitHub makes them."""
    seen, anchors = {}, set()
    for match in _HEADING.finditer(_FENCE.sub("", text)):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        anchors.add(slug if count == 0 else f"{slug}-{count}")
    return anchors


def check_links(tree):
    problems = []
    for path in tree.select(".md"):
        text = _without_code(tree.text(path))
        for match in _LINK.finditer(text):
            target = match.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
            )
            if file.startswith("..") or not tree.exists(file):
                problems.append(
                    Problem(path, line_of(text, match.start()), "link", f"{target} leads nowhere")
                )
            elif anchor and file.endswith(".md") and anchor not in anchors_of(tree.text(file)):
                problems.append(
                    Problem(
                        path,
                        line_of(text, match.start()),
                        "link",
                        f"{file} has no heading #{anchor}",
                    )
                )
    return problems


# Names in backquotes: a test of GoogleTest or Python, a C++ function with its class.
_GOOGLE_TEST = re.compile(r"`((?:\w+Test)\.\w+)`")
_PYTHON_TEST = re.compile(r"`(test_\w+)`")
_METHOD = re.compile(r"`([A-Z]\w+::[A-Z]\w+)(?:\([^`]*\))?`")


def check_names(tree):
    """A test or a function that a document names exists."""
    google, methods = set(), set()
    # A page may also name a file of tests, and some of these begin like a test in Python.
    python = {posixpath.basename(path).partition(".")[0] for path in tree.select(".cc", ".py")}
    for path in tree.select(".cc", ".h"):
        text = tree.text(path)
        google.update(
            f"{suite}.{name}"
            for suite, name in re.findall(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", text, re.M)
        )
        methods.update(re.findall(r"\b([A-Z]\w+::[A-Z]\w+)\(", text))
        for owner in re.findall(r"^(?:class|struct) (\w+)[^;]*{$", text, re.M):
            methods.update(f"{owner}::{name}" for name in re.findall(r"\b([A-Z]\w+)\(", text))
    for path in tree.select(".py"):
        python.update(re.findall(r"^\s*def (test_\w+)\(", tree.text(path), re.M))
    problems = []
    for path in tree.select(".md"):
        if not path.startswith("docs/"):
            continue
        text = _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.text(path))
        for pattern, known in ((_GOOGLE_TEST, google), (_PYTHON_TEST, python), (_METHOD, methods)):
            problems += [
                Problem(path, line_of(text, match.start()), "name", f"{match.group(1)} is nowhere")
                for match in pattern.finditer(text)
                if match.group(1) not in known
            ]
    return problems


def read_modules(text):
    """{folder: set of folders} of the table between the markers, None without markers.

    A row is `| folder | may include |` with any columns after; names stand in backquotes, a dash is
    none.
    """
    match = _TABLE.search(text)
    if match is None:
        return None
    modules = {}
    for row in match.group(1).strip().split("\n"):
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        names = re.findall(r"`([^`]+)`", cells[0])
        if len(cells) >= 2 and len(names) == 1:
            modules[names[0].rstrip("/")] = {
                n.rstrip("/") for n in re.findall(r"`([^`]+)`", cells[1])
            }
    return modules


def check_modules(tree, graph):
    """The table of docs/architecture.md is the include graph, no more and no less."""
    table = read_modules(tree.text(ARCHITECTURE)) if tree.exists(ARCHITECTURE) else None
    if table is None:
        return [Problem(ARCHITECTURE, 0, "modules", "has no table of modules")]
    problems = []
    actual = {folder: graph.edges[folder] for folder in graph.modules()}
    for folder in sorted(set(table) | set(actual)):
        if folder not in table:
            problems.append(
                Problem(ARCHITECTURE, 0, "modules", f"the table has no row for {folder}")
            )
        elif folder not in actual:
            problems.append(
                Problem(ARCHITECTURE, 0, "modules", f"{folder} is in the table, but is no module")
            )
        elif table[folder] != actual[folder]:
            problems.append(
                Problem(
                    ARCHITECTURE,
                    0,
                    "modules",
                    f"{folder} may include {_names(actual[folder])}; the table says"
                    f" {_names(table[folder])}",
                )
            )
    return problems


def _names(folders):
    return ", ".join(sorted(folders)) or "nothing"
