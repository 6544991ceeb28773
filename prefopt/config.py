"""The settings in prefopt.toml with their defaults: frozen models that refuse unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from prefopt.domain import DomainSettings
from prefopt.errors import ConfigError
from prefopt.frozen import Frozen
from prefopt.io.addresses import addresses_of
from prefopt.readers.options import ReadOptions, read_options
from prefopt.texts.same_text import Spelling

Targets = Literal["attention", "all-linear"] | tuple[str, ...]
Preset = Literal["", "tiny", "gpu16", "gpu24", "gpu48", "gpu80"]

INSTRUCTIONS_KO = "수학 문제를 읽고 2022 개정 교육과정의 성취기준 하나로 분류한다. 답은 JSON으로만 쓴다."
QUESTION_KO = "이 문제를 {id} {name}(으)로 분류하는 까닭을 두세 문장으로 설명하라."


class Settings(Frozen):
    """Base of all settings. The strings under the keys are their descriptions in docs/settings.md."""


class ProjectSettings(Settings):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] = "mathclass"
    """Shown in the report and in the names of the datasets that teachers see."""
    seed: Annotated[int, Field(ge=0, le=4_000_000)] = 7
    """Seed of all random choices, from 0 to 4000000: each round multiplies it by 1000 and adds its number, and seeds have 32 bits."""
    language: Literal["ko", "en"] = "ko"
    """Language of the report when it is opened; the page can switch."""


class ModelSettings(Settings):
    path: str = "tiny"
    """A checkpoint directory; a model on the Hub ("org/name" or "org/name@revision"), whose commit a round keeps for all later ones; or
    "tiny": the tiny gpt-oss that comes with the package."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the weights that are not quantized. auto: bfloat16 on CUDA, float32 on the CPU."""
    device: Literal["auto", "cpu", "cuda", "spread"] = "auto"
    """auto: CUDA if available, otherwise the CPU. spread: the layers of a gpt-oss over all visible GPUs."""
    quantized: bool | Literal["auto"] = "auto"
    """auto: a gpt-oss must have its 4-bit experts, and any other model is loaded as it is stored. true: 4-bit weights: those of gpt-oss, or
    NF4 by bitsandbytes; stop if the loaded weights are not. false: as they are stored, whatever the model."""
    nf4_attention: bool = False
    """Load the attention weights of gpt-oss in NF4 with double quantization: saves 0.9 GiB for the 20b model, but changes its logits."""
    attention: Literal["auto", "eager", "sdpa"] = "auto"
    """Implementation of attention. auto: torch's fused kernels, with the sinks of gpt-oss; eager for models that they cannot compute."""
    server: Annotated[str, addresses_of("model.server")] = ""
    """URL of an inference server (vLLM, SGLang, llama.cpp) that scores labels and generates texts with the adapter, under its id; several
    separated by commas share the work. A key that they expect goes into the environment variable PREFOPT_SERVER_KEY. Empty: this process
    computes. Training always runs here."""
    server_unexpanded: Annotated[float, Field(gt=0, lt=0.1)] = 1e-4
    """Largest total variation distance between a posterior from the server and the exact one: labels that have less together need not be
    asked for."""


class PromptSettings(Settings):
    instructions: str = INSTRUCTIONS_KO
    """The developer message. Where [domain] has other words than those of mathematics, it is made of them."""
    question: str = QUESTION_KO
    """What the model is asked behind a problem's text to explain a label: {id} and {name} stand for the label's. Made as `instructions`."""
    taxonomy: Literal["none", "codes", "names", "statements"] = "none"
    """Part of the taxonomy that the developer message lists. A model after SFT needs none."""
    effort: Literal["low", "medium", "high"] = "medium"
    """Reasoning effort of answers with a reason. Answers without one always use low effort and no analysis."""
    reasoning_language: Literal["", "ko", "en", "ja"] = ""
    """Language of the reasons, stated in the developer message; empty: not stated, so that of the problems."""
    spelling: Spelling = "canonical"
    """Spelling of the problems in the prompt. canonical: the one that all spellings of a problem share (Unicode forms, widths, dashes, item
    numbers, points, layout of choices, delimiters of formulas), so that each gets one answer. A project that was started by a version
    without this setting keeps "as written" until it is set."""
    date: str = "2026-01-01"
    """Date in the system message; fixed, so that prompts do not change from day to day."""
    max_tokens: Annotated[int, Field(ge=64, le=1_048_576)] = 2048
    """Longest row (prompt and answer). Longer rows are refused by name, never truncated."""

    @model_validator(mode="after")
    def _names_the_label(self) -> PromptSettings:
        if "{id}" not in self.question and "{name}" not in self.question:
            raise ValueError("prompt.question must name the label that is asked about: write {id} or {name} into it")
        return self


