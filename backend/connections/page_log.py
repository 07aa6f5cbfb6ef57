"""What the page's HTTP library may log: its own failures whole, and a request that is no HTTP in one line."""

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)

HTTP_LOG: Final = logging.getLogger(f"{__name__}.http")


class _OwnFaults(logging.Filter):
    """Lets all pass but the traceback that the library writes for every request it cannot read."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        log.info("page.malformed", extra={"status": error.code})
        return False


HTTP_LOG.addFilter(_OwnFaults())
