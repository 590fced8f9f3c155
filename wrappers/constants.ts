/** Tiers of a provider. `open` promises no privacy: there is no enclave. */
export const Tier = { Open: 0, Tdx: 1 } as const;

/** Life of a SessionEscrow. */
export const SessionStatus = { New: 0, Opening: 1, Open: 2, Closing: 3 } as const;

/** Life of a Provider. */
export const ProviderStatus = { New: 0, Active: 1, Retired: 2 } as const;

/** Why a provider rejects a session. */
export const RejectReason: Readonly<Record<number, string>> = {
    1: 'the provider has retired',
    2: "the offer is not, or no longer, one of the provider's",
    3: 'the provider is not attested, or its record has expired',
    4: "the provider's TCB status is not one that the client accepts",
    5: 'the provider runs another image than the client demands',
};

/** How well a machine's firmware is patched, as Intel's collateral says; the number is the bit in a mask. */
export const TcbStatus = {
    UpToDate: 0,
    SWHardeningNeeded: 1,
    ConfigurationNeeded: 2,
    ConfigurationAndSWHardeningNeeded: 3,
    OutOfDate: 4,
    OutOfDateConfigurationNeeded: 5,
    Revoked: 6,
} as const;

/** Name of a TCB status. */
export type TcbStatusName = keyof typeof TcbStatus;

/** @returns the mask `acceptedTcbStatuses` of a session's terms that accepts exactly these. */
export function tcbStatusMask(...accepted: TcbStatusName[]): number {
    return accepted.reduce((mask, name) => mask | (1 << TcbStatus[name]), 0);
}

/** @returns whether a mask accepts a TCB status, given by number or name. */
export function acceptsTcbStatus(mask: number, status: number | TcbStatusName): boolean {
    return ((mask >> (typeof status === 'number' ? status : TcbStatus[status])) & 1) === 1;
}

/** @returns the name of a TCB status, or its number as text when it has none. */
export function tcbStatusName(status: number): string {
    return Object.entries(TcbStatus).find(([, number]) => number === status)?.[0] ?? status.toString();
}

/** The longest life of an attestation record, seconds; a verdict that expires earlier ends it earlier. */
export const AttestationLifetime = 172_800;
/** Seconds for which a nonce is valid, and for which whoever asks is given the same one. */
export const NonceLifetime = 3600;
export const NonceRenewal = 1800;

/** Seconds after which an opening without an answer can be taken back. */
export const OpeningDeadline = 600;
/** Bounds and default of the close window, seconds. */
export const MinCloseWindow = 900;
export const MaxCloseWindow = 2_592_000;
export const DefaultCloseWindow = 21_600;
/** The most offers of a provider. */
export const MaxOffers = 16;
/** Seconds between the announcement of a governed value and its use. */
export const ProposalDelay = 604_800;
/** The longest validity of a batch, seconds. */
export const MaxBatchLife = 3600;

/** The coin's symbol, for output only. The coin was renamed once: this is the only place that knows its name. */
export const CoinSymbol = 'TON';
