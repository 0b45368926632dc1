"""Machines as folders, laid out as the kernel lays out /proc and /sys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from launcher import hardware, topology
from launcher.hardware import Machine
from launcher.topology import Topology

AVX2 = "fpu sse4_2 avx avx2 fma"
AVX512 = f"{AVX2} avx512f avx512bw avx512vl avx512_vnni"
AMX = f"{AVX512} avx512_bf16 amx_bf16 amx_tile amx_int8"

# 6 cores with 2 threads each, 32 GB, AVX2 alone, no control group with a limit.
LAPTOP = {
    "proc/cpuinfo": f"processor\t: 0\nmodel name\t: A laptop\nflags\t\t: {AVX2}\n\n",
    "proc/meminfo": "MemTotal:       32768000 kB\nMemFree: 1 kB\nMemAvailable:   24576000 kB\n",
    "proc/self/status": "Name:\tpython3\nCpus_allowed:\tfff\nCpus_allowed_list:\t0-11\n"
    "Mems_allowed_list:\t0\n",
    "proc/self/cgroup": "0::/user.slice/session-2.scope\n",
    "cgroup/user.slice/session-2.scope/memory.max": "max\n",
    "sys/cpu/online": "0-11\n",
    **{
        f"sys/cpu/cpu{cpu}/topology/thread_siblings_list": f"{cpu % 6},{cpu % 6 + 6}\n"
        for cpu in range(12)
    },
    "sys/node/node0/meminfo": "Node 0 MemTotal:       32768000 kB\nNode 0 MemFree: 1 kB\n",
}

# 2 sockets of 16 cores with 2 threads each, AMX; a container with --cpus=8 --memory=64g.
CONTAINER_V2 = {
    "proc/cpuinfo": f"processor\t: 0\nflags\t\t: {AMX}\n",
    "proc/meminfo": "MemTotal:       528482304 kB\nMemAvailable:   503316480 kB\n",
    "proc/self/status": "Cpus_allowed_list:\t0-63\nMems_allowed_list:\t0-1\n",
    "proc/self/cgroup": "0::/\n",
    "cgroup/cpu.max": "800000 100000\n",
    "cgroup/memory.max": "68719476736\n",
    "cgroup/memory.current": "104857600\n",
    "cgroup/memory.stat": "anon 1048576\ninactive_file 52428800\n",
    "sys/cpu/online": "0-63\n",
    **{
        f"sys/cpu/cpu{cpu}/topology/thread_siblings_list": f"{cpu % 32},{cpu % 32 + 32}\n"
        for cpu in range(64)
    },
    "sys/node/node0/meminfo": "Node 0 MemTotal:       264241152 kB\n",
    "sys/node/node1/meminfo": "Node 1 MemTotal:       264241152 kB\n",
}

# --cpus=2.5 --cpuset-cpus=4-7 --memory=6g on 8 CPUs without a second thread, control groups 1.
CONTAINER_V1 = {
    "proc/cpuinfo": f"processor\t: 0\nflags\t\t: {AVX512}\n",
    "proc/meminfo": "MemTotal:       65536000 kB\nMemAvailable:   61440000 kB\n",
    "proc/self/status": "Cpus_allowed_list:\t4-7\nMems_allowed_list:\t0\n",
    "proc/self/cgroup": "11:memory:/docker/0a1b\n4:cpu,cpuacct:/docker/0a1b\n1:name=systemd:/\n",
    # The container sees its own group at the root of the mount.
    "cgroup/memory/memory.limit_in_bytes": "6442450944\n",
    "cgroup/memory/memory.usage_in_bytes": "20971520\n",
    "cgroup/memory/memory.stat": "cache 0\ntotal_inactive_file 0\n",
    "cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
    "cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "sys/cpu/online": "0-7\n",
    **{f"sys/cpu/cpu{cpu}/topology/thread_siblings_list": f"{cpu}\n" for cpu in range(8)},
    "sys/node/node0/meminfo": "Node 0 MemTotal:       65536000 kB\n",
}


def lay(tree: dict[str, str], root: Path) -> Path:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def read(tree: dict[str, str], root: Path) -> tuple[Machine, Topology]:
    lay(tree, root)
    proc, cgroups = root / "proc", root / "cgroup"
    machine = replace(hardware.read(proc, cgroups), architecture="x86_64")
    return machine, topology.read(proc, cgroups, root / "sys")
