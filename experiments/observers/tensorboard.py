"""A training run in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams
from torchvision.utils import make_grid

from zfnet.training import EpochReport, Observer, StepReport, TrainingRun, named_convolutions, share_at_limit

STEPS_BETWEEN_POINTS = 20


class Board(Observer):
    """Losses, errors, learning rate, speed, filters, filters at the RMS limit, dead maps, histograms, configuration.

    configuration: the whole of it as YAML text; hparams: what runs are told apart by, in the order of its columns.
    images_every, histograms_every: epochs between them, 0 for none.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configuration: str,
        hparams: Mapping[str, bool | float | str],
        images_every: int = 1,
        histograms_every: int = 5,
    ) -> None:
        self.folder, self.configuration, self.hparams = folder, configuration, dict(hparams)
        self.images_every, self.histograms_every = images_every, histograms_every
        self._writer: SummaryWriter | None = None
        self._strongest: dict[str, Tensor] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def on_start(self, trainer: TrainingRun) -> None:
        if not trainer.world.first:
            return
        self._writer = SummaryWriter(str(self.folder), purge_step=trainer.position.step + 1)
        if trainer.position.step == 0:
            self._writer.add_text("configuration", f"```yaml\n{self.configuration}\n```", 0)
            self._filters(trainer, 0)

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        if self._writer is None or report.step % STEPS_BETWEEN_POINTS:
            return
        means = report.tally.means()
        points = {
            "step/loss": means.loss,
            "step/top1_error": means.top1_error,
            "step/top5_error": means.top5_error,
            "step/learning_rate": report.learning_rate,
            "speed/images_per_s": trainer.recipe.batch_size / report.wall_s,
            "speed/share_waiting_for_data": report.wait_s / report.wall_s,
        }
        for name, value in points.items():
            self._writer.add_scalar(name, value, report.step)
        self._writer.flush()  # what went before a divergence is what one wants to see

    def on_validation(self, trainer: TrainingRun) -> None:
        """Watch each layer's strongest activations over the validation images that follow."""
        self._strongest = {}
        for name, module in trainer.model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                self._hooks.append(module.register_forward_hook(self._keep_strongest(name)))

    def _keep_strongest(self, name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            strongest = output.detach().transpose(0, 1).flatten(1).amax(1)
            before = self._strongest.get(name)
            self._strongest[name] = strongest if before is None else torch.maximum(before, strongest)

        return hook

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        strongest = {name: trainer.world.max(values) for name, values in self._strongest.items()}
        if self._writer is None:
            return
        for name in ("loss", "top1_error", "top5_error"):
            self._writer.add_scalar(f"epoch/train_{name}", getattr(report, f"train_{name}"), report.epoch)
            self._writer.add_scalar(f"epoch/val_{name}", getattr(report, f"val_{name}"), report.epoch)
        for name, values in list(strongest.items())[:-1]:  # class scores may well be negative everywhere
            self._writer.add_scalar(f"layers_dead_maps/{name}", float((values <= 0).float().mean()), report.epoch)
        limit = trainer.recipe.filter_rms_limit
        if limit is not None:
            for name, module in named_convolutions(trainer.model):
                share = share_at_limit(module.weight, limit)
                self._writer.add_scalar(f"layers_at_rms_limit/{name}", share, report.epoch)
        if self.images_every and report.epoch % self.images_every == 0:
            self._filters(trainer, report.epoch)
        if self.histograms_every and (report.epoch % self.histograms_every == 0 or report.epoch == 1):
            for name, parameter in trainer.model.named_parameters():
                if parameter.ndim > 1:
                    self._writer.add_histogram(f"weights/{name}", parameter.detach().float().cpu(), report.epoch)
        self._writer.flush()

    def _filters(self, trainer: TrainingRun, epoch: int) -> None:
        """First-layer filters, each scaled by its own range around grey."""
        assert self._writer is not None
        weight = next(named_convolutions(trainer.model))[1].weight.detach().float().cpu()
        if weight.shape[1] not in (1, 3):
            return
        scaled = 0.5 + 0.5 * weight / weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        enlarged = scaled.repeat_interleave(4, 2).repeat_interleave(4, 3)
        self._writer.add_image("filters/first_layer", make_grid(enlarged, nrow=12, padding=4, pad_value=1.0), epoch)

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
