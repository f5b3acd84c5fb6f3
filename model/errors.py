"""The ways a model can be wrong, each with a stable code; no HTTP here."""

from typing import ClassVar, Final

MORE_MEMORY: Final = "allow the server more of it (ulimit -v, the container's limit)"


class ModelError(Exception):
    """A model or its bundle cannot be used; the message is one line: what is wrong, and what to do."""

    code: ClassVar[str] = "model_error"

    @staticmethod
    def of(code: str, message: str) -> "ModelError":
        """Return the error with that code, such as one that another process reported."""
        kinds = {kind.code: kind for kind in ModelError.__subclasses__()}
        return kinds.get(code, ModelError)(message)


class BundleMissing(ModelError):
    """There is no bundle, or a file that its manifest names is not there."""

    code = "bundle_missing"


class BundleUnreadable(ModelError):
    """The bundle is there, and the user that this process runs as may not read it."""

    code = "bundle_unreadable"


class BundleCorrupt(ModelError):
    """The manifest cannot be read, or a file's size or digest is not what the manifest says."""

    code = "bundle_corrupt"


class DigestMismatch(ModelError):
    """The manifest is not the one that was pinned."""

    code = "digest_mismatch"


class VersionMismatch(ModelError):
    """The bundle was written in a format, or by a library version, that this process cannot serve."""

    code = "version_mismatch"


class UntrustedType(ModelError):
    """The model file holds a type that is not on the list of types this project trusts."""

    code = "untrusted_type"


class GoldenMismatch(ModelError):
    """The loaded model does not reproduce the predictions it was packed with."""

    code = "golden_mismatch"


class CodeFailed(ModelError):
    """The operator's own code cannot be imported."""

    code = "bad_code"


class NoRoom(ModelError):
    """There is too little memory, or of something else that the system has to give."""

    code = "no_room"


class UnsupportedEstimator(ModelError):
    """The estimator cannot be packed: it is not fitted, not a predictor, or of a kind not served."""

    code = "unsupported_estimator"


class PickleRefused(ModelError):
    """The bundle holds a pickle, which is a program, and the operator has not allowed that one."""

    code = "pickle_refused"


class UnknownCategory(ModelError):
    """A row holds a category that the model was not fitted on, and that it does not take."""

    code = "unknown_category"


class ValueRefused(ModelError):
    """A step of the model refuses a value that is of the right kind, such as a negative number under a logarithm."""

    code = "value_refused"


class OutputRefused(ModelError):
    """A bundle cannot be written as or where it was asked for."""

    code = "output_refused"


class NoFiniteAnswer(ModelError):
    """The model computes no finite number from these rows, though each of their values is one."""

    code = "no_finite_answer"
