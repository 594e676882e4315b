"""An explicit reference: relevance handed down layer by layer in float64, as the rules are written.

It shares nothing with `cropxai.explain.rules`: no autograd, no Gradient × Input. Every step takes the relevance of its
outputs and gives that of its inputs, R_j = sum_i z_ij / z_i R_i with z_i = sum_j z_ij + b_i; the share of the bias is
booked as lost. Numbers come from the forward pass in numpy.
"""

import math

import numpy as np
from scipy.special import ndtr


class Ledger:
    """What biases, date encodings and the softmax take up."""

    def __init__(self):
        self.bias = 0.0
        self.position = 0.0
        self.softmax = 0.0


def linear(relevance, x, weight, bias, ledger):
    """Hand (…, out) down to (…, in) through y = x Wᵀ + b by LRP-0."""
    y = x @ weight.T + bias
    share = np.divide(relevance, y, out=np.zeros_like(y), where=y != 0)
    ledger.bias += (share * bias).sum()
    return x * (share @ weight)


def norm(relevance, x, weight, bias, ledger, eps=1e-5):
    """LRP-0 on the linear map that a layer norm is once its deviation is constant."""
    width = x.shape[-1]
    deviation = np.sqrt(x.var(-1, keepdims=True) + eps)
    out = np.empty_like(x)
    for index in np.ndindex(x.shape[:-1]):
        matrix = weight[:, None] * (np.eye(width) - 1 / width) / deviation[index]
        out[index] = linear(relevance[index], x[index], matrix, bias, ledger)
    return out


def attention_rule(relevance, q, k, v, weights, rule, ledger):
    """Hand the relevance of one head's output down to query, key and value.

    CP-LRP: the weights are constant, all goes to the value. AttnLRP: half of a product goes to each factor, and the
    softmax hands down s (R - A sum R) to the scores s (Achtibat et al. 2024, props. 3.3 and 3.1).
    """
    output = weights @ v
    share = np.divide(relevance, output, out=np.zeros_like(output), where=output != 0)
    on_value = v * (weights.T @ share)
    if rule == "cp-lrp":
        return np.zeros_like(q), np.zeros_like(k), on_value
    on_weights = 0.5 * weights * (share @ v.T)
    by_score = on_weights - weights * on_weights.sum(axis=1, keepdims=True)  # relevance of a score, over the score
    root = math.sqrt(q.shape[1])
    ledger.softmax += on_weights.sum() - (q @ k.T / root * by_score).sum()
    return 0.5 * q * (by_score @ k) / root, 0.5 * k * (by_score.T @ q) / root, 0.5 * on_value


def explain(network, x, valid, day, target, rule="cp-lrp"):
    """Relevance of one parcel, counted from zero: (time, band), zero at missing dates; its score; the ledger."""
    w = {k: v.double().numpy() for k, v in network.state_dict().items()}
    size, ledger = network.size, Ledger()

    def affine(name, a):
        return a @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def normed(name, a):
        return (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[
            f"{name}.bias"
        ]

    def down(name, relevance, a):
        return linear(relevance, a, w[f"{name}.weight"], w[f"{name}.bias"], ledger)

    def down_norm(name, relevance, a):
        return norm(relevance, a, w[f"{name}.weight"], w[f"{name}.bias"], ledger)

    def split(relevance, part, rest):
        """Residual sum: relevance in proportion to the summands."""
        share = np.divide(relevance, part + rest, out=np.zeros_like(part), where=part + rest != 0)
        return share * part, share * rest

    seen = np.flatnonzero(valid)
    x, day = x[seen], day[seen]
    wave = np.logspace(math.log10(6), 3, size.width // 2)
    angle = 2 * np.pi * day[:, None] / wave
    date = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    scaled = (x - w["mean"]) / w["scale"]
    hidden_in = affine("features", scaled)
    features = hidden_in * ndtr(hidden_in)
    embedded = affine("embed", features)
    states, caches = [embedded + date], []
    for i in range(size.layers):
        a = states[-1]
        n = normed(f"layers.{i}.norm_attention", a)
        q, k, v = np.split(affine(f"layers.{i}.query_key_value", n), 3, axis=1)
        attention, mixed = [], []
        for h in range(size.heads):
            part = slice(h * size.width // size.heads, (h + 1) * size.width // size.heads)
            s = q[:, part] @ k[:, part].T / math.sqrt(size.width // size.heads)
            s = np.exp(s - s.max(1, keepdims=True))
            attention.append(s / s.sum(1, keepdims=True))
            mixed.append(attention[-1] @ v[:, part])
        joined = np.concatenate(mixed, axis=1)
        update = affine(f"layers.{i}.mix", joined)
        middle = a + update
        n2 = normed(f"layers.{i}.norm_hidden", middle)
        u = affine(f"layers.{i}.expand", n2)
        act = u * ndtr(u)
        second = affine(f"layers.{i}.contract", act)
        states.append(middle + second)
        caches.append((a, n, q, k, v, attention, joined, update, middle, n2, u, act, second))
    last = normed("norm", states[-1])
    pooled = last.mean(0)
    decoded = affine("decode", pooled)
    activated = decoded * ndtr(decoded)
    score = affine("score", activated)

    relevance = np.zeros(size.classes)
    relevance[target] = score[target]
    relevance = down("decode", down("score", relevance, activated), pooled)
    relevance = last / len(seen) * np.divide(relevance, pooled, out=np.zeros_like(pooled), where=pooled != 0)
    relevance = down_norm("norm", relevance, states[-1])
    for i in reversed(range(size.layers)):
        a, n, q, k, v, attention, joined, update, middle, n2, u, act, second = caches[i]
        keep, through = split(relevance, middle, second)
        through = down(f"layers.{i}.expand", down(f"layers.{i}.contract", through, act), n2)
        relevance = keep + down_norm(f"layers.{i}.norm_hidden", through, middle)
        keep, through = split(relevance, a, update)
        through = down(f"layers.{i}.mix", through, joined)
        pieces = []
        for h, weights in enumerate(attention):
            part = slice(h * size.width // size.heads, (h + 1) * size.width // size.heads)
            pieces.append(attention_rule(through[:, part], q[:, part], k[:, part], v[:, part], weights, rule, ledger))
        on_joint = np.concatenate([np.concatenate(kind, axis=1) for kind in zip(*pieces, strict=True)], axis=1)
        through = down(f"layers.{i}.query_key_value", on_joint, n)
        relevance = keep + down_norm(f"layers.{i}.norm_attention", through, a)
    on_embedding, on_date = split(relevance, embedded, date)
    ledger.position = on_date.sum()
    on_scaled = down("features", down("embed", on_embedding, features), scaled)
    # (x - mean) / scale is linear, its mean a bias
    slope = np.divide(on_scaled, scaled, out=np.zeros_like(scaled), where=scaled != 0) / w["scale"]
    out = np.zeros((len(valid), x.shape[1]))
    out[seen] = x * slope
    ledger.bias += on_scaled.sum() - (x * slope).sum()
    return out, score[target], ledger
