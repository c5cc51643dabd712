"""Writing a pack: in parallel, resumable after a kill at any moment, whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zfnet.data import MAX_MEGAPIXELS, check_max_megapixels, in_order
from zfnet.data.datasets import ImageList, no_readable_image
from zfnet.data.pack import layout
from zfnet.data.pack.chunk import CHUNK_IMAGES, Entry, Task, pack_chunk
from zfnet.data.pack.journal import Journal
from zfnet.data.pack.layout import Summary
from zfnet.data.pack.read import PackImages, open_pack, read_summary
from zfnet.files import flush, naming, whole_file
from zfnet.progress import Progress

SKIPPED_SHOWN = 20


def write_pack(
    images: ImageList, out: str | Path, side_px: int = 256, workers: int | None = None, *, strict: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> PackImages:  # fmt: skip
    """Pack the images into the folder `out` and open it; a pack of the same files and side there already is reused.

    The pack is written into out.partial, chunk by chunk; a journal there lets the same call go on after a kill, and
    only a whole pack is renamed to `out`. workers: processes, by default one a core. Images that cannot be read are
    left out and reported at the end; strict raises UnreadableImage at the first one instead. Images of more than
    max_megapixels count as such; a pack that is there stays as it is, whatever its limit was.
    Raises ValueError where `out` holds something else, or, strict, a pack that left images out, where the disk has no
    room, or a class would be left without images.
    """
    out = Path(out)
    if side_px < 1 or not len(images):
        raise ValueError(f"{out}: {len(images)} images at {side_px} px; a pack needs at least one of both")
    check_max_megapixels(max_megapixels)
    sources = images.digest(side_px), images.earlier_digest(side_px)
    if out.exists():
        return _reuse(out, images, sources, strict=strict)
    partial = layout.partial_folder(out)
    needed = layout.pack_bytes(len(images), side_px)
    free = layout.check_room(partial, needed - layout.allocated_bytes(partial / layout.PIXELS))
    partial.mkdir(parents=True, exist_ok=True)
    with Journal(partial, sources[0], side_px, len(images), earlier=sources[1]) as journal:
        if out.exists():  # made by the process that had the journal's lock until now
            _forget(partial)
            return _reuse(out, images, sources, strict=strict)
        room = f"{layout.gigabytes(needed)} ({layout.gigabytes(free)} free)"
        print(f"{out}: packing {len(images):,} images at {side_px} px into {room}")
        if not (partial / layout.SUMMARY).exists():
            task = Task(str(partial / layout.PIXELS), side_px, strict=strict, max_megapixels=max_megapixels)
            total = _write_pixels(images, task, workers or os.cpu_count() or 1, journal)
            entries = [journal.done[chunk] for chunk in sorted(journal.done)]
            _complete(images, partial, side_px=side_px, source=journal.source, entries=entries, total=total)
        _commit(partial, out, sources)
    pack = open_pack(out)
    _report(pack)
    return pack


def _forget(partial: Path) -> None:
    """Take away a folder that was made anew when another process had just renamed it to its pack."""
    (partial / layout.JOURNAL).unlink(missing_ok=True)
    with suppress(OSError):
        partial.rmdir()


def _reuse(out: Path, images: ImageList, sources: Sequence[str], *, strict: bool) -> PackImages:
    if (out / layout.SUMMARY).is_file():
        (out / layout.JOURNAL).unlink(missing_ok=True)  # left by a kill right after the rename
    pack = open_pack(out)
    _check_names(out, images, read_summary(out))
    _check_source(out, read_summary(out), sources)
    if strict and pack.skipped:
        raise ValueError(
            f"{out}: already packed without {len(pack.skipped)} images that could not be read ({pack.skipped[0]}), and "
            "strict allows none: mend them, delete that folder and pack again, or go on without strict"
        )
    print(f"{out}: already packed from these files, reused ({len(pack.skipped)} skipped)")
    return pack


def _check_names(folder: Path, images: ImageList, summary: Summary) -> None:
    """Raise ValueError where the images are the same, and only what their classes are called is another."""
    held = tuple(summary.names)
    if held == images.names or len(held) != len(images.names):
        return
    if replace(images, names=held).digest(summary.side_px) == summary.source:
        was, now = next(pair for pair in zip(held, images.names, strict=True) if pair[0] != pair[1])
        raise ValueError(
            f"{folder}: already a pack of these images whose classes had other names ({was!r} is {now!r} now): give "
            f"the pack itself (data=imagenet_pack data.root={folder.parent}) to go on with those, or delete it"
        )


def _check_source(folder: Path, summary: Summary, sources: Sequence[str]) -> None:
    """sources: the digest of the list asked for, and the one that an earlier version gave it."""
    if summary.source not in sources:
        raise ValueError(
            f"{folder}: already a pack of other images (list {summary.source}, {summary.count} images, side "
            f"{summary.side_px}) than those asked for (list {sources[0]}); delete it, or choose another folder"
        )


def _write_pixels(images: ImageList, task: Task, workers: int, journal: Journal) -> NDArray[np.int64]:
    """Write image i into row i, noting each chunk in the journal; return the sum of all rows (side, side, 3)."""
    pixels, side_px = Path(task.pixels), task.side_px
    with open(pixels, "ab") as file, naming(pixels):
        file.truncate(layout.pixels_bytes(len(images), side_px))
    if journal.done:
        print(f"{pixels.parent}: going on after {len(journal.done)} finished chunks, checking them first")

    def tasks() -> Iterator[Task]:
        for chunk, first in enumerate(range(0, len(images), CHUNK_IMAGES)):
            paths = images.paths[first : first + CHUNK_IMAGES]
            yield replace(task, chunk=chunk, paths=paths, known=journal.done.get(chunk))

    total, skipped = np.zeros((side_px, side_px, 3), np.int64), 0
    chunks = -(-len(images) // CHUNK_IMAGES)
    results = in_order(pack_chunk, tasks(), min(workers, chunks))
    with Progress("packing", len(images), unit="image") as progress, closing(results):
        for entry, part in results:
            total += part
            skipped += len(entry.skipped)
            journal.add(entry)
            progress.advance(min(CHUNK_IMAGES, len(images) - progress.count), skipped=skipped)
    return total


def _complete(
    images: ImageList, partial: Path, *, side_px: int, source: str, entries: list[Entry], total: NDArray[np.int64]
) -> None:
    """Put all but the cut of the file of pixels in place; the summary comes last, when the disk holds the rest."""
    skipped = {index: reason for entry in entries for index, reason in entry.skipped.items()}
    kept = np.setdiff1d(np.arange(len(images)), np.array(sorted(skipped), np.int64))
    _check_classes(images, kept)
    order = _fill_gaps(partial / layout.PIXELS, side_px, kept)
    for name, array in (
        (layout.LABELS, images.labels[order]),
        (layout.MEAN, (total / len(kept)).astype(np.float32).transpose(2, 0, 1)),
        (layout.PATHS, _paths(images.paths, order)),
    ):
        with naming(partial / name):
            np.save(partial / name, array)
    fingerprint = _fingerprint(images.wnids, images.labels[kept], side_px, entries)
    summary = Summary(
        count=len(kept),
        side_px=side_px,
        wnids=list(images.wnids),
        names=list(images.names),
        fingerprint=fingerprint,
        source=source,
        skipped=list(skipped.values()),
    )
    for name in (layout.PIXELS, layout.LABELS, layout.MEAN, layout.PATHS):
        flush(partial / name)
    with whole_file(partial / layout.SUMMARY, durable=True) as file:
        file.write(summary.text().encode())


def _paths(paths: list[str], order: NDArray[np.int64]) -> NDArray[np.bytes_]:
    longest = max(len(os.fsencode(path)) for path in paths)
    return np.fromiter((os.fsencode(paths[index]) for index in order), f"S{longest}", len(order))


def _check_classes(images: ImageList, kept: NDArray[np.int64]) -> None:
    """A class whose every image is unreadable is an error, as an empty class folder is."""
    lost = np.setdiff1d(images.labels, images.labels[kept])
    if len(lost):
        first = images.paths[int(np.argmax(images.labels == lost[0]))]
        raise no_readable_image(first, images.wnids[lost[0]], lost)


def _fill_gaps(pixels: Path, side_px: int, kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Copy the last rows into those of the skipped images; return which image each of the first len(kept) rows holds.

    Only rows that the cut will drop are moved, and none of them is overwritten: doing it twice is doing it once.
    """
    order = np.arange(len(kept))
    gaps, movers = np.setdiff1d(order, kept), kept[kept >= len(kept)]
    with open(pixels, "r+b", buffering=0) as file, naming(pixels):
        for gap, mover in zip(gaps.tolist(), movers.tolist(), strict=True):
            row = os.pread(file.fileno(), layout.row_bytes(side_px), layout.row_offset(mover, side_px))
            os.pwrite(file.fileno(), row, layout.row_offset(gap, side_px))
        os.pwrite(file.fileno(), layout.npy_header(len(kept), side_px), 0)
    order[gaps] = movers
    return order


