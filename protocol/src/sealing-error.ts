/** What went wrong with sealed bytes. */
export type SealingErrorCode =
    /** The recipient's key is of small order or not canonically encoded. */
    | 'bad_key'
    /** The request does not open under this key, network, session, model, method and path. */
    | 'cannot_open'
    /** The bytes are not framed as docs/wire.md says. */
    | 'malformed'
    /** A chunk of an answer was altered, reordered, repeated or sealed for another request. */
    | 'altered'
    /** The answer ended before its final chunk. */
    | 'truncated'
    /** The functions were called in an order that the format does not allow. */
    | 'misuse';

/** Sealed bytes that cannot be trusted, or cannot be made. The message says what was expected. */
export class SealingError extends Error {
    override readonly name = 'SealingError';

    constructor(
        readonly code: SealingErrorCode,
        message: string,
    ) {
        super(message);
    }
}
