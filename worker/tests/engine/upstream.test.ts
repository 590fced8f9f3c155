import { createLlamaEngine, createUpstreamEngine, type Engine, type UpstreamKind } from '../../src/engine';
import { engineConformance, idle } from './conformance';
import { TinyModel, TinyModelHash } from './tiny-model';
import { UpstreamServer } from './upstream-server';

const Known = [
    {
        prompt:
            'Summarize this chat:\nAnna: The review is moved to Friday at 3 pm.\n' +
            'Tom: I will bring the slides on Monday.',
        answer: 'Anna said that the review is moved to Friday at 3 pm. Tom will bring the slides on Monday.',
    },
    {
        prompt: 'Write a polite message to Lena to ask for the budget by Friday.',
        answer: 'Dear Lena, could you please send me the budget by Friday? Thank you very much.',
    },
];

/** More than the tests ask for at once, because a request that was given up takes a moment to end. */
const ModelSlots = 12;

let model: Engine;
const servers = new Map<UpstreamKind, UpstreamServer>();

async function serverOf(kind: UpstreamKind): Promise<UpstreamServer> {
    const server = servers.get(kind) ?? (await UpstreamServer.start(kind, model));
    servers.set(kind, server);
    return server;
}

beforeAll(async () => {
    model = await createLlamaEngine({ modelPath: TinyModel, gpu: false, slots: ModelSlots });
});
afterAll(async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()));
    await model.close();
});

describe.each<UpstreamKind>(['vllm', 'sglang', 'llama.cpp', 'ollama'])('%s', (kind) => {
    engineConformance(`An engine behind ${kind}`, {
        create: async (slots) =>
            createUpstreamEngine({
                url: (await serverOf(kind)).url,
                modelId: 'tiny-chat',
                weightsHash: TinyModelHash,
                slots,
                // Otherwise it would depend on the network how many tokens come with an event.
                atOnce: 1,
            }),
        generatedTokens: () => servers.get(kind)!.generated,
        quiet: () => idle(model),
        model: 'tiny-chat',
        known: Known,
        wordInFirstAnswer: 'moved',
        embeddingDimension: 128,
        countsEndOfTurn: true,
    });
});
