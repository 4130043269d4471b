"""A child process with nothing of a node but its command line and ``/healthz``: starts in no time."""

import argparse
import http.server
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"status": "ready", "model": os.environ.get("FAKE_MODEL", "demo")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    args = parser.parse_args()
    assert args.parent_pid == os.getppid()
    if os.environ.get("FAKE_EXIT"):
        print("cannot find the model", flush=True)
        return int(os.environ["FAKE_EXIT"])
    if os.environ.get("FAKE_DEAF"):
        signal.pause()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)

    def end(*_: object) -> None:
        if not os.environ.get("FAKE_STUBBORN"):
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    draft = args.port_file.with_suffix(".part")
    draft.write_text(f"{server.server_port}\n")
    draft.replace(args.port_file)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
