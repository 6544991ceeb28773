"""The settings of a project, as prefopt.toml holds them: frozen, with their defaults. Unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Preset = Literal["", "gpu16", "gpu24", "gpu48", "gpu80"]

INSTRUCTIONS_KO = "수학 문제를 읽고 2022 개정 교육과정의 성취기준 하나로 분류한다. 답은 JSON으로만 쓴다."


class Settings(BaseModel):
    """Base of all settings: frozen, no unknown keys. The strings under the keys are what docs/settings.md says of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ProjectSettings(Settings):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] = "mathclass"
    """Appears in the report, and in the names of the datasets that teachers see."""
    seed: int = 7
    """Of everything that is drawn; each round moves it by its number."""
    language: Literal["ko", "en"] = "ko"
    """Language in which the report opens."""


class ModelSettings(Settings):
    path: str = "tiny"
    """A checkpoint folder, or "tiny": the tiny gpt-oss that comes with the package."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of everything that is not quantized; auto: bfloat16 on CUDA, float32 on CPU."""
    device: Literal["auto", "cpu", "cuda", "spread"] = "auto"
    """auto: CUDA where there is one. spread: the layers of a gpt-oss over all GPUs that torch sees."""
    quantized: bool = True
    """Call the run QLoRA: refused where the bytes say otherwise (experts must lie in 4 bits)."""
    nf4_attention: bool = False
    """Attention of gpt-oss in NF4 with double quantization beside its MXFP4 experts: 0.9 GiB less for the 20b, but not its exact logits."""
    attention: Literal["auto", "eager", "sdpa"] = "auto"
    """How attention is computed; auto: by torch's fused kernels, with the sinks of gpt-oss."""
    server: str = ""
    """URL of an OpenAI-compatible server (vLLM, SGLang) that serves the adapter under its id and writes the texts; empty: none."""


class PromptSettings(Settings):
    instructions: str = INSTRUCTIONS_KO
    """The developer message."""
    taxonomy: Literal["none", "codes", "names", "statements"] = "none"
    """What of the taxonomy the developer message lists. A model after SFT needs none of it."""
    effort: Literal["low", "medium", "high"] = "medium"
    """Reasoning effort of an answer with its reason. An answer without reason always has effort low and no analysis."""
    reasoning_language: Literal["", "ko", "en", "ja"] = ""
    """Language of the reasons, which the developer message then names; empty: not said, and that of the problems."""
    date: str = "2026-01-01"
    """Printed in the system message; frozen, so that a prompt is the same every day."""
    max_tokens: Annotated[int, Field(ge=64)] = 2048
    """Longest row, prompt and answer together; a longer one is refused by name, never cut."""


class AnswerSettings(Settings):
    label_key: Annotated[str, Field(pattern=r"^[a-z_]+$")] = "standard"
    """First key of the final JSON; its value is the label."""
    fields: tuple[Literal["level", "difficulty", "concepts"], ...] = ("level", "difficulty", "concepts")
    """Keys of the final JSON after the label, in this order."""


class AdapterSettings(Settings):
    rank: Annotated[int, Field(ge=1)] = 16
    """Of the LoRA matrices."""
    alpha: Annotated[int, Field(ge=1)] = 32
    """LoRA updates are scaled by alpha / rank."""
    experts: bool = True
    """LoRA on the experts too, not on attention alone."""
    variant: Literal["lora", "rslora", "dora"] = "lora"
    """rslora scales by alpha / sqrt(rank). dora also trains the length of each weight's rows; on attention alone (experts = false), because
    it needs whole weights, which 4-bit experts never are."""


class DataSettings(Settings):
    gold: str = "data/gold.jsonl"
    """Problems with expert labels."""
    pool: str = "data/pool.jsonl"
    """Problems without labels, which teachers are asked about."""
    taxonomy: str = "taxonomy.csv"
    """Columns code, name, optionally revision and levels; every other column is a group above the labels."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the gold problems that is held out, chosen once by hash of the problem id (or family)."""
    holdout_file: str = ""
    """A file of labeled problems that is the hold-out, whole; all gold problems are then trained on."""
    general: str = ""
    """A file of texts that have nothing to do with the labels, one {"id", "text"} a line: scored in every round, against forgetting."""


class SampleSettings(Settings):
    slates: Annotated[int, Field(ge=1)] = 150
    """Problems asked about in a round."""
    candidates: Annotated[int, Field(ge=2, le=4)] = 4
    """Cards on a slate."""
    random_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the slates drawn at random; the others have the smallest margins."""
    temperature: Annotated[float, Field(gt=0)] = 0.8
    """Of the sampled reasons."""
    reasons: bool = True
    """Each card has a reason by the model. Without: the cards show labels only, for a model that was never taught to explain."""
    reason_tokens: Annotated[int, Field(ge=8)] = 160
    """Longest reason; one that does not end is asked again, then reported."""


class FeedbackSettings(Settings):
    source: str = "argilla"
    """argilla, file, or the name of a plug-in."""
    overlap: Annotated[int, Field(ge=1)] = 1
    """Teachers wanted per slate."""
    minimum_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the slates that must be complete before `prefopt round` goes on by itself."""
    repeat_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Slates shown a second time, with the cards in another order, as a share of sample.slates: do teachers say the same again? Never
    trained on."""
    gold_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Slates of problems with a known label, as a share of sample.slates: do teachers find it? Never trained on."""
    gold_file: str = ""
    """A file of labeled problems for the gold slates; empty: those of data.gold that are not held out."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the source, e.g. url."""


