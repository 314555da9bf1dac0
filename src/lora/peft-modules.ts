/** @file Names that Hugging Face's models give the matrices of a layer, by family. */
import type { LinearName } from "../transformer/linear-name.js";
import type { ModelConfig } from "../transformer/model-config.js";

type ModuleTable = Readonly<Partial<Record<LinearName, string>>>;

const PLAIN: ModuleTable = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Where a family's names differ from Llama's. */
const OWN: Readonly<Record<string, ModuleTable>> = {
  phi3: { attn_qkv: "self_attn.qkv_proj", ffn_up: "mlp.gate_up_proj" },
  lfm2: {
    attn_output: "self_attn.out_proj",
    ffn_gate: "feed_forward.w1",
    ffn_up: "feed_forward.w3",
    ffn_down: "feed_forward.w2",
    "shortconv.in_proj": "conv.in_proj",
    "shortconv.out_proj": "conv.out_proj",
  },
};

/** Gemma 3 comes with 18 or 26 layers as a text model, with more as one that also sees. */
const LAYERS_OF_TEXT_GEMMA3 = 26;

/** Module of a matrix inside a layer, such as `self_attn.q_proj`; undefined where the family has no such matrix. */
export function peftModule(family: string, target: LinearName): string | undefined {
  return OWN[family]?.[target] ?? PLAIN[target];
}

/** Path of the layers inside the model. The language half of models that also see has a name of its own. */
export function layersPath({ family, layerCount }: Pick<ModelConfig, "family" | "layerCount">): string {
  const sees = family === "gemma3" && layerCount > LAYERS_OF_TEXT_GEMMA3;
  return sees ? "model.language_model.layers" : "model.layers";
}
