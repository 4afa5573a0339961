"""A folder is a library is an arrow: what a folder may include is what its CMakeLists.txt links.

Arrows are strict and direct: a folder names every folder whose headers it includes, even one that
it would get through another. Tests are no part of the picture: they include what their libraries
reach.
"""

import posixpath
import re
from collections import namedtuple

from tree import Problem, line_of

CORES = ("common/core", "agent/core", "controller/core")
_CORE_ABSL = ("absl/status/", "absl/strings/", "absl/types/span.h", "absl/numeric/")
# Standard headers with a clock, a thread or a file behind them.
_CORE_BANNED = {
    "atomic",
    "condition_variable",
    "filesystem",
    "fstream",
    "future",
    "iostream",
    "mutex",
    "random",
    "shared_mutex",
    "stop_token",
    "thread",
}

# Third-party headers: prefix, then the targets of which one must be linked, by name and directly.
_EXTERNAL = (
    ("boost/url", {"Boost::url"}),
    ("boost/", {"Boost::headers", "Boost::url"}),
    ("grpcpp/", {"broadside::proto_grpc", "gRPC::grpc++"}),
    ("google/protobuf/", {"broadside::proto", "broadside::proto_grpc", "protobuf::libprotobuf"}),
    ("nlohmann/", {"nlohmann_json::nlohmann_json"}),
    ("sqlite3.h", {"SQLite::SQLite3"}),
    ("prometheus/", {"prometheus-cpp::core", "prometheus-cpp::pull"}),
    ("yaml-cpp/", {"yaml-cpp", "yaml-cpp::yaml-cpp"}),
    ("CLI/", {"CLI11::CLI11"}),
)