class PairSettings(Settings):
    votes: Literal["equal", "reliability"] = "equal"
    """How teachers' votes are weighed: all alike, or by how reliable each is, told from all votes (needs slates that several judged, or
    gold slates)."""
    min_weight: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """A pair needs a net share of votes above this; 0 keeps every majority."""
    ties: bool = False
    """Keep pairs that all who ranked put level, as ties; only the dpo losses davidson and rao_kupper learn from them."""


class TrainSettings(Settings):
    preset: Preset = ""
    """gpu16, gpu24, gpu48 or gpu80: settings for gpt-oss-20b on a GPU of that many GiB, where this file has none of its own."""
    launcher: Literal["none", "accelerate"] = "none"
    """none: this process trains. accelerate: `accelerate launch` starts one for each device; the adapter is the same but for rounding."""
    accelerate_config: str = ""
    """File made by `accelerate config --config_file`, beside prefopt.toml; empty: one process for each GPU of this machine."""
    processes: Annotated[int, Field(ge=0)] = 0
    """How many accelerate starts; 0: as its config file or the GPUs say. An update's forward passes (accumulate) are shared among them."""


class PosteriorSettings(Settings):
    analyses: Annotated[int, Field(ge=0)] = 0
    """Sampled analyses averaged over; 0 scores with an empty analysis (reasoning off)."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Problems scored at once."""
    memory_mb: Annotated[int, Field(ge=0)] = 0
    """MiB that scoring labels may take beyond the weights: fewer problems at once where they are long. 0: bounded by batch_size alone."""


class CalibrateSettings(Settings):
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    """Resamples behind every interval."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of every interval."""
    bins: Annotated[int, Field(ge=2)] = 15
    """Of the reliability diagram and the expected calibration error."""
    agreed_error: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of wrong answers agreed to among those accepted without being looked at."""


class DecideSettings(Settings):
    max_brier_increase: Annotated[float, Field(ge=0)] = 0.0
    """Largest increase of the mean Brier score against the parent that is still promoted where accuracy is better."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Level of the tests."""
    max_ece_increase: Annotated[float, Field(ge=0)] = 0.1
    """Largest increase of the debiased ECE against the parent that is still promoted; more is held where the whole interval shows it."""
    hold_on_worse_cell: bool = True
    """Hold an adapter that is better as a whole and shown to be right less often in a cell, e.g. a band x domain."""
    min_label_mass: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Least mean probability that the model gives to the taxonomy's labels at all; an adapter below it is held."""


class RoundSettings(Settings):
    recipes: Annotated[tuple[str, ...], Field(min_length=1)] = ("dpo",)
    """Recipe of round 1, 2, 3 …; the last one goes on. A name, or a path to a .py file."""
    sft: str = "sft"
    """Recipe of round 000."""


class ProjectConfig(Settings):
    """Everything in prefopt.toml."""

    project: ProjectSettings = ProjectSettings()
    model: ModelSettings = ModelSettings()
    prompt: PromptSettings = PromptSettings()
    answer: AnswerSettings = AnswerSettings()
    adapter: AdapterSettings = AdapterSettings()
    data: DataSettings = DataSettings()
    sample: SampleSettings = SampleSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    pair: PairSettings = PairSettings()
    train: TrainSettings = TrainSettings()
    posterior: PosteriorSettings = PosteriorSettings()
    calibrate: CalibrateSettings = CalibrateSettings()
    decide: DecideSettings = DecideSettings()
    round: RoundSettings = RoundSettings()
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Options per recipe: [recipes.dpo] beta = 0.2"""


# Settings by the memory of a GPU, for gpt-oss-20b with rows of 2,048 tokens: `[train] preset` fills in what prefopt.toml does not say.
#
# Each fits by the memory plan (`prefopt plan gpt-oss-20b --gpu 24`). Updates have the same rows as by
# default, in other passes; the classes differ in how much of the model is adapted. A base stage and the rounds after it
# need the same preset.

_UPDATE = {"sft": 16, "dpo": 16, "orpo": 16, "kto": 32}  # rows of an update, as by default


def _settings(adapter: Mapping[str, Any], model: Mapping[str, Any], rows: int) -> dict[str, dict[str, Any]]:
    recipes = {
        name: {"batch_size": min(rows, update), "accumulate": update // min(rows, update), "gradient_checkpointing": True}
        for name, update in _UPDATE.items()
    }
    return {"adapter": dict(adapter), "model": dict(model), "recipes": recipes}


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "gpu16": _settings({"rank": 16, "alpha": 32, "experts": False}, {"nf4_attention": True}, 1),
    "gpu24": _settings({"rank": 8, "alpha": 16, "experts": True}, {"nf4_attention": True}, 2),
    "gpu48": _settings({"rank": 16, "alpha": 32, "experts": True}, {"nf4_attention": False}, 8),
    "gpu80": _settings({"rank": 32, "alpha": 64, "experts": True}, {"nf4_attention": False}, 16),
}
GIB = {"gpu16": 16, "gpu24": 24, "gpu48": 48, "gpu80": 80}
