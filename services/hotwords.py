"""Hotwords that come through other doors than the hotword field."""

from speech.hotwords import looks_like_hotwords


def hotwords_from_prompt(prompt: str | None) -> tuple[str, ...]:
    """The words of an OpenAI ``prompt`` that is a list; ``()`` where it is a sentence or missing."""
    return looks_like_hotwords(prompt) if prompt else ()
