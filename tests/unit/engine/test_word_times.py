from domain.words import Word
from engine.families.word_times import words_of


def test_chinese_by_the_character_without_marks() -> None:
    words = words_of(
        "打开，空调。", [("打", 0, 60), ("开", 60, 120), ("，", 200, 260), ("空", 300, 360), ("调", 400, 460)]
    )
    assert words == (Word("打", 0, 60), Word("开", 60, 120), Word("空", 300, 360), Word("调", 400, 460))


def test_word_pieces_join_to_words() -> None:
    words = words_of("Hello world.", [("▁he", 0, 60), ("llo", 60, 120), ("▁world", 200, 260), (".", 300, 360)])
    assert words == (Word("Hello", 0, 120), Word("world", 200, 260))


def test_mixed_scripts() -> None:
    words = words_of("打开wifi吧", [("打", 0, 10), ("开", 10, 20), ("wi", 20, 30), ("fi", 30, 40), ("吧", 40, 50)])
    assert [word.text for word in words] == ["打", "开", "wifi", "吧"]


def test_a_piece_that_is_not_in_the_text_is_passed_over() -> None:
    words = words_of("打开空调", [("打", 0, 10), ("看", 10, 20), ("开", 20, 30), ("空", 30, 40), ("调", 40, 50)])
    assert [(word.text, word.start_ms) for word in words] == [("打", 0), ("开", 20), ("空", 30), ("调", 40)]


def test_without_times_there_are_no_words() -> None:
    assert words_of("打开空调", []) == ()
    assert words_of("", [("打", 0, 10)]) == ()
