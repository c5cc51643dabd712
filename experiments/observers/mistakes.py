"""What a network takes for what in a pass over the validation images, and its worst mistakes."""

from __future__ import annotations

import heapq

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from zfnet.data import ImageSource, InputFrame
from zfnet.figures.drawing import style
from zfnet.figures.mistakes import Mistake, draw_confusion, draw_mistakes, short
from zfnet.training import World

WORST = 16  # on the sheet
PAIRS = 20  # in the table of what is confused most


class Mistakes:
    """Counts a pass over a source, batch by batch; images that could not be read do not count."""

    def __init__(self, source: ImageSource) -> None:
        self.source = source
        classes = len(source.wnids)
        self.confusion: NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self._worst: list[tuple[float, int, int, float]] = []  # loss, image, answer and its log-probability

    def see(self, indices: Tensor, labels: Tensor, log_probabilities: Tensor) -> None:
        """indices, labels (B,), negative where an image could not be read; log_probabilities (B, C).

        An answer that is not a number is the worst of mistakes. Waits for the device.
        """
        logs, images = log_probabilities.float().cpu().numpy(), indices.cpu().numpy()
        readable = labels.cpu().numpy() >= 0
        logs, images = logs[readable], images[readable]
        truth, answers = self.source.labels[images], logs.argmax(1)  # (b,)
        np.add.at(self.confusion, (truth, answers), 1)
        rows = np.arange(len(images))
        losses = np.nan_to_num(-logs[rows, truth], nan=np.inf)
        wrong = np.flatnonzero((answers != truth) | np.isnan(logs).any(1))
        facts = zip(losses[wrong], images[wrong], answers[wrong], logs[rows, answers][wrong], strict=True)
        mistakes = [(float(loss), int(image), int(answer), float(log)) for loss, image, answer, log in facts]
        self._worst = heapq.nlargest(WORST, [*self._worst, *mistakes])

    def gather(self, world: World) -> None:
        """Let the first process know what all have counted; all must call it."""
        self.confusion = world.sum(torch.from_numpy(self.confusion).to(world.device)).cpu().numpy()
        self._worst = heapq.nlargest(WORST, [one for some in world.gather(self._worst) for one in some])

    def draw(self, writer: SummaryWriter, frame: InputFrame, epoch: int) -> None:
        """The matrix, the worst mistakes as the network saw them, and what is confused most, as TensorBoard has it."""
        names = self.source.names
        for name, figure in (
            ("confusion", draw_confusion(self.confusion, names)),
            ("worst", draw_mistakes(self._mistakes(frame))),
        ):
            writer.add_image(f"mistakes/{name}", style.pixels(figure), epoch, dataformats="HWC")
        writer.add_text("mistakes/confused_most", self._table(), epoch)

    def _mistakes(self, frame: InputFrame) -> list[Mistake]:
        if not self._worst:
            return []
        squares, _ = self.source.read([image for _, image, _, _ in self._worst])  # (n, 3, side, side)
        first = (frame.side_px - frame.size_px) // 2
        crops = squares[:, :, first : first + frame.size_px, first : first + frame.size_px]
        pictures = crops.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()  # (n, size, size, 3)
        names, labels = self.source.names, self.source.labels
        return [
            Mistake(
                picture=picture,
                truth=names[int(labels[image])],
                answer=names[answer],
                truth_probability=float(np.exp(-loss)),
                answer_probability=float(np.exp(log)),
            )
            for picture, (loss, image, answer, log) in zip(pictures, self._worst, strict=True)
        ]

    def _table(self) -> str:
        """The pairs of classes that are confused most, as Markdown."""
        counts, names = self.confusion.copy(), self.source.names
        np.fill_diagonal(counts, 0)
        rows = ["| class | taken for | images | of |", "|---|---|---:|---:|"]
        for flat in np.argsort(-counts, axis=None, kind="stable")[:PAIRS].tolist():
            truth, answer = divmod(flat, len(names))
            if counts[truth, answer]:
                of = self.confusion[truth].sum()
                rows.append(f"| {short(names[truth])} | {short(names[answer])} | {counts[truth, answer]} | {of} |")
        return "\n".join(rows)
