"""The shell around the pages, and how it is mounted into the web server."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from gradio.components.navbar import Navbar

from services.bundle import Services
from webui.access import Access
from webui.components.header import PAGES, header_view, model_chip
from webui.components.inputs import limits_text
from webui.components.samples import read_samples
from webui.i18n import LANGUAGES, Catalogue, Words
from webui.lost import answer_unknown_addresses
from webui.page_head import PageHead
from webui.pages.context import PageContext, view
from webui.pages.given_files import accept_uploads_only
from webui.pages.history import history_page
from webui.pages.nodes import nodes_page
from webui.pages.recognise import recognise_page
from webui.pages.recognize_api import recognize_endpoint
from webui.theme import AsrTheme, style_sheet


@dataclass(frozen=True, slots=True)
class UiConfig:
    """What the shell must know of the settings.

    ``language``: ``auto`` (the browser's), ``zh`` or ``en``. ``samples_dir``: the folder with ``samples.json``.
    """

    max_upload_bytes: int
    max_audio_seconds: float
    samples_dir: Path
    language: str = "auto"
    catalogue: Catalogue = field(default_factory=Catalogue)


def mount_ui(app: FastAPI, services: Services, *, access: Access, config: UiConfig) -> None:
    """Mounts the pages at ``/``. Every other route must have been added before: this one takes all that is left."""
    demo = build_ui(services, access=access, config=config)
    with warnings.catch_warnings():
        # Gradio says that several pages need ssr_mode=False even where it is given.
        warnings.filterwarnings("ignore", message="SSR mode is not supported with multi-page apps")
        gr.mount_gradio_app(
            app,
            demo,
            path="/",
            theme=AsrTheme(),
            css=style_sheet(),
            i18n=demo.i18n_instance,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            show_error=False,  # gr.Error is shown all the same; what nobody foresaw stays in the log
            allowed_paths=[str(config.samples_dir.resolve())] if config.samples_dir.is_dir() else [],
            max_file_size=config.max_upload_bytes,
        )
    answer_unknown_addresses(app, config.catalogue)
    # A mounted app would otherwise accept any path of this machine as an upload (FACTS).
    demo.has_launched = True
    app.add_middleware(
        PageHead,
        catalogue=config.catalogue,
        pages={f"/{path}": key for path, key in PAGES},
        default_language=config.language,
        upload_limits={
            language: limits_text(config.max_upload_bytes, config.max_audio_seconds, Words(config.catalogue, language))
            for language in LANGUAGES
        },
        is_admin=lambda request: access.visitor(request).is_admin,
    )


def build_ui(services: Services, *, access: Access, config: UiConfig) -> gr.Blocks:
    """All pages as one Gradio app."""
    context = PageContext(services, access, config.catalogue, config.language)
    samples = read_samples(config.samples_dir)
    with gr.Blocks(title=config.catalogue.text("en", "app_name"), analytics_enabled=False) as demo:
        chip = _header(context, "")
        recognise_page(context, samples, chip, demo.load)
        recognize_endpoint(context)
    with demo.route("历史", "history"):
        _load_chip(context, _header(context, "history"), demo)
        history_page(context, demo.load)
    with demo.route("节点", "nodes"):
        _load_chip(context, _header(context, "nodes"), demo)
        nodes_page(context, demo.load)
    # The mount reads the translations before it sets those that it is given.
    demo.i18n_instance = config.catalogue.for_browser()
    accept_uploads_only(demo, context)
    # Only through the queue: /run/{name} would pass by its limits.
    demo.queue(default_concurrency_limit=None, api_open=False)
    # Gradio would look for calls a thousand times a second: a server at rest would never rest.
    demo._queue.sleep_when_free, demo._queue.progress_update_sleep_when_free = 0.02, 0.1
    return demo


def _header(context: PageContext, current: str) -> gr.HTML:
    """Our own line of pages: Gradio's cannot be bilingual, so it stays hidden. Returns the model chip."""
    Navbar(visible=False, main_page_name=False)
    with gr.Row(elem_classes="asr-top"):
        view(header_view(context.catalogue, current), elem_id="asr-header")
        return view(elem_id="asr-chip", min_width=10)


def _load_chip(context: PageContext, chip: gr.HTML, demo: gr.Blocks) -> None:
    async def load(request: gr.Request) -> str:
        overview = await context.services.nodes.overview()
        words = context.words(request)
        return model_chip(overview.model, is_demo=overview.is_demo, state=overview.state, words=words)

    demo.load(load, None, [chip], show_progress="hidden", api_visibility="private", concurrency_limit=None)
