"""What the tables of an export say, in both languages; what the pages say too has the pages' words."""

from domain.labels import Language
from domain.recognition import CacheOutcome, Source, Status

_WORDS: dict[str, tuple[str, str]] = {
    # The columns, and the sheets.
    "time": ("时间", "Time"),
    "local": ("当地", "local"),
    "filename": ("文件名", "File"),
    "seconds": ("时长（秒）", "Length (s)"),
    "written": ("规整文本", "Written text"),
    "spoken": ("原始文本", "Spoken text"),
    "status": ("状态", "Status"),
    "language": ("语言", "Language"),
    "hotwords": ("热词", "Hotwords"),
    "cache": ("结果来自", "Result"),
    "node": ("节点", "Node"),
    "model": ("模型", "Model"),
    "source": ("从哪里提交", "Submitted by"),
    "user": ("提交者", "User"),
    "version": ("版本", "Version"),
    "warnings": ("提示", "Warnings"),
    "error": ("错误", "Error"),
    "id": ("编号", "Reference id"),
    "line": ("片段", "Segment"),
    "start": ("开始", "Start"),
    "end": ("结束", "End"),
    "who": ("说话人", "Speaker"),
    "suspect": ("存疑", "Suspect"),
    "recordings": ("录音", "Recordings"),
    "segments": ("片段", "Segments"),
    # Names of files.
    "all": ("识别历史", "recognitions"),
    "left_out": ("未导出", "left out"),
    # What a cell says that cannot hold all.
    "more": ("…（太长，一格放不下；全文在“片段”表）", "… (too long for a cell; the sheet Segments has all of it)"),
    "no_text": ("没有文字", "no text"),
    "gone": ("已删除", "deleted"),
    # As on the pages.
    f"status_{Status.QUEUED}": ("排队", "Queued"),
    f"status_{Status.RUNNING}": ("识别中", "Recognising"),
    f"status_{Status.SUCCEEDED}": ("完成", "Done"),
    f"status_{Status.FAILED}": ("失败", "Failed"),
    f"status_{Status.CANCELLED}": ("已取消", "Cancelled"),
    f"source_{Source.WEB}": ("网页", "Web"),
    f"source_{Source.API}": ("接口", "API"),
    f"source_{Source.CLI}": ("命令行", "CLI"),
    f"source_{Source.BATCH}": ("批量", "Batch"),
    f"source_{Source.LIVE}": ("实时", "Live"),
    f"source_{Source.IMPORT}": ("导入", "Imported"),
    f"badge_{CacheOutcome.MISS}": ("新识别", "New"),
    f"badge_{CacheOutcome.HIT}": ("缓存命中", "From cache"),
    f"badge_{CacheOutcome.SHARED}": ("共享结果", "Shared result"),
}


def word(key: str, language: Language) -> str:
    """The word in the reader's language."""
    return _WORDS[key][0 if language == "zh" else 1]