class AnswerSettings(Settings):
    label_key: Annotated[str, Field(pattern=r"^[a-z_]+$")] = "standard"
    """First key of the final JSON object; its value is the label."""
    fields: tuple[Literal["level", "difficulty", "concepts"], ...] = ("level", "difficulty", "concepts")
    """Keys of the final JSON object after the label, in this order."""


class AdapterSettings(Settings):
    rank: Annotated[int, Field(ge=1, le=65_536)] = 16
    """Rank of the LoRA matrices."""
    alpha: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    """LoRA updates are scaled by alpha / rank."""
    targets: Targets = "attention"
    """Adapted layers of the text decoder. attention: every linear layer of the attention. all-linear: every linear layer but head and
    routers. Or names, e.g. ["q_proj", "v_proj"]: exactly the modules whose path ends so. `prefopt check --load-model` counts them."""
    experts: bool | Literal["auto"] = "auto"
    """Adapt the MXFP4 experts of gpt-oss too. auto: where the model has them and the variant can; in later rounds, as in the parent."""
    variant: Literal["lora", "rslora", "dora"] = "lora"
    """rslora scales by alpha / sqrt(rank). dora also trains the norm of each weight's rows; only for linear layers (experts = false),
    because it needs whole weights."""

    @model_validator(mode="after")
    def _something(self) -> AdapterSettings:
        """Refuse settings that adapt nothing."""
        if not self.targets and not self.experts:
            raise ValueError('targets is empty and experts is false, so nothing would be adapted: set targets = "attention"')
        return self


class DataSettings(Settings):
    gold: str = "data/gold.jsonl"
    """Problems with expert labels: a file of any kind that `prefopt data check` reads, as are the others here; see [read]."""
    pool: str = "data/pool.jsonl"
    """Problems without labels, from which slates for teachers are made."""
    taxonomy: str = "taxonomy.csv"
    """File with the columns code, name and optionally revision and levels; every other column is a group of labels."""
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the gold problems that is held out, by group and label. After the first training it applies to new problems only."""
    holdout_file: str = ""
    """File of labeled problems to hold out; then all gold problems are trained on. Empty: use `holdout_share`."""
    unfit: Literal["stop", "keep"] = "stop"
    """Labeled problems whose text is damaged (lost formulas, error cells, garbled characters, control tokens). stop: no round starts.
    keep: train and judge on them as they are."""
    audit: str = ""
    """Sealed file of labeled problems that no round sees; `prefopt audit --open` scores the adapter in use on them, once. Empty: none."""
    general_texts: str = ""
    """File of texts unrelated to the labels, with the columns id and text, scored in every round to detect forgetting; empty: none."""
    gold_error: Annotated[float, Field(ge=0, lt=0.5)] | None = None
    """Share of the expert labels that are wrong, where it is known, e.g. 0.03; the report then corrects the accuracy for it. Without it the
    share is estimated from slates with a known label (feedback.gold_share), or gold counts as right."""

    @model_serializer(mode="wrap")
    def _stated(self, as_usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is not stated, for which TOML has no value."""
        return {key: value for key, value in as_usual(self).items() if value is not None}


class ReadSettings(Settings):
    columns: str = ""
    """Columns with names of their own in the project's files: "text=질문,label=분류"; for the taxonomy also code=… and name=…."""
    join: str = ""
    """Columns that make one text: "Body+Question", or "지문|문제" with a line break between the two."""
    ignore: str = ""
    """Columns that are skipped: "answer,equation"."""
    sheet: str = ""
    """Sheet of the workbooks among them, or "all"; empty: the first one."""

    @model_validator(mode="after")
    def _readable(self) -> ReadSettings:
        try:
            self.options()
        except ConfigError as error:
            raise ValueError(str(error.message).replace("--", "")) from None
        return self

    def options(self) -> ReadOptions:
        """As the readers take them."""
        return read_options(self.columns, self.join, self.ignore, self.sheet, of_project=True)


