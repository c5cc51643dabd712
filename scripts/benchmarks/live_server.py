"""What the live page's server does without a browser: each question's processor time, and eight sessions at once.

Called by scripts/bench live --processor and --load SECONDS.
"""

from __future__ import annotations

import io
import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import table
from PIL import Image

from zfnet.data import photograph_paths
from zfnet.live import Lens, Page, Pictures, bound, live_application, server_of
from zfnet.network import open_network
from zfnet.training.machine import keep_freed_memory, share_one_heap

LAYERS = {
    "zfnet": "conv5",
    "torchvision:squeezenet1_0": "features.12.expand3x3",
    "torchvision:resnet18": "layer3.1.conv2",
}
ROUNDS = 20


def as_the_job() -> None:
    """What the job tells the C library before it opens anything."""
    keep_freed_memory()
    share_one_heap()


def page_of(name: str, weights: str | None) -> Page:
    torch.manual_seed(0)
    network = open_network(name, weights)
    network = network.to("cpu", torch.channels_last)
    lens = Lens(network, number=0, source=name, weights=weights, title=name)
    return Page(lenses=[lens], pictures=Pictures([network.frame]), examples=[Path(path) for path in photograph_paths()])


@contextmanager
def served(page: Page) -> Iterator[str]:
    listening = bound("127.0.0.1", 0)
    server = server_of(live_application(page))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def processor(weights: str | None, only: str | None) -> None:
    """Processor time of each question on one thread, without a browser: it does not depend on what else runs."""
    torch.set_num_threads(1)
    as_the_job()
    files, columns = [Path(path).read_bytes() for path in photograph_paths()], {}
    for name, layer in LAYERS.items():
        if only not in (None, name):
            continue
        page, rng = page_of(name, weights if "squeezenet" in name else None), np.random.default_rng(0)
        found: dict[str, list[float]] = {}

        def timed(row: str, ask: Callable[[], Any], found: dict[str, list[float]] = found) -> Any:
            begun = time.process_time()
            answer = ask()
            found.setdefault(row, []).append(1000 * (time.process_time() - begun))
            return answer

        for number in range(ROUNDS):
            key = timed("picture: decoded", lambda: page.upload(files[number % 2], "a.jpg"))["picture"]  # noqa: B023
            said = {"picture": key, "layer": layer}
            x, y = rng.integers(20, 204, 2).tolist()
            timed("prediction: a pass, recorded", lambda: page.answer("guess", said))  # noqa: B023
            maps = timed("layer: its maps", lambda: page.answer("maps", said))  # noqa: B023
            unit = [maps[one][number % 9] for one in ("maps", "row", "column")]
            timed("map: its projection", lambda: page.answer("unit", {**said, "map": unit[0]}))  # noqa: B023
            timed("place: eight projections", lambda: page.answer("place", {**said, "x": x, "y": y}))  # noqa: B023
            square = {**said, "map": unit[0], "hidden": [y - 24, x - 24, 48]}
            timed("a square under the mouse", lambda: page.answer("hide", square))  # noqa: B023
            timed("save as PNG", lambda: page.figure({**said, "units": [unit]}))  # noqa: B023
        columns[f"{name}, {layer}"] = found
    rows = [
        [row, *(f"{statistics.median(one[row]):.0f} ({max(one[row]):.0f})" for one in columns.values())]
        for row in next(iter(columns.values()))
    ]
    print(table([f"ms of processor time, median of {ROUNDS} (slowest)", *columns], rows))


def turned(photograph: bytes, rng: np.random.Generator) -> bytes:
    """The photograph by some angle: another picture each time."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(photograph)) as image:
        image.rotate(float(rng.uniform(0, 360))).save(file, "JPEG")
    return file.getvalue()


def ask(address: str, path: str, body: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/{path}", data=data), timeout=120) as answer:
        return json.loads(answer.read())


@dataclass
class Sessions:
    """Visitors at once; the first answer to each question is what each later one to the same must be."""

    photographs: list[bytes]
    layer: str
    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, address: str, seed: int, end: float) -> None:
        """Uploads, and questions of all kinds, until end (seconds of the monotonic clock)."""
        rng, seen, picture = np.random.default_rng(seed), dict[str, str](), ""
        try:
            while time.monotonic() < end:
                if rng.random() < 0.2 or not picture:
                    turned_one = turned(self.photographs[seed % len(self.photographs)], rng)
                    picture, seen = ask(address, "upload", turned_one)["picture"], {}
                kind = ["guess", "maps", "place", "hide", "strongest", "unit"][int(rng.integers(6))]
                said = {"picture": picture, "layer": self.layer, "map": int(rng.integers(3)), "y": 100, "x": 120,
                        "hidden": [40, 50, 48]}  # fmt: skip
                answer = ask(address, f"ask/{kind}", said)
                key, told = f"{kind}{said['map']}", json.dumps(answer)
                with self.lock:
                    self.answered += 1
                    if answer["picture"] != picture or seen.setdefault(key, told) != told:
                        self.wrong.append(f"session {seed}: {kind}")
        except Exception as error:
            self.wrong.append(f"session {seed}: {error}")


def load(seconds: float, weights: str | None, sessions: int = 8) -> None:
    """Sessions that ask for all kinds of things at once, once as many pictures are kept as the page keeps."""
    as_the_job()
    photographs, rng = [Path(path).read_bytes() for path in photograph_paths()], np.random.default_rng(sessions)
    page = page_of("torchvision:squeezenet1_0", weights)
    print(f"resident MiB at the start: {resident_mib():.0f}")
    kept = page.pictures.kept
    for number in range(kept):
        page.upload(turned(photographs[number % len(photographs)], rng), "a.jpg")
    print(f"with {kept} pictures kept: {resident_mib():.0f}")
    visitors = Sessions(photographs, LAYERS["torchvision:squeezenet1_0"])
    with served(page) as address:
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=visitors.one, args=(address, seed, end)) for seed in range(sessions)]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            time.sleep(5)
            memory.append(resident_mib())
    print(f"{sessions} sessions, {seconds:g} s: {visitors.answered} answers, "
          f"wrong or failed: {len(visitors.wrong)} {visitors.wrong[:3]}")  # fmt: skip
    print("resident MiB every 5 s:", " ".join(f"{one:.0f}" for one in memory))


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
