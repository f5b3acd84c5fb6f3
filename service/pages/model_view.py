"""What the page shows of a model: made once for each model, and of bounded size whatever its manifest contains."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from model.bundle.manifest import Manifest
from model.outputs import OutputSpec
from model.signature import TEXT, Cell, Label, Signature
from service.formats import strict_json
from service.pages.features import MOST_NAME, FeatureView, view_of
from service.serving.served_model import ServedModel

# Bytes of JSON: all features with their distributions and categories, all features without them, and the example rows.
FULL_BYTES: Final = 2**20
BARE_BYTES: Final = 3 * 2**20
ROWS_BYTES: Final = 2**19
CLASSES_BYTES: Final = 2**19
MOST_NAMED: Final = 50  # features of a row that is sent as an object; longer rows are sent as lists
_MOST_LISTED: Final = 20  # outputs, and classes of one output
_LONGEST_CELL: Final = 20_000  # characters


@dataclass(frozen=True)
class OutputView:
    """One output of the model by its name in answers; `columns` are the names of its values, None if it has one."""

    name: str
    columns: tuple[str, ...] | None
    further: bool


@dataclass(frozen=True)
class FormView:
    """What the page's form needs, which the page contains as JSON.

    `rows` are examples; the form starts with the first. Rows are sent as objects if they are `named`, else as lists.
    `classes` are those of each output, and `thresholds` the probabilities from which classes are answered.
    """

    features: tuple[FeatureView, ...]
    rows: tuple[tuple[Cell, ...], ...]
    named: bool
    task: str
    outputs: int | None
    classes: tuple[tuple[Label, ...], ...] | None
    thresholds: tuple[tuple[Label, float], ...]
    answers: tuple[OutputView, ...]
    tokens: bool


@dataclass(frozen=True)
class ModelView:
    """What the page says of the model beside its manifest; `form` is None if it has too many features for one."""

    digest: str
    engine: str
    loaded_at: str
    signature: Signature
    thresholds: tuple[tuple[Label, float], ...]
    features: tuple[FeatureView, ...]
    form: FormView | None

    @property
    def summary(self) -> str:
        """One sentence: the task, and how many outputs or classes and features there are."""
        signature = self.signature
        kind = signature.task.replace("_", " ").capitalize()
        counts = [] if signature.outputs is None else [_count(signature.outputs, "output")]
        if signature.outputs is None and signature.classes:
            counts.append(_count(len(signature.classes[0]), "class"))
        counts.append(_count(len(signature.features), "feature"))
        return f"{kind} with {' and '.join(counts)}."

    @property
    def class_lists(self) -> tuple[tuple[str, tuple[str, ...], int], ...]:
        """For each output a name, its first classes, and how many classes it has."""
        classes = self.signature.classes or ()
        return tuple(
            (
                "Classes" if len(classes) == 1 else f"Classes of output {index}",
                tuple(str(label)[:MOST_NAME] for label in labels[:_MOST_LISTED]),
                len(labels),
            )
            for index, labels in enumerate(classes[:_MOST_LISTED])
        )


def describe_model(served: ServedModel, *, tokens: bool, hidden: AbstractSet[str] = frozenset()) -> ModelView:
    """Return the view of a model; it has nothing of the training data of `hidden` features."""
    loaded, manifest = served.loaded, served.loaded.manifest
    signature = manifest.signature
    features = tuple(_features(manifest, hidden))
    thresholds = _thresholds(manifest, classes := _classes(signature))
    form = FormView(
        features=features,
        rows=_examples(manifest, hidden),
        named=len(features) <= MOST_NAMED and max(map(len, signature.names)) <= MOST_NAME,
        task=signature.task,
        outputs=signature.outputs,
        classes=classes,
        thresholds=thresholds,
        answers=tuple(map(_output, served.contract.outputs)),
        tokens=tokens,
    )
    return ModelView(
        digest=loaded.digest,
        engine=loaded.engine.name,
        loaded_at=datetime.fromtimestamp(served.loaded_at, UTC).isoformat(timespec="seconds"),
        signature=signature,
        thresholds=thresholds,
        features=features,
        form=form if len(features) == len(signature.features) else None,
    )


def _features(manifest: Manifest, hidden: AbstractSet[str]) -> Iterable[FeatureView]:
    """Yield the features in order, with their distributions and then without, as long as there is room."""
    baselines, rows = manifest.baseline or {}, manifest.golden.rows
    size = 0
    for column, feature in enumerate(manifest.signature.features):
        examples = [row[column] for row in rows]
        view = view_of(
            feature,
            baselines.get(feature.name),
            examples,
            text=manifest.signature.layout == TEXT,
            hidden=feature.name in hidden,
        )
        length = len(strict_json.dumps(view)) if size < FULL_BYTES else FULL_BYTES
        if size + length > FULL_BYTES:
            view = view.bare
            length = len(strict_json.dumps(view))
        size += length
        if size > BARE_BYTES:
            return
        yield view


def _examples(manifest: Manifest, hidden: AbstractSet[str]) -> tuple[tuple[Cell, ...], ...]:
    """Return golden rows of the model, as many as there is room for, and at least the first."""
    hidden_columns = [feature.name in hidden for feature in manifest.signature.features]
    examples: list[tuple[Cell, ...]] = []
    size = 0
    for cells in manifest.golden.rows:
        shortened = (cell[:_LONGEST_CELL] if isinstance(cell, str) else cell for cell in cells)
        row = tuple(None if is_hidden else cell for cell, is_hidden in zip(shortened, hidden_columns, strict=True))
        size += len(strict_json.dumps(row))
        if examples and size > ROWS_BYTES:
            break
        examples.append(row)
    return tuple(examples)


def _classes(signature: Signature) -> tuple[tuple[Label, ...], ...] | None:
    """Return the classes; None if there are none, or too many for the page."""
    classes = signature.classes
    return None if classes is None or len(strict_json.dumps(classes)) > CLASSES_BYTES else classes


def _output(spec: OutputSpec) -> OutputView:
    columns = spec.columns if spec.shape and spec.is_further else None
    return OutputView(spec.member, columns, spec.is_further)


def _thresholds(manifest: Manifest, classes: tuple[tuple[Label, ...], ...] | None) -> tuple[tuple[Label, float], ...]:
    """Return the classes that have a threshold; none if there are too many classes for the page."""
    pairs = zip(classes[0] if classes else (), manifest.thresholds, strict=False)
    return tuple((label, least) for label, least in pairs if least is not None)


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
