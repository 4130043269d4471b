"""The house (docs/architecture.md): who may import whom, and what only one room may touch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "speech", "engine", "cluster", "storage", "services", "webui", "cli", "training")
FILES = ("app", "wiring", "checks", "listener", "announcing", "settings", "metrics")
EVERYTHING = {*ROOMS, *FILES}
#: Room → rooms it may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},
    "metrics": {"domain"},
    "speech": {"domain"},
    "engine": {"domain", "speech"},
    "cluster": {"domain"},
    "storage": {"domain"},
    "services": {"domain", "speech"},
    "webui": {"domain", "services"},
    "cli": {"domain", "services", "settings"},
    "training": {"domain", "engine"},
    # Nobody starts the training but its own commands.
    "app": EVERYTHING - {"training"},
    "wiring": EVERYTHING - {"app", "checks", "listener", "announcing", "training"},
    "checks": EVERYTHING - {"app", "training"},
    "listener": {"settings"},
    "announcing": {"cli", "cluster", "domain", "settings", "storage"},
}
#: Library → the only places that import it.
ONLY_IN: dict[str, set[str]] = {
    "torch": {"engine", "training"},
    "funasr": {"engine", "training"},
    "transformers": {"engine", "training"},
    "modelscope": {"engine"},
    "huggingface_hub": {"engine"},
    "pynvml": {"engine"},
    "av": {"speech"},
    "blake3": {"speech", "engine"},
    "gradio_client": {"cluster"},
    "gradio": {"webui", "engine"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "obstore": {"storage"},
    "prometheus_client": {"metrics"},
    "pydantic_settings": {"settings"},
    "itsdangerous": {"webui"},
    "rapidfuzz": {"training"},
    "xlsxwriter": {"services"},
}


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + [
        ROOT / f"{name}.py" for name in FILES
    ]


def room_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Top-level packages that a file imports, wherever the statement stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stay_within_the_house(path: Path) -> None:
    room, found = room_of(path), imports(path)
    ours = found & EVERYTHING - {room}
    assert ours <= MAY_IMPORT[room], f"{room} must not import {ours - MAY_IMPORT[room]}"
    if room == "domain":
        foreign = found - {"domain"} - set(sys.stdlib_module_names)
        assert not foreign, f"domain must not import {foreign}"
    for library, places in ONLY_IN.items():
        assert library not in found or room in places, f"only {places} may import {library}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_settings_reads_the_environment(path: Path) -> None:
    if room_of(path) == "settings":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Some libraries take a setting from the environment only: writing one for them is no reading.
    written = {
        id(target.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript)
    }
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        reads = name in ("getenv", "environ") and id(node) not in written
        assert not reads, f"{path.name}:{getattr(node, 'lineno', '?')} reads the environment"


def test_no_cycles_between_modules() -> None:
    graph: dict[str, set[str]] = {}
    for path in sources():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[module] = _top_level_imports(path)
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' → '.join((*trail, module))}"
        if module in done:
            return
        for other in sorted(graph.get(module, ())):
            if other in graph and other != module:
                visit(other, (*trail, module))
        done.add(module)

    for module in sorted(graph):
        visit(module, ())


def _top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_web_ui_starts_without_torch_and_without_the_rules_for_numbers() -> None:
    code = (
        "import sys, app, webui.shell, webui.api.routes, services.bundle, cluster.pool, storage.history, "
        "engine.local_models; print([m for m in sys.modules "
        # Importing speech.itn is nothing; the rules below it are loaded by the first text.
        "if m in ('torch', 'funasr', 'transformers') or m.startswith('speech.itn.')], 'speech.itn' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[] True"