_COMMAND = re.compile(
    r"\b(broadside_library|broadside_test|broadside_add_tests|add_library|add_executable"
    r"|target_link_libraries|add_subdirectory)"
    r"\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)",
    re.IGNORECASE,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_KEYWORDS = {"PUBLIC", "PRIVATE", "INTERFACE", "STATIC", "OBJECT", "ALIAS", "SYSTEM"}
_LISTS = {"DEPS", "EXCLUDE", "LABELS", "TIMEOUT"}

_GRPC = {"broadside::proto_grpc", "broadside_proto_grpc", "gRPC::grpc++"}

# What one CMakeLists.txt says: the targets that it defines, the targets that they link, for each
# time that it takes its folder's *.cc as a whole the ones left out, the *.cc that it names, the
# folders that it adds, and the labels of each broadside_test.
Listing = namedtuple("Listing", "defines links globs names adds labels")


def read_listing(text):
    text = re.sub(r"#[^\n]*", "", text)
    listing = Listing(set(), set(), set(), set(), [], {})
    for match in _COMMAND.finditer(text):
        command, words = match.group(1).lower(), match.group(2).replace('"', " ").split()
        if not words:
            continue
        if command == "add_subdirectory":
            listing.adds.append(words[0])
        elif command == "broadside_add_tests":
            listing.adds.append(words[0] + "/**")
        elif command in ("broadside_library", "broadside_test"):
            _read_own(command, words, listing)
        elif command == "target_link_libraries":
            listing.links.update(w for w in words[1:] if w not in _KEYWORDS)
        else:
            listing.defines.add(words[0])
            listing.names.update(w for w in words[1:] if w.endswith(".cc"))
    return listing


def _read_own(command, words, listing):
    current, excluded, labels = None, set(), set()
    for word in words[1:]:
        if word in _LISTS:
            current = word
        elif current == "DEPS":
            listing.links.add(word)
        elif current == "EXCLUDE":
            excluded.add(word)
        elif current == "LABELS":
            labels.add(word)
    if command == "broadside_library":
        listing.defines.add("broadside_" + words[0])
    else:
        listing.labels[words[0]] = labels
    listing.globs.add(frozenset(excluded))


class Graph:
    """Folders and the folders that they link, from all CMakeLists.txt that the root one reaches."""

    def __init__(self, tree):
        self.tree = tree
        self.problems = []
        self.listings = {}
        self._reach("")
        self.owner = {}
        for folder, listing in self.listings.items():
            for target in listing.defines:
                self.owner[target.replace("::", "_")] = folder
        self.edges = {folder: self._linked(folder) for folder in self.listings}

    def _reach(self, folder):
        path = posixpath.join(folder, "CMakeLists.txt")
        if not self.tree.exists(path):
            self.problems.append(Problem(path, 0, "cmake", "is added, but does not exist"))
            return
        self.listings[folder] = read_listing(self.tree.text(path))
        for added in self.listings[folder].adds:
            if added.endswith("/**"):
                for below in self.tree.select("/CMakeLists.txt", under=added[:-2]):
                    self._reach(posixpath.dirname(below))
            elif "$" not in added:
                self._reach(posixpath.join(folder, added))

    def _linked(self, folder):
        linked = set()
        for target in self.listings[folder].links:
            if "${" in target and is_source(folder):
                self.problems.append(
                    Problem(
                        posixpath.join(folder, "CMakeLists.txt"),
                        0,
                        "cmake",
                        f"links {target}: name targets literally, so that the arrows can be read",
                    )
                )
            owner = self.owner.get(target.replace("::", "_"))
            if (
                owner is None
                and target.startswith(("broadside::", "broadside_"))
                and target != "broadside_warnings"
            ):
                self.problems.append(
                    Problem(
                        posixpath.join(folder, "CMakeLists.txt"),
                        0,
                        "cmake",
                        f"links {target}, which no folder defines",
                    )
                )
            if owner not in (None, folder):
                linked.add(owner)
        return linked

    def reachable(self, folder):
        seen, pending = set(), [folder]
        while pending:
            for other in self.edges.get(pending.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    pending.append(other)
        return seen

    def links_grpc(self, folder):
        """Whether what is built in `folder` has gRPC in it. `proto` does not tell: it has both."""
        return any(
            self.listings[f].links & _GRPC
            for f in self.reachable(folder) | {folder}
            if f != "proto"
        )

    def modules(self):
        """Source folders that have code of their own."""
        return [
            f
            for f in sorted(self.listings)
            if is_source(f) and (self.listings[f].defines or self.listings[f].links)
        ]


def is_source(folder):
    return folder.split("/")[0] in ("proto", "common", "agent", "controller", "cli", "web")


def includes_of(tree, path):
    """(line, '<' or '"', header) for each include; from the text, as stripping blanks out names."""
    text = tree.text(path)
    return [(line_of(text, m.start(2)), m.group(1), m.group(2)) for m in _INCLUDE.finditer(text)]


def _folder_of_header(header):
    return "proto" if header.endswith(".pb.h") else posixpath.dirname(header)


def check_includes(tree, graph):
    problems = []
    for path in tree.select(".cc", ".h"):
        folder = posixpath.dirname(path)
        listed = folder
        while listed and listed not in graph.listings:
            listed = posixpath.dirname(listed)
        for line, quote, header in includes_of(tree, path):
            message = _refusal(tree, graph, listed, folder, quote, header)
            if message:
                problems.append(Problem(path, line, "include", message))
    return problems


def check_unused(tree, graph):
    """A source folder includes something of each folder that it links."""
    included = {folder: set() for folder in graph.modules()}
    for path in tree.select(".cc", ".h"):
        folder = posixpath.dirname(path)
        if folder in included:
            included[folder].update(_folder_of_header(h) for _, _, h in includes_of(tree, path))
    return [
        Problem(
            posixpath.join(folder, "CMakeLists.txt"),
            0,
            "unused",
            f"links {other}, of which {folder} includes nothing",
        )
        for folder in graph.modules()
        for other in sorted(graph.edges[folder] - included[folder])
    ]


def _refusal(tree, graph, listed, folder, quote, header):
    """Why a file of `folder`, built by `listed`'s CMakeLists.txt, may not include `header`; or None."""
    own = quote == '"' and (header.endswith(".pb.h") or tree.exists(header))
    if quote == '"' and not own and not _is_external(header):
        return f'"{header}" is no file of ours: includes are paths from the root'
    if folder in CORES:
        refusal = _core_refusal(quote, header, own)
        if refusal:
            return refusal
    if not own:
        return _external_refusal(graph, listed, header)
    target = _folder_of_header(header)
    if target in (folder, listed):
        return None
    allowed = graph.edges.get(listed, set()) if is_source(listed) else graph.reachable(listed)
    if target not in allowed and not (target.startswith("tests") and not is_source(listed)):
        return (
            f"{target} is not linked by {listed or 'the root'}/CMakeLists.txt, which names every"
            " folder that it includes"
        )
    if (
        header.endswith(".grpc.pb.h")
        and is_source(listed)
        and "broadside::proto_grpc" not in graph.listings[listed].links
    ):
        return "the service's header needs broadside::proto_grpc"
    return None


def _core_refusal(quote, header, own):
    if own:
        return None if _folder_of_header(header) in CORES else "a core includes other cores only"
    if quote == '"':
        return (
            None
            if header.startswith(_CORE_ABSL)
            else "a core uses absl's status, strings, span and numeric only"
        )
    if "/" in header or header.endswith(".h"):
        return "a core uses the standard C++ headers and absl only"
    return (
        f"a core has no thread, file, clock or chance of its own: <{header}>"
        if header in _CORE_BANNED
        else None
    )


def _is_external(header):
    return header.startswith(("absl/", "gtest/", "gmock/")) or any(
        header.startswith(p) for p, _ in _EXTERNAL
    )


def _external_refusal(graph, listed, header):
    if not is_source(listed):
        return None
    for prefix, targets in _EXTERNAL:
        if header.startswith(prefix):
            if targets & graph.listings[listed].links:
                return None
            return (
                f"<{header}> needs {' or '.join(sorted(targets))} among the DEPS of"
                f" {listed}/CMakeLists.txt"
            )
    return None


def check_arrows(graph):
    """Rules about the picture itself: no cycle, cores link cores, only cli sees both halves."""
    problems = list(graph.problems)
    for folder in graph.modules():
        path = posixpath.join(folder, "CMakeLists.txt")
        reached = graph.reachable(folder)
        if folder in reached:
            problems.append(Problem(path, 0, "arrows", f"{folder} links itself through others"))
        if folder in CORES and not reached <= set(CORES):
            problems.append(
                Problem(
                    path,
                    0,
                    "arrows",
                    f"a core links other cores only, not {', '.join(sorted(reached - set(CORES)))}",
                )
            )
        halves = {part.split("/")[0] for part in reached | {folder}} & {"agent", "controller"}
        if len(halves) == 2 and folder.split("/")[0] != "cli":
            problems.append(
                Problem(path, 0, "arrows", "only cli sees both the controller and the agent")
            )
        if "cli" in {part.split("/")[0] for part in reached} and folder.split("/")[0] != "cli":
            problems.append(Problem(path, 0, "arrows", "nothing links the command"))
    return problems


def check_labels(graph):
    """The label "grpc" keeps a test out of the tsan build: who links gRPC has it, no others."""
    problems = []
    for folder, listing in sorted(graph.listings.items()):
        for name, labels in sorted(listing.labels.items()):
            if graph.links_grpc(folder) == ("grpc" in labels):
                continue
            fault = (
                "has the label grpc, but does not link it"
                if "grpc" in labels
                else "links gRPC without the label grpc"
            )
            problems.append(
                Problem(
                    posixpath.join(folder, "CMakeLists.txt"),
                    0,
                    "label",
                    f"{name} {fault}: see the tsan preset",
                )
            )
    return problems


def check_orphans(tree, graph):
    """Every .cc is compiled by somebody."""
    problems = []
    for path in tree.select(".cc"):
        folder, name = posixpath.split(path)
        listing = graph.listings.get(folder)
        above, relative = posixpath.dirname(folder), posixpath.join(
            posixpath.basename(folder), name
        )
        if listing and (
            name in listing.names or any(name not in excluded for excluded in listing.globs)
        ):
            continue
        if above in graph.listings and relative in graph.listings[above].names:
            continue
        problems.append(
            Problem(
                path, 0, "orphan", "no CMakeLists.txt that is reached from the root compiles it"
            )
        )
    return problems
