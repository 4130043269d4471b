"""识别: a recording goes in, the text comes out."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, get_args

import gradio as gr
from gradio.components import Component

from domain.options import (
    DEFAULT_END_SILENCE_MS,
    DEFAULT_SEGMENT_MS,
    MAX_END_SILENCE_MS,
    MAX_SEGMENT_MS,
    MAX_SPEAKERS,
    MIN_END_SILENCE_MS,
    MIN_SEGMENT_MS,
    Channels,
)
from webui.components.inputs import seconds_field, upload_field
from webui.components.samples import Sample, samples_view
from webui.i18n import bilingual, label
from webui.pages.asked import Asked
from webui.pages.chosen_file import ChosenFile
from webui.pages.context import PageContext, view
from webui.pages.correcting import ON_CORRECT, ON_PATCH
from webui.pages.recognise_events import RecogniseEvents

#: How often the page looks whether the model is up, and how far a download is, in seconds.
SERVER_LOOK_SECONDS = 2.0
#: 中/EN: the form is asked for first, so that it comes along.
_ON_SWITCH = "window.addEventListener('asr-switch', event => asr.switchSoon(event, () => trigger('switching', {})));"
_LEFT = "(noTrace, ...files) => (noTrace ? [null, null] : files)"


@dataclass(frozen=True)
class _Inputs:
    """The form. ``values`` is the order in which every handler gets them."""

    upload: gr.File
    microphone: gr.Audio
    hotwords: gr.Textbox
    language: gr.Dropdown
    itn: gr.Checkbox
    vad: gr.Checkbox
    max_segment_seconds: gr.Slider
    end_silence_seconds: gr.Slider
    speakers: gr.Dropdown
    channels: gr.Dropdown
    no_trace: gr.Checkbox

    @property
    def options(self) -> list[Component]:
        """What a recognition can be asked for."""
        return [getattr(self, field.name) for field in fields(Asked)]

    @property
    def values(self) -> list[Component]:
        """The recording and the options."""
        return [self.upload, self.microphone, *self.options]


def recognise_page(
    context: PageContext, samples: tuple[Sample, ...], chip: gr.HTML, on_load: Callable[..., Any]
) -> None:
    """Lays the page out and connects it. ``on_load``: the page's load event."""
    events = RecogniseEvents(context, samples)
    with gr.Column(elem_id="asr-recognise", elem_classes="asr-column"):
        banner = view(
            events=("start_download", "stop_download", "dismiss_download"), elem_id="asr-banner", visible=False
        )
        inputs, facts, sample_buttons = _form(context, samples)
        with gr.Row(elem_classes="asr-go-row"):
            start = gr.Button(label("start"), variant="primary", size="lg", elem_id="asr-start")
            cancel = gr.Button(label("cancel"), variant="stop", size="lg", elem_id="asr-cancel", visible=False)
        panel_events = ("again", "spoken", "rename", "swap", "correct")
        panel = view(events=panel_events, script=_ON_SWITCH + ON_CORRECT, elem_id="asr-panel")
        recent = view(elem_id="asr-recent")
        # The recognition on show; a change of it is what everything below the form follows.
        current = gr.Textbox(visible="hidden", elem_id="asr-current", container=False)
        # Lines of the text on show that are other ones now.
        patch = gr.Textbox(visible="hidden", elem_id="asr-patch", container=False)
        # What the form held before a sample came into it.
        kept = gr.Textbox(visible="hidden", elem_id="asr-kept", container=False)
        # Whether the form shows 声道.
        has_channels = gr.Checkbox(False, visible="hidden", elem_id="asr-has-channels", container=False)
        seen = gr.Textbox(visible="hidden", elem_id="asr-server-state", container=False)
        clock = gr.Timer(SERVER_LOOK_SECONDS)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    work = [panel, start, cancel]
    begun = [current, *work]
    begins = [start.click(events.begin, inputs.values, begun, concurrency_limit=None, **quiet)]
    panel.again(events.again, [current, has_channels, *inputs.options], begun, concurrency_limit=None, **quiet)
    panel.spoken(events.spoken, [current], [panel], concurrency_limit=None, **quiet)
    panel.rename(events.rename, [current], [panel, recent], concurrency_limit=None, **quiet)
    panel.swap(events.swap, [current], [panel, recent], concurrency_limit=None, **quiet)
    panel.correct(events.correct, None, [patch, recent], trigger_mode="multiple", concurrency_limit=None, **quiet)
    patch.change(None, [patch], None, js=ON_PATCH)
    cancel.click(events.cancel, [current], None, concurrency_limit=None, **quiet)
    current.change(None, [current], None, js="id => asr.putInAddress(id)")
    current.change(events.follow, [current], [*work, recent], concurrency_limit=None, **quiet)
    if sample_buttons:
        form = [kept, inputs.hotwords, inputs.language]
        fields = [inputs.upload, inputs.microphone, *form, inputs.channels]
        sampled = sample_buttons.sample(events.take_sample, form, fields, concurrency_limit=None, **quiet).success(
            events.begin, inputs.values, begun, concurrency_limit=None, **quiet
        )
        begins.append(sampled)
    recording = [inputs.upload, inputs.microphone]
    for begin in begins:
        # Without a trace: the server has thrown its copy away, and the form must not go on to name it.
        begin.success(None, [inputs.no_trace, *recording], recording, js=_LEFT)
    look = ChosenFile(context).look
    for field in (inputs.upload, inputs.microphone):
        field.change(look, recording, [facts, inputs.channels, has_channels], concurrency_limit=None, **quiet)
    own = [kept, inputs.hotwords, inputs.language, current, panel]
    # What was said of the file before, and a choice of 声道 that was made for it, are not this one's.
    reset = "(...shown) => [null, ...asr.ownRecording(...shown), 'auto', '']"
    for chosen, other in ((inputs.upload.upload, inputs.microphone), (inputs.microphone.stop_recording, inputs.upload)):
        chosen(None, own, [other, *own, inputs.channels, facts], js=reset)
    server = [seen, clock, chip, banner, inputs.hotwords, inputs.language, inputs.speakers]
    clock.tick(events.look_at_server, [seen], server, concurrency_limit=None, **quiet)
    for name in ("start_download", "stop_download", "dismiss_download"):
        getattr(banner, name)(getattr(events, name), None, server, concurrency_limit=None, **quiet)
    prepared = [*inputs.values, kept]
    panel.switching(None, prepared, None, js="(...form) => { asr.switchWith(form); }")
    # Only then the fields offer what may have been chosen in them.
    known = on_load(events.look_at_server, [seen], server, concurrency_limit=None, **quiet)
    known.then(None, None, prepared, js="() => asr.prepared()")
    on_load(events.recent, None, [recent], concurrency_limit=None, **quiet)
    on_load(None, None, [current], js="() => asr.recognitionInAddress()")


