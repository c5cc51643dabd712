from .manifest import (
    Manifest as Manifest,
    device_facts as device_facts,
    peak_memory_mib as peak_memory_mib,
    read_manifest as read_manifest,
)
from .tables import read_csv as read_csv, write_csv as write_csv
