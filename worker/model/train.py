#!/usr/bin/env python3
"""Trains the tiny chat model from nothing and writes it as a GGUF file that llama.cpp loads.

    node generate-corpus.mjs
    python3 train.py                    # 7 minutes on one core

Needs PyTorch; on Debian: apt install python3-torch libopenblas0-pthread (without OpenBLAS it is 24 times slower).

The seeds are fixed, and a run with --steps is repeatable on the same machine. A run with --seconds (the default, with
which the model that ships was made) is not: how many steps it makes depends on the speed of the machine.
"""

import argparse
import collections
import json
import math
import random
import re
import struct
import time

import torch
import torch.nn.functional as functional
from torch import nn

# --- Architecture: that of Llama, small -----------------------------------------------------------------------------

WIDTH = 128
LAYERS = 4
HEADS = 4
KEY_VALUE_HEADS = 2
HEAD_WIDTH = WIDTH // HEADS
FEED_FORWARD_WIDTH = 352
CONTEXT_TOKENS = 512
ROPE_BASE = 10000.0
NORM_EPSILON = 1e-5

# --- Training ---------------------------------------------------------------------------------------------------------

WEIGHT_SEED = 1
BATCH_SEED = 7
BATCH_DOCUMENTS = 48
PEAK_LEARNING_RATE = 2e-3
WARM_UP_STEPS = 100
FINAL_LEARNING_RATE_SHARE = 0.05
GRADIENT_LIMIT = 1.0
LOG_EVERY = 100
SAVE_EVERY = 400

# --- Tokenizer: byte-level BPE with the pre-tokenizer of GPT-2 --------------------------------------------------------

START, END, END_OF_TEXT = '<|im_start|>', '<|im_end|>', '<|endoftext|>'
SPECIAL_TOKENS = [START, END, END_OF_TEXT]
SPECIAL_PATTERN = re.compile('(' + '|'.join(map(re.escape, SPECIAL_TOKENS)) + ')')
WORD_PATTERN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
# Merges are learned from the first documents: more do not change them, and counting is slow.
DOCUMENTS_FOR_MERGES = 20000

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_alphabet():
    """GPT-2's table: a printable character for each of the 256 bytes."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    alphabet = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + len(alphabet) - len(printable))
    return alphabet


ALPHABET = byte_alphabet()


def merge_pair(symbols, pair):
    """Replaces each occurrence of two neighbours by their concatenation, from left to right."""
    merged = []
    i = 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            merged.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return tuple(merged)


class Tokenizer:
    """Byte pair encoding, learned from the corpus."""

    def __init__(self, documents, vocabulary_size):
        self.merges = self.learn_merges(documents, vocabulary_size - 256 - len(SPECIAL_TOKENS))
        self.vocabulary = [ALPHABET[byte] for byte in range(256)] + [a + b for a, b in self.merges] + SPECIAL_TOKENS
        self.ids = {token: index for index, token in enumerate(self.vocabulary)}
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.cache = {}

    @staticmethod
    def learn_merges(documents, limit):
        words = collections.Counter()
        for document in documents[:DOCUMENTS_FOR_MERGES]:
            for part in SPECIAL_PATTERN.split(document):
                if part in SPECIAL_TOKENS:
                    continue
                for word in WORD_PATTERN.findall(part):
                    words[tuple(ALPHABET[byte] for byte in word.encode())] += 1
        merges = []
        while len(merges) < limit:
            pairs = collections.Counter()
            for word, count in words.items():
                for pair in zip(word, word[1:]):
                    pairs[pair] += count
            if not pairs:
                break
            # The pair itself breaks ties, so that the result does not depend on the order of a dictionary.
            pair, count = min(pairs.items(), key=lambda item: (-item[1], item[0]))
            if count < 2:
                break
            merges.append(pair)
            merged_words = collections.Counter()
            for word, count in words.items():
                merged_words[merge_pair(word, pair)] += count
            words = merged_words
        return merges

    def encode_word(self, word):
        if word not in self.cache:
            symbols = tuple(ALPHABET[byte] for byte in word.encode())
            while len(symbols) > 1:
                pairs = enumerate(zip(symbols, symbols[1:]))
                rank, first = min((self.ranks.get(pair, math.inf), i) for i, pair in pairs)
                if rank == math.inf:
                    break
                symbols = symbols[:first] + (symbols[first] + symbols[first + 1],) + symbols[first + 2:]
            self.cache[word] = [self.ids[symbol] for symbol in symbols]
        return self.cache[word]

    def encode(self, text):
        tokens = []
        for part in SPECIAL_PATTERN.split(text):
            if part in SPECIAL_TOKENS:
                tokens.append(self.ids[part])
            else:
                for word in WORD_PATTERN.findall(part):
                    tokens += self.encode_word(word)
        return tokens


class Batches:
    """Random batches of documents of similar length, so that little is padded."""

    def __init__(self, documents, tokenizer):
        start = tokenizer.ids[START]
        encoded = [tokenizer.encode(document.rstrip('\n')) for document in documents]
        # Where the answer's turn begins: only the answer is learned, not the request.
        self.documents = [(tokens, len(tokens) - 1 - tokens[::-1].index(start)) for tokens in encoded]
        self.documents.sort(key=lambda document: len(document[0]))
        self.random = random.Random(BATCH_SEED)

    def next(self):
        """Inputs, targets, and a mask of the targets that count."""
        first = self.random.randrange(len(self.documents) - BATCH_DOCUMENTS)
        batch = self.documents[first:first + BATCH_DOCUMENTS]
        length = max(len(tokens) for tokens, _ in batch)
        tokens = torch.zeros((BATCH_DOCUMENTS, length), dtype=torch.long)
        learned = torch.zeros((BATCH_DOCUMENTS, length), dtype=torch.bool)
        for row, (document, answer) in enumerate(batch):
            tokens[row, :len(document)] = torch.tensor(document)
            # Two tokens open the turn: <|im_start|> and the first of "assistant".
            learned[row, answer + 2:len(document)] = True
        return tokens[:, :-1], tokens[:, 1:], learned[:, 1:]


class Norm(nn.Module):
    """RMS norm."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + NORM_EPSILON) * self.weight


