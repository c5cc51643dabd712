"""What stands between a request and its answer: errors in one line, caps, and headers that keep a page to itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from zfnet.live.pictures import Forgotten

log = logging.getLogger(__name__)
MOST_QUESTION_BYTES = 64_000
HEARD_OUT = 10  # times as much as is taken is read, and thrown away
GUARDS = {  # nothing from elsewhere, no frame around it, nothing kept in caches
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self)",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A question that is not answered: the status and one line."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]


def told(handler: Handler) -> Handler:
    """The handler with its errors told in one line of JSON, and the guards on every answer."""

    async def guarded(request: Request) -> Response:
        try:
            _refuse_others(request)
            response = await handler(request)
        except Refused as error:
            response = JSONResponse({"error": str(error)}, error.status)
        except Forgotten as error:
            response = JSONResponse({"error": error.args[0]}, 410)
        except KeyError:
            response = JSONResponse({"error": "there is nothing here"}, 404)
        except (ValueError, OSError) as error:
            response = JSONResponse({"error": " ".join(str(error).split())[:500]}, 400)
        except ClientDisconnect:
            response = Response(status_code=400)
        except Exception:  # a bug: the page goes on, the traceback goes to the log
            log.exception("the question %s had no answer", request.url.path)
            response = JSONResponse({"error": "this went wrong here: the log of the run says how"}, 500)
        response.headers.update(GUARDS)
        return response

    return guarded


def _refuse_others(request: Request) -> None:
    """Pages of other sites may not ask, though a browser would carry their question here.

    It says where a question comes from twice: as Origin, and, to loopback and https pages, as Sec-Fetch-Site.
    """
    own = request.headers.get("host", "")
    site, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", f"http://{own}")
    if request.method == "POST" and (site not in ("same-origin", "none") or origin.rpartition("//")[2] != own):
        raise Refused(403, "only the page itself may ask")


async def body(request: Request, most: int) -> bytes:
    """What was sent. Raises Refused where it is more than `most` bytes, of which no more is kept."""
    content, came = bytearray(), 0
    async for piece in request.stream():
        came += len(piece)
        if came <= most:
            content += piece
        elif came > HEARD_OUT * most:  # a browser shows the answer only to one whom it could say all to
            break
    if came > most:
        raise Refused(413, f"that is more than the {most / 1e6:g} MB that this page takes: shrink it")
    return bytes(content)


async def question(request: Request) -> Mapping[str, Any]:
    try:
        said = json.loads(await body(request, MOST_QUESTION_BYTES))
    except (ValueError, RecursionError):
        raise Refused(400, "the question is not JSON") from None
    if not isinstance(said, dict):
        raise Refused(400, "the question is no JSON object")
    return said
