import type { Shape } from './shapes';
import type { Vocabulary } from './vocabulary';

/** What a tensor contains. */
export type Content =
    | { readonly kind: 'norm'; readonly first: number }
    | {
          readonly kind: 'weights';
          /** Standard deviation. */
          readonly sigma: number;
          /** Whether the first row is 0: nothing is ever added to the first coordinate. */
          readonly firstRowZero?: boolean;
          /** Sign of the first weight of a row; undefined: random like all others. */
          readonly firstOfRow?: (row: number) => -1 | 0 | 1;
      };

export type Tensor = { readonly name: string; readonly dimensions: readonly number[]; readonly content: Content };

/** Standard deviation of the logits: the answers are varied, and no token is certain. */
const LogitDeviation = 3;

/** What a layer adds, in comparison with the embeddings: less, so that the sum of many layers stays sane. */
const LayerGain = 0.5;

/**
 * All tensors of a model of the Llama family, in the order of the file.
 *
 * A benchmark needs answers as long as it asks for, so the special tokens, which end an answer, must not come up by
 * chance. The first coordinate is used for that: it is positive in every embedding, no layer changes it, the last norm
 * makes it large, and in the output it counts against the special tokens alone (where embeddings and output are one
 * matrix: for all plain tokens alike). They are then behind by about 40, which is e^-40.
 */
export function tensorsOf(shape: Shape, vocabulary: Vocabulary): Tensor[] {
    const { layers, embedding, heads, kvHeads, feedForward, tied } = shape;
    const kv = (embedding / heads) * kvHeads;
    const tokens = vocabulary.tokens.length;
    const outputSigma = LogitDeviation / Math.sqrt(embedding);
    const isPlain = (row: number) => row < vocabulary.plain;
    const plus = () => 1 as const;

    const norm = (name: string, first = 1): Tensor => ({
        name,
        dimensions: [embedding],
        content: { kind: 'norm', first },
    });
    const matrix = (name: string, from: number, to: number): Tensor => ({
        name,
        dimensions: [from, to],
        content: { kind: 'weights', sigma: 1 / Math.sqrt(from) },
    });
    const intoLayer = (name: string, from: number): Tensor => ({
        name,
        dimensions: [from, embedding],
        content: { kind: 'weights', sigma: (LayerGain * outputSigma) / Math.sqrt(from), firstRowZero: true },
    });
    return [
        {
            name: 'token_embd.weight',
            dimensions: [embedding, tokens],
            content: {
                kind: 'weights',
                sigma: outputSigma,
                firstOfRow: tied ? (row) => (isPlain(row) ? 1 : -1) : plus,
            },
        },
        ...Array.from({ length: layers }, (_, layer) => [
            norm(`blk.${layer}.attn_norm.weight`),
            matrix(`blk.${layer}.attn_q.weight`, embedding, embedding),
            matrix(`blk.${layer}.attn_k.weight`, embedding, kv),
            matrix(`blk.${layer}.attn_v.weight`, embedding, kv),
            intoLayer(`blk.${layer}.attn_output.weight`, embedding),
            norm(`blk.${layer}.ffn_norm.weight`),
            matrix(`blk.${layer}.ffn_gate.weight`, embedding, feedForward),
            matrix(`blk.${layer}.ffn_up.weight`, embedding, feedForward),
            intoLayer(`blk.${layer}.ffn_down.weight`, feedForward),
        ]).flat(),
        norm('output_norm.weight', 20 * Math.sqrt(embedding)),
        ...(tied
            ? []
            : [
                  {
                      name: 'output.weight',
                      dimensions: [embedding, tokens],
                      content: {
                          kind: 'weights' as const,
                          sigma: outputSigma,
                          firstOfRow: (row: number) => (isPlain(row) ? (0 as const) : (-1 as const)),
                      },
                  },
              ]),
    ];
}