def rope_tables():
    frequencies = 1 / (ROPE_BASE ** (torch.arange(0, HEAD_WIDTH, 2).float() / HEAD_WIDTH))
    angles = torch.arange(CONTEXT_TOKENS).float()[:, None] * frequencies
    return angles.cos(), angles.sin()


COSINES, SINES = rope_tables()


def rotate(x):
    """Rotary position embedding over neighbouring pairs, as llama.cpp expects it of the architecture 'llama'."""
    length = x.shape[-2]
    even, odd = x[..., 0::2], x[..., 1::2]
    cosines, sines = COSINES[:length], SINES[:length]
    return torch.stack([even * cosines - odd * sines, even * sines + odd * cosines], -1).flatten(-2)


class Block(nn.Module):
    """Attention with grouped queries, then a gated feed-forward network."""

    def __init__(self):
        super().__init__()
        self.attention_norm = Norm()
        self.feed_forward_norm = Norm()
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key = nn.Linear(WIDTH, KEY_VALUE_HEADS * HEAD_WIDTH, bias=False)
        self.value = nn.Linear(WIDTH, KEY_VALUE_HEADS * HEAD_WIDTH, bias=False)
        self.output = nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate = nn.Linear(WIDTH, FEED_FORWARD_WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, FEED_FORWARD_WIDTH, bias=False)
        self.down = nn.Linear(FEED_FORWARD_WIDTH, WIDTH, bias=False)

    def forward(self, x, mask):
        documents, length, _ = x.shape

        def heads(projected, count):
            return projected.view(documents, length, count, HEAD_WIDTH).transpose(1, 2)

        h = self.attention_norm(x)
        query = rotate(heads(self.query(h), HEADS))
        key = rotate(heads(self.key(h), KEY_VALUE_HEADS)).repeat_interleave(HEADS // KEY_VALUE_HEADS, 1)
        value = heads(self.value(h), KEY_VALUE_HEADS).repeat_interleave(HEADS // KEY_VALUE_HEADS, 1)
        scores = (query @ key.transpose(-1, -2)) / math.sqrt(HEAD_WIDTH) + mask
        attended = (scores.softmax(-1) @ value).transpose(1, 2).reshape(documents, length, WIDTH)
        x = x + self.output(attended)
        h = self.feed_forward_norm(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    """A decoder whose output layer shares the weights of its token embedding."""

    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm = Norm()
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.02)

    def forward(self, tokens):
        length = tokens.shape[1]
        mask = torch.full((length, length), float('-inf')).triu(1)
        h = self.embedding(tokens)
        for block in self.blocks:
            h = block(h, mask)
        return self.norm(h) @ self.embedding.weight.t()


# --- GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md --------------------------------------------------

GGUF_VERSION = 3
GGUF_ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1
TOKEN_NORMAL, TOKEN_CONTROL = 1, 3
FILE_TYPE_MOSTLY_F16 = 1


def gguf_string(text):
    data = text.encode()
    return struct.pack('<Q', len(data)) + data


def gguf_array(item_type, items):
    return struct.pack('<IQ', item_type, len(items)) + b''.join(items)


def padding(length):
    return b'\0' * ((-length) % GGUF_ALIGNMENT)


def gguf_metadata(tokenizer):
    """Key-value pairs, encoded. Their order is part of the file and so of its hash."""
    pairs = []

    def add(key, value_type, value):
        pairs.append(gguf_string(key) + struct.pack('<I', value_type) + value)

    def add_uint32(key, value):
        add(key, UINT32, struct.pack('<I', value))

    def add_float32(key, value):
        add(key, FLOAT32, struct.pack('<f', value))

    def add_string(key, value):
        add(key, STRING, gguf_string(value))

    add_string('general.architecture', 'llama')
    add_string('general.name', 'tiny-chat')
    add_uint32('general.file_type', FILE_TYPE_MOSTLY_F16)
    add_string('general.license', 'mit')
    add_uint32('llama.block_count', LAYERS)
    add_uint32('llama.context_length', CONTEXT_TOKENS)
    add_uint32('llama.embedding_length', WIDTH)
    add_uint32('llama.feed_forward_length', FEED_FORWARD_WIDTH)
    add_uint32('llama.attention.head_count', HEADS)
    add_uint32('llama.attention.head_count_kv', KEY_VALUE_HEADS)
    add_float32('llama.attention.layer_norm_rms_epsilon', NORM_EPSILON)
    add_uint32('llama.rope.dimension_count', HEAD_WIDTH)
    add_float32('llama.rope.freq_base', ROPE_BASE)
    add_uint32('llama.vocab_size', len(tokenizer.vocabulary))
    add_string('tokenizer.ggml.model', 'gpt2')
    add_string('tokenizer.ggml.pre', 'gpt-2')
    add('tokenizer.ggml.tokens', ARRAY, gguf_array(STRING, [gguf_string(token) for token in tokenizer.vocabulary]))
    kinds = [TOKEN_CONTROL if token in SPECIAL_TOKENS else TOKEN_NORMAL for token in tokenizer.vocabulary]
    add('tokenizer.ggml.token_type', ARRAY, gguf_array(INT32, [struct.pack('<i', kind) for kind in kinds]))
    add('tokenizer.ggml.merges', ARRAY, gguf_array(STRING, [gguf_string(a + ' ' + b) for a, b in tokenizer.merges]))
    add_uint32('tokenizer.ggml.bos_token_id', tokenizer.ids[END_OF_TEXT])
    add_uint32('tokenizer.ggml.eos_token_id', tokenizer.ids[END])
    add_uint32('tokenizer.ggml.padding_token_id', tokenizer.ids[END_OF_TEXT])
    add('tokenizer.ggml.add_bos_token', BOOL, b'\0')
    add_string('tokenizer.chat_template', CHAT_TEMPLATE)
    return pairs


def gguf_tensors(model):
    """Names that llama.cpp knows, with their weights, in the order of the file."""
    tensors = [('token_embd.weight', model.embedding.weight), ('output_norm.weight', model.norm.weight)]
    for i, block in enumerate(model.blocks):
        layer = [
            ('attn_norm', block.attention_norm),
            ('ffn_norm', block.feed_forward_norm),
            ('attn_q', block.query),
            ('attn_k', block.key),
            ('attn_v', block.value),
            ('attn_output', block.output),
            ('ffn_gate', block.gate),
            ('ffn_up', block.up),
            ('ffn_down', block.down),
        ]
        tensors += [(f'blk.{i}.{name}.weight', module.weight) for name, module in layer]
    return tensors


def save_gguf(path, model, tokenizer):
    """Matrices as F16, vectors as F32."""
    metadata = gguf_metadata(tokenizer)
    tensors = gguf_tensors(model)
    infos, data = b'', b''
    for name, weight in tensors:
        values = weight.detach().numpy()
        is_vector = values.ndim == 1
        raw = values.astype('<f4' if is_vector else '<f2').tobytes()
        # GGUF counts dimensions from the innermost one.
        dimensions = b''.join(struct.pack('<Q', size) for size in reversed(values.shape))
        kind = TENSOR_F32 if is_vector else TENSOR_F16
        infos += gguf_string(name) + struct.pack('<I', values.ndim) + dimensions + struct.pack('<IQ', kind, len(data))
        data += raw + padding(len(raw))
    header = b'GGUF' + struct.pack('<IQQ', GGUF_VERSION, len(tensors), len(metadata)) + b''.join(metadata) + infos
    with open(path, 'wb') as file:
        file.write(header + padding(len(header)) + data)


def learning_rate(step, progress):
    """Linear warm-up, then a half cosine down to a small share of the peak.

    progress: from 0 at the beginning to 1 at the end.
    """
    warm_up = min(1, (step + 1) / WARM_UP_STEPS)
    decay = 0.5 * (1 + math.cos(math.pi * progress))
    return PEAK_LEARNING_RATE * warm_up * (FINAL_LEARNING_RATE_SHARE + (1 - FINAL_LEARNING_RATE_SHARE) * decay)


def train(model, batches, steps, seconds, save):
    """Runs for a number of steps if it is given, else for a time."""
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.05)
    started = time.monotonic()
    step, tokens = 0, 0
    while True:
        elapsed = time.monotonic() - started
        progress = step / steps if steps is not None else elapsed / seconds
        if progress >= 1:
            return step
        for group in optimizer.param_groups:
            group['lr'] = learning_rate(step, progress)
        inputs, targets, learned = batches.next()
        loss = functional.cross_entropy(model(inputs)[learned], targets[learned])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        step += 1
        tokens += inputs.numel()
        if step % LOG_EVERY == 0:
            elapsed = time.monotonic() - started
            print(f'step {step}, loss {loss.item():.3f}, {tokens / elapsed:.0f} tokens/s, {elapsed:.0f} s', flush=True)
        if step % SAVE_EVERY == 0:
            save()


def parse_arguments():
    parser = argparse.ArgumentParser(description='Trains the tiny chat model and writes it as GGUF.')
    parser.add_argument('--corpus', default='corpus.jsonl', help='from generate-corpus.mjs (default: %(default)s)')
    parser.add_argument('--out', default='trained.gguf', help='file to write (default: %(default)s)')
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--seconds', type=float, default=420, help='time to train (default: %(default)s)')
    length.add_argument('--steps', type=int, help='steps to train instead of a time; this run is repeatable')
    parser.add_argument('--vocabulary', type=int, default=768, help='tokens to learn (default: %(default)s)')
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (default: %(default)s)')
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    torch.manual_seed(WEIGHT_SEED)
    torch.set_num_threads(arguments.threads)
    with open(arguments.corpus, encoding='utf-8') as file:
        documents = [json.loads(line) for line in file]
    tokenizer = Tokenizer(documents, arguments.vocabulary)
    batches = Batches(documents, tokenizer)
    model = Model(len(tokenizer.vocabulary))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f'{len(documents)} documents, {len(tokenizer.vocabulary)} tokens, {parameters} parameters', flush=True)

    def save():
        save_gguf(arguments.out, model, tokenizer)

    steps = train(model, batches, arguments.steps, arguments.seconds, save)
    save()
    print(f'done after {steps} steps: {arguments.out}')


if __name__ == '__main__':
    main()
