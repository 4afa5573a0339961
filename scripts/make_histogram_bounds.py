#!/usr/bin/env python3
"""Writes common/core/histogram_bounds.inc: the integer tables of the histogram, by exact integer arithmetic.

bound[i] = floor(2^(i/128) * 10^9) ns for i = -2560 .. 1024 (2^-20 s to 2^8 s), which is the 128th root of 2^i * 10^1152, rounded down.
guess[m] = floor(128 * log2(1 + m/128)), the largest g with 2^g * 128^128 <= (128 + m)^128.

Without an argument it writes the table; with --check it compares the committed one, proves every entry by its defining inequality, and exits 1
if anything differs.
"""

import pathlib
import sys

ROOT_DEGREE = 128
INDEX_MIN, INDEX_MAX = -20 * 128, 8 * 128
TABLE = pathlib.Path(__file__).resolve().parent.parent / "common/core/histogram_bounds.inc"


def holds(root, index):
    """root^128 <= 2^index * 10^1152, without fractions."""
    power = root ** ROOT_DEGREE
    limit = 10 ** (9 * ROOT_DEGREE)
    return power << -index <= limit if index < 0 else power <= limit << index


def bound(index):
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle, index) else (low, middle - 1)
    return low


def guess(m):
    value = (128 + m) ** ROOT_DEGREE
    return max(g for g in range(129) if (128 ** ROOT_DEGREE) << g <= value)


def rows(values, width):
    lines = [", ".join(str(v) for v in values[i:i + width]) for i in range(0, len(values), width)]
    return ",\n".join("    " + line for line in lines)


def table():
    bounds = [bound(i) for i in range(INDEX_MIN, INDEX_MAX + 1)]
    guesses = [guess(m) for m in range(128)]
    return bounds, guesses, (
        "// Written by scripts/make_histogram_bounds.py; the test histogram_bounds checks every entry.\n"
        "// kBounds[b + 1] is the upper bound of dense bucket b in ns, kBounds[0] that of the zero bucket; two more end the last look-up.\n"
        f"constexpr std::array<int64_t, {len(bounds) + 2}> kBounds = {{\n{rows(bounds, 8)},\n    INT64_MAX, INT64_MAX}};\n"
        "// floor(128 * log2(1 + m / 128)).\n"
        f"constexpr std::array<uint8_t, 128> kLogGuess = {{\n{rows(guesses, 16)}}};\n")


def main():
    bounds, guesses, text = table()
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(text, encoding="ascii")
        return 0
    wrong = [i for i, b in zip(range(INDEX_MIN, INDEX_MAX + 1), bounds) if not holds(b, i) or holds(b + 1, i)]
    wrong += [m for m, g in enumerate(guesses) if not 2 ** g * 128 ** 128 <= (128 + m) ** 128 < 2 ** (g + 1) * 128 ** 128]
    same = TABLE.read_text(encoding="ascii") == text
    print(f"{len(bounds)} bounds and {len(guesses)} guesses, {len(wrong)} wrong; the committed table is {'the same' if same else 'another'}")
    return 0 if same and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
