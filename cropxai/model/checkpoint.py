"""A model on disk: weights in safetensors beside a JSON card that says what they are. No pickle is ever read."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

import cropxai
from cropxai.crops import hcat_code
from cropxai.errors import BandMismatch, LevelMismatch, ModelUnreadable, PathLike, SeriesUnusable
from cropxai.model.inputs import DAY, PIXELS, THERMAL_TIME, TIME_ENCODINGS, Inputs, thermal_time
from cropxai.model.networks import build
from cropxai.model.transformer import Architecture, CropTransformer
from cropxai.model.uncertainty import Uncertainty
from cropxai.outputs import replacing
from cropxai.series import CropSeries
from cropxai.series.cube import LONGEST_SEASON, season_year

FloatArray = npt.NDArray[np.float32]

FORMAT = "cropxai-model"
VERSION = 1
WEIGHTS, CARD = "weights.safetensors", "card.json"
#: Greatest sizes of a network: beyond any that cropxai makes, below what would fill the memory.
MOST = {"bands": 100, "classes": 10_000, "width": 4096, "heads": 256, "layers": 64, "hidden": 16_384}
PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT = "default"
#: The shipped model that "default" means, by level.
DEFAULTS = {"L2A": "europe-l2a", "L1C": "europe-l1c"}


@dataclass(frozen=True)
class CropClass:
    """One class of a model: the label it answers with, and the label's HCAT 3 code where known."""

    name: str
    hcat_code: int | None


@dataclass(frozen=True)
class Window:
    """The stretch of season days (days since 1 January, both included) that the season study chose."""

    first_day: float
    last_day: float
    loss_points: float


@dataclass(frozen=True)
class Card:
    """What a set of weights is: the contract that prediction checks.

    ``typical`` is the median series of the training parcels, the reference of the relevance: ``days`` (node,) and
    ``reflectance`` (node, band). ``temperature`` divides the logits of whole seasons, so that confidence is calibrated
    (Guo et al. 2017, arXiv 1706.04599); ``uncertainty`` knows it for every season end, and is missing on older cards.
    ``time_encoding`` says what dates are told by (``TIME_ENCODINGS``), ``optional_bands`` which bands a series may
    lack, because the training left them out of some samples; ``pixel_counts`` whether clear pixels are told as well.
    """

    name: str
    architecture: Architecture
    bands: tuple[str, ...]
    level: str
    classes: tuple[CropClass, ...]
    temperature: float
    typical_days: tuple[float, ...]
    typical_reflectance: tuple[tuple[float, ...], ...]
    season_days: tuple[float, float]
    window: Window | None = None
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    time_encoding: str = DAY
    optional_bands: tuple[str, ...] = ()
    uncertainty: Uncertainty | None = None
    pixel_counts: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """What the network is told of each date: the bands, and the clear pixels behind them."""
        return (*self.bands, PIXELS) if self.pixel_counts else self.bands

    def asdict(self) -> dict[str, Any]:
        """Return the card as plain values."""
        return {"format": FORMAT, "format_version": VERSION, **asdict(self)}

    @classmethod
    def fromdict(cls, values: dict[str, Any]) -> "Card":
        """Build a card from plain values; raises KeyError, TypeError or ValueError where they do not fit."""
        values = {
            k: v for k, v in values.items() if k not in ("format", "format_version", "weights_sha256", "versions")
        }
        window = values.pop("window", None)
        uncertainty = values.pop("uncertainty", None)
        return cls(
            architecture=Architecture(**values.pop("architecture")),
            bands=tuple(values.pop("bands")),
            classes=tuple(CropClass(**c) for c in values.pop("classes")),
            typical_days=tuple(values.pop("typical_days")),
            typical_reflectance=tuple(tuple(row) for row in values.pop("typical_reflectance")),
            season_days=tuple(values.pop("season_days")),
            optional_bands=tuple(values.pop("optional_bands", ())),
            window=None if window is None else Window(**window),
            uncertainty=None if uncertainty is None else Uncertainty.fromdict(uncertainty),
            **values,
        )


