"""The compiled scheduler against a slow one that shares nothing with it but the rules, on SimPy."""

from dataclasses import replace

import numpy as np
import pytest
import simpy

from labkit.cluster._schedule import PARTS, Outage, schedule
from labkit.cluster._workload import Jobs, lublin_feitelson


class Reference:
    """Each job and outage is a process; a decision follows whatever happens at a time, once."""

    def __init__(self, jobs, nodes, policy, outages=(), qpus=0, parts=None) -> None:
        self.jobs, self.policy = jobs, policy
        self.want = np.stack([jobs.nodes, np.zeros(len(jobs), int) if parts is None else parts], axis=1)
        self.env = simpy.Environment()
        self.free = np.array([nodes, qpus * PARTS])
        self.waiting: list[int] = []
        self.running: dict[int, tuple[float, float]] = {}  # job -> start, planned end
        self.down: list[tuple[float, int, int]] = []  # end, nodes, parts
        self.reserved: dict[int, float] = {}
        self.alarms: set[float] = set()
        self.start_s = np.full(len(jobs), np.nan)
        self.killed: list[int] = []
        self.go = {}
        self.early = self.replan = self.deciding = False
        self.planned_s = np.maximum(jobs.requested_s, jobs.run_s)
        self.processes = [self.env.process(self.job(i)) for i in range(len(jobs))]
        for outage in outages:
            self.env.process(self.outage(outage))
        self.env.run()

    def rank(self, job):
        return -self.jobs.priority[job], self.jobs.submit_s[job], job

    def job(self, i):
        yield self.env.timeout(self.jobs.submit_s[i])
        while True:
            self.go[i] = self.env.event()
            self.waiting.append(i)
            self.decide_later()
            yield self.go[i]
            try:
                yield self.env.timeout(self.jobs.run_s[i])
            except simpy.Interrupt:
                continue
            _, planned_end = self.running.pop(i)
            self.free += self.want[i]
            self.early |= planned_end > self.env.now
            self.decide_later()
            return

    def outage(self, outage):
        yield self.env.timeout(outage.start_s)
        owed, taken = np.minimum(self.free, 0), np.array([outage.nodes, outage.qpus * PARTS])
        self.free -= taken
        while outage.kind == "failure" and (short := self.free < owed).any():
            may = [i for i in self.running if short[0] or self.want[i, 1]]
            if not may:
                break
            victim = max(may, key=lambda i: (self.running[i][0], self.rank(i)))
            del self.running[victim]
            self.free += self.want[victim]
            self.killed.append(victim)
            self.processes[victim].interrupt()
        entry = (outage.end_s, *taken)
        self.down.append(entry)
        self.replan = True
        self.decide_later()
        yield self.env.timeout(outage.end_s - outage.start_s)
        self.down.remove(entry)
        self.free += taken
        self.decide_later()

    def decide_later(self, delay=0.0):
        if delay or not self.deciding:
            self.deciding |= not delay
            event = self.env.event()
            event._ok, event._value = True, None
            event.callbacks.append(lambda _: self.decide())
            self.env.schedule(event, priority=9, delay=delay)  # after all else at that time

    def decide(self):
        self.deciding = False
        self.waiting.sort(key=self.rank)
        {"fcfs": self.in_turn, "easy": self.easy, "conservative": self.conservative}[self.policy]()

    def begin(self, i):
        now = self.env.now
        self.waiting.remove(i)
        self.free -= self.want[i]
        self.start_s[i] = now
        self.running[i] = (now, now + self.planned_s[i])
        self.go[i].succeed()

    def in_turn(self):
        while self.waiting and self.fits(self.waiting[0], self.free):
            self.begin(self.waiting[0])

    def fits(self, i, there):
        return (self.want[i] <= np.maximum(there, 0)).all()  # what is owed is not wanted by all

    def releases(self):
        ends = [(end, *self.want[i]) for i, (_, end) in self.running.items()]
        return sorted(ends + self.down)

    def easy(self):
        self.in_turn()
        if not self.waiting:
            return
        head, *others = self.waiting
        releases = np.array(self.releases())

        def left(end):
            return self.free + releases[releases[:, 0] <= end, 1:].sum(axis=0)

        shadow = min(end for end in releases[:, 0] if self.fits(head, left(end)))
        extra = left(shadow) - self.want[head]
        for i in others:
            in_time = self.env.now + self.planned_s[i] <= shadow
            if self.fits(i, self.free) and (in_time or self.fits(i, extra)):
                self.begin(i)
                extra = extra - (0 if in_time else self.want[i])

    def earliest(self, job):
        """By brute force: the first time at which the job fits from its start to its planned end."""
        now = self.env.now
        changes = [(now, *self.free), *self.releases()]
        for i, start in self.reserved.items():
            changes += [(start, *-self.want[i]), (start + self.planned_s[i], *self.want[i])]
        table = np.array(sorted(changes))
        edges, first = np.unique(table[:, 0], return_index=True)
        left = np.maximum(np.add.reduceat(table[:, 1:], first).cumsum(axis=0), 0)
        there = (left >= self.want[job]).all(axis=1)
        full = np.append(edges[~there], np.inf)
        fits = edges[there]
        return fits[full[np.searchsorted(full, fits)] >= fits + self.planned_s[job]][0]

    def conservative(self):
        if self.replan:
            self.reserved.clear()
        elif self.early:
            for i in [i for i in self.waiting if i in self.reserved]:
                del self.reserved[i]
                self.reserved[i] = self.earliest(i)
        self.replan = self.early = False
        new = [i for i in self.waiting if i not in self.reserved]
        if new:
            again = self.waiting[self.waiting.index(new[0]) :]
            for i in again:
                self.reserved.pop(i, None)
            for i in again:
                self.reserved[i] = self.earliest(i)
        for i in [i for i in self.waiting if self.reserved[i] <= self.env.now]:
            del self.reserved[i]
            self.begin(i)
        if self.reserved and min(self.reserved.values()) not in self.alarms:
            self.alarms.add(min(self.reserved.values()))
            self.decide_later(min(self.reserved.values()) - self.env.now)


