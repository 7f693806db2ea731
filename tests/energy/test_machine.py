from pathlib import Path

import pytest

from labkit.energy._machine import rated_power, read_machine

XEON = "model name : Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz\nphysical id : {socket}\nflags : fpu vme"


def _write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_two_sockets_are_told_apart(tmp_path: Path) -> None:
    text = "\n\n".join(XEON.format(socket=n % 2) for n in range(24))
    machine = read_machine(_write(tmp_path, proc__cpuinfo=text))
    assert (machine.sockets, machine.cpu) == (2, "Intel Xeon E5-2620 v3")
    assert (machine.virtual, machine.container, machine.surroundings) == ("", "", "")


def test_a_hypervisor_and_a_container_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("container", raising=False)
    cpu = "model name : AMD EPYC\nflags : fpu hypervisor sse"
    root = _write(tmp_path, proc__cpuinfo=cpu, proc__1__cgroup="0::/init.scope\n")
    assert read_machine(root).surroundings == "virtual machine"
    _write(root, sys__class__dmi__id__sys_vendor="QEMU\n")
    assert read_machine(root).surroundings == "virtual machine (QEMU)"
    _write(root, proc__1__cgroup="0::/kubepods/burstable/pod1\n")
    assert read_machine(root).surroundings == "container (kubepods) in a virtual machine (QEMU)"
    _write(
        root, proc__cpuinfo="model name : AMD EPYC 9654\nflags : fpu", sys__class__dmi__id__sys_vendor="Dell"
    )
    assert read_machine(root).surroundings == "container (kubepods)"


def test_a_cloud_s_bare_metal_is_no_virtual_machine(tmp_path: Path) -> None:
    text = XEON.format(socket=0)
    root = _write(tmp_path, proc__cpuinfo=text, sys__class__dmi__id__sys_vendor="Amazon EC2")
    assert read_machine(root).virtual == ""


def test_a_processor_that_has_no_flags_is_told_by_its_maker(tmp_path: Path) -> None:
    root = _write(
        tmp_path, proc__cpuinfo="processor : 0\nCPU part : 0xd0c", sys__class__dmi__id__sys_vendor="QEMU"
    )
    machine = read_machine(root)
    assert (machine.cpu, machine.virtual, machine.sockets) == ("", "QEMU", 1)


@pytest.mark.parametrize("mark", [".dockerenv", "run__.containerenv", ".singularity.d__env"])
def test_marks_of_containers(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("container", raising=False)
    assert read_machine(tmp_path).container == ""
    assert read_machine(_write(tmp_path, **{mark: ""})).container in ("docker", "podman", "apptainer")


# Rated power by the makers' data sheets, names as Linux tells them.
@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", 69),
        ("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 85),
        ("AMD Ryzen Threadripper 1950X 16-Core Processor", 180),
        ("AMD EPYC 9654 96-Core Processor", 360),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", 15),
        ("AMD Ryzen 7 PRO 5850U with Radeon Graphics", 15),
        ("INTEL(R) XEON(R) PLATINUM 8570", 350),
        ("AMD EPYC", None),
        ("", None),
    ],
)
def test_rated_power_by_the_name_that_linux_tells(name: str, watts: float | None) -> None:
    assert rated_power(name) == watts