class SampleSettings(Settings):
    slates: Annotated[int, Field(ge=1, le=100_000)] = 150
    """Number of problems per round that teachers rank answers to."""
    candidates: Annotated[int, Field(ge=2, le=4)] = 4
    """Candidates per slate."""
    random_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of slates drawn at random; the others are those with the smallest gap between the two most probable labels."""
    unfit: Literal["leave out", "stop"] = "leave out"
    """Problems of the pool that no teacher should see: damaged texts (lost formulas, error cells, garbled characters, control tokens),
    personal data, the same problem twice or asked before. leave out: ask others, and list these in left_out.jsonl. stop: raise an error."""
    temperature: Annotated[float, Field(ge=0.01, le=10)] = 0.8
    """Sampling temperature of the reasons, from 0.01 to 10: logits are divided by it."""
    reasons: bool = True
    """Show the model's reason with each candidate; false: labels only, for a model that was not trained to explain."""
    reason_tokens: Annotated[int, Field(ge=8, le=100_000)] = 160
    """Longest reason in tokens; one that does not end is sampled once more, then reported."""


def _overlap(value: Any) -> int | Literal["adaptive"]:
    if value == "adaptive":
        return "adaptive"
    if type(value) is int and 1 <= value <= 1000:
        return value
    raise ValueError('must be a whole number from 1 to 1000, or "adaptive"')


class FeedbackSettings(Settings):
    source: str = "argilla"
    """Feedback source: argilla, file, the name of a plug-in, or the path of a .py file."""
    question: Literal["best", "ranking"] = "best"
    """What a teacher is asked of a slate: the best card, by one tap or key (the order of the others may be given, too), or a rank for
    every card."""
    overlap: Annotated[int | Literal["adaptive"], PlainValidator(_overlap)] = 1
    """Teachers wanted per slate. adaptive: one; a second where the first is unsure or the model gives the answer less than an even share
    among the cards and "none is right"; a third where two disagree."""
    double_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """With overlap = "adaptive": share of the slates that two teachers judge in any case, drawn at random. How far teachers agree is
    measured on these alone; 0: it is not measured."""
    minimum_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of slates that must be complete before `prefopt round` continues without --collect-now."""
    repeat_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Slates shown a second time with the cards in another order, as a share of sample.slates, to measure how consistent teachers are. Not
    trained on."""
    gold_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Slates of problems with a known label, as a share of sample.slates, to measure whether teachers find it. Not trained on."""
    gold_file: str = ""
    """File of labeled problems for these slates; empty: the problems of data.gold that are not held out."""
    card_fields: tuple[Literal["level", "difficulty", "concepts"], ...] = ()
    """What cards show of an answer besides label and reason. Teachers are asked about neither; a reason that concludes for another label
    than its card's is not shown."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the feedback source, e.g. url."""


class PairSettings(Settings):
    votes: Literal["equal", "reliability"] = "equal"
    """Weights of the teachers' votes: equal, or by each teacher's reliability, estimated from all votes (needs slates judged by several
    teachers, or slates with a known label); votes of teachers who follow the model then weigh nothing."""
    one_label: Literal["leave_out", "count"] = "leave_out"
    """Answers of a teacher who names one label on more than 80 % of the slates, far more often than the others do: leave_out, or count."""
    min_weight: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Net share of votes that a pair must exceed; 0 keeps every majority."""
    ties: bool = False
    """Keep level pairs as ties: those that every teacher ranked equal and those on which votes split evenly. Recipes learn from both with
    votes = "soft", from the former with the dpo losses davidson and rao_kupper."""


class TrainSettings(Settings):
    preset: Preset = ""
    """Defaults of several settings; those in prefopt.toml take precedence. tiny: rates and batches for the tiny model on a CPU. gpu16,
    gpu24, gpu48 or gpu80: for gpt-oss-20b on a GPU with that many GiB."""
    launcher: Literal["none", "accelerate"] = "none"
    """none: train in this process. accelerate: one process per device by `accelerate launch`; the adapter is the same up to rounding."""
    accelerate_config: str = ""
    """File made by `accelerate config --config_file`, relative to prefopt.toml; empty: one process per GPU of this machine."""
    processes: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Number of processes for accelerate; 0: from its config file or the number of GPUs. They share the forward passes of an update."""


class PosteriorSettings(Settings):
    analyses: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of sampled analyses to average over; 0: score with an empty analysis (reasoning off)."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 16
    """Problems per batch; with model.server, problems in work at each server."""
    memory_mb: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    """Memory limit for scoring labels in this process, in MiB on top of the weights; long problems get smaller batches. 0: on a GPU
    what is free after loading, less 5 % of its memory; on a CPU only batch_size limits. Where memory runs out, batches are halved."""


