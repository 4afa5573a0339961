"""The judge judged: bounds and windows against counts made by hand."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import judge  # noqa: E402


def even(rate, seconds):
    """Bins of an even rate, 10 ms each."""
    return judge.Bins(0.0, 0.01, [rate // 100] * (seconds * 100))


class BoundsTest(unittest.TestCase):
    def test_a_crash_loses_what_was_granted_and_not_yet_reported(self):
        # horizon 3 + segment 1 + report 0.5 + commit 0.25 + lateness 1 + timeout 1 = 6.75 s of a quarter of 3,000/s.
        self.assertEqual(judge.crash_bound(3000, 0.25), 5063)
        self.assertEqual(judge.crash_bound(3000, 0.25, silent=True), 6563)  # and 2 s of silence
        self.assertEqual(judge.crash_bound(3000, 0), 0)

    def test_a_short_absence_is_covered_by_the_plan(self):
        # The plan reaches 2 s ahead at least; ready again after away + 3 + 0.3 + 1 s at the latest.
        self.assertEqual(judge.gap_bound(3000, 0), 6900)
        self.assertEqual(judge.gap_bound(3000, 5), 21900)

    def test_ceilings(self):
        self.assertEqual(judge.ceiling(3000, 0.1, 4), 3316)  # 3,000 x (0.1 + 1 + 0.004) = 3,312, and 4 threads
        self.assertEqual(judge.catch_up_ceiling(3000, 0.1, 4, 0), 395)  # 3,000 x (0.125 + 0.004) = 387, and 8


class BinsTest(unittest.TestCase):
    def test_an_even_rate_is_never_off(self):
        bins = even(3000, 10)
        self.assertEqual(bins.highest(0.1), (300, 0.0))
        self.assertEqual(set(bins.errors(judge.constant(3000), 0, 10)), {0.0})
        self.assertEqual(bins.back_within(judge.constant(3000), 4, 10), 0)

    def test_a_burst_is_found_where_it_is(self):
        bins = even(3000, 10)
        bins.counts[412] += 100
        highest, begin = bins.highest(0.1)
        self.assertEqual(highest, 400)
        self.assertAlmostEqual(begin, 4.03)  # the first window that holds it

    def test_a_dip_is_over_when_three_seconds_are_whole(self):
        bins = even(3000, 12)
        for i in range(400, 600):
            bins.counts[i] = 20
        back = bins.back_within(judge.constant(3000), 4, 12)
        # 60 of 3,000 are missing in a window that begins 60 ms before the end of the dip: just 2 %.
        self.assertTrue(1.9 <= back <= 2.0, back)
        self.assertAlmostEqual(min(bins.errors(judge.constant(3000), 0, 12)), -1 / 3)

    def test_a_rate_that_does_not_come_back(self):
        bins = even(3000, 12)
        bins.counts[400:] = [20] * 800
        self.assertIsNone(bins.back_within(judge.constant(3000), 4, 12))

    def test_a_load_that_ended_is_not_back(self):
        bins = judge.Bins(0.0, 0.01, [30] * 400)
        self.assertIsNone(bins.back_within(judge.constant(3000), 4, 12))
        self.assertEqual(bins.errors(judge.constant(3000), 3.5, 4.5), [0.0, -1.0])

    def test_the_schedule_of_a_ramp(self):
        due = judge.ramp(1000, 5000, 40)
        self.assertEqual(due(0, 40), 120000)
        self.assertEqual(due(0, 1), 1050)


if __name__ == "__main__":
    unittest.main()
