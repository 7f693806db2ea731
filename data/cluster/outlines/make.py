"""Makes europe.json from world-atlas: country outlines in hundredths of a degree; README.md says how."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

# Wider than what a map shows, so that the edges that cutting makes lie outside of it. Degrees.
WEST, SOUTH, EAST, NORTH = -35.0, 31.0, 52.0, 73.0
PER_DEGREE = 100
LEAST_AREA = 0.02  # square degrees, some 150 km²: smaller islands can't be seen


def arcs_of(topology: dict) -> list[np.ndarray]:
    """Return the arcs' points, degrees; stored are steps on a grid (TopoJSON specification 1.0, 2.1.3)."""
    scale, origin = topology["transform"]["scale"], topology["transform"]["translate"]
    return [np.cumsum(arc, axis=0) * scale + origin for arc in topology["arcs"]]


def ring_of(indices: list[int], arcs: list[np.ndarray]) -> np.ndarray:
    """Return the points of a ring; arc ~i is arc i backwards, and arcs share their ends."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([part[:-1] for part in parts])


def cut(ring: np.ndarray) -> np.ndarray:
    """Return what of a ring lies within the frame.

    Sutherland and Hodgman (1974), doi:10.1145/360767.360802: one side of the frame after the other.
    """
    for axis, limit, sign in ((0, WEST, 1), (0, EAST, -1), (1, SOUTH, 1), (1, NORTH, -1)):
        kept: list[np.ndarray] = []
        for here, there in pairwise([*ring, *ring[:1]]):
            inside, enters = sign * (here[axis] - limit) >= 0, sign * (there[axis] - limit) >= 0
            kept += [here] if inside else []
            if inside != enters:
                kept.append(here + (there - here) * (limit - here[axis]) / (there[axis] - here[axis]))
        ring = np.array(kept).reshape(-1, 2)
    return ring


def steps(ring: np.ndarray) -> list[int]:
    """Return a ring on the grid: longitude and latitude of the first point, then steps to the next ones."""
    grid = np.round(ring * PER_DEGREE).astype(int)
    moved = np.vstack([grid[:1], np.diff(grid, axis=0)])
    return [int(step) for step in moved[[True, *moved[1:].any(axis=1)]].ravel()]


def area(ring: np.ndarray) -> float:
    """Return the area of a ring, square degrees."""
    x, y = ring.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2) if len(ring) else 0.0


def main(path: Path) -> None:
    """Write europe.json beside this file."""
    topology = json.loads(path.read_text())
    arcs, found = arcs_of(topology), {}
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = [country["arcs"]] if country["type"] == "Polygon" else country["arcs"]
        rings = [cut(ring_of(polygon[0], arcs)) for polygon in polygons]
        kept = [steps(ring) for ring in rings if area(ring) > LEAST_AREA]
        if kept:
            found[country["properties"]["name"]] = kept
    lines = ",\n".join(
        f" {json.dumps(name, ensure_ascii=False)}: {json.dumps(rings, separators=(',', ':'))}"
        for name, rings in sorted(found.items())
    )
    target = Path(__file__).with_name("europe.json")
    target.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
