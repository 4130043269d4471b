"""全部删除: the question before it, how far it is, and what stayed."""

from collections.abc import Iterator

from domain.history import Deletion
from services.history import Found
from webui.components.panel import bar, panel, panel_button
from webui.i18n import Words


def question(found: Found, words: Words, *, filtered: bool, others: bool) -> str:
    """What is about to be deleted, as plain text."""
    count = f"{found.count:,}"
    count = words("history_more_than", count=count) if found.has_more else count
    asked = words("history_confirm_found" if filtered else "history_confirm_all", count=count)
    return f"{asked} {words('history_confirm_others')}" if others else asked


def deleting_view(done: Deletion, total: int | None, words: Words) -> str:
    """How far it is, and 取消. ``total``: how many there were, where they were counted."""
    count = f"{done.deleted:,}"
    if total:
        text = words.html("history_deleting_of", done=count, total=f"{total:,}")
    else:
        text = words.html("history_deleting", done=count)
    progress = bar(done.deleted + done.kept, total)
    return panel(f'<p role="status">{text}</p>{progress}', panel_button("stop", "cancel", words))


def kept_sentences(done: Deletion, words: Words) -> Iterator[str]:
    """Why rows stayed, as plain text."""
    if done.under_way:
        yield words("history_kept_under_way", count=f"{done.under_way:,}")
    if done.held:
        yield words("history_kept_held", count=f"{done.held:,}")
