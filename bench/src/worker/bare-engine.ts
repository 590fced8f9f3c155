import { createLlamaEngine } from '@ton-compute/worker';
import { answerMessages } from '../support/child';

/** What the bare engine is asked to do, and what came out. */
export type BareRequest = { streams: number; maxTokens: number; prompt: string };
export type BareAnswer = { tokens: number; seconds: number; firstTokens: number[] };

/** The engine alone, without HTTP, encryption, metering and vouchers: what the worker is compared with. */
async function main([modelPath, slots, contextLength, gpu]: string[]): Promise<void> {
    const engine = await createLlamaEngine({
        modelPath,
        slots: Number(slots),
        contextLength: Number(contextLength),
        gpu: gpu === 'false' ? false : (gpu as 'auto'),
        embeddings: false,
    });
    const [{ id: model }] = engine.models;
    answerMessages<BareRequest, BareAnswer>(async ({ streams, maxTokens, prompt }) => {
        const start = performance.now();
        const firstTokens: number[] = [];
        const counts = await Promise.all(
            Array.from({ length: streams }, async (_, index) => {
                const request = { model, messages: [{ role: 'user' as const, content: `${index} ${prompt}` }], maxTokens, temperature: 0 };
                let tokens = 0;
                for await (const event of engine.chat(request, { signal: new AbortController().signal })) {
                    if (event.type === 'text') {
                        if (tokens === 0) {
                            firstTokens.push(performance.now() - start);
                        }
                        tokens = event.completionTokens;
                    }
                }
                return tokens;
            }),
        );
        return {
            tokens: counts.reduce((sum, next) => sum + next, 0),
            seconds: (performance.now() - start) / 1000,
            firstTokens,
        };
    });
}

void main(process.argv.slice(2));
