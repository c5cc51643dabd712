"""The page over HTTP: nothing but its own routes, to its own address, with what is sent to it capped."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from zfnet.live.guarding import Refused, body, question, told
from zfnet.live.hiding import rest
from zfnet.live.page import Page
from zfnet.live.pictures import MOST_UPLOAD_BYTES
from zfnet.live.wire import png

PACKAGE = "zfnet.pages.live"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
KINDS = {".js": "text/javascript", ".css": "text/css"}
NOTHING = "there is nothing here"
REST_S = 20.0  # for what computes when the page is closed: a pass of a large network


@dataclass(frozen=True)
class Handlers:
    """The page's routes. html: what `front_page` made. files: what lies beside it, by name."""

    page: Page
    html: str
    files: Mapping[str, bytes]

    async def front(self, request: Request) -> Response:
        return Response(self.html, media_type="text/html")

    async def nothing(self, request: Request) -> Response:
        """The icon that a browser looks for on pages of an atlas."""
        return Response(status_code=204)

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.files:
            raise Refused(404, NOTHING)
        return Response(self.files[name], media_type=KINDS[Path(name).suffix])

    async def about(self, request: Request) -> Response:
        return JSONResponse(self.page.about())

    async def upload(self, request: Request) -> Response:
        content, name = await body(request, MOST_UPLOAD_BYTES), request.query_params.get("name", "image")
        return JSONResponse(await run_in_threadpool(self.page.upload, content, name))

    async def ask(self, request: Request) -> Response:
        said, name = await question(request), request.path_params["name"]
        if name == "figure":
            return Response(await run_in_threadpool(self.page.figure, said), media_type="image/png")
        if name == "occlusion":
            return StreamingResponse(self.page.occlusion(said), media_type="application/x-ndjson")
        return JSONResponse(await run_in_threadpool(self.page.answer, name, said))

    async def example(self, request: Request) -> Response:
        """A small picture for the gallery."""
        number = request.path_params["number"]
        if number >= len(self.page.examples):
            raise Refused(404, NOTHING)
        return Response(await run_in_threadpool(self.page.thumbnail, number), media_type="image/png")

    async def square(self, request: Request) -> Response:
        """The square that the network's crop is cut from: opened again it gives the same pixels."""
        picture = self.page.asked({"picture": request.path_params["key"]}).picture
        number = request.path_params["number"]
        if number >= len(picture.squares):
            raise Refused(404, NOTHING)
        return Response(png(picture.squares[number]), media_type="image/png")


def application(page: Page, html: str, host: str = LOOPBACK[0]) -> Starlette:
    """The page as an application. host: what it is bound to; on loopback it answers to no other name."""
    handlers = Handlers(page, html, _static_files())
    routes: list[Any] = [
        Route("/", told(handlers.front)),
        Route("/static/{name}", told(handlers.static)),
        Route("/favicon.ico", told(handlers.nothing)),
        Route("/about", told(handlers.about)),
        Route("/upload", told(handlers.upload), methods=["POST"]),
        Route("/ask/{name}", told(handlers.ask), methods=["POST"]),
        Route("/example/{number:int}", told(handlers.example)),
        Route("/square/{key}/{number:int}.png", told(handlers.square)),
    ]
    if page.atlas is not None:
        routes.append(Mount("/atlas", StaticFiles(directory=page.atlas.folder)))
    names = list(LOOPBACK) if host in LOOPBACK else ["*"]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=names)])


def _static_files() -> dict[str, bytes]:
    """Read once: no path that is asked for ever reaches the disk."""
    folder = Path(str(resources.files(PACKAGE))) / "static"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in KINDS}


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ValueError where the port is taken or the host is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(128)  # whoever comes before the server has begun waits
    except (OSError, OverflowError) as error:
        listening.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ValueError(
                f"port {port} of {host} is taken, perhaps by another page: give another port=..., or port=0 for any "
                "that is free"
            ) from error
        raise ValueError(f"host={host} port={port} cannot be served ({error}): give another port=...") from error
    return listening


def serve(app: Starlette, listening: socket.socket) -> None:
    """Until Ctrl-C or SIGTERM: questions under way are answered, occlusion maps are left, then it ends."""
    server_of(app).run(sockets=[listening])
    rest(REST_S)


def server_of(app: Starlette) -> uvicorn.Server:
    """A server that has not begun, and that ends where its should_exit is set."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=3, server_header=False,
        lifespan="off", ws="none",
    )  # fmt: skip
    return Quiet(config)


class Quiet(uvicorn.Server):
    """Takes the first Ctrl-C or SIGTERM as the end of a day's work, and does not raise it again afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():  # only there can signals be heard
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
