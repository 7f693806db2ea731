"""Training and fine-tuning of large language models: the time of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.cluster._all_reduce import AllReduce, measured_all_reduce
from labkit.cluster._collectives import Channel, Ranks, collective_s, remote_channel
from labkit.cluster._entries import Accelerator, Machine
from labkit.cluster._kernels import matmul_s, moved_s
from labkit.cluster._network import network_of
from labkit.cluster._plan import LanguageModel, Plan, matrices, memory_gb, model_flop, weights_trained
from labkit.errors import EvaluationError, InputError

# What the all-reduce was measured on: NVLink of an A100, GB/s per direction.
_MEASURED_LINK_GB_S = 300.0
# NCCL takes 24 multiprocessors for its channels on a DGX A100 (recalled), which then compute nothing.
_CHANNELS = 24
# Bytes moved for each parameter by an optimiser step in mixed precision, pass by pass: unscale 4+4, norm 4,
# clip 4+4, Adam reads four and writes three of 4, copy to 16 bits 4+2, zero 4.
_OPTIMISER_BYTES = 8 + 4 + 8 + 28 + 6 + 4
# Cross entropy of 16-bit logits in 32 bits, forward and backward, pass by pass.
_LOSS_BYTES = 50


@dataclass(frozen=True)
class Hardware:
    """What a plan runs on.

    Attributes:
        accelerator: of each node.
        per_node: how many.
        remote: between nodes, all accelerators of a node together.
        inside: all-reduce inside a node, as measured on A100; with other links its bandwidth follows theirs.
    """

    accelerator: Accelerator
    per_node: int
    remote: Channel
    inside: AllReduce | None = None

    def all_reduce_s(self, size_bytes: float, count: int, stride: int = 1) -> float:
        """Return the time of an all-reduce among `count` accelerators that stand `stride` apart, s."""
        if count == 1 or size_bytes == 0:
            return 0.0
        together = min(count, max(self.per_node // stride, 1))
        inside = self.inside or measured_all_reduce()
        scale = self.accelerator.link_gb_s / _MEASURED_LINK_GB_S
        if together == count:
            return float(inside.seconds(size_bytes / scale, count))
        # Groups side by side share the way out of the node.
        groups = min(stride, self.per_node)
        remote = Channel(self.remote.latency_s, self.remote.bandwidth_gb_s / groups)
        nodes = -(-count // together)
        between = float(collective_s("all-reduce", size_bytes, Ranks(1, nodes, remote, remote)))
        # Hierarchical: both halves of an all-reduce inside, before and after that of shares between nodes.
        return between + (float(inside.seconds(size_bytes / scale, together)) if together > 1 else 0.0)


def hardware_of(
    machine: Machine, accelerators: Mapping[str, Accelerator], nodes: int, gb_s: float | None = None
) -> Hardware:
    """Return what a plan runs on, of a machine of the catalogue.

    Args:
        machine: with its network as of `network_of`.
        accelerators: the catalogue's, by name.
        nodes: how many of the machine's are taken.
        gb_s: bandwidth that each of them gets where jobs share links (`shared_bandwidths`); else its own.

    Raises:
        InputError: if the machine has too few nodes, no accelerators or such as the catalogue doesn't know.
    """
    if machine.accelerator not in accelerators or not machine.accelerators_per_node:
        raise InputError(
            f"machine {machine.name!r}: accelerator {machine.accelerator!r} × "
            f"{machine.accelerators_per_node}; a number of one of {', '.join(accelerators)} is wanted"
        )
    remote = remote_channel(network_of(machine), nodes, gb_s)
    return Hardware(accelerators[machine.accelerator], machine.accelerators_per_node, remote)


@dataclass(frozen=True)
class Step:
    """A training step.

    Attributes:
        seconds: of the whole.
        parts: of it, s: `compute`, `tensor` (communication that nothing hides), `pipeline` (messages),
            `bubble`, `data` (what isn't hidden), `optimiser`.
        memory_gb: most on one accelerator, as of `memory_gb`.
        utilisation: operations of the model without recomputation, over what the accelerators could at peak.
    """

    seconds: float
    parts: dict[str, float]
    memory_gb: dict[str, float]
    utilisation: float


def training_step(model: LanguageModel, plan: Plan, hardware: Hardware) -> Step:
    """Return the time of a training step and the memory it takes.

    Kernels of a layer run one after the other: matrix products as `matmul_s` has them, everything else at the
    speed of memory. Communication among `tensor` is Megatron-LM's (Shoeybi and others, arXiv 1909.08053;
    Korthikanti and others, arXiv 2205.05198): the backward pass hides it behind products that don't need it.
    The pipeline runs one forward, one backward pass in turn, at the pace of the last stage, which has the
    output layer too, with a bubble of (stages − 1)/interleave micro-batches (Narayanan and others, arXiv
    2104.04473). Sums over `data` are hidden by two thirds of one micro-batch.

    Raises:
        InputError: if the model can't be cut as the plan says.
        EvaluationError: if it doesn't fit into the accelerators' memory; names what takes it.
    """
    _check_cut(model, plan, hardware)
    memory = memory_gb(model, plan)
    if sum(memory.values()) > hardware.accelerator.memory_gb:
        needs = ", ".join(f"{name} {value:.1f}" for name, value in memory.items())
        raise EvaluationError(
            f"the step needs {sum(memory.values()):.1f} GB ({needs}) of {hardware.accelerator.name}'s "
            f"{hardware.accelerator.memory_gb:g} GB; spread or recompute more"
        )
    layers = model.layers // plan.pipeline
    compute, exposed = _layer(model, plan, hardware)
    message = _message(model, plan, hardware) * 2 * plan.interleave
    stage = layers * (compute + exposed) + message
    output = _output(model, plan, hardware)
    backward = layers * (compute + exposed) * 2 / 3
    data = _data(model, plan, hardware)
    parts = {
        "compute": plan.micro_batches * (layers * compute + output),
        "tensor": plan.micro_batches * layers * exposed,
        "pipeline": plan.micro_batches * message,
        "bubble": (plan.pipeline - 1) / plan.interleave * stage,
        "data": max(data - backward, 0.0) if plan.overlap else data,
        "optimiser": moved_s(_OPTIMISER_BYTES * weights_trained(model, plan), hardware.accelerator),
    }
    seconds = sum(parts.values())
    peak = plan.accelerators * hardware.accelerator.peak_tflop_s * 1e12
    return Step(seconds, parts, memory, model_flop(model, plan) / seconds / peak)


def _check_cut(model: LanguageModel, plan: Plan, hardware: Hardware) -> None:
    if hardware.per_node < 1:
        raise InputError(f"hardware: per_node={hardware.per_node}; at least 1 is wanted")
    for name, parts in (("heads", plan.tensor), ("layers", plan.pipeline * plan.interleave)):
        if getattr(model, name) % parts:
            raise InputError(f"model: {name}={getattr(model, name)} can't be cut into {parts} equal parts")


def _layer(model: LanguageModel, plan: Plan, hardware: Hardware) -> tuple[float, float]:
    """Return computing and visible communication of a layer, forward and backward, for a micro-batch, s."""
    gpu, tensor, wide = hardware.accelerator, plan.tensor, model.hidden
    tokens = plan.micro_batch * model.sequence
    # Each matrix as one accelerator has it: by columns the first of a pair, by rows the second.
    cut = [
        (rows // tensor, columns) if pair % 2 else (rows, columns // tensor)
        for pair, (rows, columns) in enumerate(matrices(model))
    ]
    forward = [matmul_s(tokens, columns, rows, gpu) for rows, columns in cut]
    inputs = [matmul_s(tokens, rows, columns, gpu) for rows, columns in cut]
    weights = [matmul_s(rows, columns, tokens, gpu, result_bytes=8.0) for rows, columns in cut]
    if plan.adapter_rank is not None:
        # Two thin products at each matrix, three times, instead of the gradients of its weights.
        thin = [3 * moved_s(2.0 * tokens * (rows + columns), gpu) for rows, columns in cut]
        weights, inputs = [0.0] * 4, [a + b for a, b in zip(inputs, thin, strict=True)]
    around = tokens * wide // (tensor if plan.sequence_parallel else 1)
    inside = tokens * 4 * wide // tensor
    # Bytes for each element: norms 2+2; dropout with residual 2+2+2+1; GELU with bias 2+2.
    forward_rest = (
        2 * moved_s(4.0 * around, gpu) + 2 * moved_s(7.0 * around, gpu) + moved_s(4.0 * inside, gpu)
    )
    # Norms 2+2+2, dropout 2+1+2, sum of gradients at the residual 2+2+2; GELU 2+2+2; gradients of biases 2.
    backward_rest = 2 * (moved_s(6.0 * around, gpu) + moved_s(5.0 * around, gpu) + moved_s(6.0 * around, gpu))
    backward_rest += moved_s(6.0 * inside, gpu) + moved_s(2.0 * (2 * around + inside * 7 / 4), gpu)
    attention, attention_backward = _attention(model, plan, gpu)
    once = sum(forward) + forward_rest + attention
    compute = once + sum(inputs) + sum(weights) + backward_rest + attention_backward
    again = {"none": 0.0, "selective": attention, "full": once}[plan.recompute]
    # Forward: an all-reduce after each half of the layer, or its two halves around it.
    whole = hardware.all_reduce_s(2.0 * tokens * wide, tensor)
    visible = 2 * whole * (2 if plan.recompute == "full" else 1)
    # Backward: gradients of inputs are summed while gradients of weights are computed; with the sequence cut,
    # gradients of outputs are gathered first, and inputs while gradients of inputs are computed.
    for first in (0, 2):
        if plan.sequence_parallel:
            visible += whole / 2
            visible += _hidden(whole / 2, inputs[first], gpu) + _hidden(whole / 2, weights[first], gpu)
        else:
            visible += _hidden(whole, weights[first], gpu)
    return compute + again, visible


def _hidden(communication: float, behind: float, gpu: Accelerator) -> float:
    """Return what communication behind a product adds: its excess, and the multiprocessors it takes."""
    covered = min(communication, behind)
    return communication - covered + covered * min(_CHANNELS / gpu.multiprocessors, 1.0)


def _attention(model: LanguageModel, plan: Plan, gpu: Accelerator) -> tuple[float, float]:
    """Return scores, softmax, dropout and product with values, forward and backward, s; nothing is fused."""
    heads = plan.micro_batch * model.heads // plan.tensor
    length, wide = model.sequence, model.hidden // model.heads
    scores = heads * length * length
    to_scores = matmul_s(length, length, wide, gpu, count=heads)
    from_scores = matmul_s(length, wide, length, gpu, count=heads)
    # Softmax with mask 2+2, dropout 2+2+1; backward 2+2+2 and 2+1+2.
    forward = to_scores + from_scores + moved_s(4.0 * scores, gpu) + moved_s(5.0 * scores, gpu)
    backward = to_scores + 3 * from_scores + moved_s(6.0 * scores, gpu) + moved_s(5.0 * scores, gpu)
    return forward, backward


def _output(model: LanguageModel, plan: Plan, hardware: Hardware) -> float:
    """Return logits and loss of a micro-batch with their gradients, s."""
    gpu, tokens, words = (
        hardware.accelerator,
        plan.micro_batch * model.sequence,
        model.vocabulary // plan.tensor,
    )
    products = matmul_s(tokens, words, model.hidden, gpu) + matmul_s(tokens, model.hidden, words, gpu)
    if plan.adapter_rank is None:
        products += matmul_s(model.hidden, words, tokens, gpu, result_bytes=8.0)
    return products + moved_s(float(_LOSS_BYTES * tokens * words), gpu)


def _message(model: LanguageModel, plan: Plan, hardware: Hardware) -> float:
    """Return the time of activations from one stage to the next, s.

    Each accelerator sends its share and, but for a cut sequence, gathers the whole inside the node.
    """
    if plan.pipeline == 1:
        return 0.0
    size = 2.0 * plan.micro_batch * model.sequence * model.hidden
    gathered = 0.0 if plan.sequence_parallel else hardware.all_reduce_s(size, plan.tensor) / 2
    if plan.accelerators <= hardware.per_node:
        return size / plan.tensor / (hardware.accelerator.link_gb_s * 1e9) + gathered
    each = Channel(hardware.remote.latency_s, hardware.remote.bandwidth_gb_s / hardware.per_node)
    return each.latency_s + size / plan.tensor / (each.bandwidth_gb_s * 1e9) + gathered


def _data(model: LanguageModel, plan: Plan, hardware: Hardware) -> float:
    """Return the time of summing 32-bit gradients over copies, s."""
    return hardware.all_reduce_s(4.0 * weights_trained(model, plan), plan.data, plan.tensor)
