"""The command line: parse, call, print. Nothing is decided here; what is heavy is imported when used."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from labkit import _commands
from labkit._answers import (
    Answer,
    show_comparison,
    show_doctor,
    show_files,
    show_interaction,
    show_notebooks,
    show_poses,
    show_run,
    show_runs,
    show_search,
    show_simulation,
    show_steering,
    show_triplet,
)
from labkit.errors import InputError, LabkitError


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 done, 2 bad input, 130 interrupted with state saved, else 1."""
    parser = _parser()
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown and parsed.command is not _not_yet:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("labkit").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _interrupt_again
    try:
        answer = parsed.command(parsed)
        if answer is None:
            return 0
        print(json.dumps(answer, default=str) if parsed.json else parsed.show(answer), flush=True)
    except LabkitError as error:
        print(f"labkit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("labkit: interrupted; what was done is saved", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 1 if answer.get("ok") is False else 0


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Python drops what a callback of the garbage collector raises, and JAX has such a callback."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
    else:
        sys.__unraisablehook__(unraisable)


def _parser() -> _Parser:
    parser = _Parser(prog="labkit", description="A hybrid computing lab for drug discovery.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str,
        function: Callable[[argparse.Namespace], Answer | None],
        help: str,
        show: Callable[[Answer], str] = lambda answer: json.dumps(answer, indent=2, default=str),
        parent: Any = commands,
    ) -> argparse.ArgumentParser:
        command = parent.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        command.add_argument("--json", action="store_true", help="one JSON object on stdout")
        command.set_defaults(command=function, show=show)
        return command

    def group(name: str, help: str) -> Any:
        return commands.add_parser(name, help=help).add_subparsers(metavar="COMMAND", required=True)

    run = add("run", _run, "run a whole experiment: propose, dock, simulate, learn, report", show_run)
    run.add_argument(
        "campaign", nargs="?", default="quick", help="a shipped campaign or a .toml file (quick)"
    )
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override, dotted keys")
    run.add_argument("--seed", type=int, help="in place of the campaign's own")
    run.add_argument("--engine", default="local", help="local, dask, dask:ADDRESS or slurm (local)")
    run.add_argument("--workers", type=int, help="evaluations at once (one a core)")
    run.add_argument("--out", type=Path, default=Path("runs"), help="folder for the run's folder (runs)")
    run.add_argument("--steering", metavar="RUN", help="budget, vetoes and pins as that run had them")

    resume = add("resume", _resume, "carry an interrupted run on to the same end", show_run)
    resume.add_argument("run", help="the run's folder or name")
    resume.add_argument("--engine", help="local, dask, dask:ADDRESS or slurm (as before)")
    resume.add_argument("--workers", type=int, help="evaluations at once (as before)")

    steer = add("steer", _commands.steer, "tell a run to pause, resume, stop or change course", show_steering)
    steer.add_argument("run", help="the run's folder or name")
    steer.add_argument("order", metavar="COMMAND", help="pause, resume, stop, budget, veto or pin")
    steer.add_argument("value", nargs="?", metavar="VALUE", help="rounds of a budget, SMILES of a molecule")

    add("runs", _runs, "list the runs in ./runs and those shipped", show_runs)

    report = add("report", _report, "write the report of a run", lambda answer: answer["report"])
    report.add_argument("run", help="the run's folder or name")
    report.add_argument("--html", type=Path, metavar="FILE", help="where to write it (the run's folder)")

    compare = add("compare", _commands.compare, "put runs side by side", show_comparison)
    compare.add_argument("runs", nargs="+", metavar="RUN", help="folders or names of runs")
    compare.add_argument("--figure", type=Path, default=Path("comparison.svg"), metavar="FILE.svg")

    export = add("export", _commands.export, "write a run's hits with poses and numbers", show_files)
    export.add_argument("run", help="the run's folder or name")
    export.add_argument("--sdf", type=Path, metavar="FILE", help="poses (NAME.sdf where neither is given)")
    export.add_argument("--csv", type=Path, metavar="FILE", help="table (NAME.csv where neither is given)")
    export.add_argument("--count", type=int, metavar="N", help="at most so many (all that score above 0)")

    train = add(
        "train",
        _commands.train,
        "train a language model of molecules",
        parent=group("prior", "language models"),
    )
    train.add_argument(
        "--data", type=Path, metavar="FILE", help="SMILES, one a line, plain or .gz (ZINC250k)"
    )
    train.add_argument("--out", type=Path, default=Path("priors/zinc250k.safetensors"), metavar="FILE")
    train.add_argument("--epochs", type=int, nargs="+", metavar="N", help="passes over the data (4 3)")
    train.add_argument("--start", metavar="PRIOR", help="begin from this prior instead of random weights")
    train.add_argument("--learning-rate", type=float, metavar="X", help="Adam's peak rate (0.001)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--resume", action="store_true", help="go on from the state beside --out")

    generate = add(
        "generate",
        _commands.generate,
        "sample molecules from the language model",
        lambda a: "\n".join(a["smiles"]),
    )
    generate.add_argument("--count", type=int, default=100, metavar="N")
    generate.add_argument("--seed", type=int, default=0)
    generate.add_argument("--prior", default="zinc250k", help="a shipped prior or a .safetensors file")
    _add_constraints(generate)

    optimize = add(
        "optimize", _commands.optimize, "search for molecules that score high, for any objective", show_search
    )
    what = optimize.add_mutually_exclusive_group(required=True)
    what.add_argument("--task", metavar="NAME", help="a shipped one, such as pmo:qed")
    what.add_argument("--objective", metavar="FILE.py:FUNCTION", help="your own; the file is executed")
    optimize.add_argument("--budget", type=int, default=10_000, metavar="N", help="calls (10000)")
    optimize.add_argument("--seed", type=int, default=0)
    optimize.add_argument("--prior", default="zinc250k", help="a shipped prior or a .safetensors file")
    optimize.add_argument("--limit", type=float, default=60.0, metavar="S", help="most seconds a call (60)")
    _add_constraints(optimize)
    optimize.add_argument(
        "--out", type=Path, metavar="DIR", help="goes on with what is there (searches/NAME-SEED)"
    )

    dock = add("dock", _commands.dock, "dock molecules into a target", show_poses)
    dock.add_argument("smiles", nargs="+", metavar="SMILES")
    dock.add_argument("--target", default="abl1", metavar="NAME")
    dock.add_argument("--exhaustiveness", type=int, default=4, metavar="N", help="search effort (4)")
    dock.add_argument("--seed", type=int, default=0)
    dock.add_argument(
        "--out", type=Path, default=Path("poses"), metavar="DIR", help="for the SDF files (poses)"
    )
    dock.add_argument("--replay", action="store_true", help="answer from the poses that ship with the target")

    target = add(
        "add", _commands.target_add, "prepare a target of your own", parent=group("target", "docking targets")
    )
    target.add_argument("name")
    target.add_argument("--receptor", type=Path, required=True, metavar="FILE.pdb", help="with all hydrogens")
    target.add_argument("--ligand", type=Path, required=True, metavar="FILE.sdf", help="in its site")

    interaction = add("interaction", _commands.interaction, "interaction energy of a dimer", show_interaction)
    interaction.add_argument("dimer", type=Path, metavar="DIMER.xyz")
    interaction.add_argument("--level", default="standard", help="fast, standard or accurate")
    interaction.add_argument("--active-space", default="mp2", help="mp2 (natural orbitals), frontier or avas")
    interaction.add_argument("--active-occupied", type=int, metavar="N", help="of each monomer (2)")
    interaction.add_argument("--active-virtual", type=int, metavar="N", help="of each monomer (2)")
    interaction.add_argument("--seed", type=int, default=0)
    interaction.add_argument("--threads", type=int, help="of the computation (1)")

    triplet = add("triplet", _commands.triplet, "vertical energy of the lowest triplet state", show_triplet)
    triplet.add_argument("molecule", metavar="SMILES|FILE.xyz", help="a SMILES gets a GFN2-xTB geometry")
    triplet.add_argument("--solver", default="uccsd", help="of the active space: uccsd or exact (uccsd)")
    triplet.add_argument(
        "--lone-pairs", action="store_true", help="let lone pairs in the plane join: n→π* beside ππ*"
    )
    triplet.add_argument("--threads", type=int, help="of the computation (1)")

    simulate = add("simulate", _commands.simulate, "simulate a federation of AI factories", show_simulation)
    simulate.add_argument(
        "scenario", nargs="?", default="federation", help="a shipped scenario or a .toml file (federation)"
    )
    what = simulate.add_mutually_exclusive_group()
    what.add_argument("--trace", type=Path, metavar="FILE.swf[.gz]", help="jobs in Standard Workload Format")
    what.add_argument("--run", metavar="RUN", help="project a run of labkit, by name or folder")
    simulate.add_argument("--copies", type=int, default=64, metavar="N", help="of the run side by side (64)")
    simulate.add_argument(
        "--zone", nargs="+", metavar="LABEL", help="where the run's data must stay, as FIN or EU"
    )
    simulate.add_argument("--policy", help="where jobs go: earliest, energy or carbon")
    simulate.add_argument("--seed", type=int, help="in place of the scenario's own")
    simulate.add_argument("--out", type=Path, metavar="DIR", help="writes jobs and power there, as parquet")
    notebooks = add("notebooks", _commands.notebooks, "run notebooks headless", show_notebooks)
    notebooks.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    notebooks.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), dest="parameters"
    )
    notebooks.add_argument("--workers", type=int, default=1, metavar="N", help="side by side (1)")
    notebooks.add_argument("--out", type=Path, default=Path("notebooks-out"), metavar="DIR")

    exercises = add("exercises", _commands.exercises, "write the exercises from their solutions")
    exercises.add_argument("--out", type=Path, metavar="DIR", help="(notebooks/exercises)")

    add("lab", _lab, "open JupyterLab on the notebooks")
    dashboard = add("dashboard", _dashboard, "serve a dashboard as a web page until Ctrl-C")
    dashboard.add_argument("name", help="campaign, quantum, factory, energy or comparison")
    shown = "the run to show, of campaign and energy; of comparison, once for each to compare"
    dashboard.add_argument("--run", action="append", metavar="RUN", help=shown)
    dashboard.add_argument("--port", type=int, metavar="P", help="(one that is free)")
    dashboard.add_argument("--no-browser", action="store_true", help="print the address only")
    add("doctor", _doctor, "check this installation and say what to do", show_doctor)

    for name, help in _LATER.items():
        add(name, _not_yet, help + " (not built yet)").set_defaults(name=name)
    return parser


