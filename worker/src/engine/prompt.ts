import type { ChatMessage, ChatRequest, CompletionRequest } from './engine';
import { InvalidRequestError } from './errors';
import type { ChatHistoryItem, ChatWrapper, LlamaModel, LlamaText, Token } from './llama-module';
import { checkNoExtra } from './sampling';

/** A prompt as the model sees it, and what ends the answer to it. */
export type RenderedPrompt = {
    readonly tokens: readonly Token[];
    /** Tokens that end a turn in the model's chat template, besides those that its vocabulary declares. */
    readonly stopTokens: ReadonlySet<Token>;
    /** Texts that do the same, in templates that have no tokens for it. */
    readonly stopTexts: readonly string[];
};

/** Writes requests as tokens, by the chat template that the model file carries. */
export class PromptRenderer {
    /**
     * A caller counts a request and then runs it, perhaps a copy with other parameters, which would render the same
     * messages twice. The entry goes with them: nothing of a prompt outlives its request.
     */
    private readonly rendered = new WeakMap<object, RenderedPrompt>();
    private readonly dropsBos: boolean;

    constructor(
        private readonly model: LlamaModel,
        private readonly wrapper: ChatWrapper,
    ) {
        // The wrappers that node-llama-cpp has built in begin with BOS whatever the file says, but a model was trained
        // without it where neither its template nor its tokenizer adds one.
        const template = model.fileInfo.metadata.tokenizer?.chat_template;
        this.dropsBos =
            template !== undefined && !template.includes('bos_token') && !model.tokens.shouldPrependBosToken;
    }

    /** @throws {InvalidRequestError} when there is nothing to render or the template refuses the messages. */
    render(request: ChatRequest | CompletionRequest): RenderedPrompt {
        // A text has no identity that could be remembered weakly: there it is the request itself.
        const key = 'messages' in request && Array.isArray(request.messages) ? request.messages : request;
        const known = this.rendered.get(key);
        if (known !== undefined) return known;
        const prompt = 'messages' in request ? this.renderChat(request.messages) : this.renderText(request.prompt);
        this.rendered.set(key, prompt);
        return prompt;
    }

    private renderChat(messages: readonly ChatMessage[]): RenderedPrompt {
        const history = chatHistory(messages);
        let state: { contextText: LlamaText; stopGenerationTriggers: LlamaText[] };
        try {
            state = this.wrapper.generateContextState({ chatHistory: history });
        } catch (error) {
            // The template's own message may quote the conversation: only the kind of the error is told.
            const kind = error instanceof Error ? error.name : typeof error;
            throw new InvalidRequestError(
                `The model's chat template refuses these messages (${kind}). Check the order of the roles.`,
                'messages',
            );
        }
        const tokens = state.contextText.tokenize(this.model.tokenizer);
        if (this.dropsBos && tokens[0] === this.model.tokens.bos) tokens.shift();
        return { tokens, ...this.stops(state.stopGenerationTriggers) };
    }

    private renderText(prompt: unknown): RenderedPrompt {
        if (typeof prompt !== 'string') throw new InvalidRequestError(`'prompt' is not a string.`, 'prompt');
        const { bos, shouldPrependBosToken } = this.model.tokens;
        const tokens = this.model.tokenize(prompt, true);
        if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
        if (tokens.length === 0) throw new InvalidRequestError(`'prompt' is empty.`, 'prompt');
        return { tokens, stopTokens: new Set(), stopTexts: [] };
    }

    private stops(triggers: readonly LlamaText[]): Pick<RenderedPrompt, 'stopTokens' | 'stopTexts'> {
        const stopTokens = new Set<Token>();
        const stopTexts: string[] = [];
        for (const trigger of triggers) {
            if (trigger.values.every((value) => typeof value === 'string')) {
                const text = trigger.values.join('');
                if (text !== '') stopTexts.push(text);
                continue;
            }
            // "<|im_end|>\n" ends the turn at its first token: waiting for the line break would generate one more.
            const first = trigger.tokenize(this.model.tokenizer)[0];
            if (first !== undefined && this.model.isSpecialToken(first)) stopTokens.add(first);
        }
        return { stopTokens, stopTexts };
    }
}

/** @throws {InvalidRequestError} for a role or a content that is not text. */
function chatHistory(messages: readonly ChatMessage[]): ChatHistoryItem[] {
    if (!Array.isArray(messages) || messages.length === 0) {
        throw new InvalidRequestError(`'messages' is empty. Send at least one message.`, 'messages');
    }
    const history = messages.map((message, index): ChatHistoryItem => {
        // Chat templates have no place for the name of a speaker, and clients send it without need.
        checkNoExtra({ ...message.extra, name: undefined });
        const text = contentText(message, index);
        switch (message.role) {
            case 'system':
            case 'user':
                return { type: message.role, text };
            case 'assistant':
                return { type: 'model', response: [text] };
            default:
                throw new InvalidRequestError(
                    `The role of messages[${index}] is none of system, user and assistant, which are all that this model knows.`,
                    'messages',
                );
        }
    });
    if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
    return history;
}

function contentText(message: ChatMessage, index: number): string {
    const parts = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
    if (!Array.isArray(parts) || parts.some((part) => part?.type !== 'text' || typeof part.text !== 'string')) {
        throw new InvalidRequestError(
            `The content of messages[${index}] is not text. This model reads only text.`,
            'messages',
        );
    }
    return parts.map((part) => part.text).join('');
}