def _fingerprint(wnids: tuple[str, ...], labels: NDArray[np.int64], side_px: int, entries: list[Entry]) -> str:
    """16 hex digits over the classes, the labels and the chunks' hashes, all in the order of the list of images."""
    parts = [str(side_px), *wnids, *(entry.sha256 for entry in entries)]
    digest = hashlib.sha256(os.fsencode("\n".join(parts)))
    digest.update(labels.tobytes())
    return digest.hexdigest()[:16]


def _commit(partial: Path, out: Path, sources: Sequence[str]) -> None:
    """From a folder with its summary to the pack; a kill in between leaves a folder from which this can be repeated.

    The journal goes last: as long as the folder has its old name, whoever comes waits for the journal's lock.
    """
    summary = read_summary(partial)
    _check_source(partial, summary, sources)
    with open(partial / layout.PIXELS, "ab") as file:
        file.truncate(layout.pixels_bytes(summary.count, summary.side_px))
    flush(partial / layout.PIXELS)
    flush(partial)
    partial.rename(out)
    (out / layout.JOURNAL).unlink(missing_ok=True)
    flush(out)
    flush(out.absolute().parent)


def _report(pack: PackImages) -> None:
    print(f"{pack.folder}: {len(pack):,} images of {len(pack.wnids)} classes packed, {len(pack.skipped)} skipped")
    for reason in pack.skipped[:SKIPPED_SHOWN]:
        print(f"  skipped {reason}")
    if len(pack.skipped) > SKIPPED_SHOWN:
        print(f"  and {len(pack.skipped) - SKIPPED_SHOWN} more, all in {pack.folder / layout.SUMMARY}")
