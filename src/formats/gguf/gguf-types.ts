/** @file Constants of the GGUF format: value types, tensor types with their block sizes, architectures, limits. */

export const GGUF_MAGIC = 0x46554747;
export const DEFAULT_ALIGNMENT = 32;

/** Type of a metadata value, by its number in the file. */
export const ValueType = {
  UINT8: 0,
  INT8: 1,
  UINT16: 2,
  INT16: 3,
  UINT32: 4,
  INT32: 5,
  FLOAT32: 6,
  BOOL: 7,
  STRING: 8,
  ARRAY: 9,
  UINT64: 10,
  INT64: 11,
  FLOAT64: 12,
} as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

/** Array that holds numbers of a type as they lie in the file; strings and arrays have no fixed size. */
export const NUMBER_ARRAYS = {
  [ValueType.UINT8]: Uint8Array,
  [ValueType.INT8]: Int8Array,
  [ValueType.UINT16]: Uint16Array,
  [ValueType.INT16]: Int16Array,
  [ValueType.UINT32]: Uint32Array,
  [ValueType.INT32]: Int32Array,
  [ValueType.FLOAT32]: Float32Array,
  [ValueType.BOOL]: Uint8Array,
  [ValueType.UINT64]: BigUint64Array,
  [ValueType.INT64]: BigInt64Array,
  [ValueType.FLOAT64]: Float64Array,
};
export type NumberType = keyof typeof NUMBER_ARRAYS;

export interface TensorType {
  id: number;
  name: string;
  /** Elements per block; the first dimension of a tensor is a multiple of it. */
  blockSize: number;
  /** Bytes per block. */
  blockBytes: number;
}

/** Every tensor type that a file may carry. Numbers 4, 5, 31–33 and 36–38 were withdrawn. */
const TENSOR_TYPE_ROWS: readonly (readonly [id: number, name: string, blockSize: number, bytes: number])[] = [
  [0, "F32", 1, 4],
  [1, "F16", 1, 2],
  [2, "Q4_0", 32, 18],
  [3, "Q4_1", 32, 20],
  [6, "Q5_0", 32, 22],
  [7, "Q5_1", 32, 24],
  [8, "Q8_0", 32, 34],
  [9, "Q8_1", 32, 36],
  [10, "Q2_K", 256, 84],
  [11, "Q3_K", 256, 110],
  [12, "Q4_K", 256, 144],
  [13, "Q5_K", 256, 176],
  [14, "Q6_K", 256, 210],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [20, "IQ4_NL", 32, 18],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [23, "IQ4_XS", 256, 136],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [30, "BF16", 1, 2],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [39, "MXFP4", 32, 17],
  [40, "NVFP4", 64, 36],
  [41, "Q1_0", 128, 18],
  [42, "Q2_0", 64, 18],
];

export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map(
  TENSOR_TYPE_ROWS.map(([id, name, blockSize, blockBytes]) => [id, { id, name, blockSize, blockBytes }]),
);

export const TENSOR_TYPES_BY_NAME: ReadonlyMap<string, TensorType> = new Map(
  [...TENSOR_TYPES.values()].map((type) => [type.name, type]),
);

/** Limits of the pre-check. Real files stay far below them; a hostile one must not cost memory or time. */
export const LIMITS = {
  /** Metadata and tensor infos together. */
  headerBytes: 96 * 1024 * 1024,
  keyCount: 65_536,
  tensorCount: 262_144,
  /** Key length in bytes. */
  keyBytes: 65_535,
  /** Scalar strings and single array elements. */
  stringBytes: 16 * 1024 * 1024,
  /** Longer than any vocabulary or merge list in use (about 520 000). */
  arrayElements: 1_048_576,
  chatTemplateBytes: 1024 * 1024,
  /** llama.cpp keeps 63 bytes of a tensor name. */
  tensorNameBytes: 63,
  dimensions: 4,
  /** A larger one only serves to waste the file. */
  alignment: 1_048_576,
  embeddingLength: 1_048_576,
  headCount: 65_536,
} as const;

/** Architectures that the bundled llama.cpp knows. */
export const ARCHITECTURES: ReadonlySet<string> = new Set(
  `clip llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert nomic-bert
  nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert bloom stablelm qwen qwen2 qwen2moe qwen2vl qwen3
  qwen3moe qwen3next qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp phi2 phi3 phimoe plamo plamo2 plamo3 codeshell
  orion internlm2 minicpm minicpm3 gemma gemma2 gemma3 gemma3n gemma4 gemma4-assistant gemma-embedding starcoder2
  mamba mamba2 maple jamba falcon-h1 xverse command-r cohere2 cohere2moe dbrx olmo olmo2 olmoe muse-glimmer openelm
  arctic deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 chatglm glm4 glm4moe glm-dsa bitnet t5 t5encoder jais
  jais2 nemotron nemotron_h nemotron_h_moe exaone exaone4 exaone-moe rwkv6 rwkv6qwen2 rwkv7 arwkv7 granite granitemoe
  granitehybrid graniteswitch granite_swa chameleon wavtokenizer-dec plm bailingmoe bailingmoe2 bailingmoe3 dots1
  dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe hunyuan-moe hunyuan-dense hunyuan_vl hy_v3 hy_v4 smollm3 gpt-oss
  lfm2 lfm2moe dream smallthinker llada llada-moe seed_oss grovemoe apertus minimax-01 hrm_text minimax-m2 minimax-m3
  cogvlm rnd1 pangu-embedded mistral3 eagle3 dflash mistral4 paddleocr mimo2 step35 spark2_5 llama-embed maincoder
  kimi-linear kimi-k3 talkie mellum nanbeige qwen3tts pockettts`.split(/\s+/),
);
