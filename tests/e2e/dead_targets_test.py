"""Targets that are not there or behave badly: outcomes, never a crash, and the test ends."""

import contextlib
import json
import socket
import struct
import threading
import unittest

from harness import Stage, outcomes_of

RATE = 40  # for 1 s


class BadServer:
    """Accepts connections and hands each to `treat`, until it is closed."""

    def __init__(self, treat):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._treat = treat
        self._taken = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._taken.append(connection)  # a dropped one would be closed
            with contextlib.suppress(OSError):  # the client may be gone
                self._treat(connection)

    def close(self):
        # Wakes accept, which close alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._taken:
            connection.close()


def reset(connection):
    """RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class DeadTargetsTest(unittest.TestCase):
    """One short run against each, all at the same time."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.__exit__)
        # Bound, but not listened on: nobody else can have it meanwhile.
        unused = socket.socket()
        cls.addClassCleanup(unused.close)
        unused.bind(("127.0.0.1", 0))
        cls.unresolvable = cls.attack("http://no-such-host.invalid/")
        cls.refusing = cls.attack(f"http://127.0.0.1:{unused.getsockname()[1]}/")
        cls.resetting = cls.attack(cls.serve(reset))
        cls.silent = cls.attack(cls.serve(lambda connection: None), "--timeout", "200ms")
        cls.strange = cls.attack(cls.serve(lambda connection: connection.sendall(b"220 mail ready\r\n\r\n")))

    @classmethod
    def serve(cls, treat):
        server = BadServer(treat)
        cls.addClassCleanup(server.close)
        return server.url

    @classmethod
    def attack(cls, url, *flags):
        return cls.stage.start("run", url, "-r", RATE, "-d", "1s", "-o", "json", "-q", *flags)

    def assert_outcome(self, run, outcome):
        code = run.exit_code()
        self.assertIn(code, (0, 97), run.stderr())
        test = json.loads(run.stdout())
        self.assertEqual(test["state"], "finished")
        self.assertEqual(outcomes_of(test), {outcome: RATE})
        self.assertTrue(test["books"]["balanced"])
        # A busy machine is no good generator, and says so.
        self.assertEqual(code, 97 if test["verdict"]["generator"] == "invalid" else 0, run.stderr())

    def test_a_name_that_does_not_resolve(self):
        self.assert_outcome(self.unresolvable, "connect_error")

    def test_a_port_that_refuses(self):
        self.assert_outcome(self.refusing, "connect_error")

    def test_a_target_that_resets(self):
        self.assert_outcome(self.resetting, "reset")

    def test_a_target_that_never_answers(self):
        self.assert_outcome(self.silent, "timeout")

    def test_a_target_that_speaks_no_http(self):
        self.assert_outcome(self.strange, "protocol_error")


if __name__ == "__main__":
    unittest.main()
