import type { Embeddings } from '../engine';
import { EngineFailedError } from '../errors';
import { count } from './chunks';
import type { Connection } from './connection';

const Route = '/v1/embeddings';

/** Seconds for a server to show whether it gives embeddings. */
const ProbeSeconds = 15;

/** Tokens that an embedding adds to each input: its beginning and its end. */
const FrameTokens = 2;

/** How far the length of a vector may be from 1 to be left as it is. */
const Tolerance = 1e-6;

/** @returns the length of the server's vectors; 0 when it gives none. */
export async function findDimension(connection: Connection, model: string): Promise<number> {
    try {
        const signal = AbortSignal.timeout(ProbeSeconds * 1000);
        const answer = await connection.post(Route, bodyOf(model, ['test']), signal);
        const [first] = (answer as { data?: { embedding?: unknown }[] }).data ?? [];
        return Array.isArray(first?.embedding) ? first.embedding.length : 0;
    } catch {
        // Most chat models give none, and say so with one error or another.
        return 0;
    }
}

/**
 * @param model the server's name of it.
 * @throws {UpstreamRefusal}, {EngineFailedError}, {AbortedError}
 */
export async function fetchEmbeddings(
    connection: Connection,
    model: string,
    inputs: readonly string[],
    dimension: number,
    signal: AbortSignal,
): Promise<Embeddings> {
    const answer = await connection.post(Route, bodyOf(model, inputs), signal);
    const { data, usage } = answer as { data?: unknown; usage?: { prompt_tokens?: unknown } };
    const vectors = vectorsOf(data, inputs.length, dimension);
    const stated = count(usage?.prompt_tokens);
    if (vectors === null || stated === null) {
        throw new EngineFailedError(
            'The inference server answered a request for embeddings incompletely. Look at its log.',
        );
    }
    return { vectors, tokens: Math.min(stated, mostTokens(inputs)) };
}

function bodyOf(model: string, inputs: readonly string[]): Record<string, unknown> {
    return { model, input: inputs, encoding_format: 'float' };
}

/** @returns null when one of them is missing, or is no vector. */
function vectorsOf(data: unknown, length: number, dimension: number): Float32Array[] | null {
    if (!Array.isArray(data) || data.length !== length) return null;
    const vectors = new Map<unknown, Float32Array>();
    data.forEach((each: { index?: unknown; embedding?: unknown } | null, position) => {
        if (Array.isArray(each?.embedding) && each.embedding.length === dimension) {
            vectors.set(each.index ?? position, unit(Float32Array.from(each.embedding as number[])));
        }
    });
    const inOrder = Array.from({ length }, (_, index) => vectors.get(index));
    return inOrder.every((vector) => vector !== undefined && vector.every(Number.isFinite))
        ? (inOrder as Float32Array[])
        : null;
}

/** The embedded engine gives vectors of length 1; servers do or do not. */
function unit(vector: Float32Array): Float32Array {
    const length = Math.hypot(...vector);
    return length === 0 || Math.abs(length - 1) < Tolerance ? vector : vector.map((value) => value / length);
}

/** No token is shorter than a byte. */
function mostTokens(inputs: readonly string[]): number {
    return inputs.reduce((sum, input) => sum + Buffer.byteLength(input.normalize('NFKC')) + FrameTokens, 0);
}
