"""Starting is cheap: this room needs no model and does no work at import."""

import subprocess
import sys


def _runs(script: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_room_needs_no_torch() -> None:
    _runs(
        "import sys, speech.decode, speech.identity, speech.hotwords, speech.subtitles, speech.itn;"
        "assert not {'torch', 'funasr', 'wetext'} & set(sys.modules)"
    )


def test_the_rules_for_numbers_are_loaded_on_first_use_and_only_those_of_the_language() -> None:
    _runs(
        "import sys, services.results, speech.itn;"
        "loaded = lambda: {name.removeprefix('speech.itn.') for name in sys.modules if name.startswith('speech.itn.')};"
        "assert not loaded(), loaded();"
        "speech.itn.to_written('hello', 'de');"
        "assert not loaded(), loaded();"
        "assert speech.itn.to_written('twenty five', 'en') == '25';"
        "assert 'chinese' not in loaded(), loaded();"
        "assert speech.itn.to_written('二十五') == '25';"
        "assert 'chinese' in loaded()"
    )
