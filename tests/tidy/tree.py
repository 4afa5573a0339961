"""The sources as the rules see them: the files, their text, code without comments and strings."""

import os
import re
import subprocess
from collections import namedtuple

# One finding; `line` counts from 1, 0 is the file as a whole.
Problem = namedtuple("Problem", "path line rule message")

_BINARY = (".png", ".ico", ".gz", ".woff2", ".jpg", ".pdf")
_TOKEN = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|(?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    # A quote between digits separates them: 1'000'000.
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def blank(text):
    """The same number of lines and columns, with nothing on them."""
    return re.sub(r"[^\n]", " ", text)


def strip_cpp(text):
    """C++ with comments and the insides of literals blanked out; lines and columns stay."""

    def replace(match):
        token = match.group(0)
        if token.startswith("/"):
            return blank(token)
        return token[0] + blank(token[1:-1]) + token[-1]

    return _TOKEN.sub(replace, text)


class Tree:
    """All text files below `root` that git knows or would add; without git, all of them."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(f for f in self._list() if not f.endswith(_BINARY))
        self._text = {}
        self._code = {}

    def _list(self):
        if os.path.exists(os.path.join(self.root, ".git")):
            out = subprocess.run(
                [
                    "git",
                    "ls-files",
                    "-z",
                    "--cached",
                    "--others",
                    "--exclude-standard",
                    "--deduplicate",
                ],
                cwd=self.root,
                check=True,
                capture_output=True,
            ).stdout.decode()
            return [f for f in out.split("\0") if f and os.path.isfile(os.path.join(self.root, f))]
        found = []
        for folder, _, names in os.walk(self.root):
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return found

    def select(self, *suffixes, under=""):
        return [f for f in self.files if f.endswith(suffixes) and f.startswith(under)]

    def text(self, path):
        if path not in self._text:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                self._text[path] = file.read()
        return self._text[path]

    def code(self, path):
        """C++ without comments and literals; other languages as they are."""
        if path not in self._code:
            text = self.text(path)
            self._code[path] = strip_cpp(text) if path.endswith((".cc", ".h")) else text
        return self._code[path]

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
