from .manifest import Manifest as Manifest, device_facts as device_facts, peak_memory_mib as peak_memory_mib
from .tables import read_csv as read_csv, write_csv as write_csv