def assert_same(jobs: Jobs, nodes: int, policy: str, outages=(), qpus=0, parts=None) -> None:
    fast = schedule(jobs, nodes, policy, outages, qpus=qpus, qpu_parts=parts)
    slow = Reference(jobs, nodes, policy, outages, qpus, parts)
    np.testing.assert_array_equal(fast.start_s, slow.start_s)
    assert sorted(fast.killed) == sorted(slow.killed)
    assert len(slow.killed) > 0 or not any(outage.kind == "failure" for outage in outages)


@pytest.mark.parametrize("overestimate", [0.0, 3.0])
@pytest.mark.parametrize("policy", ["fcfs", "easy", "conservative"])
def test_starts_are_those_of_the_reference_on_2000_jobs(policy: str, overestimate: float) -> None:
    jobs = lublin_feitelson(2000, 256, 0.9, seed=11, overestimate=overestimate)
    assert_same(jobs, 256, policy)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("policy", ["fcfs", "easy", "conservative"])
def test_starts_are_those_of_the_reference_with_priorities_and_outages(policy: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs = lublin_feitelson(250, 32, 1.0, seed=seed, overestimate=2.0)
    jobs = replace(jobs, priority=rng.integers(0, 3, len(jobs)))
    begins = np.sort(rng.uniform(0, jobs.submit_s[-1], 8))
    outages = tuple(
        Outage(begin, begin + rng.uniform(1e3, 2e4), int(rng.integers(4, 12)), ("failure", "drain")[i % 2])
        for i, begin in enumerate(begins)
    )
    assert_same(jobs, 32, policy, outages)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("policy", ["fcfs", "easy", "conservative"])
def test_starts_are_those_of_the_reference_beside_two_quantum_computers(policy: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs = lublin_feitelson(250, 32, 0.8, seed=seed, overestimate=2.0)
    jobs = replace(jobs, priority=rng.integers(0, 2, len(jobs)))
    # A third use quantum computers: whole ones, shares of one, and both at once.
    parts = np.where(rng.random(len(jobs)) < 0.3, PARTS * rng.choice([0.2, 0.5, 1, 2], len(jobs)), 0).astype(
        int
    )
    begins = rng.uniform(0, jobs.submit_s[-1], 8)
    outages = tuple(
        Outage(begin, begin + 1e4, 4 * (i % 4 == 0), ("failure", "drain")[i % 2], 1 + i % 2)
        for i, begin in enumerate(begins)
    )
    assert_same(jobs, 32, policy, outages, qpus=2, parts=parts)
