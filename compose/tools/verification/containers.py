"""Each container, as it is and as it may be reached."""

from __future__ import annotations

import json

from verification import stack as stacks
from verification.settings import setting
from verification.stack import LOCAL, Stack
from verification.verdicts import Failed

ONE_SHOTS = ("fetch-cpu", "fetch-gpu", "fetch-hpu", "vision-preload", "phase1-preload")
ENGINES = ("llm-cpu", "llm-gpu", "llm-hpu")
CODES = {
    75: "may work later: see its log",
    78: "trying again can't help: its log says what to change",
    132: "SIGILL: the CPU lacks an instruction that the image needs",
    137: "SIGKILL: mostly for memory; raise its limit in .env",
    139: "SIGSEGV: a crash",
}


def states(stack: Stack) -> str:
    wrong = []
    for name, container in sorted(stack.containers.items()):
        code = container.about["State"]["ExitCode"]
        if name in ONE_SHOTS:
            if container.running or code:
                wrong.append(f"{name} {'is at work' if container.running else meaning(code)}")
        elif not container.running:
            wrong.append(f"{name} {meaning(code)}")
        elif container.health != "healthy":
            wrong.append(f"{name} is {container.health}")
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(stack.containers)} containers"


def meaning(code: int) -> str:
    return f"ended with {code}" + (f" ({CODES[code]})" if code in CODES else "")


def steady(stack: Stack) -> str:
    counts = {name: one.about["RestartCount"] for name, one in stack.containers.items()}
    if restarted := [f"{name} {count} times" for name, count in counts.items() if count]:
        raise Failed(f"restarted: {', '.join(restarted)}")
    return ""


def bound(stack: Stack) -> str:
    wanted = setting("BIND")
    rows = [
        (name, address, port)
        for name, container in sorted(stack.containers.items())
        for address, port in container.published()
    ]
    open_ = [row for row in rows if row[1] not in LOCAL]
    listed = ", ".join(f"{name} on {address}:{port}" for name, address, port in open_)
    if any(address != wanted for _, address, _ in open_):
        raise Failed(f"open to the network: {listed}")
    if open_:
        return f"open to the network, as BIND={wanted} asks: {listed}; is a proxy before it?"
    return f"ports {', '.join(sorted(port for *_, port in rows))}"


def shut(stack: Stack) -> str:
    """Engines publish nothing, and every network of theirs is internal."""
    for name in ENGINES:
        if name not in stack.containers:
            continue
        about = stack.containers[name]
        if found := about.published():
            raise Failed(f"{name} publishes {found}")
        networks = list(about.about["NetworkSettings"]["Networks"])
        for network in json.loads(stacks.docker("network", "inspect", *networks)):
            if not network["Internal"]:
                raise Failed(f"{name} is on {network['Name']}, which is not internal")
    return "nothing published, internal network only"


def hardened(stack: Stack) -> str:
    for name, container in stack.containers.items():
        host, user = container.about["HostConfig"], container.about["Config"]["User"]
        flaws = {
            "runs as root": user.partition(":")[0] in ("", "0", "root"),
            "can write its root": not host["ReadonlyRootfs"],
            "keeps capabilities": "ALL" not in (host["CapDrop"] or ()),
            "may gain privileges": not any(
                "no-new-privileges" in option for option in host["SecurityOpt"] or ()
            ),
            "has no memory limit": not host["Memory"],
        }
        if found := [flaw for flaw, there in flaws.items() if there]:
            raise Failed(f"{name} {' and '.join(found)}")
    return "users, root file systems, capabilities, limits"
