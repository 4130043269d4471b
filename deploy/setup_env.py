"""Makes ``.venv/`` with the pinned packages; the second time it finds nothing to do. Standard library only.

python3 deploy/setup_env.py run     what the web UI and its node need
python3 deploy/setup_env.py test    that, what checks and tests need, and the system packages of the tests
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
TORCH = "torch==2.13.0"
MIN_PYTHON = (3, 11)
#: Debian packages of the tests, and the program or file that shows that each is there.
SYSTEM_PACKAGES = {
    "espeak-ng": "espeak-ng",
    "sox": "sox",
    "libsox-fmt-all": "usr/lib/*/sox/libsox_fmt_mp3.so",
    "ffmpeg": "ffmpeg",
    "curl": "curl",
    "chromium": "chromium",
    "postgresql": "usr/lib/postgresql/*/bin/initdb",
    "redis-server": "redis-server",
    "nginx": "usr/sbin/nginx",
    "fonts-noto-cjk": "usr/share/fonts/*/noto/NotoSansCJK*",
}


def main() -> int:
    """Does what is missing, step by step; returns the exit status."""
    if len(sys.argv) != 2 or sys.argv[1] not in ("run", "test"):
        print(__doc__)
        return 2
    wanted = sys.argv[1]
    if sys.version_info < MIN_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        return say_no(
            f"Python 3.11 or newer is needed, this is {found}: install it and run `make run PYTHON=python3.11`"
        )
    if wanted == "test" and (status := system_packages()):
        return status
    requirements = "dev.txt" if wanted == "test" else "node.txt"
    if is_done(requirements):
        return 0
    try:
        steps(requirements)
    except subprocess.CalledProcessError as error:
        return say_no(
            f"this step failed (exit status {error.returncode}); its own message stands above. A new start resumes"
        )
    except KeyboardInterrupt:
        return say_no("interrupted; a new start resumes")
    stamp(requirements).write_text(digest(requirements))
    return 0


def steps(requirements: str) -> None:
    """The numbered steps, each with what it costs."""
    gpu = nvidia_gpu_answers()
    if not has_pip():
        print("[1/3] Python environment in .venv/", flush=True)
        make_venv()
        pip("install", "--quiet", "--upgrade", "pip")
    torch_size = "about 2.5 GB, for the NVIDIA GPU" if gpu else "about 200 MB, for the CPU, where it can be had"
    if not has_torch():
        print(f"[2/3] PyTorch ({torch_size})", flush=True)
        install_torch(gpu=gpu)
    print("[3/3] the other packages (about 600 MB; a few minutes)", flush=True)
    started = time.monotonic()
    pip("install", "--quiet", "-r", str(REQUIREMENTS / requirements))
    print(f"      done after {time.monotonic() - started:.0f} s", flush=True)


def make_venv() -> None:
    """Creates the environment; a missing ``python3-venv`` is said in one sentence."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SystemExit(
            f"Python's venv module is not installed: run `sudo apt-get install python{version}-venv`, then again"
        ) from None
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def has_pip() -> bool:
    """Whether the environment is there and whole: one whose making was interrupted has a Python, but no pip."""
    command = [str(PYTHON), "-m", "pip", "--version"]
    return PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def install_torch(*, gpu: bool) -> None:
    """Installs the pinned torch; without a GPU its CPU build is preferred, where one can be had."""
    if gpu or sys.platform != "linux" or pip_offers_cpu_build():
        pip("install", "--quiet", TORCH)
        return
    # What pip offers brings gigabytes of CUDA; uv knows where PyTorch keeps its CPU builds.
    pip("install", "--quiet", "uv")
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--torch-backend=cpu", TORCH]
    if subprocess.run(uv, check=False).returncode != 0:
        print("      the CPU build cannot be had here; taking the one with CUDA (about 2.5 GB)", flush=True)
        pip("install", "--quiet", TORCH)


def pip_offers_cpu_build() -> bool:
    """Whether what pip would install is free of CUDA packages."""
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--report", "-", TORCH]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        metadata = json.loads(answer.stdout)["install"][0]["metadata"]
    except (ValueError, LookupError):
        return False
    needs = " ".join(metadata.get("requires_dist") or ())
    return "+cpu" in metadata["version"] or not ("nvidia" in needs or "cuda" in needs)


def has_torch() -> bool:
    """Whether the pinned torch is installed already."""
    libraries = Path(sysconfig.get_path("purelib", vars={"base": str(VENV), "platbase": str(VENV)}))
    return any(libraries.glob(f"torch-{TORCH.partition('==')[2]}*.dist-info"))


def nvidia_gpu_answers() -> bool:
    """Whether ``nvidia-smi`` finds a GPU."""
    tool = shutil.which("nvidia-smi")
    return bool(tool) and subprocess.run([tool, "-L"], capture_output=True, check=False).returncode == 0


def system_packages() -> int:
    """Installs what the tests need from the system, or names it; returns the exit status."""
    missing = [name for name, proof in SYSTEM_PACKAGES.items() if not is_there(proof)]
    if not missing:
        return 0
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return say_no(f"the tests need {', '.join(missing)}; on Debian or Ubuntu: sudo {command}")
    print(f"[0/3] system packages: {', '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["apt-get", "update", "-q"], command.split()):
        done = subprocess.run(arguments, env=environment, stdout=subprocess.DEVNULL, check=False)
    return done.returncode and say_no(f"`{command}` failed; its own message stands above")


def is_there(proof: str) -> bool:
    """Whether a program is on the path, or a pattern below ``/`` matches some file."""
    return bool(shutil.which(proof)) or any(Path("/").glob(proof))


def pip(*arguments: str) -> None:
    """Runs the environment's pip."""
    subprocess.run([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments], check=True)


def digest(requirements: str) -> str:
    """What the environment is made from: the requirement files and this Python."""
    text = b"".join(file.read_bytes() for file in sorted(REQUIREMENTS.glob("*.txt")))
    return hashlib.sha256(text + requirements.encode() + sys.version.encode()).hexdigest()


def stamp(requirements: str) -> Path:
    """Where the digest of a finished set-up is kept."""
    return VENV / f".{requirements}.done"


def is_done(requirements: str) -> bool:
    """Whether the environment is there and complete."""
    mark = stamp(requirements)
    return PYTHON.exists() and mark.exists() and mark.read_text() == digest(requirements)


def say_no(sentence: str) -> int:
    """One sentence, and the exit status of a failure."""
    print(f"error: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