class CalibrateSettings(Settings):
    bootstrap: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """Bootstrap resamples for the accuracy corrected for selection; intervals need none."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of the intervals."""
    bins: Annotated[int, Field(ge=2, le=1000)] = 15
    """Bins of the reliability diagram and the expected calibration error."""
    agreed_error: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Largest share of wrong answers that is acceptable among those accepted without review."""
    mixture: Literal["auto", "off"] = "auto"
    """auto: predict mixes the adapter with the classical baseline where the hold-out shows that this helps. off: the adapter alone."""


class DecideSettings(Settings):
    max_brier_increase: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Largest increase of the mean Brier score (from 0 to 2) over the parent with which a more accurate adapter is still promoted; both
    after their own temperature."""
    accuracy_margin: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """How much lower the accuracy may be (one-sided 80 % bound) where an adapter is promoted for better probabilities alone."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance that any round ever promotes an adapter that is not better; each round spends a part of it. Also the level of other tests."""
    max_ece_increase: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest increase over the parent of the distance between mean confidence and accuracy, which no calibration error can be smaller
    than; an adapter is held if the whole interval lies above it."""
    hold_on_worse_cell: bool = True
    """Hold an adapter that is better overall but significantly less accurate in a cell, e.g. a band and domain."""
    hold_below_baseline: bool = True
    """Hold an adapter that is significantly less accurate than TF-IDF and logistic regression trained on the same labels."""
    min_label_mass: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Smallest mean probability mass on the labels of the taxonomy; an adapter below it is held."""


class GoalsSettings(Settings):
    min_accuracy: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Accuracy on the hold-out from which the answers are fit for use; 0: no goal. Goals have no part in the decision rule."""
    each: str = ""
    """Group of the taxonomy, e.g. "band": min_accuracy must be reached in every one of its parts as well. Empty: only over all."""
    min_accepted_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the problems that can be accepted without review at calibrate.agreed_error; 0: no goal."""
    beat_baseline: bool = True
    """Whether the answers must be right more often than TF-IDF and logistic regression trained on the same labels, by a paired test."""
    min_sorting_accuracy: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Accuracy at a group of the taxonomy, e.g. domain, from which the report says that problems can be sorted by it. Not a goal."""


class RoundSettings(Settings):
    recipes: Annotated[tuple[str, ...], Field(min_length=1)] = ("consensus",)
    """Recipes of rounds 1, 2, 3 …; the last one is repeated. Each is a name or the path of a .py file."""
    sft: str = "sft"
    """Recipe of round 000."""


class ServeSettings(Settings):
    batch_ms: Annotated[int, Field(ge=0, le=10_000)] = 10
    """How long `prefopt serve` waits for further requests before it classifies those that came, in milliseconds."""
    queue: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Problems that may wait; further requests are refused with status 503 and the time after which to try again."""
    audit_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of the answers, drawn at random, that teachers judge without seeing them: whether the agreed error rate still holds."""
    keep_texts: bool = True
    """Keep the texts of problems in serve/. false: only their hashes; then nothing can be collected for the next round."""
    engine: Annotated[str, addresses_of("serve.engine")] = ""
    """URL of an inference server (vLLM, SGLang, llama.cpp) that scores for `prefopt serve`, in place of model.server; several are separated
    by commas. Before it is used, and after it was away, it must give hold-out problems the probabilities of the calibration."""
    engine_adapter: str = ""
    """Name under which the engine serves the adapter that is in use when serving begins; empty: its id, as that of every later one."""
    price_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """What an hour of this machine costs, in any currency, for the cost of the answers in /metrics."""


class PushSettings(Settings):
    license: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.+-]{1,49})?$")] = ""
    """License of what `prefopt push` publishes, by its identifier on the Hub: apache-2.0, cc-by-4.0, … Empty: --license names it."""
    base_model: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})?$")] = ""
    """Where others find the base model, "org/name", where model.path is a folder of this machine. Empty: model.path."""


class ProjectConfig(Settings):
    """All settings of prefopt.toml."""

    project: ProjectSettings = ProjectSettings()
    domain: DomainSettings = DomainSettings()
    model: ModelSettings = ModelSettings()
    prompt: PromptSettings = PromptSettings()
    answer: AnswerSettings = AnswerSettings()
    adapter: AdapterSettings = AdapterSettings()
    data: DataSettings = DataSettings()
    read: ReadSettings = ReadSettings()
    sample: SampleSettings = SampleSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    pair: PairSettings = PairSettings()
    train: TrainSettings = TrainSettings()
    posterior: PosteriorSettings = PosteriorSettings()
    calibrate: CalibrateSettings = CalibrateSettings()
    decide: DecideSettings = DecideSettings()
    goals: GoalsSettings = GoalsSettings()
    round: RoundSettings = RoundSettings()
    serve: ServeSettings = ServeSettings()
    push: PushSettings = PushSettings()
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Options of each recipe, e.g. [recipes.dpo] beta = 0.2."""
