"""The commands that ask one part of labkit: what was parsed goes in, the answer as plain values comes out."""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._answers import Answer
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.generative import Constraint


def train(args: argparse.Namespace) -> Answer:
    from dataclasses import replace

    from labkit.generative import PriorTraining, build_prior
    from labkit.molecules import load_zinc250k, read_smiles_file

    if args.out.suffix != ".safetensors":
        raise InputError(f"--out '{args.out}': a file name that ends in .safetensors is needed")
    settings = PriorTraining(seed=args.seed)
    if args.epochs is not None:
        settings = replace(settings, epochs=tuple(args.epochs))
    if args.learning_rate is not None:
        settings = replace(settings, learning_rate=args.learning_rate)
    smiles = load_zinc250k() if args.data is None else read_smiles_file(args.data)
    data = "ZINC250k (data/molecules/README.md)" if args.data is None else args.data.name
    prior = build_prior(
        smiles,
        args.out,
        settings,
        data=data,
        start=args.start,
        resume=args.resume,
        report=logging.getLogger("labkit").info,
    )
    return {"prior": str(args.out)} | prior.card


def generate(args: argparse.Namespace) -> Answer:
    from labkit.generative import generate_counted

    start = time.perf_counter()
    made = generate_counted(args.count, args.seed, prior=args.prior, constraint=_constraint(args))
    shares = {"valid_fraction": made.valid_fraction, "unique_fraction": made.unique_fraction}
    known = {name: share if made.smiles else None for name, share in shares.items()}
    return {"smiles": made.smiles} | known | {"seconds": time.perf_counter() - start}


def _constraint(args: argparse.Namespace) -> Constraint | None:
    from labkit.generative import decorate, link, near

    if args.near is None and args.similarity is not None:
        raise InputError(f"--similarity {args.similarity}: name the molecule with --near")
    if args.near is not None:
        return near(args.near) if args.similarity is None else near(args.near, args.similarity)
    if args.link is not None:
        return link(args.link)
    return None if args.scaffold is None else decorate(args.scaffold)


def optimize(args: argparse.Namespace) -> Answer:
    from labkit.campaign import Objective, objective_from, optimize
    from labkit.generative import task

    objective: Objective
    if args.task is not None:
        objective, name = task(args.task), args.task.replace(":", "-")
    else:
        objective, name = objective_from(args.objective), args.objective.rpartition(":")[2]
    out = args.out or Path("searches") / f"{name}-{args.seed}"
    found = optimize(
        objective,
        args.budget,
        args.seed,
        prior=args.prior,
        constraint=_constraint(args),
        limit_s=args.limit,
        out=out,
    )
    return found.summary() | {"out": str(out)}


def dock(args: argparse.Namespace) -> Answer:
    from labkit.docking import dock, load_target, shipped_poses, write_poses
    from labkit.molecules import canonical_smiles, parse_all

    target = load_target(args.target)
    parse_all(args.smiles)  # every SMILES is checked before the first docking
    answers = []
    if args.replay:
        kept = {canonical_smiles(pose.proposed): pose for pose in shipped_poses(target)}
        for smiles in args.smiles:
            if canonical_smiles(smiles) not in kept:
                raise InputError(
                    f"no pose of '{smiles}' ships with {target.name}; there are: {', '.join(kept)}"
                )
        found = [(smiles, kept[canonical_smiles(smiles)]) for smiles in args.smiles]
    else:
        found = [
            (s, dock(s, target, exhaustiveness=args.exhaustiveness, seed=args.seed).best) for s in args.smiles
        ]
    for number, (smiles, pose) in enumerate(found, 1):
        file = write_poses([pose], args.out / f"{target.name}-{number:03d}.sdf")
        answers.append(
            {
                "smiles": smiles,
                "state": pose.state.smiles,
                "energy": pose.energy,
                "ligand_efficiency": pose.ligand_efficiency,
                "contacts": [asdict(contact) for contact in pose.contacts],
                "file": str(file),
            }
        )
    return {"target": target.name, "unit": "kcal/mol", "replayed": args.replay, "poses": answers}


def target_add(args: argparse.Namespace) -> Answer:
    from labkit.docking import add_target

    target = add_target(args.name, args.receptor, args.ligand)
    return {
        "target": target.name,
        "box": {"center": target.box_center, "size": target.box_size, "unit": "Å"},
        "folder": str(target.folder),
        "rule": target.rule,
        "dropped": target.dropped,
    }


