/** Why the worker is not attested, or not any more. The message says what happened, what was expected, what to do. */
export class AttestFailure extends Error {
    override readonly name = 'AttestFailure';

    constructor(
        message: string,
        /** Whether it was paid for: such attempts are repeated less and less often. */
        readonly paid: boolean,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}
