"""A real node on the demo model, as a process of its own: ``python real_node.py DATA_DIR --port 0 --port-file F``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.node_server import serve_node
from settings import load_settings

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--parent-pid", type=int)
    args = parser.parse_args()
    settings = load_settings(data_dir=args.data_dir, model="demo", node_token="secret")
    sys.exit(serve_node(settings, port=args.port, port_file=args.port_file, parent_pid=args.parent_pid))
