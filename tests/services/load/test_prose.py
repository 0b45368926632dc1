from __future__ import annotations

from services.store.terms import STOP_WORDS, terms

from tests.services.load.prose import WORDS, Prose, invented


def test_texts_have_their_length_and_are_always_the_same():
    first, second = Prose(1).texts(2, 50)
    assert [len(first.split()), len(second.split())] == [50, 50]
    assert first != second
    assert Prose(1).texts(2, 50) == [first, second]


def test_half_of_a_text_is_stop_words_as_in_english():
    words = Prose(1).texts(1, 4000)[0].split()
    assert 0.3 < sum(word in STOP_WORDS for word in words) / len(words) < 0.6


def test_a_question_has_so_many_telling_words():
    assert all(1 <= len(terms(one)) <= 5 for one in Prose(1).questions(50, 5))


def test_there_are_enough_words():
    assert len(set(invented())) == len(invented()) >= WORDS
