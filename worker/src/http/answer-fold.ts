type Fields = Readonly<Record<string, unknown>>;

/** Whether a text comes in pieces; if not, the newest one counts. */
type InPieces = (name: string) => boolean;

/** Of a call only what it passes on comes in pieces. Its id and names come whole, and some servers repeat them. */
const callPieces: InPieces = (name) => name === 'arguments' || name === 'input';

/**
 * Puts together what an answer brings in pieces, as OpenAI's clients do: texts and lists are appended, calls are merged
 * by their index, and of anything else the newest counts. What is null says nothing new.
 */
export class AnswerFold {
    /** Lists and folds in it are our own. */
    private readonly fields = new Map<string, unknown>();

    constructor(private readonly inPieces: InPieces = () => true) {}

    /** @param fields of one delta, or of one choice beside it. */
    add(fields: Fields): void {
        for (const [name, value] of Object.entries(fields)) {
            this.fields.set(name, this.grown(name, this.fields.get(name), value));
        }
    }

    /** All fields that came, each whole. */
    get whole(): Record<string, unknown> {
        return Object.fromEntries([...this.fields].map(([name, value]) => [name, wholeOf(value)]));
    }

    private grown(name: string, before: unknown, value: unknown): unknown {
        if (value === null || value === undefined) {
            return before ?? value;
        }
        if (typeof value === 'string') {
            return typeof before === 'string' && this.inPieces(name) ? before + value : value;
        }
        if (Array.isArray(value)) {
            const list = before instanceof CallFold || Array.isArray(before) ? before : listFor(name);
            value.forEach((item: unknown) => list.push(item));
            return list;
        }
        if (isFields(value)) {
            const fold = before instanceof AnswerFold ? before : new AnswerFold(this.piecesIn(name));
            fold.add(value);
            return fold;
        }
        return value;
    }

    private piecesIn(name: string): InPieces {
        return name === 'function_call' ? callPieces : this.inPieces;
    }
}

/** The calls of an answer, by their index. */
class CallFold {
    private readonly calls = new Map<number, AnswerFold>();

    push(piece: unknown): void {
        if (!isFields(piece)) {
            return;
        }
        const { index, ...fields } = piece;
        // Servers that send each call in one piece leave its index out.
        const place = typeof index === 'number' ? index : this.calls.size;
        const call = this.calls.get(place) ?? new AnswerFold(callPieces);
        this.calls.set(place, call);
        call.add(fields);
    }

    get whole(): unknown[] {
        return [...this.calls].sort(([a], [b]) => a - b).map(([, call]) => call.whole);
    }
}

function listFor(name: string): CallFold | unknown[] {
    return name === 'tool_calls' ? new CallFold() : [];
}

function wholeOf(value: unknown): unknown {
    return value instanceof AnswerFold || value instanceof CallFold ? value.whole : value;
}

function isFields(value: unknown): value is Fields {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