def _form(context: PageContext, samples: tuple[Sample, ...]) -> tuple[_Inputs, gr.HTML, gr.HTML | None]:
    catalogue = context.catalogue
    with gr.Tabs(elem_classes="asr-sources"):
        with gr.Tab(label("tab_upload"), id="upload"):
            upload = upload_field(label=label("upload_label"), elem_id="asr-upload", height=170, show_label=False)
        with gr.Tab(label("tab_microphone"), id="microphone"):
            microphone = gr.Audio(
                label=label("microphone_label"),
                sources=["microphone"],
                type="filepath",
                elem_id="asr-microphone",
                show_label=False,
                buttons=[],
            )
            view(
                f'<p class="asr-note asr-needs-https">{bilingual(catalogue, "microphone_needs_https")}</p>'
                f'<p class="asr-note asr-needs-microphone">{bilingual(catalogue, "microphone_missing")}</p>'
            )
    facts = view(elem_id="asr-facts")
    sample_buttons = None
    if samples:
        sample_buttons = view(samples_view(samples, catalogue), events=("sample",), elem_id="asr-samples")
    with gr.Row(elem_classes="asr-options"):
        hotwords = gr.Textbox(
            label=label("hotwords_label"),
            placeholder=label("hotwords_placeholder"),
            lines=1,
            max_lines=6,
            scale=3,
            elem_id="asr-hotwords",
        )
        language = gr.Dropdown(
            [(label("language_auto"), "auto")],
            value="auto",
            label=label("language_label"),
            scale=1,
            min_width=150,
            elem_id="asr-language",
        )
        itn = gr.Checkbox(True, label=label("itn_label"), scale=1, min_width=170, elem_id="asr-itn")
        channels = gr.Dropdown(
            [(label(f"channels_{name}"), name) for name in get_args(Channels)],
            value="auto",
            label=label("channels_label"),
            info=label("channels_info"),
            filterable=False,
            visible=False,
            scale=1,
            min_width=110,
            elem_id="asr-channels",
        )
    with gr.Accordion(label("advanced"), open=False, elem_classes="asr-advanced"):
        vad = gr.Checkbox(True, label=label("vad_label"), info=label("vad_info"), elem_id="asr-vad")
        with gr.Row():
            longest = seconds_field(
                MIN_SEGMENT_MS,
                MAX_SEGMENT_MS,
                DEFAULT_SEGMENT_MS,
                step=0.5,
                label=label("max_segment_label"),
                elem_id="asr-max-segment",
            )
            silence = seconds_field(
                MIN_END_SILENCE_MS,
                MAX_END_SILENCE_MS,
                DEFAULT_END_SILENCE_MS,
                step=0.1,
                label=label("end_silence_label"),
                elem_id="asr-end-silence",
            )
        speakers = gr.Dropdown(
            [
                (label("speakers_auto"), 0),
                (label("speakers_one"), 1),
                *((str(n), n) for n in range(2, MAX_SPEAKERS + 1)),
            ],
            value=0,
            label=label("speakers_label"),
            info=label("speakers_info"),
            filterable=False,
            visible=False,
            elem_id="asr-speakers",
        )
        no_trace = gr.Checkbox(
            False, label=label("no_trace_label"), info=label("no_trace_info"), elem_id="asr-no-trace"
        )
    inputs = _Inputs(upload, microphone, hotwords, language, itn, vad, longest, silence, speakers, channels, no_trace)
    return inputs, facts, sample_buttons
