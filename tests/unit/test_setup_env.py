"""What ``make run`` sets up, with a subprocess runner that installs nothing."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "setup_env.py"
CPU_BUILD = {"version": "2.13.0", "requires_dist": ["filelock", "sympy"]}
CUDA_BUILD = {"version": "2.13.0", "requires_dist": ["nvidia-cudnn-cu13; platform_system == 'Linux'"]}


class Machine:
    """What the script runs against: an empty project folder, and commands that only pretend."""

    def __init__(self, module: Any, root: Path) -> None:
        self.module = module
        self.venv = root / ".venv"
        self.commands: list[str] = []
        self.pip_works = False
        self.offered: dict[str, Any] | None = CPU_BUILD
        self.fails: Callable[[str], bool] = lambda command: False
        self.interrupts: Callable[[str], bool] = lambda command: False

    def run(self, command: list[str], *, check: bool, **_: Any) -> subprocess.CompletedProcess[str]:
        words = [item.replace(str(self.venv), ".venv") for item in command]
        line = " ".join(["python" if item == sys.executable else item for item in words])
        line = line.replace(".venv/bin/python -m pip --disable-pip-version-check", "pip")
        self.commands.append(line)
        if "-m venv" in line:
            self.make_python()
        if self.interrupts(line):
            raise KeyboardInterrupt
        status = int(self.fails(line) or (line.endswith("pip --version") and not self.pip_works))
        if "-m venv" in line:
            self.pip_works = True
        report = json.dumps({"install": [{"metadata": self.offered}]}) if "--report" in line and self.offered else ""
        if check and status:
            raise subprocess.CalledProcessError(status, command)
        return subprocess.CompletedProcess(command, status, report, "")

    def make_python(self) -> None:
        (self.venv / "bin").mkdir(parents=True, exist_ok=True)
        (self.venv / "bin" / "python").touch()

    def main(self, wanted: str = "run") -> int:
        self.commands.clear()
        self.module.sys.argv[1:] = [wanted]
        return self.module.main()

    def ran(self, part: str) -> bool:
        return any(part in command for command in self.commands)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    spec = importlib.util.spec_from_file_location("setup_env_under_test", SCRIPT)
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    machine = Machine(module, tmp_path)
    fake = SimpleNamespace(
        run=machine.run, CalledProcessError=subprocess.CalledProcessError, DEVNULL=subprocess.DEVNULL
    )
    monkeypatch.setattr(sys, "argv", ["setup_env.py", "run"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    (requirements / "node.txt").write_text("torch\n")
    (requirements / "dev.txt").write_text("pytest\n")
    for name, value in {
        "subprocess": fake,
        "VENV": machine.venv,
        "PYTHON": machine.venv / "bin" / "python",
        "REQUIREMENTS": requirements,
        "SYSTEM_PACKAGES": {},
    }.items():
        monkeypatch.setattr(module, name, value)
    return machine


def test_the_first_run_makes_all_and_the_second_does_nothing(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.main() == 0
    assert machine.ran("python -m venv --clear .venv")
    assert machine.commands[-1].startswith("pip install --quiet -r ") and machine.ran("node.txt")
    steps = capsys.readouterr().out
    assert all(f"[{number}/3]" in steps for number in (1, 2, 3))
    assert machine.main() == 0
    assert machine.commands == []
    assert capsys.readouterr().out == ""


def test_changed_requirements_and_other_packages_are_installed(machine: Machine) -> None:
    machine.main()
    (machine.venv.parent / "requirements" / "node.txt").write_text("torch\nanother\n")
    assert machine.main() == 0
    assert machine.ran("node.txt") and not machine.ran("-m venv")
    assert machine.main("test") == 0
    assert machine.ran("dev.txt")
    machine.main("test")
    assert machine.commands == []


def test_an_environment_that_was_left_half_made_is_made_anew(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.interrupts = lambda command: "-m venv" in command
    assert machine.main() == 1
    assert "a new start resumes" in capsys.readouterr().err
    machine.interrupts = lambda command: False
    machine.pip_works = False  # the interrupt came before ensurepip
    assert machine.main() == 0
    assert machine.ran("-m venv --clear")


def test_a_step_that_failed_is_done_again(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.fails = lambda command: "node.txt" in command
    assert machine.main() == 1
    assert "exit status 1" in capsys.readouterr().err
    machine.fails = lambda command: False
    assert machine.main() == 0
    assert machine.ran("node.txt") and not machine.ran("-m venv")


def test_an_old_python_is_one_sentence(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.module.sys, "version_info", (3, 9, 2))
    assert machine.main() == 1
    assert machine.commands == []
    sentence = capsys.readouterr().err
    assert "Python 3.11 or newer is needed, this is 3.9.2" in sentence and "make run PYTHON=" in sentence


def test_a_missing_venv_module_is_one_sentence(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=r"sudo apt-get install python3\.\d+-venv"):
        machine.main()


@pytest.mark.parametrize("wrong", [[], ["run", "test"], ["walk"]])
def test_wrong_arguments_are_told_the_right_ones(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["setup_env.py", *wrong])
    assert machine.module.main() == 2
    assert "setup_env.py run" in capsys.readouterr().out


def program(machine: Machine, name: str) -> None:
    """Puts something executable of that name on the PATH; what it would do is up to the fake runner."""
    path = machine.venv.parent / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_system_packages_are_named_where_they_cannot_be_installed(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.module, "SYSTEM_PACKAGES", {"sox": "sox", "ffmpeg": "ffmpeg"})
    program(machine, "sox")
    program(machine, "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert machine.main("test") == 1
    told = capsys.readouterr().err
    assert "the tests need ffmpeg;" in told and "sudo apt-get install" in told
    assert machine.commands == []
    assert machine.main("run") == 0, "only the tests need them"


def test_root_installs_system_packages(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.module, "SYSTEM_PACKAGES", {"ffmpeg": "ffmpeg"})
    program(machine, "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert machine.main("test") == 0
    assert machine.commands[:2] == [
        "apt-get update -q",
        "apt-get install -y --no-install-recommends ffmpeg",
    ]
    machine.fails = lambda command: "apt-get install" in command
    assert machine.main("test") == 1
    assert len(machine.commands) == 2


def test_without_a_gpu_pip_is_enough_where_it_offers_a_cpu_build(machine: Machine) -> None:
    assert machine.main() == 0
    assert machine.ran("pip install --quiet torch==2.13.0")
    assert not machine.ran("uv")


@pytest.mark.parametrize("offered", [CUDA_BUILD, None])
def test_without_a_gpu_uv_finds_the_cpu_build_that_pip_does_not(
    machine: Machine, offered: dict[str, Any] | None
) -> None:
    machine.offered = offered
    assert machine.main() == 0
    assert machine.ran(".venv/bin/uv pip install --python .venv/bin/python --torch-backend=cpu torch==2.13.0")
    assert not machine.ran("pip install --quiet torch")


def test_where_no_cpu_build_can_be_had_the_other_one_does(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.offered = CUDA_BUILD
    machine.fails = lambda command: "--torch-backend=cpu" in command
    assert machine.main() == 0
    assert machine.ran("pip install --quiet torch==2.13.0")
    assert "2.5 GB" in capsys.readouterr().out


def test_a_torch_that_is_there_stays(machine: Machine) -> None:
    machine.make_python()
    machine.pip_works = True
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (machine.venv / "lib" / version / "site-packages" / "torch-2.13.0+cpu.dist-info").mkdir(parents=True)
    assert machine.main() == 0
    assert not machine.ran("torch==")


@pytest.mark.parametrize(("answers", "size"), [(True, "about 2.5 GB, for the NVIDIA GPU"), (False, "about 200 MB")])
def test_a_gpu_that_answers_gets_the_build_with_cuda(
    machine: Machine, capsys: pytest.CaptureFixture[str], answers: bool, size: str
) -> None:
    program(machine, "nvidia-smi")
    machine.offered = CUDA_BUILD
    machine.fails = lambda command: "nvidia-smi -L" in command and not answers
    assert machine.main() == 0
    assert machine.ran("nvidia-smi -L")
    assert machine.ran("--torch-backend=cpu") is not answers
    assert size in capsys.readouterr().out
