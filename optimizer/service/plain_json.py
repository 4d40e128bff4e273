"""JSON in ASCII: any text that a caller sent can be sent back, halves of letters too."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse


class PlainJSON(JSONResponse):
    """An answer in JSON."""

    def render(self, content: Any) -> bytes:
        """Return the bytes; NaN, which JSON has no word for, is a fault."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
