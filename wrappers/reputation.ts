/** What a provider's contract counted: `provider_data`. Moved only by messages of contracts, never by anyone's word. */
export type TrackRecord = {
    /** Sessions that ended. */
    sessions: number;
    /** nanoTON that sessions and jobs paid. */
    volume: bigint;
    jobsDelivered: number;
    /** Awarded and not answered for in time. */
    jobsFailed: number;
    /** Given back because the client's content could not be had, as the attested worker said. */
    jobsDeclined: number;
    /** nanoTON of protocol fee that its settlement remitted. */
    feesRemitted: bigint;
    /** Seconds of tier tdx. */
    attestedSeconds: bigint;
};

/** A failed job weighs as much as this many delivered ones: what its bond, 5 %, is to the reward. */
export const FailureWeight = 20n;
/** Seconds of tier tdx after which time counts in full: 30 days. */
export const FullTime = 2_592_000n;

/**
 * The score of a provider: the protocol fees that it remitted, less for jobs that it did not answer for, and half of it
 * until it was attested for 30 days:
 *
 *     score = fees x (delivered + 1) / (delivered + declined + 20 failed + 1) x (1 + min(1, attested / 30 days)) / 2
 *
 * Whoever trades with himself pays the fee to the treasury for every point: docs/reputation.md works out what that costs.
 * @returns nanoTON of remitted fees that the record is worth, rounded down; 0 without fees.
 */
export function scoreOf(record: TrackRecord): bigint {
    const delivered = BigInt(record.jobsDelivered);
    const answered = delivered + 1n;
    const weighed = delivered + BigInt(record.jobsDeclined) + FailureWeight * BigInt(record.jobsFailed) + 1n;
    const time = record.attestedSeconds < FullTime ? record.attestedSeconds : FullTime;
    return (record.feesRemitted * answered * (FullTime + time)) / (weighed * FullTime * 2n);
}
