"""Hosts on one machine: network namespaces in 198.18.0.0/24 (reserved for such tests) on one bridge, whose nftables
rules are the faults of the network.

No name of a namespace, no file and no rule is left behind, however the process ends: the namespaces are held by
descriptors alone, the bridge and its rules live in a namespace of this process, and what runs on a host dies with this
process. The kernel has no netem everywhere, so loss is a rule of the bridge and delay a proxy (delay_proxy.py).
"""

import ctypes
import os
import shutil
import signal
import subprocess
import threading

_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

BRIDGE_IP = "198.18.0.1"  # of the test itself
_TABLE = "table bridge faults"


class NotPossible(Exception):
    """What this machine lacks; the tests are skipped with this line."""


def _checked(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_own_namespace():
    """The calling thread, and all it starts, get a network of their own. Once, before any thread is started."""
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if missing:
        raise NotPossible(f"no {' and no '.join(missing)} here: scripts/setup test installs them")
    try:
        _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
    except OSError as error:
        raise NotPossible(f"no right to make a network namespace ({error.strerror})") from error


def _new_namespace():
    """A descriptor that holds a new network namespace."""
    held = []

    def hold():
        _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
        held.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    return held[0]


class Host:
    """A name and an address in a network namespace of its own. Not to be used after `close`."""

    def __init__(self, name, ip, port):
        self.name = name
        self.ip = ip
        self.port = port  # the bridge's end of its cable
        self._namespace = _new_namespace()
        self.path = f"/proc/{os.getpid()}/fd/{self._namespace}"

    def before_exec(self, first=False):
        """What a child does between fork and exec so that it runs here, and dies with this process. `first`: it goes
        before all else that the machine does, where that is allowed."""

        def enter():
            _checked(_libc.setns(self._namespace, _CLONE_NEWNET), "setns")
            _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
            if first:
                try:
                    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
                except PermissionError:
                    pass  # only makes figures less sure

        return enter

    def run(self, *command):
        subprocess.run(command, check=True, preexec_fn=self.before_exec())

    def close(self):
        os.close(self._namespace)


class Network:
    """The bridge and its hosts. One at a time."""

    def __init__(self):
        self.hosts = {}
        self._rules = []
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", "faults", "type", "bridge")
        self._ip("addr", "add", f"{BRIDGE_IP}/24", "dev", "faults")
        self._ip("link", "set", "faults", "up")
        try:
            self._nft(f"{_TABLE} {{\n chain forward {{\n type filter hook forward priority 0; policy accept;\n }}\n}}\n")
        except subprocess.CalledProcessError as error:
            raise NotPossible("the kernel has no nftables for bridges") from error

    def add(self, name, number):
        """A host with the address 198.18.0.`number`."""
        host = Host(name, f"198.18.0.{number}", f"port{number}")
        self._ip("link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.path)
        self._ip("link", "set", host.port, "master", "faults", "up")
        host.run("ip", "addr", "add", f"{host.ip}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "link", "set", "lo", "up")
        self.hosts[name] = host
        return host

    def drop(self, source, destination, percent=100):
        """From now on, packets from one host to another are lost."""
        share = "" if percent == 100 else f"numgen random mod 100 < {percent} "
        self._rules.append(f"ip saddr {source.ip} ip daddr {destination.ip} {share}counter drop")
        self._apply()

    def heal(self):
        """All packets pass again."""
        self._rules.clear()
        self._apply()

    def dropped(self):
        """Packets lost by the rules in force."""
        text = subprocess.run(["nft", "list", "table", "bridge", "faults"], check=True, capture_output=True,
                              text=True).stdout.split()
        return sum(int(text[i + 1]) for i, word in enumerate(text) if word == "packets")

    def close(self):
        for host in self.hosts.values():
            # By name: the kernel ends a namespace, and with it the cable, only some time after its last holder let go.
            self._ip("link", "del", host.port)
            host.close()
        self._ip("link", "del", "faults")
        self._nft(f"delete {_TABLE}\n")

    def _apply(self):
        rules = "".join(f"add rule bridge faults forward {rule}\n" for rule in self._rules)
        self._nft(f"flush chain bridge faults forward\n{rules}")

    @staticmethod
    def _ip(*arguments):
        subprocess.run(["ip", *arguments], check=True)

    @staticmethod
    def _nft(text):
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
