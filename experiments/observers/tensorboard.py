"""A training run in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams
from torchvision.utils import make_grid

from experiments.observers.dead_maps import StrongestActivations
from experiments.observers.mistakes import Mistakes
from experiments.observers.pace import Pace
from zfnet.training import EpochReport, Observer, StepReport, TrainingRun, named_convolutions, share_at_limit

STEPS_BETWEEN_POINTS = 20


class Board(Observer):
    """Losses, errors, rate, speed, filters, dead maps, histograms, mistakes, and the configuration it was made with.

    configuration: the whole of it as YAML text; hparams: what runs are told apart by, in the order of its columns.
    images_every, histograms_every, mistakes_every: epochs between filter pictures, weight histograms, and confusion
    matrices with the worst mistakes (also after the last epoch); 0 for none.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configuration: str,
        hparams: Mapping[str, bool | float | str],
        images_every: int = 1,
        histograms_every: int = 5,
        mistakes_every: int = 5,
    ) -> None:
        self.folder, self.configuration, self.hparams = folder, configuration, dict(hparams)
        self.images_every, self.histograms_every, self.mistakes_every = images_every, histograms_every, mistakes_every
        self._writer: SummaryWriter | None = None
        self._strongest, self._pace = StrongestActivations(), Pace()
        self._mistakes: Mistakes | None = None

    def on_start(self, trainer: TrainingRun) -> None:
        if not trainer.world.first:
            return
        self._writer = SummaryWriter(str(self.folder), purge_step=trainer.position.step + 1)
        if trainer.position.step == 0:
            self._writer.add_text("configuration", f"```yaml\n{self.configuration}\n```", 0)
            self._filters(self._writer, trainer, 0)

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        self._pace.add(trainer, report)
        if self._writer is None or report.step % STEPS_BETWEEN_POINTS:
            return
        means, pace = report.tally.means(), self._pace.take()
        points = {
            "step/loss": means.loss,
            "step/top1_error": means.top1_error,
            "step/top5_error": means.top5_error,
            "step/learning_rate": report.learning_rate,
            "speed/images_per_s": pace.images_per_s,
            "speed/share_waiting_for_data": pace.wait_share,
        }
        for name, value in points.items():
            self._writer.add_scalar(name, value, report.step)
        self._writer.flush()  # what went before a divergence is what one wants to see

    def on_validation(self, trainer: TrainingRun) -> None:
        """Watch what the network makes of the validation images that follow."""
        self._strongest.begin(trainer.model)
        epoch, every = trainer.position.epoch + 1, self.mistakes_every
        wanted = every and (epoch % every == 0 or epoch == trainer.recipe.epochs)
        self._mistakes = Mistakes(trainer.val) if wanted else None

    def on_validation_batch(
        self, trainer: TrainingRun, indices: Tensor, labels: Tensor, log_probabilities: Tensor
    ) -> None:
        if self._mistakes is not None:
            self._mistakes.see(indices, labels, log_probabilities)

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        strongest = self._strongest.end(trainer.world)
        if self._mistakes is not None:
            self._mistakes.gather(trainer.world)
        if self._writer is None:
            return
        writer, epoch = self._writer, report.epoch
        for name in ("loss", "top1_error", "top5_error"):
            writer.add_scalar(f"epoch/train_{name}", getattr(report, f"train_{name}"), epoch)
            writer.add_scalar(f"epoch/val_{name}", getattr(report, f"val_{name}"), epoch)
        for name, values in list(strongest.items())[:-1]:  # class scores may well be negative everywhere
            writer.add_scalar(f"layers_dead_maps/{name}", float((values <= 0).float().mean()), epoch)
        self._weights(writer, trainer, epoch)
        if self._mistakes is not None:
            self._mistakes.draw(writer, trainer.frame, epoch)
        writer.flush()

    def _weights(self, writer: SummaryWriter, trainer: TrainingRun, epoch: int) -> None:
        """Filters at the RMS limit, filter pictures, histograms."""
        limit = trainer.recipe.filter_rms_limit
        if limit is not None:
            for name, module in named_convolutions(trainer.model):
                writer.add_scalar(f"layers_at_rms_limit/{name}", share_at_limit(module.weight, limit), epoch)
        if self.images_every and epoch % self.images_every == 0:
            self._filters(writer, trainer, epoch)
        if self.histograms_every and (epoch % self.histograms_every == 0 or epoch == 1):
            for name, parameter in trainer.model.named_parameters():
                if parameter.ndim > 1:
                    writer.add_histogram(f"weights/{name}", parameter.detach().float().cpu(), epoch)

    def _filters(self, writer: SummaryWriter, trainer: TrainingRun, epoch: int) -> None:
        """First-layer filters, each scaled by its own range around grey."""
        weight = next(named_convolutions(trainer.model))[1].weight.detach().float().cpu()  # (maps, 3, h, w)
        if weight.shape[1] not in (1, 3):
            return
        scaled = 0.5 + 0.5 * weight / weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        enlarged = scaled.repeat_interleave(4, 2).repeat_interleave(4, 3)  # (maps, 3, 4 h, 4 w)
        writer.add_image("filters/first_layer", make_grid(enlarged, nrow=12, padding=4, pad_value=1.0), epoch)

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        if self._writer is None:
            return
        if trainer.history:
            last = trainer.history[-1]
            results = {"result/val_top1_error": last.val_top1_error, "result/val_top5_error": last.val_top5_error}
            writer = self._writer._get_file_writer()
            for summary in hparams(self.hparams, results):
                writer.add_summary(summary)
            for name, value in results.items():
                self._writer.add_scalar(name, value, last.epoch)
        self._writer.close()
