"""What a run leaves behind: its manifest and its tables."""

from zfnet.runs.manifest import Manifest, device_facts, peak_memory_mib, read_manifest
from zfnet.runs.tables import read_csv, write_csv

__all__ = ["Manifest", "device_facts", "peak_memory_mib", "read_csv", "read_manifest", "write_csv"]
