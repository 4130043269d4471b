"""One recording in every format that telephones, browsers, recorders and cameras write."""

from pathlib import Path

from tests.helpers.sounds import ffmpeg, sox

_VIDEO = "-f lavfi -i color=size=64x64:rate=25:duration=3"

#: What ffmpeg makes: the file's name, and the arguments.
FFMPEG = {
    "alaw.wav": "-ar 8000 -c:a pcm_alaw",
    "mulaw.wav": "-ar 8000 -c:a pcm_mulaw",
    "ima.wav": "-ar 8000 -c:a adpcm_ima_wav",
    "ms.wav": "-ar 8000 -c:a adpcm_ms",
    "g726.wav": "-ar 8000 -c:a g726 -b:a 32k",
    "yamaha.wav": "-ar 8000 -c:a adpcm_yamaha",
    "pcm.wav": "-ar 8000 -c:a pcm_s16le",
    "mulaw.au": "-ar 8000 -c:a pcm_mulaw",
    "alaw.au": "-ar 8000 -c:a pcm_alaw",
    "pcm.au": "-ar 8000 -c:a pcm_s16be",
    "x.m4a": "-c:a aac -b:a 64k",
    "alac.m4a": "-c:a alac",
    "x.ogg": "-c:a libvorbis",
    "opus.ogg": "-c:a libopus",
    "x.opus": "-c:a libopus -b:a 24k",
    "x.webm": "-c:a libopus",
    "vorbis.webm": "-c:a libvorbis",
    "x.flac": "-c:a flac",
    "x.mp3": "-c:a libmp3lame -b:a 64k",
    "x.wma": "-c:a wmav2 -b:a 64k",
    "x.aiff": "-c:a pcm_s16be",
    "x.caf": "-c:a pcm_s16le",
}
#: The same as the sound of a moving picture.
VIDEO = {
    "x.mp4": "-c:v mpeg4 -c:a aac -b:a 64k",
    "fragmented.mp4": "-c:v mpeg4 -c:a aac -b:a 64k -movflags frag_keyframe+empty_moov",
    "x.mov": "-c:v mpeg4 -c:a pcm_s16le",
    "x.mkv": "-c:v mpeg4 -c:a libopus",
    "video.webm": "-c:v libvpx -b:v 50k -c:a libopus",
    "x.avi": "-c:v mpeg4 -c:a libmp3lame",
    "x.wmv": "-c:v wmv2 -c:a wmav2",
    "x.flv": "-c:v flv -c:a libmp3lame -ar 44100",
    "x.ts": "-c:v mpeg2video -c:a aac -b:a 64k",
    "x.mpg": "-c:v mpeg1video -c:a mp2 -ar 44100",
}
#: What sox makes, because ffmpeg cannot.
SOX = {
    "gsm.wav": "-r 8000 -e gsm-full-rate",
    "x.amr-nb": "-r 8000 -C 7",
    "x.sox-ima.wav": "-r 8000 -e ima-adpcm",
}
#: AMR as phones keep it.
REWRAPPED = {"x.3gp": "x.amr-nb"}

ALL = (*FFMPEG, *VIDEO, *SOX, *REWRAPPED)


def make(name: str, source: Path, folder: Path) -> Path:
    """``source`` in the format of this name."""
    path = folder / name
    if name in FFMPEG:
        ffmpeg("-i", source, *FFMPEG[name].split(), path)
    elif name in VIDEO:
        ffmpeg(*_VIDEO.split(), "-i", source, *VIDEO[name].split(), path)
    elif name in SOX:
        sox(source, *SOX[name].split(), path)
    else:
        ffmpeg("-i", make(REWRAPPED[name], source, folder), "-c", "copy", path)
    return path