_LATER = {
    "bench": "benchmarks side by side with peers",
}


def _add_constraints(command: argparse.ArgumentParser) -> None:
    kept = command.add_mutually_exclusive_group()
    kept.add_argument("--scaffold", metavar="SMILES", help="stands in each molecule: 'c1ccc([*:1])cc1'")
    kept.add_argument("--link", metavar="SMILES", help="two fragments: 'c1ccc([*:1])cc1.C1CCN([*:2])CC1'")
    kept.add_argument("--near", metavar="SMILES", help="a molecule that all are similar to")
    command.add_argument("--similarity", type=float, metavar="X", help="at least, to that of --near (0.4)")


def _not_yet(args: argparse.Namespace) -> NoReturn:
    raise InputError(f"'{args.name}' is not built yet; `labkit --help` lists what is")


def _version() -> str:
    from importlib.metadata import version

    return f"labkit {version('labkit')}"


def _run(args: argparse.Namespace) -> Answer:
    from labkit.campaign import Campaign
    from labkit.runner import report

    campaign = Campaign.load(args.campaign, args.set)
    settings = {"engine": args.engine, "workers": args.workers, "out": args.out}
    run = campaign.run(args.seed, steering=args.steering, **settings)
    return run.summary() | {"report": str(report(run))}


def _resume(args: argparse.Namespace) -> Answer:
    from labkit.campaign import resume
    from labkit.runner import report

    run = resume(args.run, engine=args.engine, workers=args.workers)
    return run.summary() | {"report": str(report(run))}


