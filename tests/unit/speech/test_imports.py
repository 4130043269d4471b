"""Starting is cheap: this room needs no model and does no work at import."""

import subprocess
import sys


def test_the_room_needs_no_torch_and_the_rules_compile_on_first_use() -> None:
    script = (
        "import sys, speech.decode, speech.identity, speech.hotwords, speech.subtitles, speech.itn;"
        "import speech.itn.chinese as c;"
        "assert not {'torch', 'funasr', 'wetext'} & set(sys.modules);"
        "assert c._compiled.cache_info().currsize == 0;"
        "assert speech.itn.to_written('二十五') == '25';"
        "assert c._compiled.cache_info().currsize > 0"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
