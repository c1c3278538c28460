import dataclasses
import gzip
import http.server
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nixgen.digest import Digest
from nixgen.sources.answer import Miss, Obtained
from nixgen.sources.download import Downloader
from tests.unit.sources.world import CONTENT, Web, send

Handler = http.server.BaseHTTPRequestHandler
pytestmark = pytest.mark.usefixtures("clean_environment")


def test_a_file_comes_whole_with_its_hash(web: Web, downloader: Downloader, tmp_path: Path) -> None:
    url = web.serve("/f", CONTENT)
    answer = downloader.get(url, tmp_path / "f", max_bytes=len(CONTENT))
    assert answer == Obtained(path=tmp_path / "f", digest=Digest.of_bytes(CONTENT))
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_compressed_file_is_not_decompressed_on_the_way(
    web: Web, downloader: Downloader, tmp_path: Path
) -> None:
    packed = gzip.compress(CONTENT)

    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(packed)

    web.pages["/f.tar.gz"] = respond
    downloader.get(web.url + "/f.tar.gz", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == packed


def test_a_body_in_chunks_comes_whole(web: Web, downloader: Downloader, tmp_path: Path) -> None:
    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (b"abc", b"defg"):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    web.pages["/f"] = respond
    assert isinstance(downloader.get(web.url + "/f", tmp_path / "f"), Obtained)
    assert (tmp_path / "f").read_bytes() == b"abcdefg"


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 100)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def silent(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.flush()
    time.sleep(1)


def broken(handler: Handler) -> None:
    send(handler, b"later", status=503)


def not_http(handler: Handler) -> None:
    handler.wfile.write(b"garbage\r\n")


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (cut_off, "IncompleteRead"),
        (silent, "timed out"),
        (broken, "answers 503 Service Unavailable"),
        (not_http, "garbage"),
    ],
)
def test_what_may_pass_is_tried_three_times(
    web: Web, downloader: Downloader, tmp_path: Path, respond: Callable[..., None], reason: str
) -> None:
    web.pages["/f"] = respond
    answer = downloader.get(web.url + "/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert reason in answer.reason
    assert web.asked == ["/f"] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_second_try_that_goes_well_is_enough(
    web: Web, downloader: Downloader, tmp_path: Path
) -> None:
    def respond(handler: Handler) -> None:
        if len(web.asked) == 1:
            cut_off(handler)
        else:
            send(handler, CONTENT)

    web.pages["/f"] = respond
    assert isinstance(downloader.get(web.url + "/f", tmp_path / "f"), Obtained)
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206])
def test_a_clear_no_is_not_asked_again(
    web: Web, downloader: Downloader, tmp_path: Path, status: int
) -> None:
    web.pages["/f"] = lambda handler: send(handler, b"", status=status)
    answer = downloader.get(web.url + "/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert answer.reason.startswith(f"answers {status}")
    assert web.asked == ["/f"]


def test_a_redirect_is_followed(web: Web, downloader: Downloader, tmp_path: Path) -> None:
    web.serve("/there", CONTENT)
    web.pages["/here"] = redirect("/there")
    assert isinstance(downloader.get(web.url + "/here", tmp_path / "f"), Obtained)


def test_a_circle_of_redirects_ends(web: Web, downloader: Downloader, tmp_path: Path) -> None:
    web.pages["/here"] = redirect("/here")
    answer = downloader.get(web.url + "/here", tmp_path / "f")
    assert answer == Miss(reason="more than 5 redirects")


def redirect(to: str) -> Callable[[Handler], None]:
    def respond(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return respond


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


@pytest.mark.parametrize("limit", [1000, None])
def test_an_endless_body_is_cut_at_the_limit(
    web: Web, downloader: Downloader, tmp_path: Path, limit: int | None
) -> None:
    web.pages["/f"] = endless
    answer = downloader.get(web.url + "/f", tmp_path / "f", max_bytes=limit)
    assert isinstance(answer, Miss)
    assert answer.wrong_content
    assert web.asked == ["/f"]
    assert not (tmp_path / "f").exists()


def test_a_body_that_drips_ends_at_the_deadline(
    web: Web, downloader: Downloader, tmp_path: Path
) -> None:
    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            pass

    web.pages["/f"] = respond
    hasty = dataclasses.replace(
        downloader, limits=dataclasses.replace(downloader.limits, total_s=0.1)
    )
    answer = hasty.get(web.url + "/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert answer.reason.startswith("too slow")


def test_stopping_ends_a_download(web: Web, downloader: Downloader, tmp_path: Path) -> None:
    begun = threading.Event()

    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x")
                begun.set()
                time.sleep(0.01)
        except OSError:
            pass

    web.pages["/f"] = respond
    threading.Thread(target=lambda: (begun.wait(), downloader.stopped.set())).start()
    assert downloader.get(web.url + "/f", tmp_path / "f") == Miss(reason="stopped")
    assert web.asked == ["/f"]


def test_a_host_that_cannot_be_reached_is_tried_for_one_file_only(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        first = downloader.get(url + "/a", tmp_path / "a")
        assert isinstance(first, Miss)
        assert "Connection refused" in first.reason
        monkeypatch.setattr(Downloader, "_try", None)
        assert downloader.get(url + "/b", tmp_path / "b") == first


def test_a_server_without_a_trusted_certificate_is_refused(
    downloader: Downloader, tmp_path: Path, web: Web
) -> None:
    answer = downloader.get(web.url.replace("http:", "https:") + "/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert "certificate" in answer.reason or "SSL" in answer.reason


def test_reasons_show_no_password(downloader: Downloader, tmp_path: Path) -> None:
    answer = downloader.get("http://me:secret@127.0.0.1:1/f", tmp_path / "f")
    assert isinstance(answer, Miss)
    assert "secret" not in answer.reason


def test_a_file_that_cannot_be_written_is_not_the_servers_fault(
    web: Web, downloader: Downloader, tmp_path: Path
) -> None:
    url = web.serve("/f", CONTENT)
    with pytest.raises(OSError, match="No such file"):
        downloader.get(url, tmp_path / "gone" / "f")
