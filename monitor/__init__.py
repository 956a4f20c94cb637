"""rotwatch: watches the links of a reading list and sees that a good copy exists before a page dies."""

from __future__ import annotations

__version__ = "0.1.0"
