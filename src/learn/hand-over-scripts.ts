/** @file The scripts of `w4s export --to trl` and `--to mlx`: Python, as short as the loss allows. */

/** What both begin with: rows as token ids, tokenised as w4s does it. */
const READ_ROWS = `

def read_rows(path, tokenizer):
    """Prompt and reply as ids. Templates that know thinking get none, as in w4s; the reply ends as the template ends it."""

    def render(messages, **options):
        return tokenizer.apply_chat_template(messages, tokenize=False, enable_thinking=False, **options)

    def ids(text):
        return list(tokenizer.encode(text, add_special_tokens=False))

    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        *before, reply = row["messages"]
        mark = "w4s-reply"
        tail = render([*before, {"role": "assistant", "content": mark}]).rpartition(mark)[2]
        prompt = ids(render(before, add_generation_prompt=True))
        action = ids(reply["content"]) + (ids(tail)[:1] or [tokenizer.eos_token_id])
        rows.append({"prompt": prompt, "action": action, "weight": float(row["weight"])})
    return [row for row in rows if row["weight"] != 0]


def arguments(out):
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="the base in the Hugging Face format, as a name or a folder")
    parser.add_argument("--out", default=out)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()

`;

/** Needs trl, peft and datasets. */
export const TRL_SCRIPT = `"""Weighted LoRA fine-tuning with TRL: reads rows.jsonl beside this file, leaves a PEFT adapter.

    pip install trl peft datasets
    python train.py --model ORG/NAME
    w4s import peft --base MODEL.gguf --out adapter.gguf

Loss: mean over the examples of weight times the mean cross-entropy of a reply's tokens, as in w4s train.
"""
import argparse
import json
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer
${READ_ROWS}
class WeightedTrainer(SFTTrainer):
    # The mean over a batch is taken here: nothing else may divide by tokens.
    model_accepts_loss_kwargs = property(lambda self: False, lambda self, value: None)

    def compute_loss(self, model, inputs, return_outputs=False, **_):
        weight, labels = inputs.pop("weight"), inputs.pop("labels")[:, 1:]
        outputs = model(**inputs, use_cache=False)
        logits = outputs.logits[:, :-1].float().transpose(1, 2)
        losses = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="none")
        loss = (weight * losses.sum(1) / (labels != -100).sum(1)).mean()
        return (loss, outputs) if return_outputs else loss


def collate(rows):
    length = max(len(row["prompt"]) + len(row["action"]) for row in rows)
    batch = {"input_ids": [], "attention_mask": [], "labels": []}
    for row in rows:
        used, prompt = len(row["prompt"]) + len(row["action"]), len(row["prompt"])
        batch["input_ids"].append(row["prompt"] + row["action"] + [0] * (length - used))
        batch["attention_mask"].append([1] * used + [0] * (length - used))
        batch["labels"].append([-100] * prompt + row["action"] + [-100] * (length - used))
    tensors = {name: torch.tensor(values) for name, values in batch.items()}
    return {**tensors, "weight": torch.tensor([row["weight"] for row in rows])}


if __name__ == "__main__":
    args = arguments("peft")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = read_rows(Path(__file__).parent / "rows.jsonl", tokenizer)
    trainer = WeightedTrainer(
        model=args.model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        data_collator=collate,
        peft_config=LoraConfig(
            r=args.rank,
            lora_alpha=2 * args.rank,
            target_modules="all-linear",
            exclude_modules=".*vision.*",
            task_type="CAUSAL_LM",
        ),
        args=SFTConfig(
            output_dir=args.out,
            num_train_epochs=args.epochs,
            per_device_train_batch_size=args.batch_size,
            learning_rate=args.learning_rate,
            weight_decay=0.01,
            lr_scheduler_type="cosine",
            seed=args.seed,
            save_strategy="no",
            report_to="none",
            logging_steps=1,
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
    )
    trainer.train()
    trainer.save_model(args.out)
`;

/** Needs mlx-lm. */
export const MLX_SCRIPT = `"""Weighted LoRA fine-tuning with mlx-lm: reads rows.jsonl beside this file, leaves an adapter of mlx-lm.

    pip install mlx-lm
    python train.py --model ORG/NAME
    w4s import adapters --base MODEL.gguf --out adapter.gguf

Loss: mean over the examples of weight times the mean cross-entropy of a reply's tokens, as in w4s train.
"""
import argparse
import json
import random
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten
from mlx_lm import load
from mlx_lm.tuner.utils import linear_to_lora_layers
${READ_ROWS}
def loss(model, tokens, mask, weight):
    losses = nn.losses.cross_entropy(model(tokens[:, :-1]).astype(mx.float32), tokens[:, 1:]) * mask
    return (weight * losses.sum(1) / mask.sum(1)).mean()


def collate(rows):
    length = max(len(row["prompt"]) + len(row["action"]) for row in rows)
    tokens, mask = [], []
    for row in rows:
        prompt, action = len(row["prompt"]), len(row["action"])
        left = length - prompt - action
        tokens.append(row["prompt"] + row["action"] + [0] * left)
        mask.append([0.0] * (prompt - 1) + [1.0] * action + [0.0] * left)
    return mx.array(tokens), mx.array(mask), mx.array([row["weight"] for row in rows])


if __name__ == "__main__":
    args = arguments("adapters")
    mx.random.seed(args.seed)
    shuffle = random.Random(args.seed).shuffle
    model, tokenizer = load(args.model)
    rows = read_rows(Path(__file__).parent / "rows.jsonl", tokenizer)
    linear = (nn.Linear, nn.QuantizedLinear)
    keys = {name for layer in model.layers for name, part in layer.named_modules() if isinstance(part, linear)}
    model.freeze()
    lora = {"rank": args.rank, "scale": 2.0, "dropout": 0.0, "keys": sorted(keys)}
    linear_to_lora_layers(model, len(model.layers), lora)
    steps = args.epochs * -(-len(rows) // args.batch_size)
    optimizer = optim.AdamW(learning_rate=optim.cosine_decay(args.learning_rate, steps), weight_decay=0.01)
    step = nn.value_and_grad(model, loss)
    for epoch in range(args.epochs):
        shuffle(rows)
        for start in range(0, len(rows), args.batch_size):
            value, gradients = step(model, *collate(rows[start : start + args.batch_size]))
            gradients, _ = optim.clip_grad_norm(gradients, 1.0)
            optimizer.update(model, gradients)
            mx.eval(model.parameters(), optimizer.state)
            print(f"epoch {epoch + 1}, row {start}: loss {value.item():.4f}", flush=True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(out / "adapters.safetensors"), dict(tree_flatten(model.trainable_parameters())))
    config = {"fine_tune_type": "lora", "num_layers": len(model.layers), "lora_parameters": lora}
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2))
`;
