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
                : `The contract refused the message with exit code ${exitCode}. ${adviceFor(exitCode)}`,
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

/** What RewardSettlement means by refusing a batch, and what to do (contracts/settlement/errors.tact). */
const Advice: Readonly<Record<number, string>> = {
    1002: "BadSignature: the settlement knows another worker key. Set this worker's keys in the provider contract.",
    1300: 'NotInitialised: the settlement is not set up. Send DeploySettlement to the provider.',
    1301: 'BadSequence: another batch came first. The next round uses the new sequence.',
    1302: 'Expired: the batch came too late, or the clocks differ. Check the clock of this machine.',
    1303: 'TooManyItems: a batch holds at most 50 items.',
    1304: 'DailyCap: the day\'s cap of the fee float is used up. Wait for the next day (UTC), or let the owner raise it.',
    1305: 'FeeFloat: the fee float does not cover the batch. Send FundFees to the settlement.',
};

/** @returns what an exit code of RewardSettlement means and what to do about it. */
export function adviceFor(exitCode: number): string {
    return Advice[exitCode] ?? 'See the error table of the contracts.';
}
