/** @file Chat templates for files that carry none, or whose own one is not wanted. */

export const BUILT_IN_TEMPLATES = {
  /** ChatML, for models trained on it; its marks become text where the vocabulary lacks them. */
  chatml:
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
  /** Transcript to continue, for base models. */
  plain:
    "{% for message in messages %}{{ '### ' + message['role'] + '\n' + message['content'] + '\n\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}",
} as const;

export type BuiltInTemplate = keyof typeof BUILT_IN_TEMPLATES;
