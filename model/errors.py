"""The errors of models and bundles, each with a stable code; no HTTP here."""

from typing import ClassVar, Final

MORE_MEMORY: Final = "allow the server more of it (ulimit -v, the container's limit)"


def describe(error: BaseException) -> str:
    """Return an error's type and message on one line of bounded length."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def raised_in(error: BaseException) -> str:
    """Return the name of the module whose code raised an error."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")) if trace else ""


class PackingWarning(UserWarning):
    """Something about a model or its data that its owner should know, although it is packed."""


class ModelError(Exception):
    """A model or its bundle cannot be used; the message is one line that says what is wrong and what to do."""

    code: ClassVar[str] = "model_error"
    # The row (counted from 0) and the feature of the refused value, if they are known.
    cell: tuple[int, str | None] | None = None

    def __init_subclass__(cls, code: str) -> None:
        """Give a kind of error its code."""
        cls.code = code

    @staticmethod
    def of(code: str, message: str) -> "ModelError":
        """Return the error with that code, such as one that another process reported."""
        kinds = {kind.code: kind for kind in ModelError.__subclasses__()}
        return kinds.get(code, ModelError)(message)


class BundleMissing(ModelError, code="bundle_missing"):
    """There is no bundle, or a file that its manifest names is missing."""


class BundleUnreadable(ModelError, code="bundle_unreadable"):
    """The bundle exists, but the user of this process may not read it."""


class BundleCorrupt(ModelError, code="bundle_corrupt"):
    """The manifest is not valid, or a file does not have the size or digest that the manifest states."""


class DigestMismatch(ModelError, code="digest_mismatch"):
    """The manifest is not the pinned one."""


class BundleNotSigned(ModelError, code="bundle_not_signed"):
    """The bundle has no valid signature of a trusted key, or it cannot be signed."""


class VersionMismatch(ModelError, code="version_mismatch"):
    """The bundle was written in a format, or by a library version, that this process cannot serve."""


class UntrustedType(ModelError, code="untrusted_type"):
    """The model file contains a type that is not on the list of trusted types."""


class GoldenMismatch(ModelError, code="golden_mismatch"):
    """The loaded model does not reproduce the predictions it was packed with."""


class CodeFailed(ModelError, code="bad_code"):
    """The operator's own code cannot be imported."""


class NoRoom(ModelError, code="no_room"):
    """The system lacks memory or another resource."""


class UnsupportedEstimator(ModelError, code="unsupported_estimator"):
    """The estimator cannot be packed: it is not fitted, not a predictor, or of a kind not served."""


class PickleRefused(ModelError, code="pickle_refused"):
    """The bundle contains a pickle, which is a program, and the operator has not allowed this one."""


class UnknownCategory(ModelError, code="unknown_category"):
    """A row has a category that the model was not fitted on and does not accept."""


class ValueRefused(ModelError, code="value_refused"):
    """A step of the model refuses a value of the right type, such as a negative number under a logarithm."""


class OutputRefused(ModelError, code="output_refused"):
    """A bundle cannot be written under the given name or path."""


class NoFiniteAnswer(ModelError, code="no_finite_answer"):
    """The model's answer to these rows is not finite, although all their values are."""


class StorageDenied(ModelError, code="storage_denied"):
    """The storage does not let this process read the bundle: credentials are missing or insufficient."""


class StorageUnavailable(ModelError, code="storage_unavailable"):
    """The storage does not answer, or answers wrongly; a later attempt may succeed."""


class BundleTooLarge(ModelError, code="bundle_too_large"):
    """The bundle in the storage is larger than what may be fetched."""


class NotInstalled(ModelError, code="not_installed"):
    """A package that this needs is not installed; the message names the extra that installs it."""
