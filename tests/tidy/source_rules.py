"""Rules about single files: what is banned where, how headers begin, lengths, where tests stand."""

import ast
import posixpath
import re
from collections import namedtuple

from graph import CORES, is_source
from tree import Problem, line_of

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# A pattern that must not be found in the code (without comments and literals) of the files that
# `where` admits. `// tidy: allow(name) reason` on the line, or on the line before it, makes an
# exception of one place.
Ban = namedtuple("Ban", "name pattern where message")


def _cpp(path):
    return path.endswith((".cc", ".h"))


def _own_cpp(path):
    return _cpp(path) and not path.startswith("tests/")


def _core(path):
    return _cpp(path) and posixpath.dirname(path) in CORES


def _python(path):
    return path.endswith(".py")


def _outside_cli(path):
    return _own_cpp(path) and not path.startswith("cli/")


def _rx(pattern):
    return re.compile(pattern, re.MULTILINE)


BANS = (
    Ban(
        "sleep",
        _rx(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|(?<![\w.])sleep)\s*\("),
        _cpp,
        "wait for the event itself, not for a while",
    ),
    Ban(
        "sleep",
        _rx(r"\btime\.sleep\s*\(|\basyncio\.sleep\s*\("),
        _python,
        "wait for the event itself, not for a while",
    ),
    Ban(
        "regex",
        _rx(r"\bstd::(?:basic_)?w?regex\b|#\s*include\s*<regex>"),
        _cpp,
        "std::regex recurses on its input: write the few lines of parsing",
    ),
    Ban(
        "rand",
        _rx(r"(?<![\w.>])s?rand\s*\("),
        _cpp,
        "take a seeded generator, so that a run can be repeated",
    ),
    Ban("system", _rx(r"(?<![\w.>])(?:std::)?(?:system|popen)\s*\("), _cpp, "no shell"),
    Ban(
        "stdout",
        _rx(r"\bstd::cout\b|(?<![\w.>])(?:std::)?(?:printf|puts|putchar)\s*\("),
        _outside_cli,
        "data for people is written by cli; all else is a log line",
    ),
    Ban("gettimeofday", _rx(r"\bgettimeofday\s*\("), _cpp, "common/net/clock.h reads the clocks"),
    Ban(
        "assert",
        _rx(r"(?<![\w.])assert\s*\(|#\s*include\s*<cassert>"),
        _cpp,
        "BS_CHECK stays on in a release",
    ),
    Ban("using_namespace", _rx(r"\busing\s+namespace\b"), _cpp, "name what you use"),
    Ban(
        "coroutine",
        _rx(r"\bco_(?:await|yield|return)\b"),
        _cpp,
        "g++ 12 miscompiles coroutines: callbacks",
    ),
    Ban("throw", _rx(r"\bthrow\b"), _own_cpp, "errors are values: absl::Status"),
    Ban(
        "clock",
        _rx(
            r"\bstd::chrono::(?:system|steady|high_resolution)_clock\b|\bclock_gettime\s*\("
            r"|(?<![\w.])(?:std::)?time\s*\(\s*(?:0|nullptr|NULL)\s*\)"
        ),
        _core,
        "time comes into a core as an argument",
    ),
    Ban(
        "disabled_test",
        _rx(r"\bDISABLED_\w|\bGTEST_SKIP\b"),
        _cpp,
        "a test that does not run is no test",
    ),
)

# Written in two halves, so that this file passes its own rules.
_MARKS = _rx(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
_MACHINE_PATHS = _rx(r"(?:^|[^A-Za-z0-9_./-])/(?:wo" r"rk|ro" r"ot|ho" r"me/[a-z]+)/")
_ALLOW = re.compile(r"tidy:\s*allow\((\w+)\)\s+\S")


def _is_allowed(lines, line, name):
    """Whether an exception with a reason stands on the line or the one before."""
    for text in lines[max(0, line - 2) : line]:
        if any(match.group(1) == name for match in _ALLOW.finditer(text)):
            return True
    return False


def check_bans(tree):
    problems = []
    for path in tree.files:
        lines = tree.text(path).split("\n")
        for ban in BANS:
            if not ban.where(path):
                continue
            code = tree.code(path)
            for match in ban.pattern.finditer(code):
                line = line_of(code, match.start())
                if not _is_allowed(lines, line, ban.name):
                    problems.append(
                        Problem(path, line, ban.name, f"{match.group(0).strip()}: {ban.message}")
                    )
    return problems


def check_marks(tree):
    """Reminders and paths of one machine, in any text file."""
    problems = []
    for path in tree.files:
        if path.endswith("package-lock.json") or path == "LICENSE":
            continue
        text = tree.text(path)
        lines = text.split("\n")
        for name, pattern, message in (
            ("mark", _MARKS, "finish it, or write an issue"),
            ("machine_path", _MACHINE_PATHS, "a path of one machine"),
        ):
            for match in pattern.finditer(text):
                line = line_of(text, match.start(0))
                if not _is_allowed(lines, line, name):
                    problems.append(
                        Problem(path, line, name, f"{match.group(0).strip()}: {message}")
                    )
    return problems


def check_lock_files(tree):
    """A lock file pins versions and hashes; where they come from is the machine's business."""
    return [
        Problem(
            path,
            0,
            "lock",
            "names where packages are fetched: npm's omit-lockfile-registry-resolved leaves"
            " that out",
        )
        for path in tree.select("package-lock.json")
        if '"resolved"' in tree.text(path)
    ]


def check_headers(tree):
    """A header begins with #pragma once and its contract."""
    problems = []
    for path in tree.select(".h"):
        lines = tree.text(path).split("\n")
        first = next((text for text in lines if text.strip()), "")
        if first.strip() != "#pragma once":
            problems.append(Problem(path, 1, "header", "the first line is #pragma once"))
        if not any(re.match(r"\s*//\s*\S+\s+\S+", text) for text in lines[:15]):
            problems.append(
                Problem(
                    path,
                    1,
                    "header",
                    "opens with its contract: what it is, owner and thread, units, errors, cost",
                )
            )
    return problems


_BLOCK_END = re.compile(r"(?:[\w)>\"\]]|&&|&|\})$")
_LABEL = re.compile(r"\s*(?:(?:public|private|protected)\s*:\s*)?")
_TYPE = re.compile(r"\b(?:namespace|class|struct|enum|union|extern)\b")


def functions_of(code):
    """(name, first line, lines) of each function in stripped C++ that clang-format has laid out.

    A brace opens a block when a space and a word or a bracket stand before it; one that touches its
    word initialises, and stays part of the statement. The outermost block whose head has parentheses
    and is no type is a function; lambdas and blocks in it count as its lines.
    """
    code = re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
        lambda m: re.sub(r"[^\n]", " ", m.group(0)),
        code,
        flags=re.MULTILINE,
    )
    found, stack, head = [], [], 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        in_function = any(kind == "function" for kind, _, _ in stack)
        if match.group(0) == ";":
            head = at + 1
        elif match.group(0) == "{":
            before = code[head:at]
            opens = (
                bool(before) and before[-1].isspace() and bool(_BLOCK_END.search(before.rstrip()))
            )
            if not opens:
                stack.append(("initialiser", "", at))
                continue
            kind = "block"
            if not in_function and "(" in before and not _is_type(before):
                kind = "function"
            stack.append((kind, before, head))
            head = at + 1
        elif stack:
            kind, before, start = stack.pop()
            if kind == "initialiser":
                continue
            if kind == "function":
                skipped = _LABEL.match(before).end()
                first = line_of(code, start + skipped)
                name = re.search(r"([~\w:]+)\s*\(", before)
                found.append((name.group(1) if name else "?", first, line_of(code, at) - first + 1))
            head = at + 1
    return found


def _is_type(head):
    """A class head may have parentheses (alignas), a function head may return a `struct tm`."""
    before_parenthesis = head.split("(")[0]
    return bool(_TYPE.search(before_parenthesis)) and not re.search(
        r"\b(?:struct|class|enum)\s+\w+[\s*&]+\w+\s*$", before_parenthesis
    )


def lengths(tree):
    """{key: (path, line, length)} of what is past the limits; the key is stable when lines move."""
    long = {}
    for path in tree.select(".cc", ".h", ".py", ".js", ".css", ".proto", ".cmake"):
        if not is_source(path) and not path.startswith(("tests/", "cmake/", "scripts/", "deploy/")):
            continue
        count = tree.text(path).count("\n")
        if count > FILE_LINES_MAX:
            long[path] = (path, 0, count)
        if _cpp(path):
            functions = functions_of(tree.code(path))
        elif _python(path):
            functions = [
                (node.name, node.lineno, node.end_lineno - node.lineno + 1)
                for node in ast.walk(ast.parse(tree.text(path)))
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            ]
        else:
            functions = []
        for name, line, count in functions:
            if count > FUNCTION_LINES_MAX:
                long[f"{path}:{name}"] = (path, line, count)
    return long


def read_baseline(text):
    """`key lines` a row; # begins a comment."""
    rows = (line.split() for line in text.split("\n") if line.strip() and not line.startswith("#"))
    return {key: int(count) for key, count in rows}


def check_lengths(tree, baseline_path, earlier):
    """The ratchet: what is too long today may stay as long, no longer; the list of it only shrinks.

    `earlier` is the baseline of the previous commit, None when there is none.
    """
    baseline = read_baseline(tree.text(baseline_path)) if tree.exists(baseline_path) else {}
    long = lengths(tree)
    problems = []
    for key, (path, line, count) in sorted(long.items()):
        limit = FUNCTION_LINES_MAX if ":" in key else FILE_LINES_MAX
        if count > baseline.get(key, limit):
            problems.append(
                Problem(
                    path,
                    line,
                    "length",
                    f"{key.split(':')[-1]} has {count} lines, the limit is"
                    f" {baseline.get(key, limit)}",
                )
            )
    for key, count in sorted(baseline.items()):
        actual = long[key][2] if key in long else 0
        if actual < count:
            problems.append(
                Problem(
                    baseline_path,
                    0,
                    "length",
                    f"{key} has shrunk from {count} to {actual or 'within the limit'}: say so here",
                )
            )
        if earlier is not None and count > earlier.get(key, 0):
            problems.append(
                Problem(baseline_path, 0, "length", f"{key} {count}: the baseline only shrinks")
            )
    return problems


def check_mirror(tree):
    """tests/unit mirrors the sources and tests/support: a folder for each folder, x_test.cc or
    x_and_more_test.cc for x."""
    problems = []
    sources = tree.select(".cc", ".h", ".proto")
    for path in tree.select("_test.cc", under="tests/unit/"):
        folder, name = posixpath.split(path[len("tests/unit/") :])
        stem = name[: -len("_test.cc")]
        stems = {
            posixpath.splitext(posixpath.basename(s))[0]
            for s in sources
            if posixpath.dirname(s) in (folder, "tests/" + folder)
        }
        if not stems:
            problems.append(Problem(path, 0, "mirror", f"there is no source folder {folder}"))
        elif not any(stem == s or stem.startswith(s + "_") for s in stems):
            problems.append(Problem(path, 0, "mirror", f"{folder} has no {stem}.h or {stem}.cc"))
    for folder in sorted(
        {posixpath.dirname(s) for s in sources if s.endswith(".cc") and is_source(s)}
    ):
        if folder in CORES and not tree.select("_test.cc", under=f"tests/unit/{folder}/"):
            problems.append(
                Problem(folder, 0, "mirror", f"a core without a test in tests/unit/{folder}")
            )
    return problems
