"""Where TensorBoard's events of a run lie: it names a run by the folder that holds them."""

from __future__ import annotations

from pathlib import Path

EARLIER = "tensorboard"  # where versions before had them, which made every run's name end in it


def events_folder(run_folder: Path, part: str = "") -> Path:
    """The run's own folder, so that TensorBoard calls runs/zfnet "zfnet", or a folder within for a part of it.

    TensorBoard reads one growing file a folder: what writes a second one must be a part. A run that an earlier version
    began goes on where its events lie.
    """
    earlier = run_folder / EARLIER
    return (earlier if any(earlier.glob("events.out.tfevents.*")) else run_folder) / part
