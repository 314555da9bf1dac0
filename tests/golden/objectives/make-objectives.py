"""Makes objectives.json with PyTorch: python3 make-objectives.py > objectives.json

Losses are written as in the papers, on log-probabilities of replies to two prompts; slopes are those of autograd, in float64.
Regenerate by hand only; the file names the version it was made with.
"""
import itertools
import json
import platform

import torch
import torch.nn.functional as F

torch.manual_seed(20261129)
LENGTHS = [5, 3, 4, 6, 2, 4, 3]
PROMPTS = ["one", "one", "one", "one", "two", "two", "three"]


def draw(spread):
    """Replies with log-probabilities now and at the start, `spread` nats apart."""
    start = [-3 * torch.rand(n, dtype=torch.float64) for n in LENGTHS]
    now = [(s + spread * torch.randn(len(s), dtype=torch.float64)).clamp(max=-1e-3) for s in start]
    return [n.clone().requires_grad_() for n in now], start


def preference(now, start, weights, count, beta, gap):
    policy = [n.sum() for n in now]
    reference = [s.sum() for s in start]
    losses = []
    for a, b in itertools.permutations(range(len(now)), 2):
        if PROMPTS[a] == PROMPTS[b] and weights[a] - weights[b] > gap:
            # DPO as in the paper's appendix B: difference of the policy's and of the reference's log-ratios.
            pi = policy[a] - policy[b]
            ref = reference[a] - reference[b]
            losses.append(-F.logsigmoid(beta * (pi - ref)))
    return torch.stack(losses).mean()


def group(now, start, weights, count, clip):
    replies = []
    for n, s, w in zip(now, start, weights):
        ratio = torch.exp(n - s)
        surrogate = torch.minimum(ratio * w, torch.clamp(ratio, 1 - clip, 1 + clip) * w)
        replies.append(-surrogate.mean())
    return torch.stack(replies).sum() / count


def kto(now, start, weights, count, beta):
    ratios = torch.stack([(n - s).sum() for n, s in zip(now, start)])
    zero = ratios.mean().clamp(min=0).detach()
    losses = []
    for ratio, w in zip(ratios, weights):
        if w > 0:
            losses.append(w * (1 - torch.sigmoid(beta * (ratio - zero))))
        else:
            losses.append(-w * (1 - torch.sigmoid(beta * (zero - ratio))))
    return torch.stack(losses).sum() / count


SIGNED = [1.2, -0.4, 0.3, -1.1, 0.9, -0.9, 0.5]
CASES = [
    ("preference", preference, {"beta": 0.1, "pairGap": 0.02}, SIGNED, 0.0),
    ("preference", preference, {"beta": 0.1, "pairGap": 0.02}, SIGNED, 0.8),
    ("preference", preference, {"beta": 0.7, "pairGap": 1.0}, SIGNED, 2.0),
    ("group", group, {"clip": 0.2}, SIGNED, 0.0),
    ("group", group, {"clip": 0.2}, SIGNED, 0.4),
    ("group", group, {"clip": 0.6}, SIGNED, 1.5),
    ("kto", kto, {"beta": 0.1}, SIGNED, 0.0),
    ("kto", kto, {"beta": 0.1}, SIGNED, 1.0),
    ("kto", kto, {"beta": 0.5}, SIGNED, 2.0),
]
cases = []
for name, function, figures, weights, spread in CASES:
    now, start = draw(spread)
    count = len(weights) + 2
    given = {("gap" if key == "pairGap" else key): value for key, value in figures.items()}
    loss = function(now, start, weights, count, **given)
    # A reply without a partner has no part in the loss, and autograd says None.
    slopes = torch.autograd.grad(loss, now, allow_unused=True)
    cases.append({
        "name": name,
        "figures": figures,
        "count": count,
        "loss": loss.item(),
        "replies": [
            {
                "prompt": prompt,
                "weight": w,
                "now": n.tolist(),
                "start": s.tolist(),
                "slopes": (torch.zeros_like(n) if g is None else g).tolist(),
            }
            for prompt, w, n, s, g in zip(PROMPTS, weights, now, start, slopes)
        ],
    })
made = {"torch": torch.__version__, "python": platform.python_version()}
print(json.dumps({"made": made, "cases": cases}, indent=1))
