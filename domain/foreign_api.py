"""What a Gradio app says of its own API, and what in a mapping does not fit it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from domain.foreign_app import ForeignApp, Parameter, digest
from domain.plain import as_object

#: Components that take a recording.
_TAKE_SOUND = ("Audio", "File", "UploadButton", "Video")


@dataclass(frozen=True, slots=True)
class AppParameter:
    """One input of an endpoint. ``choices``: all that it takes, where it says so."""

    name: str
    component: str = ""
    has_default: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppEndpoint:
    """``outputs``: the labels of what it returns."""

    parameters: tuple[AppParameter, ...] = ()
    outputs: tuple[str, ...] = ()

    def find(self, parameter: Parameter) -> AppParameter | None:
        """The parameter of that name, or at that place."""
        if isinstance(parameter, int):
            return self.parameters[parameter] if parameter < len(self.parameters) else None
        return next((item for item in self.parameters if item.name == parameter), None)


@dataclass(frozen=True, slots=True)
class AppApi:
    """A running app. ``app_id``: random per process start."""

    app_id: str
    version: str = ""
    endpoints: Mapping[str, AppEndpoint] = field(default_factory=dict[str, AppEndpoint])

    @classmethod
    def from_json(cls, app_id: str, version: str, info: object) -> Self:
        """Of what Gradio answers at ``/info``. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        named = as_object(as_object(info)["named_endpoints"])
        return cls(app_id, version, {str(name): _endpoint(as_object(item)) for name, item in named.items()})


def faults(app: ForeignApp, api: AppApi) -> list[str]:
    """What in the mapping does not fit the app, a sentence each, which names what is there instead."""
    endpoint = api.endpoints.get(app.endpoint)
    if endpoint is None:
        there = ", ".join(api.endpoints) or "none that has a name"
        return [f"the app has no endpoint {app.endpoint}; it has {there}"]
    return [
        *_unknown(app, endpoint),
        *_twice(app, endpoint),
        *_uncovered(app, endpoint),
        *_no_sound(app, endpoint),
        *_no_such_language(app, endpoint),
        *_no_such_output(app, endpoint),
    ]


def arguments(given: Mapping[Parameter, Any], endpoint: AppEndpoint) -> list[Any]:
    """All that the endpoint takes, in its order: what is given, else its own defaults.

    By place, since a parameter may have any name. Raises ``KeyError`` where one is not there.
    """
    named: dict[str, Any] = {}
    for place, value in given.items():
        parameter = endpoint.find(place)
        if parameter is None:
            raise KeyError(place)
        named[parameter.name] = value
    return [named.get(item.name, item.default) for item in endpoint.parameters]


def fingerprint_parts(app: ForeignApp, api: AppApi) -> dict[str, str]:
    """What two apps must have in common to give the same text, as far as that can be seen from outside.

    Of the app's description only what this mapping uses or leaves to a default: the rest, and where the app runs,
    changes no text.
    """
    endpoint = api.endpoints.get(app.endpoint, AppEndpoint())
    ours = {item.name for place in app.used.values() if (item := endpoint.find(place))}
    facts = [[item.name, item.component, None if item.name in ours else item.default] for item in endpoint.parameters]
    return {"model": app.model, "mapping": app.digest(), "app": digest([facts, len(endpoint.outputs)])}


def _unknown(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    there = _names(endpoint.parameters)
    return [
        f"{key} names {place!r}, but {app.endpoint} has {there}"
        for key, place in app.used.items()
        if endpoint.find(place) is None
    ]


def _twice(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    found: dict[str, str] = {}
    said: list[str] = []
    for key, place in app.used.items():
        if item := endpoint.find(place):
            if item.name in found:
                said.append(f"{found[item.name]} and {key} both give {item.name}")
            found.setdefault(item.name, key)
    return said


def _uncovered(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    covered = {item.name for place in app.used.values() if (item := endpoint.find(place))}
    return [
        f"{app.endpoint} wants {item.name}, which has no default: name it in inputs or constants"
        for item in endpoint.parameters
        if item.name not in covered and not item.has_default
    ]


def _no_sound(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    item = endpoint.find(app.audio)
    if item is None or not item.component or item.component in _TAKE_SOUND:
        return []
    takers = _names([other for other in endpoint.parameters if other.component in _TAKE_SOUND])
    return [f"inputs.audio names {item.name}, which is a {item.component}; {takers} can take a recording"]


def _no_such_language(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    item = None if app.language is None else endpoint.find(app.language)
    if item is None:
        return []
    said = [
        f"languages.{code} is {word!r}, but {item.name} takes {', '.join(item.choices)}"
        for code, word in app.languages.items()
        if item.choices and word not in item.choices
    ]
    if app.languages and "auto" not in app.languages and not item.has_default:
        said.append(f"languages says nothing for auto, and {item.name} has no default")
    return said


def _no_such_output(app: ForeignApp, endpoint: AppEndpoint) -> list[str]:
    labels = endpoint.outputs
    there = f"{len(labels)} values: {', '.join(labels)}" if labels else "no values"
    return [
        f"outputs.{key} names {place!r}, but {app.endpoint} returns {there}"
        for key, place in (("text", app.text), ("normalized", app.normalized))
        if (isinstance(place, int) and place >= len(labels)) or (isinstance(place, str) and not labels)
    ]


def _names(parameters: tuple[AppParameter, ...] | list[AppParameter]) -> str:
    return ", ".join(item.name for item in parameters) or "none"


def _endpoint(data: dict[str, Any]) -> AppEndpoint:
    parameters = tuple(_parameter(as_object(item)) for item in data["parameters"])
    return AppEndpoint(parameters, tuple(str(as_object(item).get("label") or "") for item in data["returns"]))


def _parameter(data: dict[str, Any]) -> AppParameter:
    kind = data.get("type")
    choices = as_object(kind).get("enum") if isinstance(kind, dict) else None
    return AppParameter(
        str(data["parameter_name"]),
        str(data.get("component") or ""),
        bool(data.get("parameter_has_default")),
        data.get("parameter_default"),
        tuple(str(choice) for choice in choices or ()),
    )
