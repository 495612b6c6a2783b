"""What a ranking is worth. Relevance is binary."""

import math
import random

BOOTSTRAP_ROUNDS = 2000


def ndcg(ranked, relevant, depth=10):
    gain = sum(1 / math.log2(i + 2) for i, name in enumerate(ranked[:depth]) if name in relevant)
    return gain / sum(1 / math.log2(i + 2) for i in range(min(depth, len(relevant))))


def recall(ranked, relevant, depth=10):
    return len(set(ranked[:depth]) & relevant) / len(relevant)


def mrr(ranked, relevant, depth=10):
    return next((1 / (i + 1) for i, name in enumerate(ranked[:depth]) if name in relevant), 0.0)


def mean(values):
    return sum(values) / len(values) if values else 0.0


def interval(values, level=0.95):
    """Percentile bootstrap over queries, with a seed of its own: the same values give the same interval."""
    dice = random.Random(7)
    means = sorted(mean(dice.choices(values, k=len(values))) for _ in range(BOOTSTRAP_ROUNDS))
    cut = (1 - level) / 2
    return [round(means[int(cut * len(means))], 4), round(means[int((1 - cut) * len(means)) - 1], 4)]


def report(ranked, relevant):
    """ranked and relevant by query."""
    names = sorted(ranked)
    scores = [ndcg(ranked[n], relevant[n]) for n in names]
    return {
        "ndcg10": round(mean(scores), 4),
        "ndcg10_95": interval(scores),
        "recall10": round(mean([recall(ranked[n], relevant[n]) for n in names]), 4),
        "mrr10": round(mean([mrr(ranked[n], relevant[n]) for n in names]), 4),
    }
