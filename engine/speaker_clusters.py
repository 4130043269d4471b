"""Voices into people: which of many voice vectors belong to the same speaker.

The method is that of FunASR's ``ClusterBackend`` (spectral clustering on a pruned similarity graph, whose largest gap
between eigenvalues tells the number, then joining clusters that sound alike), with three differences: chance has a
fixed seed, recordings of less than 15 s are clustered too, and long ones are told apart by a sample of them, so that
four hours cost what 25 minutes do.
"""

import numpy as np

from domain.options import MAX_SPEAKERS

#: So many vectors are clustered, evenly taken from a longer recording; the others join the nearest cluster.
SAMPLE = 2_000
#: Below so many vectors (30 s) there is no graph to speak of.
_FEW = 40
#: Groups whose vectors are less similar than this on average are different people (3D-Speaker's value for CAM++).
#: FunASR joins where the centres have a cosine of 0.78, which for groups as loose as CAM++'s is the same line; groups
#: of the very same words are tighter, and their centres would count as different.
ALIKE = 0.4
#: The share of each vector's neighbours that counts (FunASR's ``pval``), and how many it is at least.
_KEPT_SHARE, _KEPT_LEAST = 0.022, 6
#: Vectors that make a speaker where the number is not given: fewer are noise, or two who speak at once.
_LEAST, _LEAST_OF_FEW = 4, 2


def tell_apart(vectors: np.ndarray, count: int) -> np.ndarray:
    """The speaker of each vector: ``(n,)`` integers, numbered 0, 1, … by first appearance.

    ``vectors``: ``(n, size)``. ``count``: 0 as many speakers as are heard, else so many (at most n). Always the same
    answer for the same vectors. Time and memory are bounded by those of :data:`SAMPLE` vectors.

    A vector that is not finite (a model in half precision overflows) tells nothing: its speaker is that of the nearest
    one in time. Raises ``ValueError`` when none is finite.
    """
    if len(vectors) == 0:
        return np.zeros(0, np.int64)
    good = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if len(good) == 0:
        raise ValueError("no voice vector is finite")
    if len(good) < len(vectors):
        return by_appearance(tell_apart(vectors[good], count)[_nearest(good, len(vectors))])
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    places = np.linspace(0, len(unit) - 1, min(len(unit), SAMPLE)).round().astype(np.int64)
    labels = _clusters(unit[places].astype(np.float64), min(count, len(places)))
    if len(places) < len(unit):
        labels = np.argmax(unit @ _centres(unit[places], labels).T, axis=1)
    return by_appearance(labels)


def by_appearance(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered in the order in which they come."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _nearest(places: np.ndarray, size: int) -> np.ndarray:
    """For each of ``size`` numbers the index of the nearest in ``places``, which are sorted; the earlier of two."""
    wanted = np.arange(size)
    after = np.searchsorted(places, wanted).clip(0, len(places) - 1)
    before = (after - 1).clip(0)
    return np.where(wanted - places[before] <= np.abs(places[after] - wanted), before, after)


def _clusters(unit: np.ndarray, count: int) -> np.ndarray:
    if count == 1 or len(unit) == 1:
        return np.zeros(len(unit), np.int64)
    if count:
        return _k_means(unit, count) if len(unit) < _FEW else _spectral(unit, count)
    if len(unit) < _FEW:
        return _without_small(unit, _linked(unit), max(_LEAST_OF_FEW, min(_LEAST, len(unit) // 8)))
    return _without_small(unit, _joined(unit, _spectral(unit, 0)), _LEAST)


def _linked(unit: np.ndarray) -> np.ndarray:
    """Average linkage: joins the two groups that are most alike, as long as they are alike enough."""
    from scipy.cluster.hierarchy import fcluster, linkage

    return fcluster(linkage(unit, "average", metric="cosine"), 1 - ALIKE, "distance").astype(np.int64)


def _k_means(points: np.ndarray, count: int) -> np.ndarray:
    from sklearn.cluster import k_means

    return np.asarray(k_means(points, count, n_init=10, random_state=0)[1])  # pyright: ignore[reportArgumentType]


def _spectral(unit: np.ndarray, count: int) -> np.ndarray:
    from scipy.linalg import eigh

    graph = _pruned(unit @ unit.T)
    graph = (graph + graph.T) / 2
    np.fill_diagonal(graph, 0)
    laplacian = np.diag(np.abs(graph).sum(axis=1)) - graph
    values, vectors = eigh(laplacian, subset_by_index=(0, MAX_SPEAKERS))
    count = count or int(np.argmax(np.diff(values))) + 1
    return _k_means(vectors[:, :count], count)


def _pruned(similarity: np.ndarray) -> np.ndarray:
    """Only the nearest neighbours of each row are kept, the others are zero."""
    size = len(similarity)
    dropped = int((1 - max(_KEPT_SHARE, _KEPT_LEAST / size)) * size)
    far = np.argpartition(similarity, dropped, axis=1)[:, :dropped]
    np.put_along_axis(similarity, far, 0, axis=1)
    return similarity


def _joined(unit: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Clusters that sound alike made one, the most similar pair first."""
    while True:
        labels = by_appearance(labels)
        means = _means(unit, labels)
        # The product of two means is the mean similarity of their vectors.
        alike = np.where(np.triu(np.ones((len(means), len(means)), bool), 1), means @ means.T, -1)
        first, second = np.unravel_index(int(np.argmax(alike)), alike.shape)
        if alike[first, second] < ALIKE:
            return labels
        labels[labels == second] = first


def _without_small(unit: np.ndarray, labels: np.ndarray, least: int) -> np.ndarray:
    """The vectors of clusters that are too small given to the nearest of the others; all are one if all are small."""
    names, counts = np.unique(labels, return_counts=True)
    large = names[counts >= least]
    if len(large) == 0:
        return np.zeros_like(labels)
    kept = np.isin(labels, large)
    numbers = np.searchsorted(large, labels[kept])
    moved = np.empty_like(labels)
    moved[kept] = numbers
    moved[~kept] = np.argmax(unit[~kept] @ _centres(unit[kept], numbers).T, axis=1)
    return moved


def _centres(unit: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``(clusters, size)`` of length one."""
    means = _means(unit, labels)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


def _means(unit: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``(clusters, size)``; labels count from 0 without gaps."""
    return np.stack([unit[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
