import { NoTokens, Tokens } from '@ton-compute/contracts';

import { ChatEvent, ChatRequest, CompletionRequest, Engine, EngineLoad, FinishReason, GenerateOptions, TextEvent } from '../../src';
import { TinyModelHash } from '../engine/tiny-model';

export type Script = (
    options: GenerateOptions,
    request: ChatRequest | CompletionRequest,
) => AsyncIterable<ChatEvent> | Iterable<ChatEvent>;

/** What a real engine cannot be made to do at will: a backend that follows a script. */
export class ScriptedEngine implements Engine {
    readonly models = [
        {
            id: 'tiny-chat',
            weightsHash: TinyModelHash,
            contextLength: 256,
            supports: { chat: true, embeddings: false },
            embeddingDimension: 0,
            weightsBytes: 0,
            architecture: 'unknown',
        },
    ];
    readonly slots: number;
    readonly load: EngineLoad;
    readonly device;
    readonly generatesAhead: boolean;
    readonly boundsPrompts: boolean;
    /** The requests that it was given. */
    readonly requests: (ChatRequest | CompletionRequest)[] = [];
    private readonly promptTokens: number;

    constructor(
        private readonly script: Script,
        traits: {
            generatesAhead?: boolean;
            boundsPrompts?: boolean;
            promptTokens?: number;
            slots?: number;
            waiting?: number;
        } = {},
    ) {
        const { generatesAhead = false, boundsPrompts = false, promptTokens = 10, slots = 4, waiting = 0 } = traits;
        this.load = { running: 0, waiting };
        this.generatesAhead = generatesAhead;
        this.boundsPrompts = boundsPrompts;
        this.promptTokens = promptTokens;
        this.slots = slots;
        const numbers = { gpuLayers: 0, totalLayers: 0, vramBefore: 0, vramAfter: 0 };
        const backend = generatesAhead ? ('upstream' as const) : ('cpu' as const);
        this.device = { ...numbers, backend, deviceNames: [], offloading: false, note: 'scripted' };
    }

    slotsOf(): number {
        return this.slots;
    }

    async countPromptTokens(): Promise<number> {
        return this.promptTokens;
    }

    async *chat(request: ChatRequest | CompletionRequest, options: GenerateOptions): AsyncGenerator<ChatEvent> {
        this.requests.push(request);
        await options.onStart?.(this.promptTokens);
        yield* this.script(options, request);
    }

    complete(request: CompletionRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.chat(request, options);
    }

    embed(): never {
        throw new Error('not part of the script');
    }

    async close(): Promise<void> {}
}

/** A step of a script. @param completionTokens since the start. */
export function step(
    text: string,
    newTokens: number,
    completionTokens: number,
    more: Pick<TextEvent, 'extra' | 'choice'> = {},
): ChatEvent {
    return { type: 'text', text, newTokens, completionTokens, ...more };
}

/** The last event of a script. */
export function end(finishReason: FinishReason, tokens: Partial<Tokens>): ChatEvent {
    return { type: 'end', finishReason, tokens: { ...NoTokens, ...tokens } };
}
