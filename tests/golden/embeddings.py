"""Writes embeddings/cosines.json: cosines of sentence embeddings by onnxruntime and tokenizers in Python, on the files that
`w4s models pull all-minilm-l6-v2` fetches. Usage: python tests/golden/embeddings.py MODEL_FOLDER
Made with onnxruntime, tokenizers and numpy in the versions the file names; regenerate by hand only."""
import json, pathlib, sys
import numpy, onnxruntime, tokenizers

TEXTS = [
    "The cat sat on the mat.",
    "A kitten was resting on the rug.",
    "Stock markets fell sharply on Tuesday after the bank raised its rates.",
    "",
    "Der alte Müller öffnete die Tür und rief: „Wer ist da?“",
    "Rain, rain — 雨 и дождь 🌧️ na\u00efve caf\u00e9",
    "UPPER CASE AND lower case are the same to an uncased model",
    "upper case and LOWER CASE are the same to an uncased model",
    "word " * 400,
    "The lighthouse keeper counted the ships each evening and wrote their names into a book that nobody else ever read. " * 3,
]

folder = pathlib.Path(sys.argv[1])
tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(256)
tokenizer.no_padding()
session = onnxruntime.InferenceSession(str(folder / "onnx" / "model_quantized.onnx"))


def embed(text):
    """One text at a time, so that nothing depends on what stands beside it."""
    encoding = tokenizer.encode(text)
    feeds = {
        "input_ids": [encoding.ids],
        "attention_mask": [encoding.attention_mask],
        "token_type_ids": [encoding.type_ids],
    }
    states = session.run(None, {name: numpy.array(rows, numpy.int64) for name, rows in feeds.items()})[0]
    vector = states[0].mean(axis=0)
    return vector / numpy.linalg.norm(vector)


vectors = numpy.stack([embed(text) for text in TEXTS])
golden = {
    "made": {"onnxruntime": onnxruntime.__version__, "tokenizers": tokenizers.__version__, "numpy": numpy.__version__},
    "texts": TEXTS,
    "cosines": [[round(float(value), 6) for value in row] for row in vectors @ vectors.T],
    "starts": [[round(float(value), 6) for value in row[:4]] for row in vectors],
}
path = pathlib.Path(__file__).with_name("embeddings") / "cosines.json"
path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
