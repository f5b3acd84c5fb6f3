"""Loads a bundle to score rows with it; of the server's settings, those that say how rows are read apply."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from model.bundle.trust import Trust
from model.loading import load
from service.config.settings import Settings
from service.serving.fetch import policy_of
from service.serving.served_model import ServedModel

READ: Final = ("MISSING_COLUMNS", "IGNORE_EXTRA_COLUMNS", "ENGINE")
_MOST_ROWS: Final = 10**7  # batches are smaller


def load_for_scoring(bundle: Path, trust: Trust, environ: Mapping[str, str]) -> ServedModel:
    """Load a bundle; raises ModelError and SettingError."""
    settings = Settings.from_env({name: environ[name] for name in READ if name in environ})
    loaded = load(bundle, trust, compiled=settings.engine == "auto")
    return ServedModel.of(loaded, 0.0, _MOST_ROWS, policy=policy_of(settings, loaded))
