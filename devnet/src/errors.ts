/** A request that cannot be answered; becomes the `error` and `code` of the reply. */
export class RpcError extends Error {
    override readonly name = 'RpcError';

    /**
     * @param code HTTP status, the one that toncenter uses for the same mistake where it has one
     * @param message what happened and what was expected
     */
    constructor(
        readonly code: number,
        message: string,
    ) {
        super(message);
    }
}

/** An external message that the destination did not accept. Nothing was written and nothing was paid. */
export class ExternalMessageRefused extends Error {
    override readonly name = 'ExternalMessageRefused';

    /**
     * @param exitCode exit code of the TVM, or undefined when the contract was not run at all
     * @param reason what happened, in words
     * @param vmLog last lines of the log of the TVM
     */
    constructor(
        readonly exitCode: number | undefined,
        private readonly reason: string,
        readonly vmLog = '',
        hint = '',
    ) {
        super(
            // The wording and the `exitcode=` are what a lite server answers and what people search for.
            'LITE_SERVER_UNKNOWN: cannot apply external message to current state : ' +
                reason +
                (exitCode === undefined ? '' : `: exitcode=${exitCode}`) +
                (vmLog ? `\nVM Log (truncated):\n${vmLog}` : '') +
                (hint ? `\n${hint}` : ''),
        );
    }

    /** The same refusal with advice at the end. */
    withHint(hint: string): ExternalMessageRefused {
        return new ExternalMessageRefused(this.exitCode, this.reason, this.vmLog, hint);
    }
}

/** A file or an option given by the person who starts the network is wrong; the command line prints it and ends. */
export class DevnetError extends Error {
    override readonly name = 'DevnetError';
}

/** Text of anything that was thrown. */
export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
