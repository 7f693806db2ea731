from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import stats

from labkit.cluster._workload import Jobs, LublinFeitelson, lublin_feitelson, run_jobs
from labkit.errors import InputError


def one_job(**values: object) -> Jobs:
    arrays = dict(submit_s=[0.0], run_s=[1.0], nodes=[1], requested_s=[1.0], priority=[0], user=[0], id=[8])
    return Jobs(**{name: np.asarray(value) for name, value in (arrays | values).items()})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"submit_s": [-1.0]}, "job 8 (index 0): submit_s=-1.0; 0 s or later is wanted"),
        ({"submit_s": [np.nan]}, "submit_s=nan"),
        ({"run_s": [0.0]}, "run_s=0.0; more than 0 s is wanted"),
        ({"run_s": [np.inf]}, "run_s=inf"),
        ({"requested_s": [-1.0]}, "requested_s=-1.0; more than 0 s is wanted"),
        ({"nodes": [0]}, "nodes=0; at least one is wanted"),
        ({"nodes": [1.5]}, "nodes holds float64; whole numbers are wanted"),
        ({"user": [1, 2]}, "user has shape (2,); one value for each job is wanted"),
    ],
)
def test_values_that_no_job_can_have_are_refused(values: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError) as caught:
        one_job(**values)
    assert message in str(caught.value)


def test_the_load_is_the_wanted_one_and_the_seed_decides() -> None:
    for load in (0.5, 0.9):
        jobs = lublin_feitelson(5000, 256, load, seed=4)
        # Submissions are cut to whole seconds: of months.
        assert jobs.run_s @ jobs.nodes / (256 * jobs.submit_s[-1]) == pytest.approx(load, rel=1e-6)
    again, other = lublin_feitelson(5000, 256, 0.9, seed=4), lublin_feitelson(5000, 256, 0.9, seed=5)
    for field in fields(Jobs):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(jobs, field.name))
    assert (other.run_s != jobs.run_s).any()


def test_sizes_follow_the_two_stage_uniform_distribution() -> None:
    jobs = lublin_feitelson(40_000, 256, 0.9, seed=1)
    model = LublinFeitelson()
    assert jobs.nodes.min() == 1 and jobs.nodes.max() == 256
    # 1 node only by the serial fraction: other jobs are of at least 2^0.8, rounded 2. Four standard errors.
    assert np.mean(jobs.nodes == 1) == pytest.approx(0.244, abs=4 * np.sqrt(0.244 * 0.756 / 40_000))
    # log2 of the middle is 8 - 2.5 = 5.5, from which powers of two are rounded up: it separates the stages.
    parallel = jobs.nodes[jobs.nodes > 1]
    assert np.mean(parallel <= 2**5.5) == pytest.approx(model.lower, abs=0.01)
    # Sizes that are no powers of two are neither serial nor made so, less those that fall on one by chance.
    odd = np.mean(np.log2(jobs.nodes) % 1 != 0)
    assert 0.12 < odd < 1 - 0.244 - 0.576


def test_run_times_follow_the_hyper_gamma_distribution_that_widens_with_size() -> None:
    jobs = lublin_feitelson(40_000, 256, 0.9, seed=2)
    for nodes, first in ((1, 0.78 - 0.0054), (64, 0.78 - 0.0054 * 64), (256, 0.0)):
        drawn = np.log(jobs.run_s[jobs.nodes == nodes] + 0.5)  # whole seconds are cut
        short, long = stats.gamma(4.2, scale=0.94), stats.gamma(312, scale=0.03)

        def distribution(x: np.ndarray, first: float = first, short=short, long=long) -> np.ndarray:
            whole = first * short.cdf(12.0) + (1 - first) * long.cdf(12.0)
            return (first * short.cdf(x) + (1 - first) * long.cdf(x)) / whole

        # Where a second matters less than the sample's own scatter.
        for x in (5.0, 7.0, 9.0, 10.0):
            error = np.sqrt(0.25 / len(drawn))
            assert np.mean(drawn <= x) == pytest.approx(float(distribution(x)), abs=4 * error)


def test_most_jobs_come_in_the_afternoon_and_few_before_dawn() -> None:
    hours = (lublin_feitelson(40_000, 256, 0.9, seed=3).submit_s % 86_400 // 3600).astype(int)
    by_hour = np.bincount(hours, minlength=24)
    # The gamma density of half hours peaks at (8.17 - 1) · 3.96 = 28.4, in the 15th hour, and wraps at 5:30.
    assert abs(int(np.argmax(by_hour)) - 13.5) <= 1
    assert by_hour[5] < by_hour[13] / 5 and by_hour[4] < by_hour[13] / 5


def test_requested_times_exceed_run_times_as_far_as_asked() -> None:
    exact = lublin_feitelson(2000, 64, 0.8, seed=1)
    np.testing.assert_array_equal(exact.requested_s, exact.run_s)
    loose = lublin_feitelson(2000, 64, 0.8, seed=1, overestimate=4.0)
    ratio = loose.requested_s / loose.run_s
    assert (loose.requested_s >= loose.run_s).all() and ratio.max() <= 5
    assert ratio.mean() == pytest.approx(3, abs=0.15)


def test_other_parameters_are_taken() -> None:
    serial = lublin_feitelson(100, 16, 0.5, seed=1, model=replace(LublinFeitelson(), serial=1.0))
    assert (serial.nodes == 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "count=1; at least 2 is wanted"),
        ({"nodes": 15}, "nodes=15; at least 16 is wanted"),
        ({"load": 0.0}, "load=0.0; more than 0 is wanted"),
        ({"load": np.nan}, "load=nan"),
        ({"overestimate": -1.0}, "overestimate=-1.0; at least 0 is wanted"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lublin_feitelson(**({"count": 10, "seed": 0} | arguments))


def test_a_run_becomes_jobs_of_one_node() -> None:
    rows = [("docking", 105.0, 3.0), ("interaction", 100.0, 7.0)]
    jobs = run_jobs(rows, copies=2)
    np.testing.assert_array_equal(jobs.submit_s, [5, 0, 5, 0])
    np.testing.assert_array_equal(jobs.run_s, [3, 7, 3, 7])
    np.testing.assert_array_equal(jobs.requested_s, jobs.run_s)
    np.testing.assert_array_equal(jobs.nodes, [1, 1, 1, 1])
    np.testing.assert_array_equal(jobs.id, [0, 1, 0, 1])
    np.testing.assert_array_equal(jobs.user, [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("rows", "copies", "message"),
    [
        ([], 1, "the run has no evaluation"),
        ([("docking", 1.0, 2.0)], 0, "copies=0; at least 1 is wanted"),
        ([("docking", 1.0, 0.0)], 1, "run_s=0.0; more than 0 s is wanted"),
    ],
)
def test_a_run_that_makes_no_jobs_is_refused(
    rows: list[tuple[str, float, float]], copies: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_jobs(rows, copies)
