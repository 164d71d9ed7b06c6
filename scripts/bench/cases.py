"""What is compared, and what is to be reached."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Opponent:
    """A way of running PyTorch, and how jikji should stand beside it."""

    mode: str
    # PyTorch's time over jikji's, at least.
    speed: float
    # jikji's peak memory over PyTorch's, at most.
    memory: float | None = None


@dataclass(frozen=True)
class TrainStep:
    name: str
    model: str
    batch: int
    seq: int
    precision: str
    opponents: tuple[Opponent, ...]
    # Time of the bare products over time of the step, at least.
    limit_share: float | None = None
    # Fields of jikji's JSON whose sum is that time, in the case's own precision.
    limit_fields: tuple[str, ...] = ("matmul_limit_seconds",)

    @property
    def tokens(self):
        return self.batch * self.seq

    @property
    def what(self):
        return f"{self.model}, {self.batch} x {self.seq} tokens a step, {self.precision}"


@dataclass(frozen=True)
class Decode:
    name: str
    model: str
    prompt: int
    tokens: int
    opponents: tuple[Opponent, ...]
    limit_share = None

    @property
    def what(self):
        return f"{self.model}, {self.tokens} tokens after a prompt of {self.prompt}, batch 1, f32, greedy, with a cache"


WITH_ATTENTION = ("matmul_limit_seconds", "attention_limit_seconds")

CASES = (
    TrainStep(
        name="32m-f32",
        model="llama-32m.toml",
        batch=4,
        seq=256,
        precision="f32",
        opponents=(Opponent("eager", speed=1.25, memory=0.6), Opponent("compile", speed=1.25)),
        limit_share=0.8,
    ),
    TrainStep(
        name="32m-bf16",
        model="llama-32m.toml",
        batch=4,
        seq=256,
        precision="bf16",
        opponents=(Opponent("eager", speed=1.2, memory=0.6),),
    ),
    TrainStep(
        name="32m-f32-2048",
        model="llama-32m.toml",
        batch=1,
        seq=2048,
        precision="f32",
        opponents=(Opponent("eager", speed=1.3, memory=0.6),),
        limit_share=0.75,
        limit_fields=WITH_ATTENTION,
    ),
    TrainStep(
        name="125m-f32",
        model="llama-125m.toml",
        batch=2,
        seq=512,
        precision="f32",
        opponents=(Opponent("eager", speed=1.25, memory=0.75),),
    ),
    TrainStep(
        name="125m-bf16",
        model="llama-125m.toml",
        batch=2,
        seq=512,
        precision="bf16",
        opponents=(Opponent("eager", speed=1.2, memory=0.75),),
    ),
    Decode(
        name="125m-decode",
        model="llama-125m.toml",
        prompt=32,
        tokens=128,
        opponents=(Opponent("generate", speed=1.5),),
    ),
)
