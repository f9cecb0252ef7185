"""An internet beyond a microVM: a network namespace of its own, in which every address is a name server.

And a firewall between the two, which is not in the microVM: nothing in there can see or undo what it refuses.
"""

import textwrap
from collections.abc import Sequence
from ipaddress import ip_network

from chaos.errors import SandboxError
from chaos.sandboxes.local.provider import LocalSandbox

_PID = "/run/internet.pid"
_OURS = 99
"""Marks the routes that are rules: of all that know an address the narrowest one decides."""
_SERVER = textwrap.dedent("""
    import socketserver
    class Names(socketserver.BaseRequestHandler):
        def handle(self):
            if self.request.recv(512):
                self.request.sendall(bytes(14))
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    print("listening", flush=True)
    socketserver.ThreadingTCPServer(("0.0.0.0", 53), Names).serve_forever()
""")
_BEYOND = """
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
exec python3 -I -S -c "$1"
"""
_CONNECT = f"""
set -e
unshare -n sh -c "$1" sh "$2" > /run/internet.log 2>&1 &
beyond=$!
echo $beyond > {_PID}
while [ "$(readlink /proc/$beyond/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add eth0 type veth peer name beyond netns $beyond
ip addr add 169.254.0.21/30 dev eth0
ip link set eth0 addrgenmode none up
ip route add default via 169.254.0.22
nsenter -n -t $beyond ip addr add 169.254.0.22/30 dev beyond
nsenter -n -t $beyond ip link set beyond up
until grep -q listening /run/internet.log; do sleep 0.01; done
"""


async def connect(box: LocalSandbox) -> None:
    """Give it one."""
    await _carry_out(box, ["sh", "-c", _CONNECT, "sh", _BEYOND, _SERVER])


async def rule(box: LocalSandbox, allowed: Sequence[str], denied: Sequence[str]) -> None:
    """Take what is allowed, let vanish what is denied, take the rest."""
    there = f"nsenter -n -t $(cat {_PID}) ip route"
    halves = [
        each for whole in denied for each in ip_network(whole).subnets()
    ]  # more narrow than what takes all
    routes = [f"local {each} dev lo proto {_OURS}" for each in allowed]
    routes += [f"blackhole {each} proto {_OURS}" for each in halves]
    script = "\n".join(
        [f"{there} flush table {table} proto {_OURS} 2>/dev/null" for table in ("local", "main")]
        + [f"{there} add {route} || exit 1" for route in routes]
        + ["true"]
    )
    await _carry_out(box, ["sh", "-c", script])


async def _carry_out(box: LocalSandbox, command: Sequence[str]) -> None:
    done = await box.run(command, cwd="/")
    if done.exit_code != 0:
        raise SandboxError(f"no internet for the double: {done.stderr}")
