/** What kind of thing was wrong, for programs; the message is for people. */
export type AttestationErrorCode =
    /** The bytes are no TDX quote of version 4 or 5. */
    | 'not_a_quote'
    /** The collateral, or a certificate or list in it, is not what it should be. */
    | 'bad_collateral'
    /** Intel's text or certificate has a form that the contracts cannot read. */
    | 'unreadable_form'
    /** A signature is such that no hint exists for it, or is not one. */
    | 'bad_signature'
    /** A parameter of the caller is out of range. */
    | 'bad_argument'
    /** The collateral could not be fetched. */
    | 'fetch_failed'
    /** The contract did not store what was sent, or its state could not be read. */
    | 'not_stored'
    /** This machine gives no TDX quotes. */
    | 'no_quote';

/** An error of this package: the message says what happened, what was expected and what to do next. */
export class AttestationError extends Error {
    override readonly name = 'AttestationError';

    constructor(
        readonly code: AttestationErrorCode,
        message: string,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}
