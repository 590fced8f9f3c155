/** Something on the wire is not written as docs/wire.md says; `field` names it, the message says what was expected. */
export class WireFormatError extends Error {
    override readonly name = 'WireFormatError';

    constructor(
        /** Header or JSON field. */
        readonly field: string,
        message: string,
    ) {
        super(message);
    }
}
