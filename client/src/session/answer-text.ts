/**
 * Counts the bytes of generated text in an answer's body: a token of text is at least one byte, so no honest worker
 * counts more tokens than that. Text is every string that the model wrote: content, reasoning, names and arguments of
 * calls. What stands beside a delta, such as log probabilities, it did not write.
 */
export interface AnswerText {
    push(bytes: Uint8Array): void;
    /** Bytes of generated text so far; each call counts for what frames it, too. */
    readonly bytes: bigint;
    /** Whether all of the body so far was understood. */
    readonly complete: boolean;
}

/** @param contentType of the answer. */
export function createAnswerText(contentType: string): AnswerText {
    return contentType.startsWith('text/event-stream') ? new EventStreamText() : new JsonText();
}

/** A line longer than this is no event of a chat; it is counted as text, byte by byte. */
const MaxLine = 1 << 20;
const MaxJson = 64 << 20;
/** Around each call a model writes marks, names and quotes that do not show in its name and arguments. */
const CallFrame = 64;

class EventStreamText implements AnswerText {
    bytes = 0n;
    private line = '';
    private readonly decoder = new TextDecoder();

    push(bytes: Uint8Array): void {
        const lines = (this.line + this.decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
        this.line = lines.pop()!;
        for (const line of lines) {
            this.read(line);
        }
        if (this.line.length > MaxLine) {
            this.bytes += BigInt(this.line.length);
            this.line = '';
        }
    }

    get complete(): boolean {
        return this.line === '';
    }

    private read(line: string): void {
        if (!line.startsWith('data:')) {
            return;
        }
        const data = line.slice('data:'.length).trim();
        if (data !== '[DONE]') {
            this.bytes += BigInt(textBytesOf(parse(data)));
        }
    }
}

class JsonText implements AnswerText {
    private readonly parts: Uint8Array[] = [];
    private size = 0;
    private counted: bigint | null = null;

    push(bytes: Uint8Array): void {
        this.counted = null;
        this.size += bytes.length;
        if (this.size <= MaxJson) {
            this.parts.push(Uint8Array.from(bytes));
        }
    }

    get bytes(): bigint {
        return (this.counted ??= this.count());
    }

    get complete(): boolean {
        return this.size > 0 && parse(this.text()) !== undefined;
    }

    private count(): bigint {
        const body = parse(this.text());
        // Nothing is believed of a body that is not there yet.
        return body === undefined ? 0n : BigInt(textBytesOf(body));
    }

    private text(): string {
        return Buffer.concat(this.parts).toString('utf8');
    }
}

function parse(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/**
 * Bytes of the strings in `choices[].delta`, `choices[].message` and `choices[].text`, also of the part of an answer
 * that an error shows.
 */
function textBytesOf(body: unknown): number {
    const { choices: own, error } = (body ?? {}) as {
        choices?: unknown; error?: { partial?: { choices?: unknown } } | null,
    };
    const choices = own ?? error?.partial?.choices;
    if (!Array.isArray(choices)) {
        return 0;
    }
    let bytes = 0;
    for (const choice of choices as ({ delta?: unknown; message?: unknown; text?: unknown } | null)[]) {
        bytes += stringBytes(choice?.delta) + stringBytes(choice?.message) + stringBytes(choice?.text);
    }
    return bytes;
}

/** Names of fields whose strings the worker, and not the model, writes. */
const Labels = new Set(['role', 'id', 'type']);

function stringBytes(value: unknown): number {
    if (typeof value === 'string') {
        return Buffer.byteLength(value);
    }
    if (typeof value !== 'object' || value === null) {
        return 0;
    }
    let bytes = 0;
    for (const [name, part] of Object.entries(value)) {
        bytes += Labels.has(name) ? 0 : stringBytes(part);
        bytes += name === 'tool_calls' && Array.isArray(part) ? CallFrame * part.filter(beginsCall).length : 0;
    }
    return bytes;
}

/** Of the pieces of a call only the first has an id. */
function beginsCall(piece: unknown): boolean {
    const id = (piece as { id?: unknown } | null)?.id;
    return typeof id === 'string' && id !== '';
}
