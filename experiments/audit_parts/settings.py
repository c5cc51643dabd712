"""What conf/audit.yaml says of the images, the methods and the questions."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.common.config import check_least
from zfnet.analysis.audit import CLASS, UNIT, WAYS, check_methods

QUESTIONS = ("cascade", "switches", "sensitivity", "faithfulness", "localisation", "training")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of the job. Raises ValueError for counts below 2, unknown methods, questions and ways."""

    count: int
    costly_count: int
    part: list[int]
    layer: str | None
    methods: list[str]
    questions: list[str]
    targets: list[str]
    stages: int
    ways: list[str]
    seed: int
    twin: str | None
    shuffled: str | None
    shown: int

    def __post_init__(self) -> None:
        check_methods(self.methods)
        for given, known in ((self.questions, QUESTIONS), (self.ways, WAYS), (self.targets, (CLASS, UNIT))):
            for word in given:
                if word not in known:
                    raise ValueError(f"{word!r} is not one of {', '.join(known)}")
        for name in ("count", "costly_count"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name}={getattr(self, name)}, expected 2 or more: pictures of two are compared")
        if len(self.part) != 2 or not 0 <= self.part[0] < self.part[1]:
            raise ValueError(f"part={self.part}, expected which of how many, counted from 0: part=[0,4]")
        check_least(self, stages=1, shown=0)
