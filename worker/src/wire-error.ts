import { ErrorBody, errorBody, ErrorCode, ErrorFields, ErrorTable } from '@ton-compute/protocol';

/** A refusal of docs/wire.md. Its message is shown to the client, so it never quotes a prompt or an answer. */
export class WireError extends Error {
    override readonly name = 'WireError';

    constructor(
        readonly code: ErrorCode,
        message: string,
        readonly fields: ErrorFields = {},
        /** Seconds after which trying again may help. */
        readonly retryAfter: number | null = null,
    ) {
        super(message);
    }

    /** HTTP status. */
    get status(): number {
        return ErrorTable[this.code].status;
    }

    get body(): ErrorBody {
        return errorBody(this.code, this.message, this.fields);
    }
}
