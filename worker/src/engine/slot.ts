import type { LlamaContext, LlamaContextSequence } from './llama-module';

/** One sequence of the shared context: what a request holds while it is generated. */
export class Slot {
    private current: LlamaContextSequence;

    constructor(private readonly context: LlamaContext) {
        this.current = newSequence(context);
    }

    get sequence(): LlamaContextSequence {
        return this.current;
    }

    /** Forgets the request, so that nobody's prompt stays in the cache for the next one. */
    async clean(): Promise<void> {
        if (this.context.disposed) return;
        try {
            await this.current.clearHistory();
        } catch {
            // A sequence that cannot be cleared is never used again.
            await this.current.dispose();
            if (!this.context.disposed) this.current = newSequence(this.context);
        }
    }
}

function newSequence(context: LlamaContext): LlamaContextSequence {
    return context.getSequence({
        // No prefix is ever used again, so a copy of it would only be a place where a prompt survives.
        checkpoints: { max: 0, interval: false },
        contextShift: {
            size: () => {
                // The engine stops where the context ends; dropping the beginning silently would sell a wrong answer.
                throw new Error('context is full');
            },
        },
    });
}
