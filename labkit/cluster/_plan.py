"""Large language models and how their training is spread: operations, and what each accelerator holds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from labkit.errors import InputError

RECOMPUTATION: tuple[str, ...] = ("none", "selective", "full")

# Kept for each: 16-bit weight 2, 32-bit gradient 4, master weight 4, Adam's two moments 8.
_TRAINED_BYTES = 18


@dataclass(frozen=True)
class LanguageModel:
    """A decoder of the GPT kind.

    Attributes:
        layers: how many.
        hidden: width.
        heads: of attention.
        sequence: tokens of one sample.
        vocabulary: tokens that there are.
    """

    layers: int
    hidden: int
    heads: int
    sequence: int = 2048
    vocabulary: int = 51200

    def __post_init__(self) -> None:
        _check_counts("model", self)
        if self.hidden % self.heads:
            raise InputError(f"model: hidden={self.hidden}; a multiple of heads={self.heads} is wanted")

    @property
    def parameters(self) -> int:
        """Weights of the layers and the token embedding, which the output shares."""
        return 12 * self.layers * self.hidden**2 + self.vocabulary * self.hidden


@dataclass(frozen=True)
class Plan:
    """How a step is spread over accelerators.

    Attributes:
        batch: samples of a step.
        micro_batch: samples that go through the pipeline at a time.
        tensor: accelerators that share each matrix.
        pipeline: stages that share the layers.
        data: copies that share the samples.
        interleave: pieces of each stage that alternate in the pipeline.
        sequence_parallel: whether what `tensor` doesn't share is shared along the sequence.
        recompute: one of `RECOMPUTATION`; what is computed again in the backward pass instead of kept:
            nothing, scores of attention, whole layers.
        overlap: whether gradients are summed over `data` while the last backward pass runs.
        adapter_rank: rank of the adapters (LoRA, arXiv 2106.09685) at each matrix of the layers, which alone
            are trained; None trains everything.
    """

    batch: int
    micro_batch: int = 1
    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    interleave: int = 1
    sequence_parallel: bool = False
    recompute: str = "none"
    overlap: bool = True
    adapter_rank: int | None = None

    def __post_init__(self) -> None:
        _check_counts("plan", self)
        if self.recompute not in RECOMPUTATION:
            raise InputError(f"plan: recompute={self.recompute!r}; choose one of {', '.join(RECOMPUTATION)}")
        if self.batch % (self.data * self.micro_batch):
            raise InputError(
                f"plan: batch={self.batch}; a multiple of data × micro_batch "
                f"= {self.data * self.micro_batch} is wanted"
            )
        if self.interleave > 1 and (self.pipeline == 1 or self.micro_batches % self.pipeline):
            raise InputError(
                f"plan: interleave={self.interleave} with pipeline={self.pipeline} and {self.micro_batches} "
                "micro-batches; a pipeline of at least 2 and a multiple of it are wanted"
            )

    @property
    def accelerators(self) -> int:
        """How many the plan takes."""
        return self.tensor * self.pipeline * self.data

    @property
    def micro_batches(self) -> int:
        """How many each copy sends through the pipeline in a step."""
        return self.batch // (self.data * self.micro_batch)


def model_flop(model: LanguageModel, plan: Plan) -> float:
    """Return the operations of a step (arXiv 2205.05198, equation 7); adapters spare a third of them."""
    tokens, hidden = plan.batch * model.sequence, model.hidden
    passes = 3 if plan.adapter_rank is None else 2
    layer = 24 * hidden**2 * (1 + model.sequence / (6 * hidden))
    return float(passes * tokens * (model.layers * layer + 2 * hidden * model.vocabulary))


def memory_gb(model: LanguageModel, plan: Plan) -> dict[str, float]:
    """Return the memory of the fullest accelerator, the first stage's, GB, by what it holds.

    `weights` has gradients and optimiser with it. `activations` wait for the backward pass: arXiv 2205.05198,
    equations 1 to 6, for as many micro-batches under way as there are stages. `working` is what one layer
    needs while it is computed again, and logits and loss if there is but one stage (section 4.3 there). Left
    out: buffers of communication, fragmentation, the framework itself.
    """
    tokens = plan.micro_batch * model.sequence * model.hidden
    tensor, around = plan.tensor, plan.tensor if plan.sequence_parallel else 1
    scores = 5 * model.heads * model.sequence / model.hidden / tensor
    rest = 10 / around + 24 / tensor
    layer, again = {
        "none": (rest + scores, 0.0),
        "selective": (rest, scores),
        "full": (2 / around, rest + scores),
    }[plan.recompute]
    output = 4 / tensor * (1 + model.vocabulary / model.hidden) if plan.pipeline == 1 else 0.0
    under_way = min(plan.pipeline, plan.micro_batches)
    deep = 1 + (plan.pipeline - 1) / (plan.pipeline * plan.interleave) if plan.interleave > 1 else 1.0
    held = model.layers * min(under_way / plan.pipeline, 1.0) * deep
    trained = weights_trained(model, plan)
    frozen = 0.0 if plan.adapter_rank is None else weights_held(model, plan)
    return {
        "weights": (_TRAINED_BYTES * trained + 2 * frozen) / 1e9,
        "activations": tokens * layer * held / 1e9,
        "working": tokens * (again + output) / 1e9,
    }


def weights_held(model: LanguageModel, plan: Plan) -> float:
    """Return the parameters on one accelerator of the first stage."""
    layers = 12 * model.layers * model.hidden**2 / plan.pipeline
    return (layers + model.vocabulary * model.hidden) / plan.tensor


def weights_trained(model: LanguageModel, plan: Plan) -> float:
    """Return how many of them are trained."""
    if plan.adapter_rank is None:
        return weights_held(model, plan)
    wide = sum(rows + columns for rows, columns in matrices(model))
    return plan.adapter_rank * wide * model.layers / plan.pipeline / plan.tensor


def matrices(model: LanguageModel) -> tuple[tuple[int, int], ...]:
    """Inputs and outputs of a layer's matrices: queries with keys and values, projection, both of the MLP."""
    wide = model.hidden
    return ((wide, 3 * wide), (wide, wide), (wide, 4 * wide), (4 * wide, wide))


def _check_counts(what: str, holder: LanguageModel | Plan) -> None:
    for name in (field.name for field in fields(holder)):
        value = getattr(holder, name)
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise InputError(f"{what}: {name}={value}; at least 1 is wanted")