def _runs(args: argparse.Namespace) -> Answer:
    from labkit.campaign import list_runs

    return {"runs": list_runs()}


def _report(args: argparse.Namespace) -> Answer:
    from labkit.campaign import Run
    from labkit.runner import report

    run = Run.open(args.run)
    with run.journal():
        pass  # a damaged one is told here, before the notebook starts
    return {"report": str(report(run, args.html))}


def _lab(args: argparse.Namespace) -> None:
    from labkit.runner import notebook_path

    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(notebook_path("00_start").parent)]
    sys.stderr.flush()
    os.execv(sys.executable, command)


def _dashboard(args: argparse.Namespace) -> None:
    from labkit.dashboards import serve

    options: dict[str, Any] = {}
    if args.run is not None:
        from labkit.campaign import Run

        runs = [str(Run.open(run).folder.resolve()) for run in args.run]
        options = {"runs": runs} if args.name == "comparison" or len(runs) > 1 else {"run": runs[0]}

    def ready(url: str) -> None:
        print(f"labkit: {args.name} is shown at {url} until Ctrl-C", file=sys.stderr, flush=True)
        if args.json:
            print(json.dumps({"dashboard": args.name, "url": url}), flush=True)

    serve(args.name, options, ready, port=args.port, open_browser=not args.no_browser)


def _doctor(args: argparse.Namespace) -> Answer:
    from labkit.doctor import checkup

    return checkup()