@dataclass(frozen=True)
class Model:
    """A trained network and its card."""

    network: CropTransformer
    card: Card

    def probabilities(self, scores: FloatArray, end: FloatArray) -> FloatArray:
        """Turn logits (parcel, class) into calibrated probabilities.

        Parameters
        ----------
        end : (parcel,) season day on which each season ends (:func:`cropxai.model.prefixes.season_end`)
        """
        if self.card.uncertainty is None:
            divisor = np.full(len(scores), self.card.temperature, dtype=np.float32)
        else:
            divisor = self.card.uncertainty.temperatures.of(scores, end)
        scaled = torch.from_numpy(scores) / torch.from_numpy(divisor)[:, None]
        return scaled.softmax(dim=1).numpy()

    @property
    def names(self) -> tuple[str, ...]:
        """The class labels, in the order of the logits."""
        return tuple(c.name for c in self.card.classes)

    def check(self, series: CropSeries) -> None:
        """Refuse a series that the model was not made for; raises what :meth:`check_input` does."""
        self.check_input(series.level, series.bands, series.dates)
        if self.card.time_encoding == THERMAL_TIME:
            thermal_time(series)

    def inputs(self, series: CropSeries) -> Inputs:
        """Return the arrays of a series that the network takes."""
        inputs = Inputs.of(series, self.card.columns, self.card.time_encoding)
        return inputs.filled(float(self.network.mean[-1])) if self.card.pixel_counts else inputs

    def check_input(self, level: str, bands: Collection[str], dates: npt.NDArray[np.datetime64]) -> None:
        """Refuse what the model was not made for, be it a series or scenes that are still to be read.

        Raises
        ------
        LevelMismatch, BandMismatch
        SeriesUnusable
            If the dates span more than one season, or a network of a fixed number of dates is given others.
        """
        if level != self.card.level:
            raise LevelMismatch(level, self.card.name, self.card.level)
        if missing := [b for b in self.card.bands if b not in bands and b not in self.card.optional_bands]:
            raise BandMismatch(missing, self.card.name)
        season_year(dates)
        if (wanted := self.card.architecture.dates) not in (0, len(dates)):
            raise SeriesUnusable(
                f"model {self.card.name!r} takes {wanted} dates, and the series has {len(dates)}; give those of its "
                "training, or train with --architecture cropxai, which takes any number"
            )

    def class_of(self, labels: Sequence[object]) -> list[str]:
        """Return the class that each label means: that of its name, else of its HCAT code, else an empty text."""
        by_code = {c.hcat_code: c.name for c in self.card.classes}
        means = {str(label): "" for label in labels}
        for label in means:
            code = hcat_code(label)
            means[label] = label if label in self.names else by_code.get(code, "") if code is not None else ""
        return [means[str(label)] for label in labels]

    def typical(self, day: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the median reflectance of the training parcels at some days, (time, band)."""
        nodes = np.asarray(self.card.typical_reflectance)
        columns = [np.interp(day, self.card.typical_days, nodes[:, band]) for band in range(nodes.shape[1])]
        return np.stack(columns, axis=1).astype(np.float32)

    def save(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write weights and card to a folder, whole or not at all."""
        with replacing(folder, overwrite) as part:
            part.mkdir()
            write_tensors(self.network.state_dict(), part / WEIGHTS)
            card = self.card.asdict() | {
                "weights_sha256": _sha256(part / WEIGHTS),
                "versions": {"cropxai": cropxai.__version__, "torch": torch.__version__},
            }
            (part / CARD).write_text(_readable(card), encoding="utf-8")
        return Path(folder)


def shipped() -> dict[str, Path]:
    """Return the names and folders of the models in the package."""
    return {p.parent.name: p.parent for p in sorted(PRETRAINED.glob(f"*/{CARD}"))}


def locate(name_or_folder: PathLike, level: str = "L2A") -> Path:
    """Find a model by the name of a shipped one ("default": that of the level) or by its folder.

    Raises
    ------
    ModelUnreadable
        If there is neither.
    """
    known = shipped()
    if str(name_or_folder) == DEFAULT:
        name_or_folder = DEFAULTS.get(level, DEFAULTS["L2A"])
    if str(name_or_folder) in known:
        return known[str(name_or_folder)]
    if (folder := Path(name_or_folder)).is_dir():
        return folder
    raise ModelUnreadable(name_or_folder, f"neither a model folder nor a shipped model ({', '.join(known) or 'none'})")


def load_model(name_or_folder: PathLike = DEFAULT, level: str = "L2A") -> Model:
    """Load a model and verify that card and weights belong together.

    Parameters
    ----------
    name_or_folder : as of :func:`locate`
    level : of the series, for which "default" means a model

    Raises
    ------
    ModelUnreadable
        If a file is missing or truncated, or the card disagrees with the weights.
    """
    folder = locate(name_or_folder, level)
    card = read_card(folder)
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelUnreadable(folder / WEIGHTS, "missing or damaged; train the model again") from error
    network = build(card.architecture)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelUnreadable(folder, "the weights do not fit the architecture that the card names") from error
    if not all(torch.isfinite(w).all() for w in weights.values()):
        raise ModelUnreadable(folder / WEIGHTS, "holds values that are not finite; train the model again")
    if not (network.scale > 0).all():
        raise ModelUnreadable(folder / WEIGHTS, "scales a band by nothing or less; train the model again")
    return Model(network.eval().requires_grad_(False), card)


def read_card(folder: PathLike) -> Card:
    """Read the card of a model folder and check it against its weights file."""
    folder = Path(folder)
    try:
        values = json.loads((folder / CARD).read_text(encoding="utf-8"))
        sha256 = _sha256(folder / WEIGHTS)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnreadable(folder, f"needs {CARD} and {WEIGHTS}, both readable") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelUnreadable(folder / CARD, "is not the card of a cropxai model")
    if not isinstance(values.get("format_version"), int):
        raise ModelUnreadable(folder / CARD, "does not tell its format version")
    if values["format_version"] > VERSION:
        raise ModelUnreadable(folder / CARD, f"has format {values['format_version']}, newer than this cropxai knows")
    if values.get("weights_sha256") != sha256:
        raise ModelUnreadable(folder, "the card names other weights than lie beside it; copy both files again")
    try:
        card = Card.fromdict(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelUnreadable(folder / CARD, f"lacks or misnames an entry ({error})") from error
    if card.time_encoding not in TIME_ENCODINGS or not set(card.optional_bands) <= set(card.bands):
        raise ModelUnreadable(folder / CARD, "has a time encoding or optional bands that this cropxai does not know")
    size = card.architecture
    if not isinstance(card.pixel_counts, bool):
        raise ModelUnreadable(folder / CARD, f"its pixel_counts are {card.pixel_counts!r}, neither true nor false")
    if size.bands != len(card.columns) or size.classes != len(card.classes):
        raise ModelUnreadable(folder / CARD, "its bands or classes do not fit its architecture")
    if fault := _fault(card):
        raise ModelUnreadable(folder / CARD, fault)
    if card.uncertainty is not None and not card.uncertainty.fits(len(card.bands), size.classes):
        raise ModelUnreadable(folder / CARD, "what it says of uncertainty is of other bands or classes")
    return card


def _fault(card: Card) -> str:
    """Say what entries of a card cannot be true, or nothing; a network of absurd size is never built."""
    size = card.architecture
    for name, most in MOST.items():
        value = getattr(size, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            return f"its architecture has {name} {value!r}, where 1 to {most} are possible"
    if not isinstance(size.dates, int) or size.dates > LONGEST_SEASON:
        return f"its architecture has {size.dates!r} dates, more than a season has days"
    if size.width % size.heads or size.width % 2:
        return f"its architecture has width {size.width}, which {size.heads} heads or the date encoding do not divide"
    for what, names in (("classes", [c.name for c in card.classes]), ("bands", list(card.bands))):
        if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
            return f"its {what} are not names that differ"
    if not isinstance(card.temperature, int | float) or not 0 < card.temperature < float("inf"):
        return f"its temperature is {card.temperature!r}, which divides nothing"
    span = card.season_days
    if len(span) != 2 or not all(isinstance(day, int | float) for day in span) or not span[0] <= span[1]:
        return "its season days are not a first and a last day"
    try:
        course = np.array(card.typical_reflectance, dtype=float)
        days = np.array(card.typical_days, dtype=float)
    except (TypeError, ValueError):
        return "its typical series is no table of numbers"
    if course.shape != (len(days), len(card.columns)) or not (np.isfinite(course).all() and np.isfinite(days).all()):
        return "its typical series does not fit its days and bands"
    return ""


def write_tensors(tensors: Mapping[str, Tensor], file: Path, about: dict[str, str] | None = None) -> None:
    """Write tensors and, in the header, text about them."""
    own = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    file.write_bytes(save(own, metadata=about))


def _readable(card: dict[str, Any]) -> str:
    """Write a card as JSON with one entry a line, rows of numbers on one."""
    text = json.dumps(card, indent=1, ensure_ascii=False)
    return re.sub(r"\[[-+\d.eE,\s]+\]", lambda row: "[" + ", ".join(row[0][1:-1].replace(",", " ").split()) + "]", text)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
