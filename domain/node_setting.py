"""Nodes and addresses as settings say them. What is wrong is a ``ValueError``, of which settings make a sentence."""

from dataclasses import replace

from domain.errors import InvalidOptions
from domain.foreign_setting import parse_app
from domain.membership import checked_fields, checked_url
from domain.node import NodeIntent
from domain.plain import as_object


def parse_node(item: object) -> NodeIntent:
    """``url[;weight=3][;slots=2][;backup][;name=…][;token=…]`` or a mapping with those keys.

    ``app`` and ``model`` make it a foreign app. Raises ``ValueError``.
    """
    if isinstance(item, dict):
        fields = {str(key): value for key, value in as_object(item).items()}
        url = str(fields.pop("url", ""))
    else:
        url, *rest = (part.strip() for part in str(item).split(";"))
        fields = {}
        for part in rest:
            key, _, value = part.partition("=")
            fields[key] = value or "true"
    token = str(fields.pop("token", ""))
    app, model = fields.pop("app", None), fields.pop("model", None)
    try:
        url = checked_url(url)
        intent = NodeIntent(url, token=token, **checked_fields(fields))
    except InvalidOptions as error:
        raise ValueError(error.message if error.details["field"] == "url" else f"node {url}: {error.message}") from None
    try:
        return intent if app is None and model is None else replace(intent, app=parse_app(app, model))
    except ValueError as error:
        raise ValueError(f"node {url}: {error}") from None


def parse_address(value: str) -> str:
    """As addresses are compared. Raises ``ValueError``."""
    try:
        return checked_url(value)
    except InvalidOptions as error:
        raise ValueError(error.message.removeprefix("node ")) from None
