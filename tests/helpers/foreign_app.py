"""A small Gradio app of the original WebUI's shape, as an operator may already run one: it knows nothing of nodes.

Run as a process: ``python foreign_app.py --port 0 --port-file F``. What a call does is chosen by its first hotword.
``FOREIGN_ENDPOINT`` names the endpoint (a newer version of the app may call it otherwise).
"""

import argparse
import os
import socket
import threading
import time
import wave
from pathlib import Path
from typing import Any

import gradio as gr

#: Ends the calls that were told to wait.
GO_ON = threading.Event()
calls: list[list[Any]] = []


def recognise(audio: str | None, language: str, hotwords: str, use_itn: bool, request: gr.Request) -> Any:
    assert audio
    with wave.open(audio) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    words = hotwords.split("\n")
    calls.append([seconds, language, words, use_itn, request.headers.get("x-asr-node-token")])
    match words[0]:
        case "refuse":
            # Such an app may use any word for anything: this one is the code of another error of ours.
            raise gr.Error("显存不足", title="bad_audio", print_exception=False)
        case "crash":
            raise RuntimeError("a bug in the app")
        case "die":
            os._exit(9)
        case "slow":
            time.sleep(1.5)
        case "wait":
            GO_ON.wait(60)
            GO_ON.clear()
        case "silence":
            return "", ""
        case _:
            pass
    said = f"{language} 三点半 {'/'.join(words)}"
    return said, said.replace("三点半", "3:30") if use_itn else ""


def go_on() -> list[list[Any]]:
    GO_ON.set()
    return calls


def seen() -> list[list[Any]]:
    return calls


def blocks() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        audio = gr.Audio(type="filepath")
        language = gr.Dropdown(["自动", "中文", "英文", "日文"], value="中文")
        hotwords, itn = gr.Textbox(lines=5), gr.Checkbox(value=True)
        raw, written, told = gr.Textbox(label="识别结果"), gr.Textbox(label="规整后文本"), gr.JSON()
        name = os.environ.get("FOREIGN_ENDPOINT", "transcribe")
        gr.Button().click(
            recognise, [audio, language, hotwords, itn], [raw, written], api_name=name, concurrency_limit=4
        )
        gr.Button().click(lambda audio: {"text": 5}, audio, told, api_name="numbers")
        gr.Button().click(go_on, None, told, api_name="go_on")
        gr.Button().click(seen, None, told, api_name="seen")
    return demo


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, required=True)
    args = parser.parse_args()
    port = args.port
    if not port:
        # Gradio itself knows no port 0.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    demo = blocks()
    demo.queue().launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False)
    draft = args.port_file.with_suffix(".part")
    draft.write_text(str(demo.server_port))
    draft.replace(args.port_file)
    demo.block_thread()


if __name__ == "__main__":
    main()
