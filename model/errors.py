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

    @staticmethod
    def of(code: str, message: str) -> "ModelError":
        """Return the error with that code, such as one that another process reported."""
        kinds = {kind.code: kind for kind in ModelError.__subclasses__()}
        return kinds.get(code, ModelError)(message)


class BundleMissing(ModelError):
    """There is no bundle, or a file that its manifest names is missing."""

    code = "bundle_missing"


class BundleUnreadable(ModelError):
    """The bundle exists, but the user of this process may not read it."""

    code = "bundle_unreadable"


class BundleCorrupt(ModelError):
    """The manifest is not valid, or a file does not have the size or digest that the manifest states."""

    code = "bundle_corrupt"


class DigestMismatch(ModelError):
    """The manifest is not the pinned one."""

    code = "digest_mismatch"


class BundleNotSigned(ModelError):
    """The bundle has no valid signature of a trusted key, or it cannot be signed."""

    code = "bundle_not_signed"


class VersionMismatch(ModelError):
    """The bundle was written in a format, or by a library version, that this process cannot serve."""

    code = "version_mismatch"


class UntrustedType(ModelError):
    """The model file contains a type that is not on the list of trusted types."""

    code = "untrusted_type"


class GoldenMismatch(ModelError):
    """The loaded model does not reproduce the predictions it was packed with."""

    code = "golden_mismatch"


class CodeFailed(ModelError):
    """The operator's own code cannot be imported."""

    code = "bad_code"


class NoRoom(ModelError):
    """The system lacks memory or another resource."""

    code = "no_room"


class UnsupportedEstimator(ModelError):
    """The estimator cannot be packed: it is not fitted, not a predictor, or of a kind not served."""

    code = "unsupported_estimator"


class PickleRefused(ModelError):
    """The bundle contains a pickle, which is a program, and the operator has not allowed this one."""

    code = "pickle_refused"


class UnknownCategory(ModelError):
    """A row has a category that the model was not fitted on and does not accept."""

    code = "unknown_category"


class ValueRefused(ModelError):
    """A step of the model refuses a value of the right type, such as a negative number under a logarithm."""

    code = "value_refused"


class OutputRefused(ModelError):
    """A bundle cannot be written under the given name or path."""

    code = "output_refused"


class NoFiniteAnswer(ModelError):
    """The model's answer to these rows is not finite, although all their values are."""

    code = "no_finite_answer"


class StorageDenied(ModelError):
    """The storage does not let this process read the bundle: credentials are missing or insufficient."""

    code = "storage_denied"


class StorageUnavailable(ModelError):
    """The storage does not answer, or answers wrongly; a later attempt may succeed."""

    code = "storage_unavailable"


class BundleTooLarge(ModelError):
    """The bundle in the storage is larger than what may be fetched."""

    code = "bundle_too_large"


class NotInstalled(ModelError):
    """A package that this needs is not installed; the message names the extra that installs it."""

    code = "not_installed"
