"""What this machine is, as far as it tells: its processors, a container around us, a virtual machine."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labkit.store import data_path

# How virtual machines call their maker or product; the names that systemd-detect-virt looks for, too.
_HYPERVISORS = (
    "QEMU|KVM|KubeVirt|OpenStack|VMware|VirtualBox|Xen|Hyper-V|Virtual Machine|Parallels|Bochs|bhyve|"
    "Amazon EC2|Google Compute Engine|Apple Virtualization"
)
_CONTAINERS = "docker|kubepods|containerd|libpod|podman|lxc|apptainer|singularity"
_MARKS = {".dockerenv": "docker", "run/.containerenv": "podman", ".singularity.d": "apptainer"}
# What /proc/cpuinfo adds to a name: marks, generation, clock, count of cores, graphics.
_DECORATION = r"\((R|TM)\)|^\d+th Gen |\bCPU\b|@.*|\d+-Core\b|\bProcessor\b|\bwith Radeon.*"


@dataclass(frozen=True)
class Machine:
    """The machine that this process runs on.

    Attributes:
        cpu: the processor's name, empty where it isn't told.
        sockets: processors of this name, where they are told apart; at least 1.
        threads: logical processors, of the host where this is a container.
        virtual: the hypervisor's name, "unnamed" where it hides that, empty on bare metal.
        container: kind of the container that this process runs in, empty outside of any.
    """

    cpu: str
    sockets: int
    threads: int
    virtual: str
    container: str

    @property
    def surroundings(self) -> str:
        """Container and virtual machine in words, empty on bare metal."""
        shells = [f"container ({self.container})"] if self.container else []
        shells += [f"virtual machine ({self.virtual})"] if self.virtual else []
        return " in a ".join(shells).replace(" (unnamed)", "")


def read_machine(root: Path = Path("/")) -> Machine:
    """Return what `/proc`, `/sys` and marks of containers tell; elsewhere than on Linux nearly nothing."""
    fields: dict[str, set[str]] = {}
    for line in _text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), set()).add(value.strip())
    name = next(iter(fields.get("model name", ())), "")
    return Machine(
        cpu=_plain(name),
        sockets=max(len(fields.get("physical id", ())), 1),
        threads=os.cpu_count() or 1,
        virtual=_virtual(root, {flag for flags in fields.get("flags", ()) for flag in flags.split()}),
        container=_container(root),
    )


def _virtual(root: Path, flags: set[str]) -> str:
    dmi = " ".join(_text(root / "sys/class/dmi/id" / file) for file in ("sys_vendor", "product_name"))
    told = " ".join((dmi, _text(root / "sys/hypervisor/type"), _text(root / "proc/device-tree/hypervisor")))
    found = re.search(_HYPERVISORS, told, re.IGNORECASE)
    # On x86 the processor itself says it; a cloud's bare metal carries the cloud's name, too.
    if "hypervisor" in flags or (found and not flags):
        return found[0] if found else "unnamed"
    return ""


def _container(root: Path) -> str:
    told = (os.environ.get("container"), _text(root / "run/systemd/container").strip())
    marked = (kind for file, kind in _MARKS.items() if (root / file).exists())
    found = re.search(_CONTAINERS, _text(root / "proc/1/cgroup"))
    return next((kind for kind in (*told, *marked, found[0] if found else "") if kind), "")


def rated_power(cpu: str) -> float | None:
    """Return the rated power of one processor of this name, W, or None where it isn't known."""
    return _rated_powers().get(_plain(cpu).lower())


@cache
def _rated_powers() -> dict[str, float]:
    powers: dict[str, float] = {}
    with data_path("energy", "cpu_power.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                powers[_plain(row["Name"]).lower()] = float(row["TDP"])
            except ValueError:  # the few entries that are no number
                continue
    return powers


def _plain(name: str) -> str:
    return " ".join(re.sub(_DECORATION, " ", name, flags=re.IGNORECASE).split())


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
