"""The look: one accent colour, system fonts, light and dark. What Gradio cannot say is in ``assets/*.css``."""

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import colors, sizes

_ASSETS = Path(__file__).parent / "assets"
#: One style sheet in this order: a later file has the last word.
_STYLES = "app form result history versions messages nodes narrow".split()
_FONTS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "sans-serif",
)
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

ACCENT = colors.Color(
    name="accent",
    c50="#eef7f5",
    c100="#d6ece8",
    c200="#afdad3",
    c300="#7dc1b7",
    c400="#4aa396",
    c500="#23867a",
    c600="#0f6f64",
    c700="#0d5a52",
    c800="#0d4842",
    c900="#0b3a36",
    c950="#062320",
)


class AsrTheme(Base):
    """Calm: paper and ink, thin lines, no shadows but the floating bar's."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=ACCENT,
            secondary_hue=ACCENT,
            neutral_hue=colors.stone,
            text_size=sizes.text_lg,
            spacing_size=sizes.spacing_lg,
            radius_size=sizes.radius_md,
            font=_FONTS,
            font_mono=_MONO,
        )
        self.name = "asr"
        super().set(
            body_background_fill="#faf9f7",
            body_background_fill_dark="#161716",
            body_text_color="#1e211f",
            body_text_color_dark="#e9e8e4",
            body_text_color_subdued="#62665f",
            body_text_color_subdued_dark="#a3a69f",
            background_fill_primary="#ffffff",
            background_fill_primary_dark="#1f2120",
            background_fill_secondary="#f4f2ee",
            background_fill_secondary_dark="#262827",
            border_color_primary="#e3e0d9",
            border_color_primary_dark="#383b39",
            border_color_accent="*primary_500",
            color_accent="*primary_600",
            color_accent_soft="*primary_50",
            color_accent_soft_dark="*primary_950",
            link_text_color="*primary_600",
            link_text_color_dark="*primary_300",
            block_background_fill="transparent",
            block_background_fill_dark="transparent",
            block_border_width="0px",
            block_shadow="none",
            block_padding="0px",
            block_label_background_fill="transparent",
            block_label_background_fill_dark="transparent",
            block_label_border_width="0px",
            block_title_text_weight="500",
            block_title_text_size="*text_md",
            panel_background_fill="transparent",
            panel_background_fill_dark="transparent",
            panel_border_width="0px",
            input_background_fill="#ffffff",
            input_background_fill_dark="#1f2120",
            input_border_width="1px",
            input_border_color="#d8d4cb",
            input_border_color_dark="#454846",
            input_border_color_focus="*primary_500",
            input_border_color_focus_dark="*primary_400",
            input_shadow_focus="0 0 0 3px rgba(35, 134, 122, .18)",
            checkbox_label_background_fill="transparent",
            checkbox_label_background_fill_dark="transparent",
            checkbox_label_background_fill_hover="transparent",
            checkbox_label_border_width="0px",
            checkbox_label_border_width_dark="0px",
            block_border_width_dark="0px",
            panel_border_width_dark="0px",
            input_border_width_dark="1px",
            checkbox_label_padding="0px",
            checkbox_label_shadow="none",
            checkbox_background_color_selected="*primary_600",
            checkbox_background_color_selected_dark="*primary_500",
            button_primary_background_fill="*primary_600",
            button_primary_background_fill_hover="*primary_700",
            button_primary_background_fill_dark="*primary_500",
            button_primary_background_fill_hover_dark="*primary_400",
            button_primary_text_color="#ffffff",
            button_primary_text_color_dark="#ffffff",
            button_secondary_background_fill="transparent",
            button_secondary_background_fill_dark="transparent",
            button_secondary_background_fill_hover="*background_fill_secondary",
            button_secondary_background_fill_hover_dark="*background_fill_secondary",
            button_secondary_border_color="*border_color_primary",
            button_secondary_border_color_dark="*border_color_primary",
            button_border_width="1px",
            button_large_padding="12px 28px",
            button_large_text_weight="600",
            slider_color="*primary_600",
            slider_color_dark="*primary_400",
            loader_color="*primary_500",
        )


def style_sheet() -> str:
    """The pages' own CSS."""
    return "\n".join((_ASSETS / f"{name}.css").read_text(encoding="utf-8") for name in _STYLES)
