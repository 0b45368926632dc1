from __future__ import annotations

from services.store.terms import MOST_TERMS, any_of, terms


def test_words_that_tell_something_each_once():
    assert terms("What is the Price of the price-list, §5?") == ["price", "list", "5"]


def test_stop_words_if_there_is_nothing_else():
    assert terms("To be or not to be") == ["to", "be", "or", "not"]


def test_every_script():
    assert terms("Größe 東京 naïve") == ["größe", "東京", "naïve"]


def test_no_more_than_can_be_walked():
    assert len(terms(" ".join(map(str, range(1000))))) == MOST_TERMS


def test_nothing_is_an_operator():
    assert any_of('cats AND "dogs" NEAR') == '"cats" OR "dogs" OR "near"'
    assert any_of("?!") == ""
