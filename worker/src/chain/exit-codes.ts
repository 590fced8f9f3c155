import { describeExitCode } from '@ton-compute/contracts';

/** A contract did not accept an external message: nothing was written and nothing was paid. */
export class ExternalRefused extends Error {
    override readonly name = 'ExternalRefused';

    constructor(
        /** The contract's exit code, if the API told it. */
        readonly exitCode: number | null,
        /** As the API said it. */
        readonly reason: string,
    ) {
        super(
            exitCode === null
                ? `The contract refused the message: ${reason.slice(0, 300)}`
                : `The contract refused the message. ${describeExitCode(exitCode)}`,
        );
    }
}

/** @returns the exit code in an error text of a lite server or toncenter, or null. */
export function exitCodeOf(text: string): number | null {
    const match = /exit\s?code\s?[=:]?\s*(-?\d+)/i.exec(text);
    return match === null ? null : Number(match[1]);
}

/** @returns whether an error text says that the contract itself refused, and not that the message got lost. */
export function isRefusal(text: string): boolean {
    return exitCodeOf(text) !== null || /cannot apply external message|not accepted/i.test(text);
}
