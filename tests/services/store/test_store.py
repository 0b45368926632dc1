"""What all stores promise: SQLite, a real PostgreSQL with pgvector and a real Redis."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from services.errors import Mismatch, Refused
from services.store.faults import StoreFault
from services.store.model import Document, Model, NewPassage, Store, Vectors

MODEL = Model("m", 4, "q: ", "p: ")
CATS = NewPassage("The cats are sleeping.", "Cats", {"page": 3}, "k-cats")
DOGS = NewPassage("Dogs bark, dogs bite.", "Dogs", {}, "k-dogs")
FISH = NewPassage("A fish can swim \u2028 far", "Fish", {}, "k-fish")


def rows(*axes: int) -> Vectors:
    return np.eye(4, dtype=np.float32)[list(axes)]


async def put(store: Store, name: str, *passages: NewPassage, axes: tuple[int, ...] = ()) -> None:
    vectors = rows(*(axes or range(len(passages))))
    document = Document(name, f"digest of {name}", metadata={"team": name[0]})
    await store.put("i", MODEL, document, passages, vectors)


async def found(store: Store, scored: list[object]) -> list[str]:
    return [one.key for one in await store.passages([one.id for one in scored])]  # type: ignore[attr-defined]


async def test_what_is_put_is_found_by_words_and_by_vectors(store: Store):
    await put(store, "a.md", CATS, DOGS, FISH)
    assert await found(store, await store.lexical("i", "Is the cat asleep?", 9)) == ["k-cats"]
    assert await found(store, await store.lexical("i", "dog", 9)) == ["k-dogs"], "stems"
    near = await store.dense("i", rows(2)[0], 2)
    assert (await found(store, near))[0] == "k-fish"
    assert near[0].score == pytest.approx(1)
    assert len(near) == 2
    [passage] = await store.passages([near[0].id])
    assert (passage.document, passage.position, passage.header) == ("a.md", 2, "Fish")
    assert passage.text == FISH.text
    [passage] = await store.passages([one.id for one in await store.lexical("i", "cats", 1)])
    assert passage.metadata == {"page": 3}


async def test_a_word_in_a_header_counts(store: Store):
    await put(store, "a.md", NewPassage("It is late.", "Zebras"), DOGS)
    assert len(await store.lexical("i", "zebra", 9)) == 1


async def test_rare_words_weigh_more_and_long_texts_less(store: Store):
    common = [NewPassage(f"common word {n}", "", {}, f"c{n}") for n in range(20)]
    rare = NewPassage("common gem", "", {}, "rare")
    long = NewPassage("gem " + "filler text here " * 50, "", {}, "long")
    vectors = np.repeat(rows(0), 22, axis=0)
    await store.put("i", MODEL, Document("a.md", "d"), [*common, rare, long], vectors)
    order = await found(store, await store.lexical("i", "common gem", 30))
    assert order[:2] == ["rare", "long"]


async def test_a_document_is_replaced_in_one_step(store: Store):
    await put(store, "a.md", CATS, DOGS)
    await put(store, "a.md", DOGS, FISH, axes=(1, 2))
    await put(store, "b.md", CATS, axes=(0,))
    assert await found(store, await store.lexical("i", "cats dogs fish", 9)) != []
    names = [passage.document for passage in await store.passages(range(100))]
    assert sorted(names) == ["a.md", "a.md", "b.md"]
    assert len(await store.dense("i", rows(0)[0], 9)) == 3
    documents = await store.documents("i")
    assert [(one.name, one.passages) for one in documents] == [("a.md", 2), ("b.md", 1)]


async def test_half_a_document_is_never_there(store: Store):
    await put(store, "a.md", CATS)
    bad = NewPassage("x", "", {"f": 1.5}, None)  # type: ignore[arg-type]  # the column refuses it
    with pytest.raises(Exception, match=r"(?i)null|constraint"):
        await put(store, "a.md", DOGS, bad)
    assert await found(store, await store.lexical("i", "cats dogs", 9)) == ["k-cats"]
    assert len(await store.dense("i", rows(0)[0], 9)) == 1
    await put(store, "a.md", DOGS)
    assert await found(store, await store.lexical("i", "cats dogs", 9)) == ["k-dogs"]


async def test_delete_and_drop(store: Store):
    await put(store, "a.md", CATS)
    await put(store, "b.md", DOGS)
    assert await store.delete("i", "a.md")
    assert not await store.delete("i", "a.md")
    assert not await store.delete("nowhere", "a.md")
    assert await store.lexical("i", "cats", 9) == []
    assert len(await store.dense("i", rows(0)[0], 9)) == 1
    assert await store.drop("i")
    assert not await store.drop("i")
    assert await store.indexes() == []
    assert await store.dense("i", rows(0)[0], 9) == []
    await put(store, "c.md", FISH)
    assert await found(store, await store.dense("i", rows(0)[0], 9)) == ["k-fish"]


async def test_indexes_know_nothing_of_each_other(store: Store):
    await put(store, "a.md", CATS)
    other = Model("other", 2)
    await store.put("j", other, Document("a.md", "d"), [DOGS], np.array([[1, 0]], np.float32))
    assert [(one.name, one.model) for one in await store.indexes()] == [("i", MODEL), ("j", other)]
    assert await store.lexical("j", "cats", 9) == []
    assert await found(store, await store.dense("j", np.array([1, 0], np.float32), 9)) == ["k-dogs"]
    assert [one.name for one in await store.documents("j")] == ["a.md"]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Model("n", 4, "q: ", "p: "), "model 'm', not 'n'"),
        (Model("m", 5, "q: ", "p: "), "dimension 4, not 5"),
        (Model("m", 4, "", "p: "), "query prefix"),
        (Model("m", 4, "q: ", ""), "passage prefix"),
    ],
)
async def test_vectors_of_another_model_are_refused(store: Store, model: Model, text: str):
    await put(store, "a.md", CATS)
    with pytest.raises(Mismatch, match=text):
        await store.put("i", model, Document("b.md", "d"), [], rows())
    assert len(await store.documents("i")) == 1


@pytest.mark.parametrize("name", ["all", "", "a/b", "a;b", "x" * 65])
async def test_names_that_no_index_can_have(store: Store, name: str):
    with pytest.raises(Refused):
        await store.put(name, MODEL, Document("a.md", "d"), [], rows())


async def test_filters(store: Store):
    await put(store, "a.md", CATS)
    await put(store, "b.md", CATS)
    for filters, count in (
        ({"name": ["a.md"]}, 1),
        ({"name": ["a.md", "b.md"]}, 2),
        ({"team": ["b"]}, 1),
        ({"team": ["b"], "name": ["a.md"]}, 0),
        ({'we"ird.key': ["b"]}, 0),
    ):
        assert len(await store.lexical("i", "cats", 9, filters)) == count
        assert len(await store.dense("i", rows(0)[0], 9, filters)) == count


async def test_a_filter_changes_neither_scores_nor_their_order(store: Store):
    def known(number: int) -> dict[str, str]:
        return {"team": "red" if number else "blue", "colour": "any"}

    for number in range(12):
        passages = [NewPassage("The cats are here. " + "More text. " * number, "", {}, f"{number}")]
        if number == 7:
            passages.append(NewPassage("Cats and sleeping dogs", "", {}, "both"))
        document = Document(f"{number}.md", "d", metadata=known(number))
        await store.put("i", MODEL, document, passages, rows(*range(len(passages))))
    question = "cats dogs sleep"
    everything = {one.id: one.score for one in await store.lexical("i", question, 99)}
    best = (await store.passages(list(everything)))[0]
    assert (len(everything), best.key) == (13, "both")
    for filters, count in (
        ({"colour": ["any"]}, 13),
        ({"team": ["red", "blue"]}, 13),
        ({"team": ["red", "blue"], "colour": ["any", "none"]}, 13),
        ({"team": ["blue"]}, 1),
        ({"team": ["red"]}, 12),
        ({"team": ["red"], "name": ["7.md", "9.md"]}, 3),
    ):
        found = {one.id: one.score for one in await store.lexical("i", question, 99, filters)}
        assert len(found) == count
        assert list(found) == [id for id in everything if id in found]
        assert found == pytest.approx({id: everything[id] for id in found})


async def test_a_filter_changes_no_score_whatever_is_asked(store: Store):
    draw = random.Random(3)
    words = ("cats", "sleep", "sleeping", "dogs", "running", "2024", "a1", "0", "École", "x_y")
    for number in range(30):
        passage = NewPassage(" ".join(draw.choices(words, k=draw.randint(3, 40))), "head")
        document = Document(f"{number}.md", "d", metadata={"team": draw.choice(["red", "blue"])})
        await store.put("i", MODEL, document, [passage], rows(0))
    for _ in range(40):
        question = " ".join(draw.choices(words, k=draw.randint(2, 6)))
        everything = {one.id: one.score for one in await store.lexical("i", question, 99)}
        for teams in (["red"], ["red", "blue"]):
            found = await store.lexical("i", question, 99, {"team": teams})
            assert {one.id: one.score for one in found} == pytest.approx(
                {one.id: everything[one.id] for one in found}
            )
        assert len(found) == len(everything)


async def test_an_index_is_there_when_a_document_is(store: Store):
    bad = NewPassage("x", "", {}, None)  # type: ignore[arg-type]  # the column refuses it
    with pytest.raises(StoreFault):
        await put(store, "a.md", DOGS, bad)
    assert await store.indexes() == []
    assert await store.index("i") is None
    assert not await store.drop("i")
    other = Model("other", 4)
    await store.put("i", other, Document("a.md", "d"), [CATS], rows(0))
    assert await store.delete("i", "a.md")
    assert [one.model for one in await store.indexes()] == [other]


async def test_a_word_without_an_end(store: Store):
    for word in ("q" * 129, "é" * 300, "猫" * 300):
        await put(store, "a.md", NewPassage(f"{word} tail", "", {}, "k"))
        assert await found(store, await store.lexical("i", word, 9)) == ["k"]


@pytest.mark.parametrize(
    "question", ['"', "cats OR", "NEAR(cats)", "a:b -cats *", "", "the of", "é"]
)
async def test_a_question_is_no_query_language(store: Store, question: str):
    await put(store, "a.md", CATS)
    await store.lexical("i", question, 9)


async def test_vectors_of_known_passages(store: Store):
    await put(store, "a.md", CATS, DOGS)
    known = await store.vectors_of("i", {"k-cats", "unknown"})
    assert known.keys() == {"k-cats"}
    assert np.allclose(known["k-cats"], rows(0)[0])
    assert await store.vectors_of("nowhere", {"k-cats"}) == {}
    [first, _] = await store.dense("i", rows(1)[0], 9)
    assert np.allclose((await store.vectors("i", [first.id, 999]))[first.id], rows(1)[0])


async def test_each_of_many_passages_keeps_its_own_vector(store: Store):
    angles = np.linspace(0, 3, 250)
    turned = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    passages = [NewPassage(f"{n}", "", {}, f"k{n}") for n in range(250)]
    await store.put("j", Model("other", 2), Document("a.md", "d"), passages, turned)
    for at in (0, 99, 100, 249):
        near = await store.dense("j", turned[at], 1)
        [passage] = await store.passages([near[0].id])
        vectors = await store.vectors("j", [passage.id])
        assert passage.key == f"k{passage.position}"
        assert abs(passage.position - at) < 5, "vectors are kept in half precision"
        assert np.allclose(vectors[passage.id], turned[passage.position], atol=1e-3)


async def test_indexes_are_made_and_dropped_at_once(store: Store):
    async def come_and_go(name: str) -> None:
        for _ in range(4):
            await store.put(name, MODEL, Document("a.md", "d"), [CATS, DOGS], rows(0, 1))
            assert len(await store.dense(name, rows(0)[0], 9)) == 2
            assert await store.drop(name)

    await asyncio.gather(*(come_and_go(f"i{n}") for n in range(6)))
    assert await store.indexes() == []


async def test_vectors_longer_than_a_graph_takes(store: Store):
    vector = np.zeros((1, 4100), np.float32)
    vector[0, 7] = 1
    await store.put("long", Model("m", 4100), Document("a.md", "d"), [CATS], vector)
    [found] = await store.dense("long", vector[0], 3)
    assert found.score == pytest.approx(1)


async def test_what_no_database_may_like(store: Store):
    name = "nul\0 'quote\" \\u0000 \U0001f408.md"
    odd = NewPassage("cats\0dogs", "he\0ader", {"note": r"\u0000"}, "k")
    await store.put("i", MODEL, Document(name, "d"), [odd], rows(0))
    assert await store.document("i", name) is not None
    assert len(await store.dense("i", rows(0)[0], 9, {"name": [name]})) == 1
    assert await store.dense("i", rows(0)[0], 9, {"na\0me": ["a\0b"]}) == []
    await store.lexical("i", "ca\0ts", 9)
    [document] = await store.documents("i")
    assert await store.delete("i", document.name)


async def test_numbers_in_what_is_known_of_a_document(store: Store):
    document = Document("a.md", "d", metadata={"pages": 3})
    await store.put("i", MODEL, document, [CATS], rows(0))
    for pages, count in (("3", 1), ("4", 0)):
        assert len(await store.dense("i", rows(0)[0], 9, {"pages": [pages]})) == count


async def test_many_writers_and_readers_at_once(store: Store):
    async def read() -> None:
        for _ in range(10):
            near = await store.dense("i", rows(0)[0], 100)
            passages = await store.passages([one.id for one in near])
            assert len(passages) % 2 == 0 or len(passages) != len(near)

    async def write(number: int) -> None:
        for _ in range(3):
            await put(store, f"{number}.md", CATS, DOGS)

    await put(store, "a.md", CATS, DOGS)
    await asyncio.gather(*(write(n) for n in range(4)), *(read() for _ in range(4)))
    assert len(await store.dense("i", rows(0)[0], 100)) == 10


async def test_nothing_is_asked_of_nothing(store: Store):
    assert await store.lexical("i", "cats", 9) == []
    assert await store.dense("i", rows(0)[0], 9) == []
    assert await store.documents("i") == []
    assert await store.document("i", "a.md") is None
    assert await store.passages([]) == []
