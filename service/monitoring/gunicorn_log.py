"""gunicorn's logger, in the format of all other records."""

from typing import Any

from gunicorn.glogging import Logger

from service.monitoring.log_format import Formatter


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Logs as gunicorn's own logger does, in the format of the rest of the server."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers, at the start and at each reload."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Formatter(self.error_fmt, self.datefmt))
