"""Files that a call names: what was uploaded is taken, all else is refused before Gradio touches it."""

from pathlib import Path
from typing import Any, cast

import gradio as gr
import pytest
from gradio import processing_utils
from starlette.requests import Request

from webui.i18n import Catalogue
from webui.pages.context import PageContext
from webui.pages.given_files import accept_uploads_only, named_paths

ADDRESS = "http://example.com/x.wav"


def file_data(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The addresses that Gradio would have asked."""
    asked: list[str] = []

    async def download(url: str, cache_dir: str) -> str:
        asked.append(url)
        return str(tmp_path / "uploads" / "fetched.wav")

    (tmp_path / "uploads").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", download)
    return asked


def an_app(*, guarded: bool = True) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        field, output = gr.File(), gr.Textbox()
        gr.Button().click(lambda given: given or "nothing", field, output)
    demo.has_launched = True
    if guarded:
        accept_uploads_only(demo, PageContext(cast(Any, None), cast(Any, None), Catalogue()))
    return demo


async def call(demo: gr.Blocks, value: Any, language: str = "zh") -> str:
    scope = {"type": "http", "headers": [(b"accept-language", language.encode())]}
    answer = await demo.process_api(
        block_fn=0, inputs=[value], request=cast(Any, gr.Request(Request(scope))), state=None, in_event_listener=True
    )
    return answer["data"][0]


@pytest.mark.parametrize(
    "value",
    [
        file_data(ADDRESS),
        file_data(ADDRESS, is_stream=True),
        file_data(ADDRESS.upper()),
        file_data("ftp://example.com/x.wav"),
        file_data("/etc/passwd"),
        file_data("x\0y"),
        [file_data(ADDRESS)],
        {"value": file_data(ADDRESS)},
    ],
)
async def test_what_was_not_uploaded_is_refused_in_words_and_asked_nowhere(value: Any, fetched: list[str]) -> None:
    for language, words in (("zh", "只接受上传的文件"), ("en", "Only uploaded files")):
        with pytest.raises(gr.Error) as caught:
            await call(an_app(), value, language)
        assert words in str(caught.value.message)
        assert (caught.value.title, caught.value.print_exception) == ("access_denied", False)
    assert fetched == []


async def test_without_the_check_gradio_would_fetch_the_address(fetched: list[str]) -> None:
    await call(an_app(guarded=False), file_data(ADDRESS))
    assert fetched == [ADDRESS]


async def test_what_was_uploaded_is_taken(fetched: list[str], tmp_path: Path) -> None:
    upload = tmp_path / "uploads" / "abc" / "speech.wav"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"RIFF")
    assert Path(await call(an_app(), file_data(str(upload)))).name == "speech.wav"
    assert await call(an_app(), None) == "nothing"


@pytest.mark.parametrize("value", ["speech.wav", ADDRESS, "", 5, ["speech.wav"], {"url": ADDRESS}, {"path": None}])
async def test_what_is_no_file_is_refused_in_words_that_say_how(value: Any, fetched: list[str]) -> None:
    for language, words in (("zh", "不是文件名或网址"), ("en", "not its name")):
        with pytest.raises(gr.Error) as caught:
            await call(an_app(), value, language)
        assert words in str(caught.value.message) and "handle_file(" in str(caught.value.message)
        assert (caught.value.title, caught.value.print_exception) == ("invalid_input", False)
    assert fetched == []


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_values_that_a_program_leaves_out_are_not_given(visibility: Any, fetched: list[str]) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        fields = [gr.Textbox(), gr.Textbox()]
        gr.Button().click(lambda a, b: f"{a} {b}", fields, gr.Textbox(), api_visibility=visibility)
    accept_uploads_only(demo, PageContext(cast(Any, None), cast(Any, None), Catalogue()))
    if visibility == "public":
        assert await call(demo, "one") == "one None"
        return
    with pytest.raises(gr.Error) as caught:
        await call(demo, "one")
    assert (caught.value.title, caught.value.print_exception) == ("invalid_input", False)


def test_paths_are_found_however_deep() -> None:
    deep: Any = file_data("b")
    for _ in range(5000):
        deep = [deep]
    assert sorted(named_paths([file_data("a"), {"files": [deep]}, "text", 3, None])) == ["a", "b"]
