/** The job cannot be done through the client's fault: what the worker will sign. The message names nothing of its content. */
export class JobDeclined extends Error {
    override readonly name = 'JobDeclined';

    constructor(
        /** One of DeclineReason. */
        readonly reason: number,
        message: string,
    ) {
        super(message);
    }
}
