"""How a browser becomes an administrator's, and ceases to be one: the quiet last line of the nodes page."""

from webui.i18n import Words


def admin_view(words: Words, *, is_admin: bool, has_token: bool) -> str:
    """The folded form, or the way out. Nothing where no token is configured (``has_token``): none would open.

    ``assets/admin.js`` sends it. The form's own method is POST, so that no token can ever end up in an address.
    """
    if not has_token:
        return ""
    if is_admin:
        return (
            '<p class="asr-admin"><button type="button" class="asr-button quiet" data-admin-sign-out>'
            f"{words.html('admin_sign_out')}</button></p>"
        )
    return (
        f'<details class="asr-admin asr-details"><summary>{words.html("admin_sign_in")}</summary>'
        '<form method="post" action="./v1/admin/login" data-admin-sign-in>'
        f'<label for="asr-admin-token">{words.html("admin_token")}</label>'
        '<input id="asr-admin-token" type="password" required autocomplete="current-password" '
        'aria-describedby="asr-admin-problem">'
        f'<button type="submit" class="asr-button">{words.html("admin_enter")}</button>'
        '<p id="asr-admin-problem" class="problem" role="alert"></p></form></details>'
    )
