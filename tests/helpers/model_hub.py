"""A model hub on loopback: ModelScope's and Hugging Face's listings and files, with resumable transfers and faults."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class ModelHub:
    """``models``: hub id → folder. The other fields are faults, taken back by the test that wants them."""

    models: dict[str, Path]
    url: str = ""
    #: Bytes after which a file's transfer breaks off; used up once each.
    breaks: list[int] = field(default_factory=list)
    #: Files that arrive with other bytes, so many times.
    damaged: dict[str, int] = field(default_factory=dict)
    honours_range: bool = True
    #: (path of the file, Range header) of every file request.
    requests: list[tuple[str, str]] = field(default_factory=list)

    def files(self, hub_id: str) -> list[tuple[str, bytes]]:
        folder = self.models[hub_id]
        return [(p.relative_to(folder).as_posix(), p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()]


def put_speaker_model(folder: Path) -> Path:
    """CAM++ as the hubs lay it out: its weights have a name of their own, which only its configuration tells."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text("model: CAMPPlus\n")
    metas = {"init_param": "campplus_cn_common.bin", "config": "config.yaml"}
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": metas}))
    (folder / "campplus_cn_common.bin").write_bytes(b"weights")
    return folder


@contextmanager
def running_hub(models: dict[str, Path]) -> Iterator[ModelHub]:
    hub = ModelHub(models)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(hub: ModelHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query, path = parse_qs(address.query), unquote(address.path)
            for hub_id in hub.models:
                if path == f"/api/v1/models/{hub_id}/repo/files":
                    self._json({"Code": 200, "Data": {"Files": _modelscope_files(hub, hub_id)}})
                elif path == f"/api/v1/models/{hub_id}/repo":
                    self._file(hub_id, query["FilePath"][0])
                elif path == f"/api/models/{hub_id}/revision/main":
                    self._json({"sha": COMMIT, "siblings": _hf_files(hub, hub_id)})
                elif path.startswith(f"/{hub_id}/resolve/{COMMIT}/"):
                    self._file(hub_id, path.removeprefix(f"/{hub_id}/resolve/{COMMIT}/"))
                else:
                    continue
                return
            self.send_error(404)

        def _json(self, data: object) -> None:
            body = json.dumps(data).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _file(self, hub_id: str, name: str) -> None:
            asked = self.headers.get("Range", "")
            hub.requests.append((name, asked))
            body = dict(hub.files(hub_id))[name]
            if hub.damaged.get(name, 0) > 0:
                hub.damaged[name] -= 1
                body = b"\xff" * len(body)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and hub.honours_range else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            limit = hub.breaks.pop(0) if hub.breaks and len(body) - start > hub.breaks[0] else None
            self.wfile.write(body[start:] if limit is None else body[start : start + limit])

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    return Handler


def _modelscope_files(hub: ModelHub, hub_id: str) -> list[dict[str, object]]:
    files = [
        {"Path": path, "Type": "blob", "Size": len(body), "Sha256": hashlib.sha256(body).hexdigest()}
        for path, body in hub.files(hub_id)
    ]
    folders = sorted({str(Path(path).parent) for path, _ in hub.files(hub_id)} - {"."})
    return [*({"Path": folder, "Type": "tree", "Size": 0} for folder in folders), *files]


def _hf_files(hub: ModelHub, hub_id: str) -> list[dict[str, object]]:
    return [
        {"rfilename": path, "size": len(body)}
        | ({"lfs": {"sha256": hashlib.sha256(body).hexdigest()}} if path.endswith(".pt") else {})
        for path, body in hub.files(hub_id)
    ]
