"""Near-duplicates by MinHash, compared with datasketch and with the exact Jaccard similarity of all pairs."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from datasketch import MinHash, MinHashLSH

from prefopt.project.near_duplicates import PERMUTATIONS, ROWS, THRESHOLD, Link, band_keys, groups, links, shingles
from prefopt.texts.same_text import key

WORDS = ["연필", "공책", "사과", "상자", "바구니", "학생", "선생님", "교실", "운동장", "모두", "남은", "처음", "길이", "무게", "더하면"]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Ninety unrelated texts without numbers, each followed by copies with some words exchanged."""
    rng = random.Random(5)
    drawn: list[str] = []
    for _ in range(90):
        words = rng.choices(WORDS, k=24)
        drawn.append(" ".join(words))
        for changed in rng.sample((1, 2, 4, 6), 3):
            copy = list(words)
            for at in rng.sample(range(24), changed):
                copy[at] = rng.choice(WORDS)
            drawn.append(" ".join(copy))
    return list(dict.fromkeys(drawn))


@pytest.fixture(scope="module")
def similarity(texts: list[str]) -> dict[tuple[int, int], float]:
    """Exact Jaccard similarity of all pairs (earlier, later)."""
    grams = [shingles(key(text)) for text in texts]
    return {(i, j): len(grams[i] & grams[j]) / len(grams[i] | grams[j]) for i, j in combinations(range(len(texts)), 2)}


def linked_by_datasketch(texts: list[str], similarity: dict[tuple[int, int], float]) -> set[int]:
    """Later texts for which datasketch's LSH, with our bands, proposes an earlier one that is similar enough."""
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(PERMUTATIONS // ROWS, ROWS))
    linked: set[int] = set()
    for later, text in enumerate(texts):
        minhash = MinHash(num_perm=PERMUTATIONS, seed=1)
        minhash.update_batch([gram.encode() for gram in shingles(key(text))])
        if any(similarity[earlier, later] >= THRESHOLD for earlier in index.query(minhash)):
            linked.add(later)
        index.insert(later, minhash)
    return linked


def test_the_same_texts_are_linked_as_by_datasketch(texts, similarity):
    ours = {link.later for link in links(texts)}
    theirs = linked_by_datasketch(texts, similarity)
    exact = {later for (_, later), value in similarity.items() if value >= THRESHOLD}
    assert len(exact) > 100
    assert ours <= exact
    assert theirs <= exact
    # Each search misses a pair of similarity s with probability (1 - s^4)^16, at most 1.2 % at the threshold.
    assert len(exact - ours) <= 0.02 * len(exact)
    assert len(ours ^ theirs) <= 0.03 * len(exact)


def test_the_similarity_of_a_link_is_the_exact_jaccard_similarity(texts, similarity):
    for link in links(texts):
        assert link.similarity == pytest.approx(similarity[link.earlier, link.later], abs=1e-12)


def test_band_keys_are_equal_as_often_as_min_wise_hashing_says(texts, similarity):
    """A band of r minima is equal with probability s^r (Broder 1997)."""
    keys = band_keys([key(text) for text in texts])
    close = {pair: value for pair, value in similarity.items() if value > 0.4}
    equal = sum(float((keys[i] == keys[j]).mean()) for i, j in close) / len(close)
    assert equal == pytest.approx(sum(value**ROWS for value in close.values()) / len(close), abs=0.03)


@pytest.mark.parametrize(
    ("one", "other", "linked"),
    [
        ("3 + 4는 얼마입니까?", "3+4는  얼마입니까", 1.0),
        ("사과 3개를 4명에게 나누어 줍니다.", "사과 3개를 5명에게 나누어 줍니다.", None),
        ("x²의 값을 구하시오.", "x2의 값을 구하시오.", None),
        ("3 - 4는 얼마입니까?", "3 + 4는 얼마입니까?", None),
    ],
)
def test_numbers_and_operators_are_never_ignored(one, other, linked):
    assert links([one, other]) == ([] if linked is None else [Link(0, 1, linked)])


def test_groups_are_the_connected_components():
    assert groups(6, [(4, 1), (2, 5), (1, 2)]) == [0, 1, 1, 3, 1, 1]
