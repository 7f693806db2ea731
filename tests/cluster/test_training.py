from dataclasses import replace

import numpy as np
import pytest

from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._collectives import Channel
from labkit.cluster._plan import LanguageModel, Plan, memory_gb, model_flop
from labkit.cluster._training import Hardware, hardware_of, training_step
from labkit.errors import EvaluationError, InputError

ACCELERATORS = read_catalogue().accelerators
SELENE = Hardware(ACCELERATORS["A100"], 8, Channel(5e-6, 200.0))
# Of arXiv 2205.05198: cases, seconds of a step (Table 5), utilisation with selective recomputation
# (recalled), and activations in GiB with nothing recomputed and with selective recomputation (Figure 1).
PUBLISHED = {
    "22B": (LanguageModel(48, 6144, 64), Plan(4, 4, tensor=8), (1.42, 1.10), 0.415, (59.25, 9.5625)),
    "175B": (
        LanguageModel(96, 12288, 96),
        Plan(64, tensor=8, pipeline=8, interleave=3),
        (18.13, 13.75),
        0.514,
        (66.84375, 12.3515625),
    ),
    "530B": (
        LanguageModel(105, 20480, 128),
        Plan(280, tensor=8, pipeline=35, interleave=3),
        (49.05, 37.83),
        0.560,
        (114.0234375, 23.076171875),
    ),
    "1T": (
        LanguageModel(128, 25600, 160),
        Plan(512, tensor=8, pipeline=64),
        (94.42, 71.49),
        0.563,
        (131.25, 26.5625),
    ),
}
SMALL = LanguageModel(8, 2048, 16)


def selective(plan: Plan) -> Plan:
    return replace(plan, recompute="selective", sequence_parallel=True)


def test_published_steps_are_told_within_three_and_a_half_per_cent() -> None:
    errors = []
    for model, plan, (full, selected), _, _ in PUBLISHED.values():
        errors.append(training_step(model, replace(plan, recompute="full"), SELENE).seconds / full - 1)
        errors.append(training_step(model, selective(plan), SELENE).seconds / selected - 1)
    assert np.mean(np.abs(errors)) < 0.035
    assert np.max(np.abs(errors)) < 0.06


@pytest.mark.parametrize("name", PUBLISHED)
def test_operations_are_those_of_the_published_utilisation(name: str) -> None:
    model, plan, (_, seconds), utilisation, _ = PUBLISHED[name]
    peak = plan.accelerators * 312e12
    assert model_flop(model, plan) / seconds / peak == pytest.approx(utilisation, rel=0.01)


@pytest.mark.parametrize("name", PUBLISHED)
def test_activations_are_those_of_the_published_figure(name: str) -> None:
    model, plan, _, _, (everything, selected) = PUBLISHED[name]
    assert memory_gb(model, plan)["activations"] * 1e9 / 2**30 == pytest.approx(everything, rel=1e-3)
    assert memory_gb(model, selective(plan))["activations"] * 1e9 / 2**30 == pytest.approx(selected, rel=1e-3)


def test_parts_make_the_whole_and_recomputation_costs_time() -> None:
    steps = [training_step(SMALL, Plan(8, recompute=how), SELENE) for how in ("none", "selective", "full")]
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert sorted((step.memory_gb["activations"] for step in steps), reverse=True) == [
        step.memory_gb["activations"] for step in steps
    ]
    for step in steps:
        assert sum(step.parts.values()) == pytest.approx(step.seconds)
    # A whole layer again adds a forward pass to one forward and one backward of twice that.
    assert steps[2].parts["compute"] / steps[0].parts["compute"] == pytest.approx(4 / 3, rel=0.05)


def test_a_bubble_is_the_pipelines_depth_less_one_over_its_interleaving() -> None:
    plan = Plan(32, pipeline=4)
    one = training_step(SMALL, plan, SELENE)
    two = training_step(SMALL, replace(plan, interleave=2), SELENE)
    output = training_step(replace(SMALL, layers=4), Plan(1), SELENE).parts["compute"]
    output = 2 * output - training_step(SMALL, Plan(1), SELENE).parts["compute"]
    stage = (one.parts["compute"] + one.parts["tensor"] + one.parts["pipeline"]) / 32 - output
    assert one.parts["bubble"] == pytest.approx(3 * stage, rel=1e-6)
    # Half of the bubble, for twice the messages.
    assert two.parts["pipeline"] == pytest.approx(2 * one.parts["pipeline"])
    assert two.parts["bubble"] == pytest.approx(one.parts["bubble"] / 2, rel=0.05)


def test_gradients_are_summed_behind_the_backward_pass_or_after_it() -> None:
    plan = Plan(64, data=16)
    hidden, visible = (training_step(SMALL, replace(plan, overlap=how), SELENE) for how in (True, False))
    assert visible.parts["data"] > hidden.parts["data"]
    assert visible.seconds - hidden.seconds == pytest.approx(visible.parts["data"] - hidden.parts["data"])
    # 2 nodes: 4 bytes for each weight out of each node and back, past 8 GPUs' NVLinks before and after.
    between = 2 * 5e-6 + 4 * SMALL.parameters / 200e9
    inside = SELENE.all_reduce_s(4.0 * SMALL.parameters, 8)
    assert visible.parts["data"] == pytest.approx(between + inside, rel=1e-3)


