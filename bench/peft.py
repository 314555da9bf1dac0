#!/usr/bin/env python3
"""The training work of bench/train.mjs in PyTorch + PEFT: one JSON order per line of stdin, one JSON reply per line.

Start: python bench/peft.py CONFIG.json THREADS, with the sizes of the model in CONFIG.json. Weights are random (speed does
not depend on them), float32, LoRA rank 16 on seven matrices, no recomputation, the head at action positions only.
Order: {"sequences": [{"tokens": T, "actions": A}, ...]}: forward and backward of each, then one AdamW step.
Needs torch, transformers, peft.
"""
import json
import resource
import sys
import time

sys.path.pop(0)  # this folder: its peft.py is not the package

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

size = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
common = dict(
    vocab_size=size["vocabSize"], hidden_size=size["hiddenSize"], intermediate_size=size["feedForwardSize"],
    num_hidden_layers=size["layerCount"], num_attention_heads=size["headCount"],
    num_key_value_heads=size["kvHeadCount"], max_position_embeddings=8192, tie_word_embeddings=True, use_cache=False,
)
kind = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}[size["family"]]
model = kind[1](kind[0](**common)).float()
names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=names, lora_dropout=0.0))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
inner = model.base_model.model

print(json.dumps({"ready": True, "torch": torch.__version__}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    started = time.perf_counter()
    for sequence in order["sequences"]:
        count, actions = sequence["tokens"], sequence["actions"]
        ids = (torch.arange(count) * 7919 % 20000 + 300).unsqueeze(0)
        hidden = inner.model(input_ids=ids).last_hidden_state[0, count - actions - 1 : count - 1]
        loss = torch.nn.functional.cross_entropy(inner.lm_head(hidden), ids[0, count - actions :])
        loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad()
    ms = (time.perf_counter() - started) * 1000
    print(json.dumps({"ms": ms, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)