def interaction(args: argparse.Namespace) -> Answer:
    from labkit.quantum import InteractionSettings, interaction_energy

    settings = InteractionSettings(
        active_occupied=args.active_occupied,
        active_virtual=args.active_virtual,
        active_space=args.active_space,
    )
    return interaction_energy(
        args.dimer, args.level, seed=args.seed, threads=args.threads, settings=settings
    ).as_dict()


def triplet(args: argparse.Namespace) -> Answer:
    from labkit.quantum import TripletSettings, triplet_energy

    settings = TripletSettings(solver=args.solver, lone_pairs=args.lone_pairs)
    return triplet_energy(args.molecule, settings=settings, threads=args.threads).as_dict()


def simulate(args: argparse.Namespace) -> Answer:
    from labkit.cluster import bound, node_jobs, price_of_zone, project, read_scenario, simulate

    scenario, workload, projected = read_scenario(args.scenario), args.trace, {}
    if args.run is not None:
        from labkit.campaign import Run

        with Run.open(args.run).journal() as journal:
            rows = [
                (e.fidelity, e.finished - e.seconds, e.seconds) for e in journal.evaluations() if e.seconds
            ]
        zone = frozenset(args.zone) if args.zone else None
        found = project(rows, scenario, copies=args.copies, zone=zone)
        projected = {"sites": [asdict(part) for part in found], "price_of_zone": price_of_zone(found)}
        scenario, workload = bound(scenario, zone), node_jobs(rows, args.copies)
    elif args.zone:
        raise InputError(
            f"--zone {' '.join(args.zone)} says where a run's data must stay; name one with --run"
        )
    outcome = simulate(scenario, workload, args.policy, seed=args.seed)
    if args.out is not None:
        outcome.write(args.out)
    return outcome.kpis() | projected


def compare(args: argparse.Namespace) -> Answer:
    from labkit.campaign import TOP, compare
    from labkit.dashboards import comparison_picture
    from labkit.store import write_atomically

    if args.figure.suffix != ".svg":
        raise InputError(f"--figure '{args.figure}': a file name that ends in .svg is needed")
    if len(args.runs) < 2:
        raise InputError(f"compare {args.runs[0]}: at least two runs are needed")
    compared = compare(args.runs)
    try:
        write_atomically(args.figure, comparison_picture(compared).svg)
    except OSError as error:
        raise InputError(f"--figure '{args.figure}' can't be written: {error.strerror}") from None
    level = min(float(one.score[-1]) for one in compared)
    rows = [
        {key: value for key, value in one.summary.items() if key != "best"}
        | {
            "name": one.name,
            "calls": len(one.score),
            "best_score": one.summary["best"][0]["score"],
            f"top{TOP}_mean": float(one.score[-1]),
            "until_common_score": one.until(level),
        }
        for one in compared
    ]
    return {"runs": rows, "common_score": level, "figure": str(args.figure)}


def export(args: argparse.Namespace) -> Answer:
    from labkit.campaign import Run, export

    run = Run.open(args.run)
    sdf, table = args.sdf, args.csv
    if sdf is None and table is None:
        sdf, table = (Path(f"{run.folder.resolve().name}.{ending}") for ending in ("sdf", "csv"))
    return {"files": [str(file) for file in export(run, sdf=sdf, table=table, count=args.count)]}


def steer(args: argparse.Namespace) -> Answer:
    from labkit.campaign import Run

    run = Run.open(args.run)
    run.steer(args.order, args.value)
    steering = run.steering()
    return {
        "run": str(run.folder),
        "status": run.status,
        "rounds": run.course.rounds,
        "vetoed": sorted(run.course.vetoed),
        "steering": [asdict(command) for command in steering],
    }


def notebooks(args: argparse.Namespace) -> Answer:
    from labkit.runner import list_notebooks, run_notebooks

    parameters = {key: _literal(value) for key, value in args.parameters}
    results = run_notebooks(args.names or list_notebooks(), parameters, args.out, args.workers)
    return {
        "ok": all(result.status == "done" for result in results),
        "notebooks": [asdict(result) for result in results],
        "report": str(args.out / "index.html"),
    }


def _literal(text: str) -> Any:
    """A parameter's value: a number, true, false, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def exercises(args: argparse.Namespace) -> Answer:
    from labkit.exercises import write_exercises

    return {"exercises": [str(path) for path in write_exercises(args.out)]}
