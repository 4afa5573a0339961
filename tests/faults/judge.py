"""What a run is held to: the bounds of the guarantees as functions, and the target's own bins looked at. Pure.

The names are those of common/core/limits.h and of the spec; times in seconds.
"""

import dataclasses
import math

HORIZON = 3.0  # of the plan, by default
SILENCE = 2.0  # four beats of 500 ms
REPORT = 0.5  # a small fleet reports as often as it beats
COMMIT = 0.25
GRANT_LEAD = 0.3  # a segment that starts sooner gets no owner
SEGMENT = 1.0
RECOVER = 3.0  # a restarted controller waits at most so long for its owners
CLOCK_ERROR = 0.002  # on one machine; measured far below
MAX_LATENESS = 1.0
TIMEOUT = 1.0
CATCH_UP = 1.25  # late sends stand at no less than 0.8 of the mean gap

SMALL = 0.1  # windows of the ceiling
WINDOW = 0.5  # windows of the rate


def _slots(count):
    """Whole slots, rounded up, but for the noise of binary fractions."""
    return math.ceil(count - 1e-6)


def crash_bound(rate, share, silent=False):
    """Slots that the loss of agents with that share for good may leave `unknown`.

    `silent`: the stream does not end, so that grants go on until the silence is noticed.
    """
    unnoticed = SILENCE if silent else 0
    seconds = unnoticed + HORIZON + SEGMENT + REPORT + COMMIT + MAX_LATENESS + TIMEOUT
    return _slots(rate * share * seconds)


def gap_bound(rate, away):
    """Slots that a controller away for so long may leave `unassigned`: those of the segments that it would have
    appended and that had begun, or nearly so, when it was ready again. The plan reached one segment less than the
    horizon ahead at least."""
    late = away + RECOVER + GRANT_LEAD + SEGMENT - (HORIZON - SEGMENT)
    return _slots(rate * max(0.0, late))


def ceiling(rate, window, threads, lateness=MAX_LATENESS, error=CLOCK_ERROR):
    """Requests in any window of that length that no fault may pass: what is due in it, what may come late into it, one
    a sending thread."""
    return _slots(rate * (window + lateness + 2 * error)) + threads


def catch_up_ceiling(rate, window, threads, wakeup):
    """The same while agents catch up: late sends are spaced. `wakeup` is how late the machine woke a process, which
    bunches what the target counts. A slot more for each thread, since no window holds a whole number of gaps."""
    return _slots(rate * (CATCH_UP * window + wakeup + 2 * CLOCK_ERROR)) + 2 * threads


@dataclasses.dataclass
class Bins:
    """Requests at the target by arrival, from the first on; `start` is the monotonic time of the first bin."""

    start: float
    width: float
    counts: list

    @staticmethod
    def of(stats):
        width = stats["bin_ms"] / 1e3
        return Bins(stats["first_bin"] * width, width, stats["bins"])

    def highest(self, seconds, skip=None):
        """The fullest window of that length at any place, and where it begins. `skip`: seconds [from, until) whose
        windows are not looked at."""
        size = round(seconds / self.width)
        best, place, held = 0, 0, 0
        for i, count in enumerate(self.counts):
            held += count - (self.counts[i - size] if i >= size else 0)
            begin = (i + 1 - size) * self.width
            if skip and begin + seconds > skip[0] and begin < skip[1]:
                continue
            if held > best:
                best, place = held, begin
        return best, max(place, 0.0)

    def sum(self, begin, end):
        return sum(self.counts[max(round(begin / self.width), 0):max(round(end / self.width), 0)])

    def errors(self, expected, begin, end, seconds=WINDOW):
        """How far each whole window in [begin, end) is off the schedule, as a share; `expected(a, b)` are the slots due
        in [a, b)."""
        found = []
        while begin + seconds <= end + 1e-9:
            due = expected(begin, begin + seconds)
            found.append(self.sum(begin, begin + seconds) / due - 1 if due else 0.0)
            begin += seconds
        return found

    def back_within(self, expected, since, end, tolerance=0.02, seconds=1.0, lasting=3):
        """Seconds after `since` from which the rate is back: this and the following windows of a second, `lasting` in
        all (fewer at the end of the load), are within the tolerance. None: never."""
        at = since
        while at + seconds <= end + 1e-9:
            until = min(at + lasting * seconds, end)
            if all(abs(e) <= tolerance for e in self.errors(expected, at, until, seconds)):
                return at - since
            at += 0.1
        return None


def constant(rate):
    """The slots due in [a, b) of a constant rate."""
    return lambda begin, end: rate * (end - begin)


def ramp(low, high, seconds):
    """The slots due in [a, b) of a ramp."""

    def integral(t):
        return low * t + (high - low) * t * t / (2 * seconds)

    return lambda begin, end: integral(end) - integral(begin)
