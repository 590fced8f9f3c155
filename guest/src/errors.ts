/** An artefact, log, record or answer that cannot be used; the message says what was expected and what to do. */
export class GuestError extends Error {
    override name = 'GuestError';
}
