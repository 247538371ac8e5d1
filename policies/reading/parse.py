"""Which texts can be read, and by which function?"""

from __future__ import annotations

from policies.reading.parse_agreement import parse_agreement
from policies.reading.parse_core import parse_core
from policies.reading.parse_dataset import parse_dataset

__all__ = ["parse_agreement", "parse_core", "parse_dataset"]
