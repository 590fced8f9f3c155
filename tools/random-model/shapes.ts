/** The numbers that decide how fast a model of the Llama family is. */
export type Shape = {
    readonly layers: number;
    readonly embedding: number;
    readonly heads: number;
    /** Heads of keys and values, which several heads share (grouped-query attention). */
    readonly kvHeads: number;
    readonly feedForward: number;
    /** Tokens, the special ones included. */
    readonly vocabulary: number;
    /** Tokens of context. */
    readonly context: number;
    /** Whether the matrix of the embeddings also gives the output, as in small models. */
    readonly tied: boolean;
    readonly ropeBase: number;
};

/** Shapes of Llama 3.1 and 3.2 from 1b on; the two smaller ones are for tests. */
export const Shapes = {
    tiny: shape(2, 64, 4, 2, 128, 512, 2048, false),
    '100m': shape(12, 768, 12, 4, 2048, 32_000, 8192, true),
    '1b': shape(16, 2048, 32, 8, 8192, 128_256, 131_072, true),
    '3b': shape(28, 3072, 24, 8, 8192, 128_256, 131_072, true),
    '8b': shape(32, 4096, 32, 8, 14_336, 128_256, 131_072, false),
    '70b': shape(80, 8192, 64, 8, 28_672, 128_256, 131_072, false),
} as const satisfies Record<string, Shape>;

export type ModelSize = keyof typeof Shapes;

function shape(
    layers: number,
    embedding: number,
    heads: number,
    kvHeads: number,
    feedForward: number,
    vocabulary: number,
    context: number,
    tied: boolean,
): Shape {
    return { layers, embedding, heads, kvHeads, feedForward, vocabulary, context, tied, ropeBase: 500_000 };
}
