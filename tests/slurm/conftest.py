"""A real SLURM on this machine: Debian's packages, installed where that is possible, one node, one queue."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

_CONFIGURATION = """
ClusterName=labkit
SlurmctldHost={host}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=0
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=300
NodeName={host} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=labkit Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverTimeLimit=0
"""


def _installed() -> None:
    """Skips, with the reason, where SLURM isn't there and can't be installed."""
    if all(map(shutil.which, ("slurmctld", "slurmd", "munged", "sbatch"))):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("no SLURM here; `apt-get install slurm-wlm munge` as root installs it on Debian")
    command = "apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"apt-get can't install SLURM: {(done.stderr.splitlines() or [''])[-1]}")


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("", 0))
        return server.getsockname()[1]


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a SLURM that runs: its daemons' logs lie there."""
    _installed()
    if os.geteuid() != 0:
        pytest.skip("SLURM's daemons are started as root here")
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    values = {
        "folder": folder,
        "host": socket.gethostname().partition(".")[0],
        "port": _free_port(),
        "node_port": _free_port(),
        "cpus": os.cpu_count(),
        "memory": int(psutil.virtual_memory().total / 2**20 * 0.8),
    }
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(**values))
    munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
    munge += [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")]
    commands = [munge, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", values["host"]]]
    daemons: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        try:
            for command in commands:
                with (folder / f"{command[0]}.log").open("w") as told:
                    daemons.append(subprocess.Popen(command, stdout=told, stderr=told))
                time.sleep(1.0)
            _wait_until_idle(folder, daemons)
            yield folder
        finally:
            subprocess.run(["scancel", "--user=root"], check=False, capture_output=True, timeout=30)
            for daemon in reversed(daemons):
                daemon.terminate()
                daemon.wait(timeout=60)


def _wait_until_idle(folder: Path, daemons: list[subprocess.Popen[bytes]]) -> None:
    for _ in range(120):
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False)
        if told.stdout.strip() == "idle":
            return
        if any(daemon.poll() is not None for daemon in daemons):
            break
        time.sleep(0.5)
    logs = " | ".join(f"{log.name}: {log.read_text()[-300:]}" for log in sorted(folder.glob("*.log")))
    pytest.fail(f"SLURM doesn't start: {logs}")
