"""An explicit reference: relevance handed down layer by layer in float64, as the rules are written.

It shares nothing with `cropxai.explain.rules`: no autograd, no Gradient × Input. Every step takes the relevance of its
outputs and gives that of its inputs, R_j = sum_i z_ij / z_i R_i with z_i = sum_j z_ij + b_i; the share of the bias is
booked as lost. Numbers come from the forward pass in numpy.
"""

import math

import numpy as np
from scipy.special import ndtr


class Ledger:
    """What biases and date encodings take up."""

    def __init__(self):
        self.bias = 0.0
        self.position = 0.0


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


def explain(network, x, valid, day, target, base=None):
    """Relevance of one parcel by CP-LRP: (time, band), zero at missing dates, and the ledger."""
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
        caches.append((a, n, v, attention, joined, update, middle, n2, u, act, second))
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
        a, n, v, attention, joined, update, middle, n2, u, act, second = caches[i]
        keep, through = split(relevance, middle, second)
        through = down(f"layers.{i}.expand", down(f"layers.{i}.contract", through, act), n2)
        relevance = keep + down_norm(f"layers.{i}.norm_hidden", through, middle)
        keep, through = split(relevance, a, update)
        through = down(f"layers.{i}.mix", through, joined)
        on_values = np.zeros_like(v)
        for h, weights in enumerate(attention):
            part = slice(h * size.width // size.heads, (h + 1) * size.width // size.heads)
            mixed = joined[:, part]
            share = np.divide(through[:, part], mixed, out=np.zeros_like(mixed), where=mixed != 0)
            on_values[:, part] = v[:, part] * (weights.T @ share)
        weight = w[f"layers.{i}.query_key_value.weight"][2 * size.width :]
        bias = w[f"layers.{i}.query_key_value.bias"][2 * size.width :]
        through = linear(on_values, n, weight, bias, ledger)
        relevance = keep + down_norm(f"layers.{i}.norm_attention", through, a)
    on_embedding, on_date = split(relevance, embedded, date)
    ledger.position = on_date.sum()
    on_scaled = down("features", down("embed", on_embedding, features), scaled)
    # (x - mean) / scale is linear with a bias; what is counted from `base` scales the share of x
    slope = np.divide(on_scaled, scaled, out=np.zeros_like(scaled), where=scaled != 0) / w["scale"]
    start = np.zeros_like(x) if base is None else base[seen]
    out = np.zeros((len(valid), x.shape[1]))
    out[seen] = (x - start) * slope
    ledger.bias += (on_scaled.sum() - (x * slope).sum()) if base is None else 0.0
    return out, score[target], ledger