def test_copies_side_by_side_share_the_way_out_of_a_node() -> None:
    # 8 GPUs a node: with tensor=8 each of 8 groups has an eighth of the node's bandwidth to itself.
    alone, shared = SELENE.all_reduce_s(1e9, 4, 8), Hardware(SELENE.accelerator, 1, Channel(5e-6, 25.0))
    assert alone == pytest.approx(shared.all_reduce_s(1e9, 4))
    assert alone == pytest.approx(6 * 5e-6 + 1.5 * 1e9 / 25e9)


def test_fine_tuning_by_adapters_spares_time_and_memory() -> None:
    model = LanguageModel(32, 4096, 32)
    plan = Plan(8, tensor=4, recompute="selective")
    full = training_step(model, plan, SELENE)
    adapted = training_step(model, replace(plan, adapter_rank=16), SELENE)
    assert 0.6 < adapted.seconds / full.seconds < 0.9
    # 2 bytes for each frozen weight instead of 18, and 18 for each of the few that are trained.
    weights = (2 * model.parameters + 18 * 32 * 16 * (4 + 2 + 5 + 5) * 4096) / 4 / 1e9
    assert adapted.memory_gb["weights"] == pytest.approx(weights)
    assert full.memory_gb["weights"] == pytest.approx(18 * model.parameters / 4 / 1e9)


def test_faster_accelerators_take_less() -> None:
    model, plan, *_ = PUBLISHED["22B"]
    hopper, ampere = (
        training_step(model, selective(plan), Hardware(ACCELERATORS[name], 8, Channel(5e-6, 400.0)))
        for name in ("H100", "A100")
    )
    assert hopper.seconds < 0.6 * ampere.seconds
    # Its memory and links are but 1.6 and 1.5 times as fast, its products 3.1 times.
    assert 1 / 3.1 < hopper.seconds / ampere.seconds
    assert hopper.utilisation < ampere.utilisation


def test_machines_of_the_catalogue_train() -> None:
    machines = read_catalogue().machines
    leonardo = hardware_of(machines["Leonardo"], ACCELERATORS, 4)
    assert (leonardo.accelerator.name, leonardo.per_node, leonardo.remote.bandwidth_gb_s) == ("A100", 4, 50.0)
    plan = Plan(16, data=16)
    alone = training_step(SMALL, plan, leonardo)
    shared = training_step(SMALL, plan, hardware_of(machines["Leonardo"], ACCELERATORS, 4, gb_s=5.0))
    assert shared.parts["data"] > alone.parts["data"]
    with pytest.raises(InputError, match="machine 'Discoverer': accelerator '' × 0; a number of one of A100"):
        hardware_of(machines["Discoverer"], ACCELERATORS, 4)
    with pytest.raises(InputError, match="mean hops among 4000 nodes; 2 to 3456 are wanted"):
        hardware_of(machines["Leonardo"], ACCELERATORS, 4000)


def test_what_does_not_fit_is_named() -> None:
    model, plan, *_ = PUBLISHED["22B"]
    told = r"needs 113\.5 GB \(weights 49\.6, activations 63\.6, working 0\.2\) of A100's 80 GB; spread"
    with pytest.raises(EvaluationError, match=told):
        training_step(model, plan, SELENE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch": 0}, "batch=0; at least 1"),
        ({"batch": 9, "data": 2}, "batch=9; a multiple of data × micro_batch = 2"),
        ({"recompute": "some"}, "recompute='some'; choose one of none, selective, full"),
        ({"interleave": 2}, "interleave=2 with pipeline=1"),
        ({"interleave": 2, "pipeline": 4, "batch": 6}, "interleave=2 with pipeline=4 and 6 micro-batches"),
        ({"adapter_rank": 0}, "adapter_rank=0; at least 1"),
        ({"tensor": 3}, "heads=16 can't be cut into 3"),
        ({"pipeline": 3}, "layers=8 can't be cut into 3"),
    ],
)
def test_impossible_plans_are_told(change: dict[str, int], told: str) -> None:
    with pytest.raises(InputError, match=told):
        training_step(SMALL, Plan(**{"batch": 8, **change}), SELENE)  # type: ignore[arg-type]


def test_impossible_models_and_machines_are_told() -> None:
    with pytest.raises(InputError, match="layers=0"):
        LanguageModel(0, 2048, 16)
    with pytest.raises(InputError, match="hidden=2000; a multiple of heads=48"):
        LanguageModel(8, 2000, 48)
    with pytest.raises(InputError, match="per_node=0"):
        training_step(SMALL, Plan(8), replace(SELENE, per_node=0))
